//!

pub mod audience;
