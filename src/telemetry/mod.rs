//! What the operator tells about itself: log lines, metrics, and whether it is alive and ready.
//!
//! No list value, key or endpoint address goes through here: labels are fixed words and names of cluster objects, and
//! libraries are kept from logging what they send and receive.

pub mod http;
mod labels;
pub mod logs;
pub mod metrics;
mod process;
mod reports;
