//! Kills, stops and take-overs with a request in flight.

use serde_json::{Value, json};

use crate::support::objects::reason;
use crate::support::wait::{ensure, eventually};
use crate::support::{Kind, Operator, World};

/// A pace at which a claim's time to live, a bit more than a minute, is over in a second.
const HURRY: u32 = 60;

/// A world with the request for `targets` held by the simulator.
fn in_flight(store: Value) -> (World, Operator) {
    let world = World::new();
    let operator = world.operator().mortal().start();
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

fn settle(world: &World, decision: &str) {
    let receipt = world.receipt();
    let (name, attempt) = (&receipt["metadata"]["name"], &receipt["record"]["attempts"][0]["id"]);
    let value = format!("abm.propensity.com/resolve={}={decision}", attempt.as_str().unwrap());
    world.kubectl(&["annotate", "areceipt", name.as_str().unwrap(), &value]).fine();
}

#[test]
fn a_kill_in_flight_ends_in_one_request_and_an_unknown_that_is_found_created() {
    let (world, mut operator) = in_flight(json!(true));
    operator.kill();
    world.simulator.borrow().release();
    assert_eq!(world.receipt()["record"]["state"], "Claimed", "recorded before it was sent");

    let _operator = world.operator().mortal().fast(HURRY).start();
    world.says(Kind::Accounts, "targets", "OutcomeUnknown", "ended before it could record an answer");
    world.sent(1, 1);
    settle(&world, "created");
    world.settled(Kind::Accounts, "targets", "AlreadyCreated");
    world.sent(1, 1);
}

#[test]
fn a_kill_in_flight_ends_in_one_request_and_an_unknown_that_is_sent_again() {
    let (world, mut operator) = in_flight(json!(false));
    operator.kill();
    world.simulator.borrow().release();
    let _operator = world.operator().mortal().fast(HURRY).start();
    world.settled(Kind::Accounts, "targets", "OutcomeUnknown");
    world.sent(1, 0);
    settle(&world, "send-again");
    world.settled(Kind::Accounts, "targets", "Created");
    world.sent(2, 1);
}

#[test]
fn a_claim_is_respected_while_it_may_still_be_in_flight() {
    let (world, mut operator) = in_flight(json!(true));
    operator.kill();
    let operator = world.operator().mortal().start();
    operator.wait_leading();
    // It lasts, so it is told.
    world.settled(Kind::Accounts, "targets", "Sending");
    assert_eq!(world.receipt()["record"]["state"], "Claimed");
    world.sent(1, 1);
}

#[test]
fn a_claim_whose_audience_is_gone_becomes_a_visible_unknown() {
    let (world, mut operator) = in_flight(json!(true));
    operator.kill();
    world.objects.delete(Kind::Accounts, "targets");
    let _operator = world.operator().mortal().fast(HURRY).start();
    world.receipt_is("Unknown");
    world.workspace_has("OutcomesUnknown");
    world.accounts("again", &["example.com"]);
    world.settled(Kind::Accounts, "again", "OutcomeUnknown");
    world.sent(1, 1);
}

#[test]
fn a_stop_in_flight_ends_in_created() {
    let (world, mut operator) = in_flight(Value::Null);
    operator.signal("TERM");
    // What is new is left to the next one.
    world.accounts("later", &["example.org"]);
    eventually("it leads no more while it drains", || ensure(!operator.is_leading(), || "it leads".to_owned()));
    assert_eq!(operator.get("/livez").unwrap().status, 200);
    assert_eq!(world.receipt()["record"]["state"], "Claimed");
    world.simulator.borrow().release();
    assert_eq!(operator.wait_ended(), "exit 0");
    assert_eq!(reason(&world.get(Kind::Accounts, "targets")), "Created");
    assert_eq!(world.receipt()["record"]["state"], "Created");
    world.sent(1, 1);
    let lease = world.objects.list(Kind::Lease).remove(0);
    assert!(lease["spec"]["holderIdentity"].as_str().unwrap_or_default().is_empty(), "given back: {lease:#}");

    let _operator = world.operator().mortal().start();
    world.settled(Kind::Accounts, "later", "Created");
    world.ready(Kind::Accounts, "targets");
    world.sent(2, 2);
}

#[test]
fn when_the_leader_is_killed_the_standby_goes_on() {
    let world = World::new();
    let mut first = world.operator().mortal().start();
    first.wait_leading();
    let second = world.operator().mortal().start();
    assert!(!second.is_leading());
    world.connect();
    world.accounts("before", &["example.com"]);
    world.settled(Kind::Accounts, "before", "Created");
    first.kill();
    world.accounts("after", &["example.org"]);
    world.settled(Kind::Accounts, "after", "Created");
    assert!(second.is_leading());
    world.ready(Kind::Accounts, "before");
    world.sent(2, 2);
}

#[test]
fn when_the_leader_stops_the_standby_goes_on_at_once() {
    let world = World::new();
    // Longer than this test may wait: only a lease that is given back is taken in time.
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
    world.settled(Kind::Accounts, "targets", "Created");
    world.sent(1, 1);
}

/// A process that sleeps through everything and wakes with an answer: its late word is the truth.
#[test]
fn a_leader_that_was_paused_in_flight_still_records_what_it_knows() {
    let (world, mut first) = in_flight(json!(true));
    let second = world.operator().mortal().fast(HURRY).start();
    first.signal("STOP");
    first.wait_stopped(true);
    second.wait_leading();
    world.settled(Kind::Accounts, "targets", "OutcomeUnknown");
    world.simulator.borrow().release();
    first.signal("CONT");
    // Told by whichever is quicker: the one that learned it, or the one that finds it in the ledger.
    world.ready(Kind::Accounts, "targets");
    world.receipt_is("Created");
    world.sent(1, 1);
    first.wait_ended();
    world.accounts("next", &["example.org"]);
    world.settled(Kind::Accounts, "next", "Created");
    world.sent(2, 2);
}

/// Kills wherever it happens to be, again and again.
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
    // Alone on a desk: no lease to wait for, no caution that outlasts this test.
    let start = || world.operator().mortal().fast(600).flag("leader-elect", "false").spawn();
    for kill in 1..=6 {
        let mut operator = start();
        world.simulator.borrow().wait_requests(kill * 3);
        operator.kill();
    }
    let _operator = start();
    for name in &names {
        eventually("each list is created or unknown", || {
            let audience = world.get(Kind::Accounts, name);
            let settled = ["Created", "AlreadyCreated", "OutcomeUnknown"].contains(&reason(&audience));
            ensure(settled, || format!("{name} is {:?}", reason(&audience)))
        });
    }
    let simulator = world.simulator.borrow();
    assert_eq!(simulator.duplicates(), 0);
    assert!(simulator.requests().len() <= AUDIENCES, "{} requests", simulator.requests().len());
    let unknown = world.receipts().iter().filter(|r| r["record"]["state"] == "Unknown").count();
    assert!(unknown <= 6 * 5, "no more than were in flight at the kills: {unknown}");
}
