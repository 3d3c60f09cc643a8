//! Ledger objects for the models.

use jiff::Timestamp;
use propensity_operator::ledger::{
    Attempt, AudienceRef, Identity, IdentityKind, Outcome, OutcomeResult, Receipt, Record, RecordSummary, SendPolicy,
};
use serde_json::Map;

/// This many seconds after the start of every model.
pub fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_767_571_200 + second).unwrap()
}

pub fn attempt(id: &str) -> Attempt {
    Attempt {
        id: id.into(),
        audience: AudienceRef { kind: "ContactAudience".into(), name: "leaders".into(), uid: "uid-1".into() },
        claimed_at: at(0),
        claimed_by: "operator-0".into(),
        send_by_seconds: 10,
        ttl_seconds: 130,
        members: 7,
        excluded: 0,
        kept_hash: None,
        payload_hash: String::new(),
        policy: SendPolicy { send_again: false, max_sends: 2, after_seconds: 900 },
        outcome: None,
        unknown: Map::new(),
    }
}

pub fn outcome(result: OutcomeResult, class: &str) -> Outcome {
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

/// A receipt with this record.
pub fn receipt(record: Record) -> Receipt {
    let kind = IdentityKind::ContactAudience;
    let identity = Identity::audience(kind, "acme", "api.propensity.com", "create_contact_audience", "", "");
    Receipt { identity, summary: RecordSummary::of(&record), record }
}

/// The record with its state computed from its attempts and resolutions, as a write stores it.
pub fn with_computed_state(record: Record) -> Record {
    let RecordSummary { state, possible_extras, .. } = RecordSummary::of(&record);
    Record { state, possible_extras, ..record }
}
