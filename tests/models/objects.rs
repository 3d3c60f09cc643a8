//! Objects of the ledger as the models use them.

use jiff::Timestamp;
use propensity_operator::ledger::{
    Attempt, AudienceRef, Identity, IdentityKind, Outcome, OutcomeResult, Receipt, Record, SendPolicy, Standing,
};
use serde_json::Map;

/// So many seconds after the beginning of all models.
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

/// The receipt that holds a record.
pub fn receipt(record: Record) -> Receipt {
    let kind = IdentityKind::ContactAudience;
    let identity = Identity::audience(kind, "acme", "api.propensity.com", "create_contact_audience", "", "");
    Receipt { identity, standing: Standing::of(&record), record }
}

/// The record with its state as a write stores it.
pub fn settled(record: Record) -> Record {
    let Standing { state, possible_extras, .. } = Standing::of(&record);
    Record { state, possible_extras, ..record }
}
