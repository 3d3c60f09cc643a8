//! Starts, wires, leads, drains and ends the process.

mod clients;
mod contexts;
mod error;
mod gauges;
mod lead;
mod leader;
mod lease;
mod reconcilers;
mod run;
mod signals;
mod wiring;

pub use error::RunError;
pub use run::run;
