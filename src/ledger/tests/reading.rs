//! Reading of receipts: which can't be trusted, and fields of newer versions.

use super::*;
use serde_json::json;

fn unknown() -> Value {
    stored(&record(vec![ended("a", OutcomeResult::Unknown)], vec![]))
}

/// `unknown()` with one value replaced.
fn with(pointer: &str, value: Value) -> Value {
    let mut record = unknown();
    *record.pointer_mut(pointer).unwrap() = value;
    record
}

#[test]
fn a_record_that_is_not_what_the_operator_writes_is_unreadable() {
    use Unreadable::{Malformed, NewerFormat, StateMismatch};
    let mut same_id = unknown();
    let first = same_id["attempts"][0].clone();
    same_id["attempts"].as_array_mut().unwrap().push(first);
    let mut stray = unknown();
    stray["resolutions"] =
        json!([{"attempt": "b", "decision": "dismiss", "by": "Person", "at": "2026-01-05T00:00:00Z"}]);
    let mut strange = unknown();
    strange["resolutions"] =
        json!([{"attempt": "a", "decision": "retry", "by": "Person", "at": "2026-01-05T00:00:00Z"}]);
    let mut without_result = unknown();
    without_result["attempts"][0]["outcome"].as_object_mut().unwrap().remove("result");
    let mut without_version = unknown();
    without_version.as_object_mut().unwrap().remove("formatVersion");
    let table = [
        ("a newer format", with("/formatVersion", json!(2)), NewerFormat),
        ("a newer format and a new state", json!({"formatVersion": 2, "state": "Verified"}), NewerFormat),
        ("a format that never was", with("/formatVersion", json!(0)), Malformed),
        ("a format that is no number", with("/formatVersion", json!("1")), Malformed),
        ("a negative format", with("/formatVersion", json!(-1)), Malformed),
        ("no format", without_version, Malformed),
        ("an unknown state", with("/state", json!("Verified")), Malformed),
        ("another case", with("/state", json!("created")), Malformed),
        ("an unknown outcome", with("/attempts/0/outcome/result", json!("Maybe")), Malformed),
        ("an outcome without a result", without_result, Malformed),
        ("an unknown decision", strange, Malformed),
        ("the same attempt twice", same_id, Malformed),
        ("an attempt without an ID", with("/attempts/0/id", json!("")), Malformed),
        ("a resolution of no attempt", stray, Malformed),
        ("no attempts", with("/attempts", json!([])), Malformed),
        ("attempts that are no list", with("/attempts", json!({})), Malformed),
        ("an attempt that is none", with("/attempts/0", json!("a")), Malformed),
        ("a time that is none", with("/attempts/0/claimedAt", json!("yesterday")), Malformed),
        ("an empty record", json!({}), Malformed),
        ("a text", json!("Created"), Malformed),
        ("a changed outcome", with("/attempts/0/outcome/result", json!("NotSent")), StateMismatch),
        ("an outcome that was removed", with("/attempts/0/outcome", Value::Null), StateMismatch),
    ];
    assert!(read(&unknown()).is_ok());
    for (what, record, expected) in table {
        assert_eq!(read(&record), Err(expected), "{what}");
    }
}

#[test]
fn a_manually_edited_state_is_never_trusted() {
    for real in [OutcomeResult::Unknown, OutcomeResult::Rejected, OutcomeResult::Created, OutcomeResult::NotSent] {
        let record = record(vec![ended("a", real)], vec![]);
        for state in State::ALL.into_iter().filter(|state| *state != record.state) {
            let mut edited = stored(&record);
            edited["state"] = json!(state);
            assert_eq!(read(&edited), Err(Unreadable::StateMismatch), "{real:?} edited to {state:?}");
        }
    }
}

#[test]
fn a_missing_record_is_unreadable() {
    let identity_json = serde_json::to_value(identity()).unwrap();
    let name = identity().receipt_name();
    assert_eq!(Receipt::read(&name, &identity_json, None), Err(Unreadable::NoRecord));
    assert_eq!(Receipt::read(&name, &identity_json, Some(&Value::Null)), Err(Unreadable::NoRecord));
}

#[test]
fn a_name_that_is_not_the_hash_of_the_identity_is_unreadable() {
    let record = unknown();
    let good = serde_json::to_value(identity()).unwrap();
    let name = identity().receipt_name();
    let other = Identity { revision: Some("2".into()), ..identity() };
    let mut newer = good.clone();
    newer["newer"] = json!(1);
    for (name, identity) in [
        (other.receipt_name(), good.clone()),
        (String::new(), good.clone()),
        (name.replace("ar-", "anchor-"), good.clone()),
        (name.clone(), serde_json::to_value(&other).unwrap()),
        (name.clone(), newer),
        (name.clone(), Value::Null),
        (name, json!([])),
    ] {
        assert_eq!(Receipt::read(&name, &identity, Some(&record)), Err(Unreadable::NameMismatch));
    }
}

