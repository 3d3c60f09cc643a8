//! Receipts and statuses that were changed manually or by a newer version never cause a request.

use serde_json::{Value, json};

use crate::support::objects::{condition, is_true, message};
use crate::support::wait::{ensure, eventually};
use crate::support::{Kind, Operator, World};

fn name(receipt: &Value) -> String {
    receipt["metadata"]["name"].as_str().unwrap().to_owned()
}

/// An audience whose outcome is unknown, and its receipt.
fn unknown() -> (World, Operator, Value) {
    let world = World::new();
    let operator = world.operator().start();
    world.connect();
    world.simulator.borrow().fault(json!({"fault": "status", "status": 500, "times": 1}));
    world.accounts("targets", &["example.com"]);
    world.wait_reason(Kind::Accounts, "targets", "OutcomeUnknown");
    let receipt = world.receipt();
    (world, operator, receipt)
}

/// An audience that is created, and its receipt.
fn created() -> (World, Operator, Value) {
    let world = World::new();
    let operator = world.operator().start();
    world.connect();
    world.accounts("targets", &["example.com"]);
    world.wait_reason(Kind::Accounts, "targets", "Created");
    let receipt = world.receipt();
    (world, operator, receipt)
}

#[test]
fn a_state_that_contradicts_the_attempts_is_not_trusted() {
    for state in ["Created", "NotSent", "Authorised", "Nonsense"] {
        let (world, _operator, receipt) = unknown();
        world.objects.patch(Kind::Receipt, &name(&receipt), json!({"record": {"state": state}}));
        let audience = world.wait_message(Kind::Accounts, "targets", "ReceiptUnreadable", "changed manually");
        assert!(is_true(&audience, "Stalled"), "{state}");
        world.assert_sent(1, 0);
        world.objects.patch(Kind::Receipt, &name(&receipt), json!({"record": receipt["record"]}));
        world.wait_reason(Kind::Accounts, "targets", "OutcomeUnknown");
    }
}

#[test]
fn a_receipt_without_its_attempts_sends_nothing() {
    for record in
        [json!({"state": "NotSent", "attempts": []}), json!({"state": "NotSent", "attempts": null}), Value::Null]
    {
        let (world, _operator, receipt) = created();
        world.objects.patch(Kind::Receipt, &name(&receipt), json!({"record": record}));
        world.wait_reason(Kind::Accounts, "targets", "ReceiptUnreadable");
        world.assert_sent(1, 1);
        world.objects.patch(Kind::Receipt, &name(&receipt), json!({"record": receipt["record"]}));
        world.wait_ready(Kind::Accounts, "targets");
        world.assert_sent(1, 1);
    }
}

#[test]
fn a_receipt_from_a_newer_version_sends_nothing() {
    let (world, mut operator, receipt) = created();
    operator.signal("TERM");
    operator.wait_ended();
    world.objects.patch(
        Kind::Receipt,
        &name(&receipt),
        json!({"record": {"formatVersion": 2, "news": {"deep": true}}}),
    );
    world.objects.patch_status(Kind::Accounts, "targets", json!({"status": null}));
    let _operator = world.operator().start();
    let audience = world.wait_message(Kind::Accounts, "targets", "ReceiptUnreadable", "Upgrade the operator");
    assert!(message(&audience).contains(&name(&receipt)), "{}", message(&audience));
    let kept = world.receipt();
    assert_eq!(kept["record"]["news"], json!({"deep": true}), "the receipt isn't changed");
    assert_eq!(kept["record"]["formatVersion"], 2);
    world.assert_sent(1, 1);
}

/// One invalid receipt must not stop the operator from reading the others.
#[test]
fn an_invalid_receipt_does_not_affect_other_audiences() {
    let world = World::new();
    world.apply(
        Kind::Receipt,
        "nonsense",
        json!({"identity": {"kind": "Nothing", "workspaceID": "x", "host": "y", "more": [1]}, "record": {"formatVersion": 1, "state": "?", "attempts": []}}),
    );
    let _operator = world.operator().start();
    world.connect();
    world.accounts("targets", &["example.com"]);
    world.wait_reason(Kind::Accounts, "targets", "Created");
    world.assert_sent(1, 1);
}

#[test]
fn a_manually_changed_status_is_corrected() {
    let (world, _operator, _) = created();
    let before = world.get(Kind::Accounts, "targets")["status"].clone();
    let now = "2020-01-01T00:00:00Z";
    let forged = json!([{"type": "Ready", "status": "False", "reason": "Nonsense", "message": "by hand", "lastTransitionTime": now}]);
    world.objects.patch_status(
        Kind::Accounts,
        "targets",
        json!({"status": {"conditions": forged, "listHash": "0", "receiptRef": null}}),
    );
    let after = world.wait_ready(Kind::Accounts, "targets");
    assert_eq!(after["status"]["listHash"], before["listHash"]);
    assert_eq!(after["status"]["receiptRef"], before["receiptRef"]);
    world.assert_sent(1, 1);
}

#[test]
fn a_forged_created_status_is_not_trusted() {
    let world = World::new();
    world.connect();
    world.accounts("targets", &["example.com"]);
    let now = "2020-01-01T00:00:00Z";
    let forged = json!([{"type": "Ready", "status": "True", "reason": "Created", "message": "by hand", "lastTransitionTime": now}]);
    world.objects.patch_status(
        Kind::Accounts,
        "targets",
        json!({"status": {"observedGeneration": 1, "conditions": forged, "receiptRef": {"name": "ar-of-nothing"}}}),
    );
    let _operator = world.operator().start();
    eventually("the forged status is corrected", || {
        let audience = world.get(Kind::Accounts, "targets");
        ensure(message(&audience) != "by hand", || audience["status"].to_string())
    });
    world.wait_ready(Kind::Accounts, "targets");
    world.assert_sent(1, 1);
}

#[test]
fn an_invalid_resolution_is_rejected_and_a_valid_one_still_works() {
    let (world, _operator, receipt) = unknown();
    let attempt = receipt["record"]["attempts"][0]["id"].as_str().unwrap().to_owned();
    let annotate = |value: &str| {
        let value = format!("abm.propensity.com/resolve={value}");
        world.kubectl(&["annotate", "areceipt", &name(&receipt), "--overwrite", &value]).expect_success();
    };
    for wrong in ["canary".to_owned(), format!("{attempt}=canary"), "=".to_owned(), "nobody=created".to_owned()] {
        annotate(&wrong);
        let audience = world.wait_reason(Kind::Accounts, "targets", "ResolutionInvalid");
        assert!(!audience["status"].to_string().contains("canary"), "{:#}", audience["status"]);
        assert!(message(&audience).contains("=created"), "the message shows a valid one: {}", message(&audience));
        world.assert_sent(1, 0);
    }
    annotate(&format!("{attempt}=dismiss"));
    world.wait_reason(Kind::Accounts, "targets", "Dismissed");
    world.assert_sent(1, 0);
}

#[test]
fn removing_an_invalid_resolution_restores_the_status() {
    let (world, _operator, receipt) = unknown();
    world.kubectl(&["annotate", "areceipt", &name(&receipt), "abm.propensity.com/resolve=nonsense"]).expect_success();
    world.wait_reason(Kind::Accounts, "targets", "ResolutionInvalid");
    world.kubectl(&["annotate", "areceipt", &name(&receipt), "abm.propensity.com/resolve-"]).expect_success();
    let audience = world.wait_reason(Kind::Accounts, "targets", "OutcomeUnknown");
    assert!(condition(&audience, "Stalled").is_some());
}
