//! What a receipt needs, whether or not its audience still exists: to record a person's resolution, to mark an expired
//! claim as unknown, to mark an abandoned claim as not sent.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Map;

use super::{
    Instruction, NO_OUTCOME, Outcome, OutcomeResult, Receipt, Record, ResolveError, ResolvedBy, record_outcome, resolve,
};

/// Who holds the attempt without an outcome, as far as this process knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldBy {
    /// This process holds it and will record its outcome.
    ThisProcess,
    /// This process gave it up before it knew that the claim was stored; nothing was or will be sent.
    Abandoned,
    /// Another process holds it, or held it before it ended.
    OtherProcess,
}

/// What to do for a receipt.
#[derive(Clone, Debug, PartialEq)]
pub enum ReceiptAction {
    /// Nothing.
    Nothing,
    /// Check the receipt again after this time.
    RequeueAfter(Duration),
    /// Write this record and remove the annotation.
    Resolved(Record, Instruction),
    /// The annotation is invalid: report why.
    InvalidResolution(ResolveError),
    /// Write this record: no outcome was recorded within the time to live.
    Expired(Record),
    /// Write this record: this process abandoned the claim.
    Abandoned(Record),
}

/// What to do for a receipt, given its annotation and how long this process has seen its open attempt.
#[must_use]
pub fn receipt_action(
    receipt: &Receipt,
    annotation: Option<&str>,
    held_by: HeldBy,
    seen_for: Duration,
    now: Timestamp,
) -> ReceiptAction {
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
        let (outcome, action): (_, fn(Record) -> ReceiptAction) = match held_by {
            HeldBy::ThisProcess => return ReceiptAction::Nothing,
            HeldBy::Abandoned => (outcome(OutcomeResult::NotSent, "abandoned"), ReceiptAction::Abandoned),
            HeldBy::OtherProcess if seen_for < ttl => return ReceiptAction::RequeueAfter(ttl - seen_for),
            HeldBy::OtherProcess => (outcome(OutcomeResult::Unknown, NO_OUTCOME), ReceiptAction::Expired),
        };
        return record_outcome(&receipt.record, open, outcome).map_or(ReceiptAction::Nothing, action);
    }
    let Some(annotation) = annotation else { return ReceiptAction::Nothing };
    let instruction = match Instruction::parse(annotation) {
        Ok(instruction) => instruction,
        Err(error) => return ReceiptAction::InvalidResolution(error),
    };
    match resolve(&receipt.record, &instruction, ResolvedBy::Person, now) {
        Ok(record) => ReceiptAction::Resolved(record, instruction),
        Err(error) => ReceiptAction::InvalidResolution(error),
    }
}
