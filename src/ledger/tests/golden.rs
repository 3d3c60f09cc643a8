//! The stored format. Receipts outlive every release, so the expected values here never change.

use super::*;
use serde_json::json;

fn whole() -> Record {
    let first = Attempt {
        claimed_at: at(1),
        policy: SendPolicy { send_again: true, max_sends: 3, after_seconds: 900 },
        outcome: Some(Outcome { http_status: Some(504), ..outcome(OutcomeResult::Unknown, "server_error") }),
        ..attempt("aaaaaaaaaaaaaaaa")
    };
    let second = Attempt {
        claimed_at: at(2),
        outcome: Some(Outcome {
            http_status: Some(200),
            error: Some(false),
            message: Some("ok".into()),
            ..outcome(OutcomeResult::Created, "created")
        }),
        ..attempt("bbbbbbbbbbbbbbbb")
    };
    let again = Resolution { by: ResolvedBy::Policy, ..resolution("aaaaaaaaaaaaaaaa", Resolve::SendAgain) };
    let not_sent = NotSent { count: 2, unavailable: 1, first: at(0), last: at(1), unknown: Map::new() };
    Record { not_sent: Some(not_sent), ..record(vec![first, second], vec![again]) }
}

fn whole_stored() -> Value {
    json!({
        "formatVersion": 1,
        "state": "Created",
        "possibleExtras": 1,
        "attempts": [
            {
                "id": "aaaaaaaaaaaaaaaa",
                "audience": {"kind": "ContactAudience", "name": "leaders", "uid": "uid-1"},
                "claimedAt": "2026-01-05T00:00:01Z",
                "claimedBy": "operator-0",
                "sendBySeconds": 10,
                "ttlSeconds": 130,
                "members": 7,
                "excluded": 1,
                "payloadHash": "b".repeat(64),
                "policy": {"sendAgain": true, "maxSends": 3, "afterSeconds": 900},
                "outcome": {"result": "Unknown", "class": "server_error", "at": "2026-01-05T00:01:00Z", "httpStatus": 504}
            },
            {
                "id": "bbbbbbbbbbbbbbbb",
                "audience": {"kind": "ContactAudience", "name": "leaders", "uid": "uid-1"},
                "claimedAt": "2026-01-05T00:00:02Z",
                "claimedBy": "operator-0",
                "sendBySeconds": 10,
                "ttlSeconds": 130,
                "members": 7,
                "excluded": 1,
                "payloadHash": "b".repeat(64),
                "policy": {"sendAgain": false, "maxSends": 2, "afterSeconds": 900},
                "outcome": {
                    "result": "Created",
                    "class": "created",
                    "at": "2026-01-05T00:01:00Z",
                    "httpStatus": 200,
                    "error": false,
                    "message": "ok"
                }
            }
        ],
        "resolutions": [
            {"attempt": "aaaaaaaaaaaaaaaa", "decision": "send-again", "by": "Policy", "at": "2026-01-05T00:02:00Z"}
        ],
        "notSent": {"count": 2, "unavailable": 1, "first": "2026-01-05T00:00:00Z", "last": "2026-01-05T00:00:01Z"}
    })
}

#[test]
fn the_stored_format_of_a_record_never_changes() {
    assert_eq!(stored(&whole()), whole_stored());
    assert_eq!(read(&whole_stored()).unwrap().record, whole());
}

#[test]
fn a_first_claim_stores_no_field_without_a_value() {
    let expected = json!({
        "formatVersion": 1,
        "state": "Claimed",
        "attempts": [{
            "id": "a",
            "audience": {"kind": "ContactAudience", "name": "leaders", "uid": "uid-1"},
            "claimedAt": "2026-01-05T00:00:00Z",
            "claimedBy": "operator-0",
            "sendBySeconds": 10,
            "ttlSeconds": 130,
            "members": 7,
            "excluded": 1,
            "payloadHash": "b".repeat(64),
            "policy": {"sendAgain": false, "maxSends": 2, "afterSeconds": 900}
        }]
    });
    assert_eq!(stored(&claim(None, attempt("a"))), expected);
}

#[test]
fn the_anchor_of_a_ledger_is_a_created_record_without_attempts() {
    let anchor = json!({"formatVersion": 1, "state": "Created", "attempts": []});
    assert_eq!(stored(&Record::anchor()), anchor);
    let identity = Identity::anchor("acme", "api.propensity.com", "ledger-1");
    let stored_identity =
        json!({"kind": "Anchor", "workspaceID": "acme", "host": "api.propensity.com", "ledgerID": "ledger-1"});
    let read = Receipt::read(&identity.receipt_name(), &stored_identity, Some(&anchor)).unwrap();
    assert_eq!(read.identity, identity);
    assert_eq!(read.summary.state, State::Created);
    assert!(!read.summary.state.is_open());
}

#[test]
fn the_stored_enum_values_never_change() {
    let states = State::ALL.map(|state| serde_json::to_value(state).unwrap());
    assert_eq!(states, ["Claimed", "NotSent", "Rejected", "Unknown", "Authorised", "Created", "Dismissed"]);
    assert_eq!(states, State::ALL.map(State::as_str));
    let results = RESULTS.map(|result| serde_json::to_value(result).unwrap());
    assert_eq!(results, ["Created", "Rejected", "NotSent", "Unknown"]);
    let decisions = DECISIONS.map(|decision| serde_json::to_value(decision).unwrap());
    assert_eq!(decisions, ["created", "send-again", "dismiss"]);
    assert_eq!(decisions, DECISIONS.map(Resolve::as_str));
    assert_eq!(
        [ResolvedBy::Person, ResolvedBy::Policy].map(|by| serde_json::to_value(by).unwrap()),
        ["Person", "Policy"]
    );
    let kinds = [IdentityKind::ContactAudience, IdentityKind::AccountAudience, IdentityKind::Anchor];
    let kinds = kinds.map(|kind| serde_json::to_value(kind).unwrap());
    assert_eq!(kinds, ["ContactAudience", "AccountAudience", "Anchor"]);
    assert_eq!(NO_OUTCOME, "no_outcome");
}
