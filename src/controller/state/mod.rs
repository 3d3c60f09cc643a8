//!

pub mod attempts;
pub mod gates;
pub mod memory;
pub mod open_receipts;
pub mod written;
