//! Reads and writes on the API server. Each call is bounded in time and none is repeated by itself.

pub mod cluster;
pub mod events;
pub mod ledger_store;
pub mod live;
pub mod resources;
