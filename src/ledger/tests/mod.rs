//! Tests of the ledger, one file for each part. `properties.rs` and `forgery.rs` check it under random orders of
//! events.
#![allow(clippy::unwrap_used)]

mod budgets;
mod claims;
mod decisions;
mod forgery;
mod golden;
mod outcomes;
mod properties;
mod reading;
mod receipt_actions;
mod resolving;
mod summaries;
mod world;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::*;

/// This many seconds after 2026-01-05 00:00:00 UTC.
fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_767_571_200 + second).unwrap()
}

fn identity() -> Identity {
    let hash = "a".repeat(64);
    Identity::audience(
        IdentityKind::ContactAudience,
        "acme",
        "api.propensity.com",
        "create_contact_audience",
        "",
        &hash,
    )
}

/// An attempt without an outcome. The policy of its audience is to hold unknown outcomes.
fn attempt(id: &str) -> Attempt {
    Attempt {
        id: id.into(),
        audience: AudienceRef { kind: "ContactAudience".into(), name: "leaders".into(), uid: "uid-1".into() },
        claimed_at: at(0),
        claimed_by: "operator-0".into(),
        send_by_seconds: 10,
        ttl_seconds: 130,
        members: 7,
        excluded: 1,
        kept_hash: None,
        payload_hash: "b".repeat(64),
        policy: SendPolicy { send_again: false, max_sends: 2, after_seconds: 900 },
        outcome: None,
        unknown: Map::new(),
    }
}

fn outcome(result: OutcomeResult, class: &str) -> Outcome {
    Outcome {
        result,
        class: class.into(),
        at: at(60),
        http_status: None,
        error: None,
        message: None,
        unknown: Map::new(),
    }
}

/// An attempt with this result.
fn ended(id: &str, result: OutcomeResult) -> Attempt {
    Attempt { outcome: Some(outcome(result, "some_class")), ..attempt(id) }
}

/// An attempt with a 503 that was trusted.
fn unavailable(id: &str) -> Attempt {
    Attempt { outcome: Some(outcome(OutcomeResult::NotSent, "unavailable")), ..attempt(id) }
}

fn resolution(attempt: &str, decision: Resolve) -> Resolution {
    Resolution { attempt: attempt.into(), decision, by: ResolvedBy::Person, at: at(120), unknown: Map::new() }
}

fn record(attempts: Vec<Attempt>, resolutions: Vec<Resolution>) -> Record {
    Record { attempts, resolutions, ..Record::anchor() }.with_computed_state()
}

fn receipt(record: Record) -> Receipt {
    Receipt { identity: identity(), summary: RecordSummary::of(&record), record }
}

fn instruction(attempt: &str, decision: Resolve) -> Instruction {
    Instruction { attempt: attempt.into(), decision }
}

/// Reads a record from a receipt of `identity()`.
fn read(record: &Value) -> Result<Receipt, Unreadable> {
    let identity = serde_json::to_value(identity()).unwrap();
    Receipt::read(&super::tests::identity().receipt_name(), &identity, Some(record))
}

fn stored(record: &Record) -> Value {
    serde_json::to_value(record).unwrap()
}

const RESULTS: [OutcomeResult; 4] =
    [OutcomeResult::Created, OutcomeResult::Rejected, OutcomeResult::NotSent, OutcomeResult::Unknown];

const DECISIONS: [Resolve; 3] = [Resolve::Created, Resolve::SendAgain, Resolve::Dismiss];
