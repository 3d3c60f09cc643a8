//! Resolving unknown outcomes with the commands from the operator's messages.

use serde_json::{Value, json};

use crate::support::objects::message;
use crate::support::wait::{ensure, eventually};
use crate::support::{Kind, Operator, World};

/// The command in a message for this decision.
#[track_caller]
fn command(message: &str, decision: &str) -> String {
    let found = message.split('`').find(|part| part.starts_with("kubectl ") && part.ends_with(&format!("={decision}")));
    found.unwrap_or_else(|| panic!("no command for {decision} in: {message}")).to_owned()
}

/// An audience `targets` that has this reason after one request with a fault.
fn audience_after(fault: Value, reason: &str) -> (World, Operator, Value) {
    let world = World::new();
    let operator = world.operator().short_lease().fast(1_000).start();
    world.connect();
    let mut fault = fault;
    fault["times"] = 1.into();
    world.simulator.borrow().fault(fault);
    world.accounts("targets", &["example.com"]);
    let audience = world.wait_reason(Kind::Accounts, "targets", reason);
    (world, operator, audience)
}

fn unknown(stored: bool) -> (World, Operator, Value) {
    let fault = if stored { "storeThenStatus" } else { "status" };
    audience_after(json!({"fault": fault, "status": 502}), "OutcomeUnknown")
}

#[test]
fn the_message_has_everything_that_is_needed_to_check_the_workspace() {
    let (world, _operator, audience) = unknown(true);
    let attempt = world.receipt()["record"]["attempts"][0].clone();
    let text = message(&audience);
    let day = &attempt["claimedAt"].as_str().unwrap()[..10];
    for words in [day, "1 member", "/create_account_audience", attempt["id"].as_str().unwrap()] {
        assert!(text.contains(words), "{words:?} isn't in the message: {text}");
    }
    for decision in ["created", "send-again", "dismiss"] {
        command(text, decision);
    }
}

#[test]
fn an_unknown_outcome_can_be_resolved_as_created() {
    let (world, _operator, audience) = unknown(true);
    world.run(&command(message(&audience), "created")).expect_success();
    let audience = world.wait_reason(Kind::Accounts, "targets", "AlreadyCreated");
    assert_eq!(audience["status"]["lastCreated"]["members"], 1);
    assert!(world.wait_event("targets", "Resolved").contains("a person"));
    let receipt = world.wait_receipt_state("Created");
    assert_eq!(receipt["record"]["resolutions"][0]["by"], "Person");
    assert!(
        receipt["metadata"]["annotations"]["abm.propensity.com/resolve"].is_null(),
        "the annotation is removed afterwards"
    );
    world.assert_sent(1, 1);
}

#[test]
fn an_unknown_outcome_can_be_sent_again_once() {
    let (world, _operator, audience) = unknown(false);
    let send_again = command(message(&audience), "send-again");
    world.run(&send_again).expect_success();
    let audience = world.wait_reason(Kind::Accounts, "targets", "Created");
    let receipt = world.wait_receipt_state("Created");
    assert_eq!(receipt["record"]["attempts"].as_array().unwrap().len(), 2);
    assert_eq!(
        receipt["record"]["possibleExtras"], 1,
        "the first attempt may have been created too: {:#}",
        receipt["record"]
    );
    world.assert_sent(2, 1);
    // The same command again does nothing.
    world.run(&send_again).expect_success();
    world.accounts("other", &["example.org"]);
    world.wait_reason(Kind::Accounts, "other", "Created");
    assert_eq!(world.get(Kind::Accounts, "targets")["status"]["receiptRef"], audience["status"]["receiptRef"]);
    world.assert_sent(3, 2);
}

#[test]
fn an_unknown_outcome_can_be_dismissed() {
    let (world, _operator, audience) = unknown(false);
    world.run(&command(message(&audience), "dismiss")).expect_success();
    world.wait_message(Kind::Accounts, "targets", "Dismissed", "spec.revision");
    world.wait_receipt_state("Dismissed");
    eventually("the workspace counts no unknowns", || {
        let workspace = world.get(Kind::Workspace, "default");
        ensure(workspace["status"]["openUnknowns"] == 0, || workspace["status"].to_string())
    });
    world.assert_sent(1, 0);
    world.accounts_with("targets", &["example.com"], json!({"revision": "after all"}));
    world.wait_reason(Kind::Accounts, "targets", "Created");
    world.assert_sent(2, 1);
}

#[test]
fn a_rejection_can_be_resolved_with_each_decision() {
    for (decision, reason, requests, stored) in
        [("created", "AlreadyCreated", 1, 0), ("send-again", "Created", 2, 1), ("dismiss", "Dismissed", 1, 0)]
    {
        let (world, _operator, audience) = audience_after(json!({"fault": "errorTrue"}), "Rejected");
        world.run(&command(message(&audience), decision)).expect_success();
        world.wait_reason(Kind::Accounts, "targets", reason);
        world.assert_sent(requests, stored);
    }
}

#[test]
fn a_resolution_while_the_operator_is_down_is_applied_after_its_start() {
    let (world, mut operator, audience) = unknown(true);
    operator.kill();
    world.run(&command(message(&audience), "created")).expect_success();
    let _operator = world.operator().short_lease().start();
    world.wait_reason(Kind::Accounts, "targets", "AlreadyCreated");
    world.assert_sent(1, 1);
}

#[test]
fn an_unknown_outcome_can_be_resolved_after_its_audience_is_deleted() {
    let (world, _operator, audience) = unknown(false);
    world.objects.delete(Kind::Accounts, "targets");
    let workspace = world.wait_workspace_condition("OutcomesUnknown");
    assert_eq!(workspace["reason"], "Unresolved");
    world.run(&command(message(&audience), "dismiss")).expect_success();
    world.wait_receipt_state("Dismissed");
    eventually("the workspace counts no unknowns", || {
        let workspace = world.get(Kind::Workspace, "default");
        ensure(workspace["status"]["openUnknowns"] == 0, || workspace["status"].to_string())
    });
    world.assert_sent(1, 0);
}
