//! An hour's outage with 200 waiting lists, in time that is compressed.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::objects::reason;
use crate::support::wait::{consistently, ensure, eventually, eventually_by_progress};
use crate::support::{Kind, World};

const AUDIENCES: usize = 200;
/// An hour takes 15 seconds. If it is faster, a busy machine does little else than re-check the audiences that wait.
const SPEEDUP: u32 = 240;
const MAX_UNKNOWNS: usize = 10;

fn outage(fault: Value) {
    let world = World::new();
    world.connect_with(json!({"requestTimeout": "10s"}));
    let names: Vec<_> = (0..AUDIENCES).map(|i| format!("targets-{i}")).collect();
    for name in &names {
        world.accounts(name, &[&format!("{name}.example.com")]);
    }
    world.simulator.borrow().fault(fault);
    let _operator = world.operator().fast(SPEEDUP).start();
    world.simulator.borrow().wait_requests(1);
    consistently(Duration::from_secs(3600) / SPEEDUP, "few lists are risked", || {
        let risked = world.simulator.borrow().requests().len();
        ensure(risked <= MAX_UNKNOWNS, || format!("{risked} requests"))
    });
    world.simulator.borrow().clear_faults();

    eventually_by_progress("the rest is sent", || {
        let sent = world.simulator.borrow().requests().len();
        ensure(sent >= AUDIENCES, || format!("{sent} of {AUDIENCES}")).map_err(|why| (sent, why))
    });
    eventually("each audience reports its outcome", || {
        let audiences: Vec<_> = world.objects.list(Kind::Accounts);
        let count = |wanted: &[&str]| audiences.iter().filter(|a| wanted.contains(&reason(a))).count();
        let (created, unknown) = (count(&["Created", "AlreadyCreated"]), count(&["OutcomeUnknown"]));
        ensure(created + unknown == AUDIENCES, || format!("{created} created, {unknown} unknown"))
    });
    let unknown = world.receipts().iter().filter(|r| r["record"]["state"] == "Unknown").count();
    assert!((1..=MAX_UNKNOWNS).contains(&unknown), "{unknown} unknown");
    let simulator = world.simulator.borrow();
    assert_eq!(simulator.requests().len(), AUDIENCES, "each list was sent once");
    assert_eq!(simulator.duplicates(), 0);
}

#[test]
fn an_hour_of_503_makes_a_handful_of_unknowns() {
    outage(json!({"fault": "status", "status": 503}));
}

#[test]
fn an_hour_of_lost_answers_makes_a_handful_of_unknowns() {
    outage(json!({"fault": "closeAfterStoring"}));
}
