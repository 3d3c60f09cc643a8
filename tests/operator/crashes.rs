//! Kills, stops and changes of the leader while a request is in flight.

use serde_json::{Value, json};

use crate::support::objects::reason;
use crate::support::wait::{ensure, eventually};
use crate::support::{Kind, Operator, World};

/// The lifetime of a claim, somewhat more than a minute, takes about a second.
const SPEEDUP: u32 = 60;

/// A running operator whose request for `targets` is held by the simulator.
fn request_in_flight(store: Value) -> (World, Operator) {
    let world = World::new();
    let operator = world.operator().short_lease().start();
    world.connect_with(json!({"requestTimeout": "30s"}));
    let mut fault = json!({"fault": "hold", "times": 1});
    if !store.is_null() {
        fault["store"] = store;
    }
    world.simulator.borrow().fault(fault);
    world.accounts("targets", &["example.com"]);
    world.simulator.borrow().wait_held(1);
    (world, operator)
}

fn resolve(world: &World, decision: &str) {
    let receipt = world.receipt();
    let (name, attempt) = (&receipt["metadata"]["name"], &receipt["record"]["attempts"][0]["id"]);
    let value = format!("abm.propensity.com/resolve={}={decision}", attempt.as_str().unwrap());
    world.kubectl(&["annotate", "areceipt", name.as_str().unwrap(), &value]).expect_success();
}

#[test]
fn a_killed_request_is_unknown_and_can_be_resolved_as_created() {
    let (world, mut operator) = request_in_flight(json!(true));
    operator.kill();
    world.simulator.borrow().release();
    assert_eq!(world.receipt()["record"]["state"], "Claimed", "recorded before it was sent");

    let _operator = world.operator().short_lease().fast(SPEEDUP).start();
    world.wait_message(Kind::Accounts, "targets", "OutcomeUnknown", "ended before it could record an answer");
    world.assert_sent(1, 1);
    resolve(&world, "created");
    world.wait_reason(Kind::Accounts, "targets", "AlreadyCreated");
    world.assert_sent(1, 1);
}

#[test]
fn a_killed_request_is_unknown_and_can_be_sent_again() {
    let (world, mut operator) = request_in_flight(json!(false));
    operator.kill();
    world.simulator.borrow().release();
    let _operator = world.operator().short_lease().fast(SPEEDUP).start();
    world.wait_reason(Kind::Accounts, "targets", "OutcomeUnknown");
    world.assert_sent(1, 0);
    resolve(&world, "send-again");
    world.wait_reason(Kind::Accounts, "targets", "Created");
    world.assert_sent(2, 1);
}

#[test]
fn a_claim_is_respected_while_its_request_may_be_in_flight() {
    let (world, mut operator) = request_in_flight(json!(true));
    operator.kill();
    let operator = world.operator().short_lease().start();
    operator.wait_leading();
    // The claim stays for more than a moment, so it is reported.
    world.wait_reason(Kind::Accounts, "targets", "Sending");
    assert_eq!(world.receipt()["record"]["state"], "Claimed");
    world.assert_sent(1, 1);
}

#[test]
fn a_claim_whose_audience_is_deleted_is_reported_as_unknown() {
    let (world, mut operator) = request_in_flight(json!(true));
    operator.kill();
    world.objects.delete(Kind::Accounts, "targets");
    let _operator = world.operator().short_lease().fast(SPEEDUP).start();
    world.wait_receipt_state("Unknown");
    world.wait_workspace_condition("OutcomesUnknown");
    world.accounts("again", &["example.com"]);
    world.wait_reason(Kind::Accounts, "again", "OutcomeUnknown");
    world.assert_sent(1, 1);
}

#[test]
fn a_stopping_operator_completes_its_request() {
    let (world, mut operator) = request_in_flight(Value::Null);
    operator.signal("TERM");
    // New audiences are left to the next process.
    world.accounts("later", &["example.org"]);
    eventually("it isn't the leader while it drains", || ensure(!operator.is_leading(), || "it is".to_owned()));
    assert_eq!(operator.get("/livez").unwrap().status, 200);
    assert_eq!(world.receipt()["record"]["state"], "Claimed");
    world.simulator.borrow().release();
    assert_eq!(operator.wait_ended(), "exit 0");
    assert_eq!(reason(&world.get(Kind::Accounts, "targets")), "Created");
    assert_eq!(world.receipt()["record"]["state"], "Created");
    world.assert_sent(1, 1);
    let lease = world.objects.list(Kind::Lease).remove(0);
    assert!(
        lease["spec"]["holderIdentity"].as_str().unwrap_or_default().is_empty(),
        "the lease is released: {lease:#}"
    );

    let _operator = world.operator().short_lease().start();
    world.wait_reason(Kind::Accounts, "later", "Created");
    world.wait_ready(Kind::Accounts, "targets");
    world.assert_sent(2, 2);
}

