//! What a gate does with askers that come late, or not at all: no place stays empty for them, and nobody loses the
//! order.

use std::ops::Range;
use std::time::Duration;

use super::gate::Gate;
use super::gate_sim::{FAST, NOBODY, UNCLEAR, World, at, fast, settle, take};
use super::hold::BreakerCause::Credentials;
use super::pace::{Effect, Grant, Limits, Permit};

/// The only request that may be in flight, and others that wait for its end.
fn one_in_flight(gate: &mut Gate<u32>, waiting: Range<u32>) -> Permit {
    gate.set_limits("w", Limits { concurrent: 1, ..FAST });
    let permit = take(gate, at(0), 1);
    for who in waiting {
        assert!(matches!(gate.ask(at(0), who), Grant::Wait { known: false, .. }), "{who}");
    }
    permit
}

#[test]
fn a_turn_that_is_not_taken_goes_to_the_next_at_once() {
    let mut gate = Gate::new();
    let permit = one_in_flight(&mut gate, 2..6);
    assert_eq!(gate.settled(at(10), permit, Effect::Definite, 0.0), vec![2]);
    assert_eq!(gate.ready(at(11)), NOBODY, "2 knows it, and the place is kept for it");
    assert!(matches!(gate.ask(at(11), 3), Grant::Wait { .. }));
    let passed_on = gate.next_change(at(11)).expect("somebody waits");
    assert_eq!(passed_on, at(12));
    assert_eq!(gate.ready(passed_on), vec![3], "2 didn't come");
    let permit = take(&mut gate, at(13), 3);
    assert_eq!(gate.settled(at(14), permit, Effect::Definite, 0.0), vec![4]);
    let _permit = take(&mut gate, at(14), 4);
}

#[test]
fn whoever_was_late_is_first_in_line_when_it_asks() {
    let mut gate = Gate::new();
    let permit = one_in_flight(&mut gate, 2..6);
    let _ = gate.settled(at(10), permit, Effect::Definite, 0.0);
    let _ = gate.ready(at(12));
    let permit = take(&mut gate, at(12), 3);
    assert!(matches!(gate.ask(at(13), 2), Grant::Wait { .. }), "one at a time");
    assert_eq!(gate.settled(at(14), permit, Effect::Definite, 0.0), vec![2], "before 4 and 5, who joined after it");
    let permit = take(&mut gate, at(14), 2);
    assert_eq!(gate.settled(at(15), permit, Effect::Definite, 0.0), vec![4]);
    // Where the place is still free, even without being named again.
    let _ = gate.ready(at(17));
    let _permit = take(&mut gate, at(17), 4);
}

#[test]
fn whoever_is_named_is_named_once_until_it_asks() {
    let mut gate = Gate::new();
    let permit = one_in_flight(&mut gate, 2..4);
    assert_eq!(gate.settled(at(10), permit, Effect::Definite, 0.0), vec![2]);
    assert_eq!([gate.ready(at(10)), gate.ready(at(11))], [NOBODY; 2]);
    assert_eq!(gate.ready(at(12)), [3]);
    assert_eq!(gate.ready(at(13)), NOBODY);
}

#[test]
fn a_turn_that_is_passed_on_stays_one_turn() {
    let mut breaker = fast();
    let permit = take(&mut breaker, at(0), 1);
    settle(&mut breaker, at(0), permit, Effect::OpenBreaker(Credentials));
    let mut unreachable = fast();
    let permit = take(&mut unreachable, at(0), 1);
    settle(&mut unreachable, at(0), permit, Effect::Unreachable);
    let mut caution = fast();
    caution.enter_caution(at(0));
    for mut gate in [breaker, unreachable, caution] {
        let permit = take(&mut gate, at(900), 1);
        for who in 2..5 {
            assert!(matches!(gate.ask(at(900), who), Grant::Wait { known: false, .. }));
        }
        assert_eq!(gate.settled(at(901), permit, Effect::Unused, 0.0), vec![2]);
        assert_eq!(gate.ready(at(903)), vec![3]);
        let only = take(&mut gate, at(904), 3);
        assert!(matches!(gate.ask(at(904), 2), Grant::Wait { .. }), "one at a time");
        assert_eq!(gate.ready(at(910)), NOBODY);
        settle(&mut gate, at(911), only, Effect::Definite);
        let _all: Vec<_> = [2, 4].map(|who| take(&mut gate, at(911), who)).into();
    }
}

/// Reconciles that start so many seconds late: different for each asker, the same in each run.
fn late(from: u64, to: u64) -> Vec<Duration> {
    (0..97).map(|step| Duration::from_millis(from * 1000 + step * 8_087 % ((to - from) * 1000 + 1))).collect()
}

#[test]
fn late_askers_use_the_capacity_that_there_is() {
    // 200 requests of a second each, three at once: 67 s if nobody is late.
    for (from, to, most) in [(0, 0, 67), (0, 5, 200), (5, 9, 250), (11, 30, 300), (20, 60, 350), (60, 120, 500)] {
        let mut world = World::new(true);
        world.gate.set_limits("w", FAST);
        world.late = late(from, to);
        (0..200).for_each(|who| world.join(who));
        world.run(at(6 * 3600), |_, _| (Duration::from_secs(1), Effect::Definite));
        assert_eq!(world.done.len(), 200, "{from} to {to} s late");
        let took = world.last_done.since(at(0));
        assert!(took <= Duration::from_secs(most), "{took:?}, {from} to {to} s late");
    }
}

#[test]
fn late_askers_make_no_more_unknowns_in_an_outage_and_then_everyone_gets_in() {
    for (from, to) in [(0, 5), (11, 30), (60, 120)] {
        for limits in [FAST, Limits::default()] {
            let mut world = World::new(true);
            world.gate.set_limits("w", limits);
            world.late = late(from, to);
            (0..200).for_each(|who| world.join(who));
            world.run(at(3 * 3600), |now, _| {
                (Duration::from_secs(1), if now < at(3600) { UNCLEAR } else { Effect::Definite })
            });
            assert!(world.unclear.len() <= 10, "{} unknowns, {from} to {to} s late", world.unclear.len());
            assert_eq!(world.done.len() + world.unclear.len(), 200, "{from} to {to} s late");
        }
    }
}

#[test]
fn askers_that_are_gone_delay_the_others_for_a_moment_only() {
    let mut gate = Gate::new();
    let permit = one_in_flight(&mut gate, 2..12);
    let mut now = at(10);
    let mut named = gate.settled(now, permit, Effect::Definite, 0.0);
    // All but the last are gone.
    while named != vec![11] {
        now = gate.next_change(now).expect("the turn is passed on");
        named = gate.ready(now);
    }
    assert!(now <= at(10 + 9 * 2), "{now:?}");
    let _permit = take(&mut gate, now, 11);
}
