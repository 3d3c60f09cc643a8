//! The next record when the outcome of an attempt is known.

use super::{Attempt, Evidence, NO_OUTCOME, Outcome, OutcomeResult, Record};

/// The class of a 503 that the workspace lists as refused.
pub(super) const UNAVAILABLE: &str = "unavailable";

/// How many times a listed 503 counts as "not sent" for one receipt. A proxy may answer 503 after it has delivered the
/// request, so it isn't trusted more often.
pub const TRUSTED_UNAVAILABLE: u32 = 2;

/// The result that the evidence means for an attempt of this record.
#[must_use]
pub fn classify(record: &Record, evidence: Evidence) -> OutcomeResult {
    match evidence {
        Evidence::Created => OutcomeResult::Created,
        Evidence::Rejected => OutcomeResult::Rejected,
        Evidence::NothingStored | Evidence::NothingSent => OutcomeResult::NotSent,
        Evidence::Unavailable if trusted(record) < TRUSTED_UNAVAILABLE => OutcomeResult::NotSent,
        Evidence::Unavailable | Evidence::Unclear => OutcomeResult::Unknown,
    }
}

/// How often a 503 was trusted for this record.
fn trusted(record: &Record) -> u32 {
    let replaced = record.not_sent.as_ref().map_or(0, |n| n.unavailable);
    let present = record
        .attempts
        .iter()
        .filter_map(|a| a.outcome.as_ref())
        .filter(|o| o.result == OutcomeResult::NotSent && o.class == UNAVAILABLE)
        .count();
    replaced.saturating_add(u32::try_from(present).unwrap_or(u32::MAX))
}

/// The record with the outcome of an attempt, or `None` if that changes nothing.
///
/// An outcome always goes to the entry of its own attempt, also if there are newer ones. A definite outcome replaces an
/// unknown one, `Created` replaces every other, and an unknown outcome never replaces a definite one. An attempt that
/// is no longer in the record (because the receipt was changed manually) is added again, so that a sent request isn't
/// forgotten.
#[must_use]
pub fn record_outcome(record: &Record, attempt: &Attempt, outcome: Outcome) -> Option<Record> {
    let mut next = record.clone();
    match next.attempts.iter_mut().find(|a| a.id == attempt.id) {
        Some(entry) => {
            let replaces = match &entry.outcome {
                None => true,
                Some(old) if old.result == OutcomeResult::Unknown => {
                    outcome.result != OutcomeResult::Unknown || (old.class == NO_OUTCOME && outcome.class != NO_OUTCOME)
                }
                Some(old) => outcome.result == OutcomeResult::Created && old.result != OutcomeResult::Created,
            };
            if !replaces {
                return None;
            }
            entry.outcome = Some(outcome);
        }
        None if outcome.result == OutcomeResult::NotSent => return None,
        None => next.attempts.push(Attempt { outcome: Some(outcome), ..attempt.clone() }),
    }
    Some(next.with_computed_state())
}
