//! Where keys are read from, and later lists.

pub mod secrets;

pub use secrets::{KeyState, Secrets};