#[test]
fn when_the_leader_is_killed_the_standby_takes_over() {
    let world = World::new();
    let mut first = world.operator().short_lease().start();
    first.wait_leading();
    let second = world.operator().short_lease().start();
    assert!(!second.is_leading());
    world.connect();
    world.accounts("before", &["example.com"]);
    world.wait_reason(Kind::Accounts, "before", "Created");
    first.kill();
    world.accounts("after", &["example.org"]);
    world.wait_reason(Kind::Accounts, "after", "Created");
    assert!(second.is_leading());
    world.wait_ready(Kind::Accounts, "before");
    world.assert_sent(2, 2);
}

#[test]
fn when_the_leader_stops_the_standby_takes_over_immediately() {
    let world = World::new();
    // Longer than the timeout of this test: the standby can only take over in time if the lease is released.
    let lease = |launch: crate::support::operator::Launch<'static>| {
        launch.flag("lease-duration", "600s").flag("renew-deadline", "500s")
    };
    let mut first = lease(world.operator()).start();
    first.wait_leading();
    let second = lease(world.operator()).start();
    first.signal("TERM");
    assert_eq!(first.wait_ended(), "exit 0");
    second.wait_leading();
    world.connect();
    world.accounts("targets", &["example.com"]);
    world.wait_reason(Kind::Accounts, "targets", "Created");
    world.assert_sent(1, 1);
}

/// The paused process gets its response late. The response is still correct, and is recorded.
#[test]
fn a_leader_that_was_paused_during_its_request_still_records_the_response() {
    let (world, mut first) = request_in_flight(json!(true));
    let second = world.operator().short_lease().fast(SPEEDUP).start();
    first.signal("STOP");
    first.wait_stopped(true);
    second.wait_leading();
    world.wait_reason(Kind::Accounts, "targets", "OutcomeUnknown");
    world.simulator.borrow().release();
    first.signal("CONT");
    // The faster one reports it: the process that got the response, or the one that finds it in the ledger.
    world.wait_ready(Kind::Accounts, "targets");
    world.wait_receipt_state("Created");
    world.assert_sent(1, 1);
    first.wait_ended();
    world.accounts("next", &["example.org"]);
    world.wait_reason(Kind::Accounts, "next", "Created");
    world.assert_sent(2, 2);
}

/// Kills the operator several times, at arbitrary points.
#[test]
fn kills_at_any_point_never_send_a_list_twice() {
    const AUDIENCES: usize = 40;
    let world = World::new();
    world.connect_with(json!({"requestTimeout": "2s", "concurrentCreates": 5}));
    world.simulator.borrow().fault(json!({"fault": "delay", "delayMs": 30}));
    let names: Vec<_> = (0..AUDIENCES).map(|i| format!("targets-{i}")).collect();
    for name in &names {
        world.accounts(name, &[&format!("{name}.example.com")]);
    }
    // No leader election, and a fast clock, so that no wait is longer than this test.
    let start = || world.operator().short_lease().fast(600).flag("leader-elect", "false").spawn();
    for kill in 1..=6 {
        let mut operator = start();
        world.simulator.borrow().wait_requests(kill * 3);
        operator.kill();
    }
    let _operator = start();
    for name in &names {
        eventually("each list is created or unknown", || {
            let audience = world.get(Kind::Accounts, name);
            let done = ["Created", "AlreadyCreated", "OutcomeUnknown"].contains(&reason(&audience));
            ensure(done, || format!("{name} is {:?}", reason(&audience)))
        });
    }
    let simulator = world.simulator.borrow();
    assert_eq!(simulator.duplicates(), 0);
    assert!(simulator.requests().len() <= AUDIENCES, "{} requests", simulator.requests().len());
    let unknown = world.receipts().iter().filter(|r| r["record"]["state"] == "Unknown").count();
    assert!(unknown <= 6 * 5, "no more than were in flight at the kills: {unknown}");
}
