//! `SendAgain`: a bounded policy that was switched on, in time that is compressed.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::objects::{is_true, message};
use crate::support::wait::{ensure, holds_for};
use crate::support::{Kind, Operator, World};

/// The shortest wait of the policy, 15 minutes, takes 3 seconds.
const HURRY: u32 = 300;

/// A world with one audience of that policy, and an API that fails this often.
fn world(allowed: bool, max_sends: u32, failures: u32) -> (World, Operator) {
    let world = World::new();
    let operator = world.operator().fast(HURRY).start();
    world.connect_with(json!({"allowSendAgain": allowed, "requestTimeout": "5s"}));
    world.simulator.borrow().fault(json!({"fault": "status", "status": 500, "times": failures}));
    let policy = json!({"unknownOutcome": {"policy": "SendAgain", "maxSends": max_sends, "after": "15m"}});
    world.accounts_with("targets", &["example.com"], policy);
    (world, operator)
}

#[track_caller]
fn nothing_more_comes(world: &World, requests: usize) {
    holds_for(Duration::from_secs(5), "nothing more is sent", || {
        let came = world.simulator.borrow().requests().len();
        ensure(came == requests, || format!("{came} requests"))
    });
}

#[test]
fn it_sends_again_after_its_wait_and_records_that_it_did() {
    let (world, _operator) = world(true, 2, 1);
    let waiting = world.says(Kind::Accounts, "targets", "OutcomeUnknown", "sent again by the SendAgain policy");
    assert!(is_true(&waiting, "Reconciling") && !is_true(&waiting, "Stalled"));
    world.settled(Kind::Accounts, "targets", "Created");
    let receipt = world.receipt_is("Created");
    let resolutions = receipt["record"]["resolutions"].as_array().unwrap();
    assert_eq!(resolutions.len(), 1);
    assert_eq!((&resolutions[0]["by"], &resolutions[0]["decision"]), (&json!("Policy"), &json!("send-again")));
    assert_eq!(receipt["record"]["possibleExtras"], 1);
    world.sent(2, 1);
}

#[test]
fn its_bound_holds() {
    let (world, _operator) = world(true, 2, 100);
    world.simulator.borrow().wait_requests(2);
    let held = world.says(Kind::Accounts, "targets", "OutcomeUnknown", "maxSends");
    assert!(is_true(&held, "Stalled"), "{}", message(&held));
    nothing_more_comes(&world, 2);
    let attempts: Value = world.receipt()["record"]["attempts"].clone();
    assert_eq!(attempts.as_array().unwrap().len(), 2);
}

#[test]
fn it_does_nothing_where_the_workspace_does_not_allow_it() {
    let (world, _operator) = world(false, 3, 100);
    let held = world.settled(Kind::Accounts, "targets", "OutcomeUnknown");
    assert!(is_true(&held, "Stalled"));
    nothing_more_comes(&world, 1);
}

#[test]
fn switched_on_after_the_attempt_it_does_not_count_for_it() {
    let (world, _operator) = world(true, 3, 100);
    world.simulator.borrow().wait_requests(1);
    world.settled(Kind::Accounts, "targets", "OutcomeUnknown");
    world.accounts_with("targets", &["example.com"], json!({"unknownOutcome": {"policy": "Hold"}}));
    let held = world.settled(Kind::Accounts, "targets", "OutcomeUnknown");
    assert!(is_true(&held, "Stalled"), "the live policy counts: {}", message(&held));
    nothing_more_comes(&world, 1);
}
