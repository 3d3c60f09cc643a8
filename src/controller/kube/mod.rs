//!

pub mod cluster;
pub mod events;
pub mod ledger_store;
pub mod live;
