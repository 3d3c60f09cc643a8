//! The operator at work.

mod audience;
mod context;
mod decide;
#[cfg(test)]
mod fixtures;
mod kube;
mod lists;
mod model;
mod process;
mod receipts;
mod reports;
mod state;
mod watch;
mod workspace;

pub use process::{RunError, run};
