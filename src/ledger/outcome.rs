//! The next record when the outcome of an attempt is known.

use super::{Attempt, Evidence, NO_OUTCOME, Outcome, OutcomeResult, Record};

/// The class of a 503 that the workspace lists as refused.
pub(super) const UNAVAILABLE: &str = "unavailable";

/// How many times a listed 503 is believed for one receipt: a proxy answers 503 after delivery too.
pub const TRUSTED_UNAVAILABLE: u32 = 2;

/// What the evidence means for an attempt of this record.
#[must_use]
pub fn verdict(record: &Record, evidence: Evidence) -> OutcomeResult {
    match evidence {
        Evidence::Created => OutcomeResult::Created,
        Evidence::Rejected => OutcomeResult::Rejected,
        Evidence::NothingStored | Evidence::NothingSent => OutcomeResult::NotSent,
        Evidence::Unavailable if believed(record) < TRUSTED_UNAVAILABLE => OutcomeResult::NotSent,
        Evidence::Unavailable | Evidence::Unclear => OutcomeResult::Unknown,
    }
}

/// How often a 503 was believed for this record.
fn believed(record: &Record) -> u32 {
    let replaced = record.not_sent.as_ref().map_or(0, |n| n.unavailable);
    let present = record
        .attempts
        .iter()
        .filter_map(|a| a.outcome.as_ref())
        .filter(|o| o.result == OutcomeResult::NotSent && o.class == UNAVAILABLE)
        .count();
    replaced.saturating_add(u32::try_from(present).unwrap_or(u32::MAX))
}

/// The record with the outcome of an attempt, or `None` where that says nothing new.
///
/// An outcome updates its own attempt's entry, whatever came since. A definite outcome replaces an unknown one, a create replaces everything, and nothing
/// definite is ever replaced by a guess. An attempt that is no longer in the record (the receipt was changed by hand) is put back: what was sent is never forgotten.
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
    Some(next.settled())
}
