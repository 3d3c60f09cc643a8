#![allow(clippy::unwrap_used)]

use std::time::Duration;

use super::*;
use crate::controller::fixtures::named;
use crate::propensity::{ApiKey, WaitReason};

fn moment(second: u64) -> Moment {
    Moment::from_zero(Duration::from_secs(second))
}

fn key(text: &str) -> KeyId {
    ApiKey::from_bytes(text.as_bytes()).unwrap().id()
}

fn who(name: &str) -> AudienceKey {
    let mut audience = named(&[1]).audience;
    audience.meta.name = Some(name.to_owned());
    audience.key()
}

fn limits(concurrent: u32) -> Limits {
    Limits { requests_per_minute: 600, burst: 100, concurrent }
}

/// How many of ten audiences may go at once.
fn let_through(gates: &Gates, id: KeyId, now: Moment) -> usize {
    let grants = (0..10).map(|n| gates.ask(id, now, &who(&format!("a{n}"))));
    grants.filter(|grant| matches!(grant, Some(Grant::Permit(_)))).count()
}

#[test]
fn a_key_that_no_workspace_uses_lets_nobody_through() {
    let gates = Gates::default();
    assert_eq!(gates.ask(key("k"), moment(1), &who("a")), None);
    assert_eq!(gates.view(key("k"), moment(1)), None);
    gates.register("w", key("k"), limits(3), moment(1), || false);
    gates.unregister("w", moment(1));
    assert_eq!(gates.ask(key("k"), moment(1), &who("a")), None);
}

#[test]
fn workspaces_that_share_a_key_share_its_limits_and_the_lower_wins() {
    for order in [[("one", 5), ("two", 2)], [("two", 2), ("one", 5)]] {
        let gates = Gates::default();
        for (workspace, concurrent) in order {
            gates.register(workspace, key("shared"), limits(concurrent), moment(1), || false);
        }
        assert_eq!(let_through(&gates, key("shared"), moment(1)), 2, "both together");
    }
}

#[test]
fn a_workspace_that_leaves_takes_its_limits_with_it() {
    let gates = Gates::default();
    gates.register("one", key("shared"), limits(5), moment(1), || false);
    gates.register("two", key("shared"), limits(2), moment(1), || false);
    gates.unregister("two", moment(1));
    assert_eq!(let_through(&gates, key("shared"), moment(1)), 5);
}

#[test]
fn a_workspace_with_a_new_key_leaves_the_old_one() {
    let gates = Gates::default();
    gates.register("one", key("old"), limits(5), moment(1), || false);
    gates.register("two", key("old"), limits(2), moment(1), || false);
    gates.register("two", key("new"), limits(2), moment(1), || false);
    assert_eq!(let_through(&gates, key("old"), moment(1)), 5);
    assert_eq!(let_through(&gates, key("new"), moment(1)), 2);
    gates.register("one", key("new"), limits(5), moment(1), || false);
    let view = gates.view(key("old"), moment(1)).map(|(view, _)| view.in_flight);
    assert_eq!(view, Some(5), "a gate stays while requests are on their way");
}

#[test]
fn limits_are_renewed_and_caution_is_asked_for_once() {
    let gates = Gates::default();
    let mut asked = 0;
    for concurrent in [5, 4] {
        gates.register("one", key("k"), limits(concurrent), moment(1), || {
            asked += 1;
            false
        });
    }
    assert_eq!(asked, 1);
    assert_eq!(let_through(&gates, key("k"), moment(1)), 4);
}

#[test]
fn a_gate_that_begins_in_caution_lets_one_through_at_a_time() {
    let gates = Gates::default();
    gates.register("team/one", key("k"), limits(5), moment(1), || true);
    let Some(Grant::Permit(permit)) = gates.ask(key("k"), moment(1), &who("a")) else { panic!("the first may go") };
    let Some(Grant::Wait { why, .. }) = gates.ask(key("k"), moment(1), &who("b")) else { panic!("the second waits") };
    assert_eq!(why, WaitReason::Caution);
    let woken = gates.give_back(key("k"), moment(2), permit, Effect::Definite, 0.0);
    let workspace = ObjectRef::new("one").within("team");
    assert_eq!(woken, (vec![who("b")], vec![workspace]), "a definite answer ends it, and its workspace shows that");
    assert_eq!(gates.view(key("k"), moment(2)).unwrap().0.caution, None);
}

#[test]
fn whoever_leaves_makes_room_for_the_next() {
    let gates = Gates::default();
    gates.register("one", key("k"), limits(1), moment(1), || false);
    let Some(Grant::Permit(permit)) = gates.ask(key("k"), moment(1), &who("a")) else { panic!("the first may go") };
    for name in ["b", "c"] {
        assert!(matches!(gates.ask(key("k"), moment(1), &who(name)), Some(Grant::Wait { .. })));
    }
    assert!(gates.forget(moment(1), &who("b")).is_empty(), "the only place is taken");
    assert_eq!(gates.give_back(key("k"), moment(2), permit, Effect::Definite, 0.0).0, [who("c")]);
}

#[test]
fn a_turn_that_is_not_taken_is_passed_on() {
    let gates = Gates::default();
    gates.register("one", key("k"), limits(1), moment(1), || false);
    let Some(Grant::Permit(permit)) = gates.ask(key("k"), moment(1), &who("a")) else { panic!("the first may go") };
    for name in ["b", "c"] {
        assert!(matches!(gates.ask(key("k"), moment(1), &who(name)), Some(Grant::Wait { .. })));
    }
    assert_eq!(gates.give_back(key("k"), moment(2), permit, Effect::Definite, 0.0).0, [who("b")]);
    assert!(gates.ready(moment(3)).is_empty(), "b has a moment to take its turn");
    assert_eq!(gates.ready(moment(4)), [who("c")]);
    assert!(matches!(gates.ask(key("k"), moment(5), &who("c")), Some(Grant::Permit(_))));
}

#[test]
fn the_gate_of_another_key_feels_nothing() {
    let gates = Gates::default();
    gates.register("one", key("a"), limits(3), moment(1), || false);
    gates.register("two", key("b"), limits(3), moment(1), || false);
    let Some(Grant::Permit(permit)) = gates.ask(key("a"), moment(1), &who("a")) else { panic!("the first may go") };
    let _ = gates.give_back(key("a"), moment(1), permit, Effect::Unclear { retry_after: None }, 0.0);
    assert_eq!(let_through(&gates, key("a"), moment(2)), 0);
    assert_eq!(let_through(&gates, key("b"), moment(2)), 3);
}
