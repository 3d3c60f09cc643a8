//! Objects for tests, as a person or the operator would have made them.
#![allow(clippy::unwrap_used)]

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::api::{AccountAudience, ContactAudience, PropensityWorkspace};
use crate::controller::model::audience::AudienceResource;
use crate::controller::model::desired::Desired;
use crate::ledger::{
    Attempt, AudienceRef, Identity, IdentityKind, Instruction, Outcome, OutcomeResult, Receipt, Record, RecordSummary,
    Resolve, ResolvedBy, SendPolicy, claim, record_outcome, resolve,
};

/// 2026-01-05 00:00:00 UTC and so many seconds.
pub fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_767_571_200 + second).unwrap()
}

fn metadata(name: &str) -> Value {
    json!({"name": name, "namespace": "team", "uid": format!("uid of {name}"), "generation": 3, "resourceVersion": "10"})
}

/// An audience of contacts with this spec.
pub fn contacts(spec: Value) -> Desired {
    let object = json!({"apiVersion": "abm.propensity.com/v1alpha1", "kind": "ContactAudience", "metadata": metadata("leaders"), "spec": spec});
    serde_json::from_value::<ContactAudience>(object).unwrap().into_object().load_inline().desired
}

/// An audience of accounts with this spec.
pub fn accounts(spec: Value) -> Desired {
    let object = json!({"apiVersion": "abm.propensity.com/v1alpha1", "kind": "AccountAudience", "metadata": metadata("firms"), "spec": spec});
    serde_json::from_value::<AccountAudience>(object).unwrap().into_object().load_inline().desired
}

/// An audience of one contact that can be sent.
pub fn audience() -> Desired {
    named(&[1])
}

/// An audience of these contacts; other numbers are another list.
pub fn named(numbers: &[u32]) -> Desired {
    let contact = |number: &u32| json!({"linkedinUrl": format!("https://www.linkedin.com/in/canary{number}")});
    contacts(json!({"contacts": numbers.iter().map(contact).collect::<Vec<_>>()}))
}

/// A workspace with defaults and these changes.
pub fn workspace(changes: Value) -> PropensityWorkspace {
    let mut spec = json!({"workspaceID": "acme"});
    spec.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    let object = json!({"apiVersion": "abm.propensity.com/v1alpha1", "kind": "PropensityWorkspace", "metadata": metadata("default"), "spec": spec});
    serde_json::from_value(object).unwrap()
}

/// An open attempt of 7 members for ContactAudience leaders.
pub fn attempt(id: &str) -> Attempt {
    Attempt {
        id: id.into(),
        audience: AudienceRef { kind: "ContactAudience".into(), name: "leaders".into(), uid: "uid of leaders".into() },
        claimed_at: at(0),
        claimed_by: "operator-0".into(),
        send_by_seconds: 10,
        ttl_seconds: 130,
        members: 7,
        excluded: 0,
        kept_hash: None,
        payload_hash: "b".repeat(64),
        policy: SendPolicy { send_again: false, max_sends: 2, after_seconds: 900 },
        outcome: None,
        unknown: Map::new(),
    }
}

/// The record with one more attempt that ended this way a minute later.
pub fn ended(prior: Option<&Record>, id: &str, result: OutcomeResult, class: &str, message: Option<&str>) -> Record {
    let open = claim(prior, attempt(id));
    let outcome = Outcome {
        result,
        class: class.into(),
        at: at(60),
        http_status: None,
        error: None,
        message: message.map(str::to_owned),
        unknown: Map::new(),
    };
    record_outcome(&open, &attempt(id), outcome).unwrap()
}

/// The record with an attempt settled by a person.
pub fn settled(record: &Record, id: &str, decision: Resolve) -> Record {
    resolve(record, &Instruction { attempt: id.into(), decision }, ResolvedBy::Person, at(120)).unwrap()
}

/// The identity of an audience of contacts.
pub fn identity() -> Identity {
    let hash = "a".repeat(64);
    let kind = IdentityKind::ContactAudience;
    Identity::audience(kind, "acme", "api.propensity.com", "create_contact_audience", "", &hash)
}

/// A receipt with this record.
pub fn receipt(record: Record) -> Receipt {
    Receipt { identity: identity(), summary: RecordSummary::of(&record), record }
}
