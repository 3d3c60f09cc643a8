//! One attempt from its claim to its recorded outcome, as a state machine. It returns the next request to the API
//! server or to the API, and takes the result of that request. The caller only executes the steps and decides nothing.
//!
//! ```text
//!   Claim ──stored──────────────► Send ──answer──► Record ──stored──► Recorded
//!     │                             ▲                │ ▲
//!     │ conflict or unclear answer  │ ours           │ │ conflict or unclear answer
//!     ▼                             │                ▼ │
//!   Read ───────────────────────────┘               Read
//!     │ not ours, or no answer until the deadline
//!     ▼
//!   ClaimLost: nothing was sent and nothing will be
//! ```

use std::time::Duration;

use super::{Attempt, Evidence, Outcome, OutcomeResult, Receipt, Record, Unreadable, claim, classify, record_outcome};

/// An attempt in progress.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AttemptMachine {
    attempt: Attempt,
    phase: Phase,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Phase {
    /// The claim is being written.
    Claiming,
    /// The write of the claim failed, and the receipt is read back.
    ReadingBack {
        /// Whether the claim may still be stored. After a conflict it never is.
        may_be_stored: bool,
    },
    /// The claim is stored in this record, and the request is sent.
    Sending(Box<Record>),
    /// This outcome is written to the receipt.
    Recording(Box<Outcome>),
    Ended,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Write this record, once: create the receipt if there was none, otherwise replace it under the version that was
    /// read.
    Claim(Record),
    /// Read the receipt.
    Read,
    /// Send the request now, once.
    Send,
    /// The deadline to send has passed: don't send, and answer with the outcome of that.
    GiveUp,
    /// Write this record: replace the receipt under the version that was read last, or create it if it is gone.
    Record(Record),
    /// The attempt has ended.
    Done(AttemptEnd),
}

/// The result of a step.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum StepResult {
    /// The write is stored; the receipt as it is now.
    Written(Result<Receipt, Unreadable>),
    /// The write isn't stored, because another one was.
    Conflict,
    /// The API server refused the write; it isn't stored.
    Refused,
    /// The write may or may not be stored.
    Unclear,
    /// The receipt as it is now; `None` if there is none.
    Found(Option<Result<Receipt, Unreadable>>),
    /// The receipt couldn't be read.
    NoAnswer,
    /// The outcome of the request.
    Answered(Outcome),
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AttemptEnd {
    /// Its outcome is recorded in the receipt.
    Recorded,
    /// The API server refused its claim; nothing was sent.
    Refused,
    /// Its claim isn't in the receipt, or that isn't known; nothing was sent.
    ClaimLost {
        /// Whether the claim may still be stored. Then this process records that nothing was sent as soon as it sees
        /// the claim.
        abandoned: bool,
        /// Whether the receipt was read after the claim.
        read: bool,
    },
}

impl AttemptMachine {
    /// Starts an attempt on the record that `decide` found claimable.
    #[must_use]
    pub fn begin(prior: Option<&Record>, attempt: Attempt) -> (Self, Step) {
        let record = claim(prior, attempt.clone());
        (Self { attempt, phase: Phase::Claiming }, Step::Claim(record))
    }

    /// The attempt.
    #[must_use]
    pub fn attempt(&self) -> &Attempt {
        &self.attempt
    }

    /// The result that the evidence means, given the record that has the claim.
    #[must_use]
    pub fn classify(&self, evidence: Evidence) -> OutcomeResult {
        match &self.phase {
            Phase::Sending(record) => classify(record, evidence),
            // No other phase sends a request.
            _ => OutcomeResult::Unknown,
        }
    }

    /// Takes the result of the last step and returns the next one. `elapsed` is the time since before the claim was
    /// issued, on a clock that counts suspension.
    #[must_use]
    pub fn next(&mut self, result: StepResult, elapsed: Duration) -> Step {
        match (std::mem::replace(&mut self.phase, Phase::Ended), result) {
            (Phase::Claiming, StepResult::Written(Ok(receipt))) => self.send(receipt.record, elapsed),
            (Phase::Claiming, StepResult::Refused) => Step::Done(AttemptEnd::Refused),
            (Phase::Claiming, result) => self.read_back(result != StepResult::Conflict),
            (Phase::ReadingBack { .. }, StepResult::Found(Some(Ok(receipt)))) if self.is_open_in(&receipt.record) => {
                self.send(receipt.record, elapsed)
            }
            (Phase::ReadingBack { may_be_stored }, StepResult::Found(_)) => {
                Step::Done(AttemptEnd::ClaimLost { abandoned: may_be_stored, read: true })
            }
            (Phase::ReadingBack { may_be_stored }, _) if elapsed < self.send_by() => self.read_back(may_be_stored),
            (Phase::ReadingBack { .. }, _) => Step::Done(AttemptEnd::ClaimLost { abandoned: true, read: false }),
            (Phase::Sending(record), StepResult::Answered(outcome)) => self.record(&record, outcome),
            (Phase::Sending(record), _) => {
                self.phase = Phase::Sending(record);
                Step::GiveUp
            }
            (Phase::Recording(_), StepResult::Written(_)) => Step::Done(AttemptEnd::Recorded),
            (Phase::Recording(outcome), StepResult::Found(found)) => match found {
                Some(Ok(receipt)) => self.record(&receipt.record, *outcome),
                // An unreadable receipt may be repaired.
                Some(Err(_)) => self.read_again(outcome),
                // The receipt was deleted. It is created again, so that the sent request isn't forgotten.
                None => self.record(&claim(None, self.attempt.clone()), *outcome),
            },
            (Phase::Recording(outcome), _) => self.read_again(outcome),
            (Phase::Ended, _) => Step::Done(AttemptEnd::ClaimLost { abandoned: true, read: false }),
        }
    }

    fn send_by(&self) -> Duration {
        Duration::from_secs(self.attempt.send_by_seconds)
    }

    fn is_open_in(&self, record: &Record) -> bool {
        record.attempt(&self.attempt.id).is_some_and(|attempt| attempt.outcome.is_none())
    }

    /// The claim is stored in this record.
    fn send(&mut self, record: Record, elapsed: Duration) -> Step {
        self.phase = Phase::Sending(Box::new(record));
        if elapsed > self.send_by() { Step::GiveUp } else { Step::Send }
    }

    fn read_back(&mut self, may_be_stored: bool) -> Step {
        self.phase = Phase::ReadingBack { may_be_stored };
        Step::Read
    }

    fn record(&mut self, current: &Record, outcome: Outcome) -> Step {
        let next = record_outcome(current, &self.attempt, outcome.clone());
        self.phase = Phase::Recording(Box::new(outcome));
        next.map_or(Step::Done(AttemptEnd::Recorded), Step::Record)
    }

    fn read_again(&mut self, outcome: Box<Outcome>) -> Step {
        self.phase = Phase::Recording(outcome);
        Step::Read
    }
}
