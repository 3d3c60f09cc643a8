//! The state that follows from all attempts and resolutions of a record.

use super::record::{Attempt, OutcomeResult, Record, Resolve};
use super::state::State;

/// What follows from all attempts and resolutions of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RecordSummary {
    /// The state.
    pub state: State,
    /// How many attempts are known to have created an audience.
    pub creates: u32,
    /// For a created audience: how many more audiences the other attempts may have created.
    pub possible_extras: u32,
    /// How many attempts may have created an audience, the known ones included.
    pub may_be_stored: u32,
}

impl RecordSummary {
    /// Computes the summary of a record.
    ///
    /// The state, in order of precedence: an attempt without an outcome keeps the receipt `Claimed`; a known create
    /// makes it `Created`; an unresolved unknown outcome makes it `Unknown`; otherwise the last attempt decides.
    #[must_use]
    pub fn of(record: &Record) -> Self {
        let states = || record.attempts.iter().map(|a| attempt_state(record, a));
        let count = |wanted: fn(&State) -> bool| u32::try_from(states().filter(wanted).count()).unwrap_or(u32::MAX);

        let creates = count(|s| *s == State::Created);
        let unclear =
            record.attempts.iter().filter(|a| is_unclear(a) && attempt_state(record, a) != State::Created).count();
        let unclear = u32::try_from(unclear).unwrap_or(u32::MAX);

        let state = if states().any(|s| s == State::Claimed) {
            State::Claimed
        } else if creates > 0 {
            State::Created
        } else if states().any(|s| s == State::Unknown) {
            State::Unknown
        } else {
            // A record without attempts is an anchor's, and that is always `Created`.
            states().next_back().unwrap_or(State::Created)
        };
        let possible_extras = if state == State::Created { unclear + creates.saturating_sub(1) } else { 0 };
        Self { state, creates, possible_extras, may_be_stored: creates + unclear }
    }
}

/// Whether it isn't known what the request of this attempt did.
fn is_unclear(attempt: &Attempt) -> bool {
    attempt.outcome.as_ref().is_none_or(|o| o.result == OutcomeResult::Unknown)
}

/// The state of one attempt. Without an outcome it is `Claimed`, whatever its resolution. A create that the API
/// confirmed outranks a resolution. A resolution outranks every other outcome, so that a late outcome doesn't reopen
/// the receipt.
pub(super) fn attempt_state(record: &Record, attempt: &Attempt) -> State {
    let Some(outcome) = &attempt.outcome else { return State::Claimed };
    match (record.resolution(&attempt.id).map(|r| r.decision), outcome.result) {
        (_, OutcomeResult::Created) | (Some(Resolve::Created), _) => State::Created,
        (Some(Resolve::SendAgain), _) => State::Authorised,
        (Some(Resolve::Dismiss), _) => State::Dismissed,
        (None, OutcomeResult::NotSent) => State::NotSent,
        (None, OutcomeResult::Rejected) => State::Rejected,
        (None, OutcomeResult::Unknown) => State::Unknown,
    }
}

impl Record {
    /// The record with its state computed from its attempts and resolutions, as every write needs it.
    #[must_use]
    pub(super) fn with_computed_state(mut self) -> Self {
        let summary = RecordSummary::of(&self);
        self.state = summary.state;
        self.possible_extras = summary.possible_extras;
        self
    }
}
