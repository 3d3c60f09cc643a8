//! Where keys and lists are read from.

pub mod archive;
pub mod networks;
pub mod remote;
pub mod rows;
pub mod secrets;
pub mod table;
pub mod versions;

pub use secrets::{KeyState, Secrets};
