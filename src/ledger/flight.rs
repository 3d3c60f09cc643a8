//! One attempt from its claim to its recorded outcome, as a machine: it says what to ask of the API server or the API, and takes what came of it. Whoever
//! drives it does the asking and decides nothing.
//!
//! ```text
//!   Claim ──stored──────────────► Send ──answer──► Record ──stored──► Recorded
//!     │                             ▲                │ ▲
//!     │ conflict, or no clear answer │ ours           │ │ conflict, or no clear answer
//!     ▼                             │                ▼ │
//!   Read ───────────────────────────┘               Read
//!     │ not ours, or no answer until the deadline
//!     ▼
//!   Overtaken: nothing was sent, and nothing will be
//! ```

use std::time::Duration;

use super::{Attempt, Evidence, Outcome, OutcomeResult, Receipt, Record, Unreadable, claim, record_outcome, verdict};

/// An attempt under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Flight {
    attempt: Attempt,
    phase: Phase,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Phase {
    /// The claim is written.
    Claiming,
    /// The claim failed, and the receipt is read back. Whether it may still be stored: after a conflict it never is.
    ReadingBack {
        may_come: bool,
    },
    /// The claim is held, in this record.
    Sending(Box<Record>),
    /// What came of the request, until it stands in the receipt.
    Recording(Box<Outcome>),
    Landed,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Ask {
    /// Write this record, once: create the receipt where there was none, else replace it under the version that was read.
    Claim(Record),
    /// Read the receipt.
    Read,
    /// Send the request, now and once.
    Send,
    /// It is too late to send: give the outcome that says so.
    GiveUp,
    /// Write this record: replace the receipt under the version that was last seen, or create it where it is gone.
    Record(Record),
    /// Nothing more.
    Done(Landing),
}

/// What came of what was asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reply {
    /// The write is stored; the receipt as it stands.
    Written(Result<Receipt, Unreadable>),
    /// The write isn't stored: another one was.
    Conflict,
    /// The write isn't stored.
    Refused,
    /// Nobody can know whether the write is stored.
    Unclear,
    /// The receipt as it stands; none where there is none.
    Found(Option<Result<Receipt, Unreadable>>),
    /// The receipt couldn't be read.
    NoAnswer,
    /// What came of the request.
    Answered(Outcome),
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Landing {
    /// Its outcome stands in the receipt.
    Recorded,
    /// Its claim was refused; nothing was sent.
    Refused,
    /// Its claim isn't held; nothing was sent. Where it may still come to be stored it is abandoned: whoever sees it records that nothing was sent.
    Overtaken {
        /// Whether the claim may be stored all the same.
        abandoned: bool,
        /// Whether the receipt was read since.
        read: bool,
    },
}

impl Flight {
    /// Begins an attempt in the record that it was found claimable in.
    #[must_use]
    pub fn begin(prior: Option<&Record>, attempt: Attempt) -> (Self, Ask) {
        let record = claim(prior, attempt.clone());
        (Self { attempt, phase: Phase::Claiming }, Ask::Claim(record))
    }

    /// The attempt.
    #[must_use]
    pub fn attempt(&self) -> &Attempt {
        &self.attempt
    }

    /// What the evidence means, in the record that holds the claim.
    #[must_use]
    pub fn judge(&self, evidence: Evidence) -> OutcomeResult {
        match &self.phase {
            Phase::Sending(record) => verdict(record, evidence),
            // Nothing else is ever sent.
            _ => OutcomeResult::Unknown,
        }
    }

    /// Takes what came of the last thing that was asked. `elapsed` is the time since before the claim was issued, on a clock that counts suspension.
    #[must_use]
    pub fn next(&mut self, reply: Reply, elapsed: Duration) -> Ask {
        match (std::mem::replace(&mut self.phase, Phase::Landed), reply) {
            (Phase::Claiming, Reply::Written(Ok(receipt))) => self.held(receipt.record, elapsed),
            (Phase::Claiming, Reply::Refused) => Ask::Done(Landing::Refused),
            (Phase::Claiming, reply) => self.read_back(reply != Reply::Conflict),
            (Phase::ReadingBack { .. }, Reply::Found(Some(Ok(receipt)))) if self.stands_open(&receipt.record) => {
                self.held(receipt.record, elapsed)
            }
            (Phase::ReadingBack { may_come }, Reply::Found(_)) => {
                Ask::Done(Landing::Overtaken { abandoned: may_come, read: true })
            }
            (Phase::ReadingBack { may_come }, _) if elapsed < self.send_by() => self.read_back(may_come),
            (Phase::ReadingBack { .. }, _) => Ask::Done(Landing::Overtaken { abandoned: true, read: false }),
            (Phase::Sending(record), Reply::Answered(outcome)) => self.record(&record, outcome),
            (Phase::Sending(record), _) => {
                self.phase = Phase::Sending(record);
                Ask::GiveUp
            }
            (Phase::Recording(_), Reply::Written(_)) => Ask::Done(Landing::Recorded),
            (Phase::Recording(outcome), Reply::Found(found)) => match found {
                Some(Ok(receipt)) => self.record(&receipt.record, *outcome),
                // What can't be read may be put right.
                Some(Err(_)) => self.read_again(outcome),
                // What was sent must not be forgotten with the receipt.
                None => self.record(&claim(None, self.attempt.clone()), *outcome),
            },
            (Phase::Recording(outcome), _) => self.read_again(outcome),
            (Phase::Landed, _) => Ask::Done(Landing::Overtaken { abandoned: true, read: false }),
        }
    }

    fn send_by(&self) -> Duration {
        Duration::from_secs(self.attempt.send_by_seconds)
    }

    fn stands_open(&self, record: &Record) -> bool {
        record.attempt(&self.attempt.id).is_some_and(|attempt| attempt.outcome.is_none())
    }

    fn held(&mut self, record: Record, elapsed: Duration) -> Ask {
        self.phase = Phase::Sending(Box::new(record));
        if elapsed > self.send_by() { Ask::GiveUp } else { Ask::Send }
    }

    fn read_back(&mut self, may_come: bool) -> Ask {
        self.phase = Phase::ReadingBack { may_come };
        Ask::Read
    }

    fn record(&mut self, present: &Record, outcome: Outcome) -> Ask {
        let next = record_outcome(present, &self.attempt, outcome.clone());
        self.phase = Phase::Recording(Box::new(outcome));
        next.map_or(Ask::Done(Landing::Recorded), Ask::Record)
    }

    fn read_again(&mut self, outcome: Box<Outcome>) -> Ask {
        self.phase = Phase::Recording(outcome);
        Ask::Read
    }
}
