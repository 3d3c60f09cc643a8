//! The operator at work: gather what is known, decide purely, execute, record.
//!
//! | file | step |
//! | --- | --- |
//! | `watches.rs`, `sources.rs`, `feed.rs` | what changes in the cluster, and whom that wakes |
//! | `queue.rs` | passes over what was woken: one at a time for an object, many objects at once |
//! | `audience.rs` | one pass over an audience: gather, assess, decide, execute, record |
//! | `parts.rs` | the same over the parts of a split list |
//! | `gather.rs`, `live.rs` | what is known, from memory or from the API server itself |
//! | `scene.rs`, `guards.rs` | assess: what a list, its workspace and its key come to; pure |
//! | `verdicts.rs` | what a person reads about a decision; pure |
//! | `flight.rs` | execute: snapshot, claim, request, outcome |
//! | `status.rs`, `announce.rs` | record: status and events |
//! | `receipts.rs` | receipts on their own: resolutions, claims without a holder |
//! | `workspace.rs`, `anchor.rs` | the connection: key, ledger, health |
//! | `lists.rs` | lists that live in other objects, and who is suppressed |
//! | `suppression.rs` | the status of a suppression list |
//! | `run.rs`, `lead.rs` | start, lead, drain, end |
//!
//! In memory between passes: `tracked.rs` (audiences without members), `open_receipts.rs`, `gates.rs`, `flights.rs`, `memory.rs`. On the API server:
//! `cluster.rs`, `ledger_store.rs`, `events.rs`, `leader.rs`.

mod anchor;
mod announce;
mod audience;
mod cluster;
mod context;
mod events;
mod feed;
#[cfg(test)]
mod fixtures;
mod flight;
mod flights;
mod gates;
mod gather;
mod guards;
mod lead;
mod leader;
mod lease;
mod ledger_store;
mod lists;
mod live;
mod memory;
mod open_receipts;
mod parts;
mod queue;
mod receipts;
mod reports;
mod run;
mod scene;
mod sources;
mod status;
mod suppression;
mod tracked;
mod verdicts;
mod watches;
mod workspace;
mod written;

pub use run::{RunError, run};
