//! The `SendAgain` policy: when it sends a list with an unknown outcome again. The operator's clock is sped up.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::objects::{is_true, message};
use crate::support::wait::{consistently, ensure};
use crate::support::{Kind, Operator, World};

/// The shortest wait of the policy, 15 minutes, takes 3 seconds.
const SPEEDUP: u32 = 300;

/// One audience with this policy, and an API that fails this many times.
fn audience_with_policy(allowed: bool, max_sends: u32, failures: u32) -> (World, Operator) {
    let world = World::new();
    let operator = world.operator().fast(SPEEDUP).start();
    world.connect_with(json!({"allowSendAgain": allowed, "requestTimeout": "5s"}));
    world.simulator.borrow().fault(json!({"fault": "status", "status": 500, "times": failures}));
    let policy = json!({"unknownOutcome": {"policy": "SendAgain", "maxSends": max_sends, "after": "15m"}});
    world.accounts_with("targets", &["example.com"], policy);
    (world, operator)
}

#[track_caller]
fn assert_no_more_requests(world: &World, requests: usize) {
    consistently(Duration::from_secs(5), "nothing more is sent", || {
        let received = world.simulator.borrow().requests().len();
        ensure(received == requests, || format!("{received} requests"))
    });
}

#[test]
fn it_sends_again_after_the_wait_and_records_the_resolution() {
    let (world, _operator) = audience_with_policy(true, 2, 1);
    let waiting = world.wait_message(Kind::Accounts, "targets", "OutcomeUnknown", "sent again by the SendAgain policy");
    assert!(is_true(&waiting, "Reconciling") && !is_true(&waiting, "Stalled"));
    world.wait_reason(Kind::Accounts, "targets", "Created");
    let receipt = world.wait_receipt_state("Created");
    let resolutions = receipt["record"]["resolutions"].as_array().unwrap();
    assert_eq!(resolutions.len(), 1);
    assert_eq!((&resolutions[0]["by"], &resolutions[0]["decision"]), (&json!("Policy"), &json!("send-again")));
    assert_eq!(receipt["record"]["possibleExtras"], 1);
    world.assert_sent(2, 1);
}

#[test]
fn it_sends_at_most_max_sends_times() {
    let (world, _operator) = audience_with_policy(true, 2, 100);
    world.simulator.borrow().wait_requests(2);
    let blocked = world.wait_message(Kind::Accounts, "targets", "OutcomeUnknown", "maxSends");
    assert!(is_true(&blocked, "Stalled"), "{}", message(&blocked));
    assert_no_more_requests(&world, 2);
    let attempts: Value = world.receipt()["record"]["attempts"].clone();
    assert_eq!(attempts.as_array().unwrap().len(), 2);
}

#[test]
fn it_does_nothing_if_the_workspace_does_not_allow_it() {
    let (world, _operator) = audience_with_policy(false, 3, 100);
    let blocked = world.wait_reason(Kind::Accounts, "targets", "OutcomeUnknown");
    assert!(is_true(&blocked, "Stalled"));
    assert_no_more_requests(&world, 1);
}

#[test]
fn switching_the_policy_off_after_the_attempt_stops_it() {
    let (world, _operator) = audience_with_policy(true, 3, 100);
    world.simulator.borrow().wait_requests(1);
    world.wait_reason(Kind::Accounts, "targets", "OutcomeUnknown");
    world.accounts_with("targets", &["example.com"], json!({"unknownOutcome": {"policy": "Hold"}}));
    let blocked = world.wait_reason(Kind::Accounts, "targets", "OutcomeUnknown");
    assert!(is_true(&blocked, "Stalled"), "the current policy applies: {}", message(&blocked));
    assert_no_more_requests(&world, 1);
}
