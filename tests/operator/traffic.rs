//! What the operator asks of the API server, by the API server's own audit log.

use std::time::Duration;

use serde_json::json;

use crate::support::audit;
use crate::support::wait::{ensure, eventually, holds_for};
use crate::support::{Kind, World};

/// Waits until nothing was asked for a second.
fn quiet(world: &World) -> Vec<String> {
    let mut last = audit::requests(&world.namespace);
    eventually("the operator falls quiet", || {
        std::thread::sleep(Duration::from_secs(1));
        let now = audit::requests(&world.namespace);
        let still = now == last;
        last = now;
        ensure(still, || format!("{:?}", last.last()))
    });
    last
}

#[test]
fn from_apply_to_ready_takes_at_most_six_requests() {
    let world = World::new();
    let _operator = world.operator().start();
    world.connect();
    world.accounts("first", &["example.com"]);
    world.event("first", "Created");
    let before = quiet(&world).len();
    world.contacts("second", json!([{"linkedinUrl": "https://www.linkedin.com/in/example"}]));
    world.settled(Kind::Contacts, "second", "Created");
    world.event("second", "Created");
    let requests = quiet(&world).split_off(before);
    assert!(requests.len() <= 6, "{} requests: {requests:#?}", requests.len());
    let forbidden = audit::forbidden(&world.namespace);
    assert!(forbidden.is_empty(), "the chart doesn't grant: {forbidden:#?}");
}

#[test]
fn at_rest_it_asks_for_nothing_but_its_lease_and_watches() {
    let world = World::new();
    let _operator = world.operator().start();
    world.connect();
    world.accounts("ready", &["example.com"]);
    world.settled(Kind::Accounts, "ready", "Created");
    world.accounts("stalled", &["not a website"]);
    world.settled(Kind::Accounts, "stalled", "InvalidMembers");
    world.accounts("lost", &[]);
    world.settled(Kind::Accounts, "lost", "EmptyList");
    world.simulator.borrow().fault(json!({"fault": "status", "status": 500, "times": 1}));
    world.accounts("unknown", &["example.org"]);
    world.settled(Kind::Accounts, "unknown", "OutcomeUnknown");
    let before = quiet(&world);
    holds_for(Duration::from_secs(10), "the operator asks for nothing", || {
        let now = audit::requests(&world.namespace);
        ensure(now.len() == before.len(), || format!("{:#?}", &now[before.len()..]))
    });
}

#[test]
fn a_restart_sends_and_writes_nothing() {
    const AUDIENCES: u32 = 20;
    let world = World::new();
    let mut operator = world.operator().start();
    world.connect();
    let names: Vec<_> = (0..AUDIENCES).map(|i| format!("targets-{i}")).collect();
    for name in &names {
        world.accounts(name, &[&format!("{name}.example.com")]);
    }
    for name in &names {
        world.settled(Kind::Accounts, name, "Created");
    }
    quiet(&world);
    operator.signal("TERM");
    assert_eq!(operator.wait_ended(), "exit 0");
    let before = audit::writes(&world.namespace);

    let operator = world.operator().start();
    eventually("the new process knows them all", || {
        let known = operator.metric_sum("propensity_operator_audiences");
        ensure(known >= f64::from(AUDIENCES), || format!("{known}"))
    });
    operator.wait_leading();
    quiet(&world);
    let after = audit::writes(&world.namespace);
    assert_eq!(after.len(), before.len(), "{:#?}", &after[before.len()..]);
    world.sent(AUDIENCES as usize, AUDIENCES as usize);
}
