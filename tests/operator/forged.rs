//! Receipts and statuses that were changed by hand or by a newer version: never a reason to send.

use serde_json::{Value, json};

use crate::support::objects::{condition, is_true, message};
use crate::support::wait::{ensure, eventually};
use crate::support::{Kind, Operator, World};

fn name(receipt: &Value) -> String {
    receipt["metadata"]["name"].as_str().unwrap().to_owned()
}

/// A world with an audience whose outcome is unknown.
fn unknown() -> (World, Operator, Value) {
    let world = World::new();
    let operator = world.operator().start();
    world.connect();
    world.simulator.borrow().fault(json!({"fault": "status", "status": 500, "times": 1}));
    world.accounts("targets", &["example.com"]);
    world.settled(Kind::Accounts, "targets", "OutcomeUnknown");
    let receipt = world.receipt();
    (world, operator, receipt)
}

/// A world with an audience that is created.
fn created() -> (World, Operator, Value) {
    let world = World::new();
    let operator = world.operator().start();
    world.connect();
    world.accounts("targets", &["example.com"]);
    world.settled(Kind::Accounts, "targets", "Created");
    let receipt = world.receipt();
    (world, operator, receipt)
}

#[test]
fn a_state_that_the_attempts_do_not_add_up_to_is_not_believed() {
    for state in ["Created", "NotSent", "Authorised", "Nonsense"] {
        let (world, _operator, receipt) = unknown();
        world.objects.patch(Kind::Receipt, &name(&receipt), json!({"record": {"state": state}}));
        let audience = world.says(Kind::Accounts, "targets", "ReceiptUnreadable", "changed manually");
        assert!(is_true(&audience, "Stalled"), "{state}");
        world.sent(1, 0);
        world.objects.patch(Kind::Receipt, &name(&receipt), json!({"record": receipt["record"]}));
        world.settled(Kind::Accounts, "targets", "OutcomeUnknown");
    }
}

#[test]
fn a_receipt_robbed_of_its_attempts_sends_nothing() {
    for robbed in
        [json!({"state": "NotSent", "attempts": []}), json!({"state": "NotSent", "attempts": null}), Value::Null]
    {
        let (world, _operator, receipt) = created();
        world.objects.patch(Kind::Receipt, &name(&receipt), json!({"record": robbed}));
        world.settled(Kind::Accounts, "targets", "ReceiptUnreadable");
        world.sent(1, 1);
        world.objects.patch(Kind::Receipt, &name(&receipt), json!({"record": receipt["record"]}));
        world.ready(Kind::Accounts, "targets");
        world.sent(1, 1);
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
    let audience = world.says(Kind::Accounts, "targets", "ReceiptUnreadable", "upgrade the operator");
    assert!(message(&audience).contains(&name(&receipt)), "{}", message(&audience));
    let kept = world.receipt();
    assert_eq!(kept["record"]["news"], json!({"deep": true}), "it is left as it is");
    assert_eq!(kept["record"]["formatVersion"], 2);
    world.sent(1, 1);
}

/// One bad receipt must not keep others from being read.
#[test]
fn a_receipt_that_is_nonsense_disturbs_nobody_else() {
    let world = World::new();
    world.apply(
        Kind::Receipt,
        "nonsense",
        json!({"identity": {"kind": "Nothing", "workspaceID": "x", "host": "y", "more": [1]}, "record": {"formatVersion": 1, "state": "?", "attempts": []}}),
    );
    let _operator = world.operator().start();
    world.connect();
    world.accounts("targets", &["example.com"]);
    world.settled(Kind::Accounts, "targets", "Created");
    world.sent(1, 1);
}

#[test]
fn a_hand_edited_status_is_put_right() {
    let (world, _operator, _) = created();
    let before = world.get(Kind::Accounts, "targets")["status"].clone();
    let now = "2020-01-01T00:00:00Z";
    let lie = json!([{"type": "Ready", "status": "False", "reason": "Nonsense", "message": "by hand", "lastTransitionTime": now}]);
    world.objects.patch_status(
        Kind::Accounts,
        "targets",
        json!({"status": {"conditions": lie, "listHash": "0", "receiptRef": null}}),
    );
    let after = world.ready(Kind::Accounts, "targets");
    assert_eq!(after["status"]["listHash"], before["listHash"]);
    assert_eq!(after["status"]["receiptRef"], before["receiptRef"]);
    world.sent(1, 1);
}

#[test]
fn a_status_that_lies_about_a_create_is_not_believed() {
    let world = World::new();
    world.connect();
    world.accounts("targets", &["example.com"]);
    let now = "2020-01-01T00:00:00Z";
    let lie = json!([{"type": "Ready", "status": "True", "reason": "Created", "message": "by hand", "lastTransitionTime": now}]);
    world.objects.patch_status(
        Kind::Accounts,
        "targets",
        json!({"status": {"observedGeneration": 1, "conditions": lie, "receiptRef": {"name": "ar-of-nothing"}}}),
    );
    let _operator = world.operator().start();
    eventually("the lie is put right", || {
        let audience = world.get(Kind::Accounts, "targets");
        ensure(message(&audience) != "by hand", || audience["status"].to_string())
    });
    world.ready(Kind::Accounts, "targets");
    world.sent(1, 1);
}

#[test]
fn an_unknown_resolution_is_refused_and_the_right_one_still_works() {
    let (world, _operator, receipt) = unknown();
    let attempt = receipt["record"]["attempts"][0]["id"].as_str().unwrap().to_owned();
    let annotate = |value: &str| {
        let value = format!("abm.propensity.com/resolve={value}");
        world.kubectl(&["annotate", "areceipt", &name(&receipt), "--overwrite", &value]).fine();
    };
    for wrong in ["canary".to_owned(), format!("{attempt}=canary"), "=".to_owned(), "nobody=created".to_owned()] {
        annotate(&wrong);
        let audience = world.settled(Kind::Accounts, "targets", "ResolutionInvalid");
        assert!(!audience["status"].to_string().contains("canary"), "{:#}", audience["status"]);
        assert!(message(&audience).contains("=created"), "it says how it's done: {}", message(&audience));
        world.sent(1, 0);
    }
    annotate(&format!("{attempt}=dismiss"));
    world.settled(Kind::Accounts, "targets", "Dismissed");
    world.sent(1, 0);
}

#[test]
fn removing_a_wrong_resolution_brings_the_truth_back() {
    let (world, _operator, receipt) = unknown();
    world.kubectl(&["annotate", "areceipt", &name(&receipt), "abm.propensity.com/resolve=nonsense"]).fine();
    world.settled(Kind::Accounts, "targets", "ResolutionInvalid");
    world.kubectl(&["annotate", "areceipt", &name(&receipt), "abm.propensity.com/resolve-"]).fine();
    let audience = world.settled(Kind::Accounts, "targets", "OutcomeUnknown");
    assert!(condition(&audience, "Stalled").is_some());
}
