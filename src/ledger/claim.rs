//! The next record when an attempt is claimed.

use serde_json::Map;

use super::{
    Attempt, FORMAT_VERSION, NotSent, OutcomeResult, Record, State, outcome::UNAVAILABLE, summary::attempt_state,
};

/// The maximum number of attempts of a receipt. A receipt that is full waits for a person.
pub const MAX_ATTEMPTS: usize = 32;

/// The record with one more attempt, or with the first. A last attempt that sent nothing is replaced and only counted.
///
/// Call it only for a receipt that [`decide`](super::decide()) found claimable, and write the result under the
/// `resourceVersion` of that receipt.
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
        && let Some(replaced) = record.attempts.pop()
    {
        record.not_sent = Some(count_replaced(record.not_sent.take(), &replaced));
    }
    record.attempts.push(attempt);
    record.with_computed_state()
}

/// The count of replaced attempts with one more.
fn count_replaced(count: Option<NotSent>, replaced: &Attempt) -> NotSent {
    let unavailable =
        replaced.outcome.as_ref().is_some_and(|o| o.result == OutcomeResult::NotSent && o.class == UNAVAILABLE);
    let mut sum = count.unwrap_or_else(|| NotSent {
        count: 0,
        unavailable: 0,
        first: replaced.claimed_at,
        last: replaced.claimed_at,
        unknown: Map::new(),
    });
    sum.count = sum.count.saturating_add(1);
    sum.unavailable = sum.unavailable.saturating_add(u32::from(unavailable));
    sum.last = replaced.claimed_at;
    sum
}
