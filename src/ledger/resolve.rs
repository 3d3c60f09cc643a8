//! The next record when a person or the policy settles an attempt.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Map;

use super::{Record, Resolution, State, standing::attempt_state};

/// How an attempt is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resolve {
    /// The audience is in the workspace.
    Created,
    /// Send once more.
    SendAgain,
    /// Leave it.
    Dismiss,
}

impl Resolve {
    /// The word in the annotation.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::SendAgain => "send-again",
            Self::Dismiss => "dismiss",
        }
    }
}

/// Who settled it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum By {
    /// A person, by the annotation.
    Person,
    /// The audience's `SendAgain` policy.
    Policy,
}

/// What the annotation asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// Which attempt.
    pub attempt: String,
    /// How it is settled.
    pub decision: Resolve,
}

/// Why an instruction can't be followed. The annotation's text is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// Not `<attempt-id>=<decision>`.
    #[error("the annotation isn't <attempt-id>=created, <attempt-id>=send-again or <attempt-id>=dismiss")]
    Syntax,
    /// The ID is of no attempt here.
    #[error("the annotation names an attempt that this receipt doesn't have")]
    NoSuchAttempt,
    /// It is settled.
    #[error("the attempt that the annotation names is settled already; an attempt is settled once")]
    AlreadyResolved,
    /// It needs no settling.
    #[error(
        "the attempt that the annotation names has a known outcome or is still in flight; only an unknown or a rejected one can be settled"
    )]
    NotResolvable,
}

impl Instruction {
    /// Reads the annotation `abm.propensity.com/resolve`.
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

/// The record with an attempt settled.
///
/// # Errors
/// Where the attempt can't be settled (again).
pub fn resolve(record: &Record, instruction: &Instruction, by: By, at: Timestamp) -> Result<Record, ResolveError> {
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
    Ok(next.settled())
}
