//! The next record when a person or the policy resolves an attempt.

use jiff::Timestamp;
use serde_json::Map;

use super::record::{Record, Resolution, Resolve, ResolvedBy};
use super::state::State;
use super::summary::attempt_state;

/// The resolution that an annotation requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// Which attempt.
    pub attempt: String,
    /// How it is resolved.
    pub decision: Resolve,
}

/// Why an annotation is invalid. The message doesn't repeat its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// Not `<attempt-id>=<decision>`.
    #[error("the annotation isn't <attempt-id>=created, <attempt-id>=send-again or <attempt-id>=dismiss")]
    Syntax,
    /// The receipt has no attempt with this ID.
    #[error("the annotation names an attempt that this receipt doesn't have")]
    NoSuchAttempt,
    /// The attempt has a resolution.
    #[error("the attempt that the annotation names is already resolved; an attempt can be resolved only once")]
    AlreadyResolved,
    /// The attempt needs no resolution.
    #[error(
        "the attempt that the annotation names has a known outcome or is still in progress; \
         only an unknown or a rejected attempt can be resolved"
    )]
    NotResolvable,
}

impl Instruction {
    /// Parses the annotation `abm.propensity.com/resolve`.
    ///
    /// # Errors
    /// [`ResolveError::Syntax`].
    pub fn parse(annotation: &str) -> Result<Self, ResolveError> {
        let (attempt, decision) = annotation.trim().split_once('=').ok_or(ResolveError::Syntax)?;
        let decision = match decision.trim() {
            "created" => Resolve::Created,
            "send-again" => Resolve::SendAgain,
            "dismiss" => Resolve::Dismiss,
            _ => return Err(ResolveError::Syntax),
        };
        match attempt.trim() {
            "" => Err(ResolveError::Syntax),
            attempt => Ok(Self { attempt: attempt.to_owned(), decision }),
        }
    }
}

/// The record with the resolution of an attempt.
///
/// # Errors
/// The attempt doesn't exist, is already resolved or needs no resolution.
pub fn resolve(
    record: &Record,
    instruction: &Instruction,
    by: ResolvedBy,
    at: Timestamp,
) -> Result<Record, ResolveError> {
    let attempt = record.attempt(&instruction.attempt).ok_or(ResolveError::NoSuchAttempt)?;
    if record.resolution(&attempt.id).is_some() {
        return Err(ResolveError::AlreadyResolved);
    }
    if !matches!(attempt_state(record, attempt), State::Unknown | State::Rejected) {
        return Err(ResolveError::NotResolvable);
    }
    let mut next = record.clone();
    next.resolutions.push(Resolution {
        attempt: instruction.attempt.clone(),
        decision: instruction.decision,
        by,
        at,
        unknown: Map::new(),
    });
    Ok(next.with_computed_state())
}
