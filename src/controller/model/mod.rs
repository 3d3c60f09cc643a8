//! Plain values of the controller: keys, observed objects, and what reconciles pass on. Nothing here has behaviour that
//! needs the API server, the clock or memory.

pub mod audience;
pub mod desired;
pub mod event;
pub mod fetch;
pub mod keys;
pub mod labels;
pub mod ledger;
pub mod list;
pub mod readiness;
pub mod receipt;
pub mod source;
