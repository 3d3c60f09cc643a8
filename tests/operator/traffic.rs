//! The operator's requests to the API server, by the API server's audit log.

use std::time::Duration;

use serde_json::json;

use crate::support::audit;
use crate::support::wait::{consistently, ensure, eventually};
use crate::support::{Kind, World};

/// Waits until there was no request for a second, and returns all requests.
fn wait_idle(world: &World) -> Vec<String> {
    let mut last = audit::requests(&world.namespace);
    eventually("the operator sends no more requests", || {
        std::thread::sleep(Duration::from_secs(1));
        let now = audit::requests(&world.namespace);
        let idle = now == last;
        last = now;
        ensure(idle, || format!("{:?}", last.last()))
    });
    last
}

#[test]
fn from_apply_to_ready_takes_at_most_six_requests() {
    let world = World::new();
    let _operator = world.operator().start();
    world.connect();
    world.accounts("first", &["example.com"]);
    world.wait_event("first", "Created");
    let before = wait_idle(&world).len();
    world.contacts("second", json!([{"linkedinUrl": "https://www.linkedin.com/in/example"}]));
    world.wait_reason(Kind::Contacts, "second", "Created");
    world.wait_event("second", "Created");
    let requests = wait_idle(&world).split_off(before);
    assert!(requests.len() <= 6, "{} requests: {requests:#?}", requests.len());
    let forbidden = audit::forbidden(&world.namespace);
    assert!(forbidden.is_empty(), "permissions are missing in the chart: {forbidden:#?}");
}

#[test]
fn when_idle_it_only_renews_its_lease_and_watches() {
    let world = World::new();
    let _operator = world.operator().start();
    world.connect();
    world.accounts("ready", &["example.com"]);
    world.wait_reason(Kind::Accounts, "ready", "Created");
    world.accounts("stalled", &["not a website"]);
    world.wait_reason(Kind::Accounts, "stalled", "InvalidMembers");
    world.accounts("lost", &[]);
    world.wait_reason(Kind::Accounts, "lost", "EmptyList");
    world.simulator.borrow().fault(json!({"fault": "status", "status": 500, "times": 1}));
    world.accounts("unknown", &["example.org"]);
    world.wait_reason(Kind::Accounts, "unknown", "OutcomeUnknown");
    let before = wait_idle(&world);
    consistently(Duration::from_secs(10), "the operator sends no requests", || {
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
        world.wait_reason(Kind::Accounts, name, "Created");
    }
    wait_idle(&world);
    operator.signal("TERM");
    assert_eq!(operator.wait_ended(), "exit 0");
    let before = audit::writes(&world.namespace);

    let operator = world.operator().start();
    eventually("the new process has all audiences", || {
        let known = operator.metric_sum("propensity_operator_audiences");
        ensure(known >= f64::from(AUDIENCES), || format!("{known}"))
    });
    operator.wait_leading();
    wait_idle(&world);
    let after = audit::writes(&world.namespace);
    assert_eq!(after.len(), before.len(), "{:#?}", &after[before.len()..]);
    world.assert_sent(AUDIENCES as usize, AUDIENCES as usize);
}
