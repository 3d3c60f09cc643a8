//! Reconciles both kinds of audience, and the pipeline of a create.
//!
//! ```text
//! reconcile ─► pursue ─► attempt ─► snapshot, claim, POST, outcome
//!     │  └──► split ──► pursue for each part
//!     └──► record
//! ```

mod attempt;
pub mod context;
mod gather;
mod grace;
pub mod next;
mod pursue;
mod receipt_writer;
pub mod reconcile;
mod record;
mod snapshot;
mod split;
