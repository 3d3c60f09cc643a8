//! The create protocol as a state machine over receipts. Pure: no client, no clock, no randomness.
//!
//! A receipt is the lock on an audience: the process that creates or updates it first may send. Its attempts are the
//! only record of what was sent.
//!
//! ```text
//!             claim: create the receipt, or add an attempt under its resourceVersion
//!   (none) ───────────────────────────────► Claimed
//!                                               │ POST, once
//!         ┌───────────────┬─────────────────────┼──────────────────────┐
//!         ▼               ▼                     ▼                      ▼
//!      Created         Rejected              NotSent                Unknown
//! ```
//!
//! | file | content |
//! | --- | --- |
//! | `identity.rs` | which audience a receipt belongs to, and the receipt's name |
//! | `record.rs` | the stored format: attempts, outcomes, resolutions |
//! | `receipt.rs` | a receipt as read from storage, or why it can't be trusted |
//! | `state.rs` | the states of a receipt |
//! | `summary.rs` | the state that follows from all attempts and resolutions |
//! | `claim.rs` | the next record when an attempt is claimed |
//! | `outcome.rs` | the next record when an outcome is known |
//! | `resolve.rs` | the next record when a person or the policy resolves an attempt |
//! | `attempt_machine.rs` | one attempt from its claim to its recorded outcome, as a state machine |
//! | `decide.rs` | what an audience may do, given its receipt |
//! | `receipt_action.rs` | what a receipt needs independently of its audience: a resolution, an expiry |
//! | `budget.rs` | the creates of a UTC day |

mod attempt_machine;
mod budget;
mod claim;
mod decide;
mod evidence;
mod identity;
mod outcome;
mod receipt;
mod receipt_action;
mod record;
mod resolve;
mod state;
mod summary;

#[cfg(test)]
mod tests;

pub use attempt_machine::{AttemptEnd, AttemptMachine, Step, StepResult};
pub use budget::DayBudget;
pub use claim::{MAX_ATTEMPTS, claim};
pub use decide::{Decision, Policy, decide};
pub use evidence::Evidence;
pub use identity::{Identity, IdentityKind};
pub use outcome::{TRUSTED_UNAVAILABLE, classify, record_outcome};
pub use receipt::{Receipt, Unreadable};
pub use receipt_action::{HeldBy, ReceiptAction, receipt_action};
pub use record::{
    Attempt, AudienceRef, FORMAT_VERSION, NO_OUTCOME, NotSent, Outcome, OutcomeResult, Record, Resolution, Resolve,
    ResolvedBy, SendPolicy,
};
pub use resolve::{Instruction, ResolveError, resolve};
pub use state::State;
pub use summary::RecordSummary;
