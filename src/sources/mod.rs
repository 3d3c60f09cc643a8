//! Where keys and lists are read from.

pub mod secrets;
pub mod table;
pub mod versions;

pub use secrets::{KeyState, Secrets};
