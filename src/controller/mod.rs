//! The operator at work: reconcilers that gather what is known, decide purely, execute, and record.
//!
//! One folder for each layer. A folder imports those below it, and never one above it (`layers.rs` checks that).
//!
//! | folder | content |
//! | --- | --- |
//! | `process` | startup, wiring, leader election, draining, shutdown |
//! | `audience` | reconciles audiences; the pipeline of a create |
//! | `reports`, `workspace`, `receipts` | one reconciler each |
//! | `watch` | watches, what they enqueue, the queue, watches on demand |
//! | `lists` | reads lists from other objects; suppression lists |
//! | `context` | capabilities: what a reconciler receives; the one status writer |
//! | `state` | what is kept in memory between reconciles; no IO |
//! | `decide` | pure: assessments, guards, parts, next statuses, messages, events |
//! | `kube` | reads and writes on the API server, the store of receipts, events |
//! | `model` | plain values |

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

pub use decide::examples::{ConditionExample, condition_examples};
pub use process::{RunError, run};
