//! The create protocol as a state machine over receipts. Pure: no client, no clock, no randomness.
//!
//! A receipt's existence is the lock on an audience, and its attempts are the only truth of what was sent.
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
//! | file | what it holds |
//! | --- | --- |
//! | `identity.rs` | which audience a receipt is about, and the receipt's name |
//! | `record.rs` | the stored shape: attempts, outcomes, resolutions |
//! | `receipt.rs` | a receipt as read from storage, or why it can't be trusted |
//! | `standing.rs` | the fold: what attempts and resolutions add up to |
//! | `claim.rs` | the next record when an attempt is claimed |
//! | `outcome.rs` | the next record when an outcome is known |
//! | `resolve.rs` | the next record when a person or the policy settles an attempt |
//! | `flight.rs` | one attempt from its claim to its recorded outcome, as a machine |
//! | `decide.rs` | what an audience may do, given its receipt |
//! | `tend.rs` | what a receipt needs by itself: a resolution, an expiry |
//! | `budget.rs` | the creates of a UTC day |

mod budget;
mod claim;
mod decide;
mod evidence;
mod flight;
mod identity;
mod outcome;
mod receipt;
mod record;
mod resolve;
mod standing;
mod tend;

#[cfg(test)]
mod tests;

pub use budget::DayBudget;
pub use claim::{MAX_ATTEMPTS, claim};
pub use decide::{Decision, Policy, decide};
pub use evidence::Evidence;
pub use flight::{Ask, Flight, Landing, Reply};
pub use identity::{Identity, IdentityKind};
pub use outcome::{TRUSTED_UNAVAILABLE, record_outcome, verdict};
pub use receipt::{Receipt, Unreadable};
pub use record::{
    Attempt, AudienceRef, FORMAT_VERSION, NO_OUTCOME, NotSent, Outcome, OutcomeResult, Record, Resolution, SendPolicy,
};
pub use resolve::{By, Instruction, Resolve, ResolveError, resolve};
pub use standing::{Standing, State};
pub use tend::{Held, Tending, tend};
