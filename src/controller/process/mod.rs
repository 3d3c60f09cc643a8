//!

pub mod lead;
pub mod leader;
pub mod lease;
pub mod run;
