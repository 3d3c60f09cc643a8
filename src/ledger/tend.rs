//! What a receipt needs by itself, whether or not its audience still exists: a person's resolution recorded, a claim
//! whose holder is gone marked unknown, an abandoned claim marked not sent.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Map;

use super::{
    By, Instruction, NO_OUTCOME, Outcome, OutcomeResult, Receipt, Record, ResolveError, record_outcome, resolve,
};

/// What this process knows of the attempt without an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// It holds the attempt and will record its outcome.
    Here,
    /// It gave the attempt up before it knew that the claim was stored; nothing was or will be sent.
    Abandoned,
    /// It knows nothing of it.
    Elsewhere,
}

/// What to do for a receipt.
#[derive(Clone, Debug, PartialEq)]
pub enum Tending {
    /// Nothing.
    Nothing,
    /// Look again after this long.
    Later(Duration),
    /// Write this record and drop the annotation.
    Resolved(Record, Instruction),
    /// The annotation can't be followed; say so.
    Refused(ResolveError),
    /// Write this record: nobody recorded an outcome in time.
    Expired(Record),
    /// Write this record: the claim was given up.
    Disowned(Record),
}

/// What to do for a receipt, given its annotation and how long this process has seen its open attempt.
#[must_use]
pub fn tend(receipt: &Receipt, annotation: Option<&str>, held: Held, seen_for: Duration, now: Timestamp) -> Tending {
    if let Some(open) = receipt.record.open_attempt() {
        let ttl = Duration::from_secs(open.ttl_seconds);
        let outcome = |result, class: &str| Outcome {
            result,
            class: class.into(),
            at: now,
            http_status: None,
            error: None,
            message: None,
            unknown: Map::new(),
        };
        let (outcome, tending): (_, fn(Record) -> Tending) = match held {
            Held::Here => return Tending::Nothing,
            Held::Abandoned => (outcome(OutcomeResult::NotSent, "abandoned"), Tending::Disowned),
            Held::Elsewhere if seen_for < ttl => return Tending::Later(ttl - seen_for),
            Held::Elsewhere => (outcome(OutcomeResult::Unknown, NO_OUTCOME), Tending::Expired),
        };
        return record_outcome(&receipt.record, open, outcome).map_or(Tending::Nothing, tending);
    }
    let Some(annotation) = annotation else { return Tending::Nothing };
    let instruction = match Instruction::parse(annotation) {
        Ok(instruction) => instruction,
        Err(error) => return Tending::Refused(error),
    };
    match resolve(&receipt.record, &instruction, By::Person, now) {
        Ok(record) => Tending::Resolved(record, instruction),
        Err(error) => Tending::Refused(error),
    }
}
