//! Lists that are read from other objects: whether what was read is still current, and how a list is read whole.
//!
//! A list is read once after a change, for its hash and its counts, and again, live, before a claim. Between the two
//! nothing of it stays in memory.

pub mod access;
mod entries;
pub mod error;
pub mod evaluate;
pub mod files;
pub mod load;
mod needs;
pub mod suppression;
pub mod turns;
