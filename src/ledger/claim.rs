//! The next record when an attempt is claimed.

use serde_json::Map;

use super::{
    Attempt, FORMAT_VERSION, NotSent, OutcomeResult, Record, State, outcome::UNAVAILABLE, standing::attempt_state,
};

/// Attempts that a receipt may hold. The next one is held back for a person.
pub const MAX_ATTEMPTS: usize = 32;

/// The record with one more attempt, or the first. A last attempt that sent nothing gives way and is counted.
///
/// Only for a receipt that [`decide`](super::decide()) found claimable, under that receipt's `resourceVersion`.
#[must_use]
pub fn claim(prior: Option<&Record>, attempt: Attempt) -> Record {
    let mut record = prior.cloned().unwrap_or_else(|| Record {
        format_version: FORMAT_VERSION,
        state: State::Claimed,
        possible_extras: 0,
        attempts: vec![],
        resolutions: vec![],
        not_sent: None,
        unknown: Map::new(),
    });
    if record.attempts.last().is_some_and(|last| attempt_state(&record, last) == State::NotSent)
        && let Some(gone) = record.attempts.pop()
    {
        record.not_sent = Some(counted(record.not_sent.take(), &gone));
    }
    record.attempts.push(attempt);
    record.settled()
}

/// The count of replaced attempts with one more.
fn counted(counted: Option<NotSent>, gone: &Attempt) -> NotSent {
    let unavailable =
        gone.outcome.as_ref().is_some_and(|o| o.result == OutcomeResult::NotSent && o.class == UNAVAILABLE);
    let mut sum = counted.unwrap_or_else(|| NotSent {
        count: 0,
        unavailable: 0,
        first: gone.claimed_at,
        last: gone.claimed_at,
        unknown: Map::new(),
    });
    sum.count = sum.count.saturating_add(1);
    sum.unavailable = sum.unavailable.saturating_add(u32::from(unavailable));
    sum.last = gone.claimed_at;
    sum
}
