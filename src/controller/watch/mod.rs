//!

pub mod feed;
pub mod queue;
pub mod sources;
pub mod watches;
