//!

pub mod announce;
pub mod attempt;
pub mod gather;
pub mod reconcile;
pub mod split;
