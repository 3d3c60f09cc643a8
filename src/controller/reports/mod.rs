//! Reconciles a `PropensityReport`: whether it is due, and the one fetch that serves all who share it.
//!
//! Reports of one workspace that ask for the same rows are fetched together, at their intervals and behind all creates.
//! A fetch streams: each row is added to the numbers of every report that shares it, and to those of every audience
//! that is matched with it, and dropped.

mod audiences;
pub mod context;
mod fetch;
mod prepare;
pub mod reconcile;
mod record;
mod serve;
