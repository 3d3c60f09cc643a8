//! What is kept in memory between reconciles. All of it can be lost: the API server has the truth. No IO.

pub mod attempts;
pub mod audiences;
pub mod budgets;
pub mod gates;
pub mod lists;
pub mod open_receipts;
pub mod record;
pub mod reports;
pub mod sync;
pub mod workspaces;
