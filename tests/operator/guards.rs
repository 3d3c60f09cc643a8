//! Guards: lists that are too small, too large, or changed by too much.

use serde_json::{Value, json};

use crate::support::objects::{is_true, message};
use crate::support::{Kind, Operator, World};

fn world() -> (World, Operator) {
    let world = World::new();
    let operator = world.operator().start();
    world.connect();
    (world, operator)
}

fn sites(count: usize) -> Vec<String> {
    (0..count).map(|site| format!("site-{site}.example.com")).collect()
}

fn accounts(world: &World, count: usize, spec: Value) {
    let sites = sites(count);
    let sites: Vec<_> = sites.iter().map(String::as_str).collect();
    world.accounts_with("targets", &sites, spec);
}

#[test]
fn a_list_outside_of_its_bounds_is_held_and_may_pass_by_its_hash() {
    let (world, _operator) = world();
    accounts(&world, 3, json!({"minMembers": 4}));
    world.says(Kind::Accounts, "targets", "GuardTripped", "3 members, fewer than the 4 of spec.minMembers");
    accounts(&world, 3, json!({"maxMembers": 2}));
    let held = world.says(Kind::Accounts, "targets", "GuardTripped", "3 members, more than the 2 of spec.maxMembers");
    assert!(is_true(&held, "Stalled"));
    world.sent(0, 0);
    let short = held["status"]["shortListHash"].as_str().unwrap();
    assert!(message(&held).contains(&format!("spec.passGuards: {short:?}")), "{}", message(&held));
    accounts(&world, 3, json!({"maxMembers": 2, "passGuards": short}));
    world.settled(Kind::Accounts, "targets", "Created");
    // The next list is held again.
    accounts(&world, 4, json!({"maxMembers": 2, "passGuards": short}));
    world.settled(Kind::Accounts, "targets", "GuardTripped");
    world.sent(1, 1);
}

#[test]
fn a_list_that_changed_by_too_much_is_held() {
    let (world, _operator) = world();
    accounts(&world, 10, json!({}));
    world.settled(Kind::Accounts, "targets", "Created");
    accounts(&world, 4, json!({}));
    world.says(Kind::Accounts, "targets", "GuardTripped", "4 members, 60 % fewer than the 10");
    accounts(&world, 16, json!({}));
    world.says(Kind::Accounts, "targets", "GuardTripped", "16 members, 60 % more than the 10");
    accounts(&world, 15, json!({}));
    world.settled(Kind::Accounts, "targets", "Created");
    accounts(&world, 2, json!({"maxSizeChangePercent": 100}));
    world.settled(Kind::Accounts, "targets", "Created");
    world.sent(3, 3);
    // What is in the workspace already is never held.
    accounts(&world, 10, json!({}));
    world.settled(Kind::Accounts, "targets", "AlreadyCreated");
    world.sent(3, 3);
}

#[test]
fn bounds_that_contradict_each_other_are_refused() {
    let world = World::new();
    let spec = json!({"accounts": [{"website": "example.com"}], "minMembers": 3, "maxMembers": 2});
    let refused = world.objects.apply(Kind::Accounts, "targets", json!({"spec": spec}));
    assert!(refused.unwrap_err().to_string().contains("minMembers must not be greater than maxMembers"));
}
