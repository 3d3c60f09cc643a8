//!

pub mod assess;
pub mod guards;
pub mod messages;
pub mod status;