#[test]
fn an_identity_of_a_kind_that_this_version_does_not_know_is_unreadable() {
    let mut identity = serde_json::to_value(identity()).unwrap();
    identity["kind"] = json!("EventAudience");
    let name = super::super::identity::receipt_name(&identity);
    assert_eq!(Receipt::read(&name, &identity, Some(&unknown())), Err(Unreadable::Malformed));
}

#[test]
fn a_field_that_a_newer_version_added_to_the_identity_is_ignored() {
    let mut newer = serde_json::to_value(identity()).unwrap();
    newer["newer"] = json!(1);
    let name = super::super::identity::receipt_name(&newer);
    assert_eq!(Receipt::read(&name, &newer, Some(&unknown())).unwrap().identity, identity());
}

#[test]
fn only_an_anchor_has_no_attempts_and_an_anchor_has_none() {
    let anchor = Identity::anchor("acme", "api.propensity.com", "x");
    let json = serde_json::to_value(&anchor).unwrap();
    let read = Receipt::read(&anchor.receipt_name(), &json, Some(&unknown()));
    assert_eq!(read, Err(Unreadable::Malformed));
}

#[test]
fn each_reason_says_what_is_wrong() {
    let texts = [
        (Unreadable::NameMismatch, "its name isn't the hash of its identity: it was created or changed manually"),
        (Unreadable::NoRecord, "it has no record: it was changed manually or restored only in part"),
        (
            Unreadable::NewerFormat,
            "it was written by a newer version of the operator (its formatVersion is higher than 1): \
             upgrade the operator",
        ),
        (
            Unreadable::Malformed,
            "its record or identity can't be read: it was changed manually, \
             or a newer version of the operator wrote it",
        ),
        (
            Unreadable::StateMismatch,
            "its record.state contradicts its attempts: it was changed manually. Restore it, \
             and resolve attempts with the resolve annotation instead",
        ),
    ];
    for (why, text) in texts {
        assert_eq!(why.to_string(), text);
    }
}

/// Adds an unknown field to every object that keeps unknown fields.
fn with_unknown_fields(mut record: Value) -> Value {
    let places = ["", "/attempts/0", "/attempts/0/outcome", "/resolutions/0", "/notSent"];
    for place in places {
        record.pointer_mut(place).unwrap()["newer"] = json!({"from": place, "deep": [1, null]});
    }
    record
}

#[test]
fn every_write_keeps_fields_of_newer_versions() {
    let mut start = record(vec![ended("a", OutcomeResult::Unknown)], vec![resolution("a", Resolve::SendAgain)]);
    start.not_sent = Some(NotSent { count: 1, unavailable: 0, first: at(0), last: at(0), unknown: Map::new() });
    let before = with_unknown_fields(stored(&start));

    let mut now = read(&before).unwrap().record;
    assert_eq!(stored(&now), before);
    now = claim(Some(&now), attempt("b"));
    now = record_outcome(&now, &attempt("b"), outcome(OutcomeResult::NotSent, "rate_limited")).unwrap();
    now = claim(Some(&now), attempt("c"));
    now = record_outcome(&now, &attempt("c"), outcome(OutcomeResult::Unknown, "timeout")).unwrap();
    now = resolve(&now, &instruction("c", Resolve::Dismiss), ResolvedBy::Person, at(9)).unwrap();
    let after = stored(&now);
    for place in ["", "/attempts/0", "/attempts/0/outcome", "/resolutions/0", "/notSent"] {
        let pointer = format!("{place}/newer");
        assert_eq!(after.pointer(&pointer), before.pointer(&pointer), "{place}");
    }
    assert_eq!(after["notSent"]["count"], 2);
    assert_eq!(read(&after).unwrap().record, now);
}

#[test]
fn a_replaced_outcome_takes_its_unknown_fields_with_it() {
    let expired = with_unknown_fields({
        let mut record = record(vec![ended("a", OutcomeResult::Unknown)], vec![resolution("a", Resolve::Dismiss)]);
        record.not_sent = Some(NotSent { count: 1, unavailable: 0, first: at(0), last: at(0), unknown: Map::new() });
        stored(&record)
    });
    let expired = read(&expired).unwrap().record;
    let late = record_outcome(&expired, &attempt("a"), outcome(OutcomeResult::Created, "created")).unwrap();
    assert!(late.attempts[0].outcome.as_ref().unwrap().unknown.is_empty());
    assert!(!late.attempts[0].unknown.is_empty(), "the attempt keeps its own");
}
