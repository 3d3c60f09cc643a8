//! Log lines, metrics and health probes.
//!
//! They contain no values of lists, no keys and no endpoint URLs: labels are fixed words and names of cluster
//! objects, and libraries can't log what they send and receive.

mod families;
pub mod http;
mod labels;
pub mod logs;
pub mod metrics;
mod process;
mod reports;
