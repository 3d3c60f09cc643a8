//!

pub mod shared;
