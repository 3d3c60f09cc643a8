//! Watches: they keep the caches current and enqueue whatever depends on what changed. One task for each kind, so that
//! one that fails slows down no other.

pub mod audiences;
pub mod config_maps;
pub mod context;
pub mod dependents;
mod feed;
pub mod on_demand;
mod poll;
pub mod queue;
pub mod receipts;
pub mod reports;
pub mod secrets;
mod source;
pub mod store;
pub mod suppression_lists;
pub mod workspaces;
