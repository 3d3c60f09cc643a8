//! Settling what nobody can know, with the commands that the operator's own messages give.

use serde_json::{Value, json};

use crate::support::objects::message;
use crate::support::wait::{ensure, eventually};
use crate::support::{Kind, Operator, World};

/// The command in a message that settles an attempt this way.
#[track_caller]
fn command(message: &str, decision: &str) -> String {
    let found = message.split('`').find(|part| part.starts_with("kubectl ") && part.ends_with(&format!("={decision}")));
    found.unwrap_or_else(|| panic!("no command for {decision} in: {message}")).to_owned()
}

/// A world whose audience `targets` ended this way, after one request.
fn ended(fault: Value, reason: &str) -> (World, Operator, Value) {
    let world = World::new();
    let operator = world.operator().mortal().fast(1_000).start();
    world.connect();
    let mut fault = fault;
    fault["times"] = 1.into();
    world.simulator.borrow().fault(fault);
    world.accounts("targets", &["example.com"]);
    let audience = world.settled(Kind::Accounts, "targets", reason);
    (world, operator, audience)
}

fn unknown(stored: bool) -> (World, Operator, Value) {
    let fault = if stored { "storeThenStatus" } else { "status" };
    ended(json!({"fault": fault, "status": 502}), "OutcomeUnknown")
}

#[test]
fn the_message_tells_all_that_is_needed_to_look_into_the_workspace() {
    let (world, _operator, audience) = unknown(true);
    let attempt = world.receipt()["record"]["attempts"][0].clone();
    let said = message(&audience);
    let day = &attempt["claimedAt"].as_str().unwrap()[..10];
    for words in [day, "1 member", "/create_account_audience", attempt["id"].as_str().unwrap()] {
        assert!(said.contains(words), "{words:?} isn't said: {said}");
    }
    for decision in ["created", "send-again", "dismiss"] {
        command(said, decision);
    }
}

#[test]
fn an_unknown_outcome_that_is_found_in_the_workspace_is_created() {
    let (world, _operator, audience) = unknown(true);
    world.run(&command(message(&audience), "created")).fine();
    let audience = world.settled(Kind::Accounts, "targets", "AlreadyCreated");
    assert_eq!(audience["status"]["lastCreated"]["members"], 1);
    assert!(world.event("targets", "Resolved").contains("a person"));
    let receipt = world.receipt_is("Created");
    assert_eq!(receipt["record"]["resolutions"][0]["by"], "Person");
    assert!(receipt["metadata"]["annotations"]["abm.propensity.com/resolve"].is_null(), "it is done and gone");
    world.sent(1, 1);
}

#[test]
fn an_unknown_outcome_can_be_sent_again_once() {
    let (world, _operator, audience) = unknown(false);
    let send_again = command(message(&audience), "send-again");
    world.run(&send_again).fine();
    let audience = world.settled(Kind::Accounts, "targets", "Created");
    let receipt = world.receipt_is("Created");
    assert_eq!(receipt["record"]["attempts"].as_array().unwrap().len(), 2);
    assert_eq!(receipt["record"]["possibleExtras"], 1, "the first may be there too: {:#}", receipt["record"]);
    world.sent(2, 1);
    // The same command once more does nothing.
    world.run(&send_again).fine();
    world.accounts("other", &["example.org"]);
    world.settled(Kind::Accounts, "other", "Created");
    assert_eq!(world.get(Kind::Accounts, "targets")["status"]["receiptRef"], audience["status"]["receiptRef"]);
    world.sent(3, 2);
}

#[test]
fn an_unknown_outcome_can_be_dismissed() {
    let (world, _operator, audience) = unknown(false);
    world.run(&command(message(&audience), "dismiss")).fine();
    world.says(Kind::Accounts, "targets", "Dismissed", "spec.revision");
    world.receipt_is("Dismissed");
    eventually("the workspace counts no unknowns", || {
        let workspace = world.get(Kind::Workspace, "default");
        ensure(workspace["status"]["openUnknowns"] == 0, || workspace["status"].to_string())
    });
    world.sent(1, 0);
    world.accounts_with("targets", &["example.com"], json!({"revision": "after all"}));
    world.settled(Kind::Accounts, "targets", "Created");
    world.sent(2, 1);
}

#[test]
fn a_rejection_can_be_settled_in_each_way() {
    for (decision, reason, requests, stored) in
        [("created", "AlreadyCreated", 1, 0), ("send-again", "Created", 2, 1), ("dismiss", "Dismissed", 1, 0)]
    {
        let (world, _operator, audience) = ended(json!({"fault": "errorTrue"}), "Rejected");
        world.run(&command(message(&audience), decision)).fine();
        world.settled(Kind::Accounts, "targets", reason);
        world.sent(requests, stored);
    }
}

#[test]
fn what_was_resolved_while_the_operator_was_down_is_followed() {
    let (world, mut operator, audience) = unknown(true);
    operator.kill();
    world.run(&command(message(&audience), "created")).fine();
    let _operator = world.operator().mortal().start();
    world.settled(Kind::Accounts, "targets", "AlreadyCreated");
    world.sent(1, 1);
}

#[test]
fn an_orphan_can_be_settled_on_its_receipt() {
    let (world, _operator, audience) = unknown(false);
    world.objects.delete(Kind::Accounts, "targets");
    let workspace = world.workspace_has("OutcomesUnknown");
    assert_eq!(workspace["reason"], "Unresolved");
    world.run(&command(message(&audience), "dismiss")).fine();
    world.receipt_is("Dismissed");
    eventually("the workspace counts no unknowns", || {
        let workspace = world.get(Kind::Workspace, "default");
        ensure(workspace["status"]["openUnknowns"] == 0, || workspace["status"].to_string())
    });
    world.sent(1, 0);
}
