//!

pub mod anchor;
pub mod reconcile;
