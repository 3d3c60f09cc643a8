#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::*;
use crate::api::AudienceReceipt;
use crate::controller::fixtures::{ended, identity};
use crate::ledger::{self, OutcomeResult, Record, State, Unreadable};

fn moment(second: u64) -> Moment {
    Moment::from_zero(Duration::from_secs(second))
}

fn key() -> ReceiptKey {
    ("team".to_owned(), identity().receipt_name())
}

fn object(record: Option<&Record>, metadata: Value) -> AudienceReceipt {
    let mut meta = json!({"name": identity().receipt_name(), "namespace": "team", "resourceVersion": "5"});
    meta.as_object_mut().unwrap().extend(metadata.as_object().unwrap().clone());
    let mut object = json!({"apiVersion": "abm.propensity.com/v1alpha1", "kind": "AudienceReceipt", "metadata": meta, "identity": identity()});
    if let Some(record) = record {
        object["record"] = json!(record);
    }
    serde_json::from_value(object).unwrap()
}

fn entry(record: &Record) -> StoredReceipt {
    StoredReceipt::of(&object(Some(record), json!({})))
}

fn unknown(id: &str) -> Record {
    ended(None, id, OutcomeResult::Unknown, "timeout", None)
}

#[test]
fn an_entry_has_what_a_write_needs() {
    let bare = entry(&unknown("a"));
    assert_eq!((bare.resource_version.as_str(), bare.annotation.as_deref(), bare.labelled), ("5", None, false));
    assert_eq!(bare.state(), State::Unknown);
    let marked = StoredReceipt::of(&object(
        Some(&unknown("a")),
        json!({"labels": {"x": "y"}, "annotations": {"abm.propensity.com/resolve": "a=created", "other": "b"}}),
    ));
    assert_eq!((marked.annotation.as_deref(), marked.labelled), (Some("a=created"), true));
    assert!(!StoredReceipt::of(&object(None, json!({"labels": {}}))).labelled);
}

#[test]
fn what_can_not_be_trusted_counts_as_unknown() {
    let without = StoredReceipt::of(&object(None, json!({})));
    assert_eq!(without.as_read().unwrap_err(), Unreadable::NoRecord);
    let renamed = StoredReceipt::of(&object(Some(&unknown("a")), json!({"name": "ar-other"})));
    assert_eq!(renamed.as_read().unwrap_err(), Unreadable::NameMismatch);
    assert_eq!([without.state(), renamed.state()], [State::Unknown; 2]);
    assert!(without.audiences().is_empty());
}

#[test]
fn an_attempt_is_seen_since_it_was_first_seen() {
    let receipts = OpenReceipts::default();
    assert_eq!(receipts.seen_for("a", moment(100)), Duration::ZERO);
    receipts.upsert(key(), entry(&unknown("a")), moment(10));
    receipts.upsert(key(), entry(&unknown("a")), moment(20));
    assert_eq!(receipts.seen_for("a", moment(25)), Duration::from_secs(15));
    let resolved = crate::controller::fixtures::resolved(&unknown("a"), "a", ledger::Resolve::SendAgain);
    let again = ended(Some(&resolved), "b", OutcomeResult::Unknown, "timeout", None);
    receipts.upsert(key(), entry(&again), moment(30));
    assert_eq!(receipts.seen_for("a", moment(35)), Duration::from_secs(25));
    assert_eq!(receipts.seen_for("b", moment(35)), Duration::from_secs(5));
}

#[test]
fn a_receipt_that_can_not_be_read_for_a_while_does_not_start_the_wait_anew() {
    let receipts = OpenReceipts::default();
    receipts.upsert(key(), entry(&unknown("a")), moment(10));
    receipts.upsert(key(), StoredReceipt::of(&object(None, json!({}))), moment(20));
    receipts.upsert(key(), entry(&unknown("a")), moment(30));
    assert_eq!(receipts.seen_for("a", moment(40)), Duration::from_secs(30));
}

#[test]
fn a_receipt_that_was_closed_is_forgotten_with_its_attempts() {
    let receipts = OpenReceipts::default();
    receipts.upsert(key(), entry(&unknown("a")), moment(10));
    assert_eq!(receipts.select(|place, entry| (*place == key()).then(|| entry.state())).len(), 1);
    assert!(receipts.get("team", &key().1).is_some());
    assert!(receipts.get("other", &key().1).is_none());
    assert_eq!(receipts.remove(&key()).map(|entry| entry.state()), Some(State::Unknown));
    assert!(receipts.remove(&key()).is_none());
    assert!(receipts.get("team", &key().1).is_none());
    assert_eq!(receipts.seen_for("a", moment(99)), Duration::ZERO);
}

#[test]
fn a_receipt_wakes_each_audience_once() {
    let resolved = crate::controller::fixtures::resolved(&unknown("a"), "a", ledger::Resolve::SendAgain);
    let twice = entry(&ended(Some(&resolved), "b", OutcomeResult::Unknown, "timeout", None));
    let audiences = twice.audiences();
    assert_eq!(audiences.len(), 1);
    assert_eq!((audiences[0].kind.as_str(), audiences[0].name.as_str()), ("ContactAudience", "leaders"));
}
