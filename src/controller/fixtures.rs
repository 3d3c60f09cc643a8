//! Objects for tests, as a person or the operator would have made them.
#![allow(clippy::unwrap_used)]

use std::convert::Infallible;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::api::{AccountAudience, ContactAudience, PropensityReport, PropensityWorkspace, Reason};
use crate::audience::{Entry, Suppression};
use crate::clock::Moment;
use crate::controller::decide::assess::Plan;
use crate::controller::model::audience::AudienceResource;
use crate::controller::model::desired::Desired;
use crate::controller::model::readiness::{Phase, Readiness};
use crate::controller::model::receipt::StoredReceipt;
use crate::ledger::{
    Attempt, AudienceRef, Identity, IdentityKind, Instruction, Outcome, OutcomeResult, Policy, Receipt, Record,
    RecordSummary, Resolve, ResolvedBy, SendPolicy, claim, record_outcome, resolve,
};

/// 2026-01-05 00:00:00 UTC and so many seconds.
pub fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_767_571_200 + second).unwrap()
}

/// The moment this many seconds after the clock's zero.
pub fn moment(second: u64) -> Moment {
    Moment::from_zero(Duration::from_secs(second))
}

/// The reason, the message and the phase of a state.
pub fn shown(readiness: Readiness) -> (Reason, String, Phase) {
    let Readiness { verdict, phase } = readiness;
    (verdict.reason, verdict.message.into_owned(), phase)
}

fn metadata(name: &str) -> Value {
    json!({"name": name, "namespace": "team", "uid": format!("uid of {name}"), "generation": 3, "resourceVersion": "10"})
}

/// An audience of contacts with this spec.
pub fn contacts(spec: Value) -> Desired {
    suppressing(spec, &[])
}

/// An audience of contacts with this spec, of which those with these numbers are suppressed.
pub fn suppressing(spec: Value, numbers: &[u32]) -> Desired {
    let object = json!({"apiVersion": "abm.propensity.com/v1alpha1", "kind": "ContactAudience", "metadata": metadata("leaders"), "spec": spec});
    let mut suppression = Suppression::default();
    numbers.iter().for_each(|number| suppression.add(Entry::Profile, &profile(*number)).unwrap());
    let object = serde_json::from_value::<ContactAudience>(object).unwrap().into_object();
    object.load(suppression, |_| Ok::<_, Infallible>(0)).unwrap().desired
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

fn profile(number: u32) -> String {
    format!("https://www.linkedin.com/in/canary{number}")
}

/// The spec of an audience of these contacts with these other fields.
pub fn spec(numbers: impl IntoIterator<Item = u32>, options: Value) -> Value {
    let contacts: Vec<_> = numbers.into_iter().map(|number| json!({"linkedinUrl": profile(number)})).collect();
    let mut spec = json!({"contacts": contacts});
    spec.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
    spec
}

/// An audience of these contacts; other numbers are another list.
pub fn named(numbers: &[u32]) -> Desired {
    contacts(spec(numbers.iter().copied(), json!({})))
}

/// A workspace with defaults and these changes.
pub fn workspace(changes: Value) -> PropensityWorkspace {
    let mut spec = json!({"workspaceID": "acme"});
    spec.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    let object = json!({"apiVersion": "abm.propensity.com/v1alpha1", "kind": "PropensityWorkspace", "metadata": metadata("default"), "spec": spec});
    serde_json::from_value(object).unwrap()
}

/// The report `visits` with these other fields in its spec.
pub fn report(changes: Value) -> PropensityReport {
    let mut spec = json!({"report": "visits"});
    spec.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    let object = json!({"apiVersion": "abm.propensity.com/v1alpha1", "kind": "PropensityReport", "metadata": metadata("weekly"), "spec": spec});
    serde_json::from_value(object).unwrap()
}

/// The plan of a list with this receipt; nothing can be claimed.
pub fn plan(receipt: &str) -> Plan {
    let asked = SendPolicy { send_again: false, max_sends: 2, after_seconds: 900 };
    Plan {
        identity: identity(),
        receipt: receipt.into(),
        policy: Policy { audience: asked, allowed: false },
        clearance: Err(Readiness::reconciling(Reason::Pending, "x")),
    }
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

/// The record with an attempt resolved by a person.
pub fn resolved(record: &Record, id: &str, decision: Resolve) -> Record {
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

/// A receipt with this record, as it is stored.
pub fn stored(record: Record) -> StoredReceipt {
    StoredReceipt { resource_version: "10".to_owned(), receipt: Ok(receipt(record)), annotation: None, labelled: false }
}
