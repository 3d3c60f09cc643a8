//! Where keys and lists are read from.

pub mod secrets;
pub mod table;

pub use secrets::{KeyState, Secrets};
