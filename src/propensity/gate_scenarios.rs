//! What a gate does, one situation at a time.

use std::time::Duration;

use super::gate::Gate;
use super::gate_sim::{NOBODY, UNCLEAR, World, at, fast, settle, take};
use super::hold::BreakerCause::{Configuration, Credentials};
use super::pace::{Effect, Grant, Limits, WaitReason};
use crate::clock::Moment;

const BUSY: Effect = Effect::Busy { retry_after: None };

/// Asks with a new asker that goes away again if it has to wait.
fn probe(gate: &mut Gate<u32>, now: Moment) -> Result<super::pace::Permit, (Moment, WaitReason)> {
    match gate.ask(now, 999) {
        Grant::Permit(permit) => Ok(permit),
        Grant::Wait { until, why, .. } => {
            let _ = gate.forget(now, &999);
            Err((until, why))
        }
    }
}

/// The pauses between tries that all end the same way, in seconds.
fn pauses(effect: Effect, count: usize) -> Vec<u64> {
    let mut gate = fast();
    let mut now = at(0);
    (0..count)
        .map(|_| {
            let permit = probe(&mut gate, now).expect("it is time");
            settle(&mut gate, now, permit, effect);
            let (until, _) = probe(&mut gate, now).expect_err("it has to wait");
            let pause = until.since(now);
            now = until;
            pause.as_secs()
        })
        .collect()
}

#[test]
fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
    let mut gate = Gate::new();
    gate.set_limits("w", Limits { requests_per_minute: 60, burst: 2, concurrent: 10 });
    let _first = take(&mut gate, at(0), 1);
    let _second = take(&mut gate, at(0), 2);
    for (who, second) in [(3, 1), (4, 2), (5, 3)] {
        assert_eq!(gate.ask(at(0), who), Grant::Wait { until: at(second), known: true, why: WaitReason::Pacing });
    }
    assert_eq!(
        gate.ask(at(0), 4),
        Grant::Wait { until: at(2), known: true, why: WaitReason::Pacing },
        "asking again keeps the slot"
    );
    let _third = take(&mut gate, at(1), 3);
    let _fourth = take(&mut gate, at(2), 4);
}

#[test]
fn what_comes_behind_creates_waits_for_them_and_leaves_half_a_burst() {
    let mut gate = Gate::new();
    gate.set_limits("w", Limits { requests_per_minute: 60, burst: 4, concurrent: 1 });
    assert_eq!(gate.ask_behind(at(0)), Ok(()));
    assert_eq!(gate.ask_behind(at(0)), Ok(()));
    assert_eq!(gate.ask_behind(at(0)), Err(at(1)), "half a burst is left");
    let flight = take(&mut gate, at(0), 1);
    // One waits for the flight to end, and goes first, whatever the pace would allow.
    assert!(matches!(gate.ask(at(9), 2), Grant::Wait { .. }));
    assert!(gate.ask_behind(at(9)).is_err());
    settle(&mut gate, at(9), flight, Effect::OpenBreaker(Credentials));
    // Creates wait for a key; that is none of the others' business.
    assert!(matches!(gate.ask(at(9), 2), Grant::Wait { why: WaitReason::Breaker(Credentials), .. }));
    assert_eq!(gate.ask_behind(at(9)), Ok(()));
    let _ = gate.forget(at(9), &2);
    gate.must_pause(at(10), Some(Duration::from_secs(30)));
    assert_eq!(gate.ask_behind(at(39)), Err(at(40)));
    assert_eq!(gate.ask_behind(at(40)), Ok(()));
}

#[test]
fn a_pause_that_was_asked_for_without_a_permit_holds_creates_and_ends() {
    let mut gate = fast();
    gate.must_pause(at(0), None);
    assert!(matches!(gate.ask(at(1), 1), Grant::Wait { why: WaitReason::Paused, .. }));
    let permit = take(&mut gate, at(15), 1);
    settle(&mut gate, at(15), permit, Effect::Definite);
    assert_eq!(gate.view(at(15)).paused_until, None);
}

#[test]
fn a_newcomer_does_not_take_the_place_of_a_waiter() {
    let mut gate = Gate::new();
    gate.set_limits("w", Limits { requests_per_minute: 60, burst: 1, concurrent: 10 });
    let _first = take(&mut gate, at(0), 1);
    assert!(matches!(gate.ask(at(0), 2), Grant::Wait { .. }));
    assert_eq!(gate.ask(at(1), 3), Grant::Wait { until: at(2), known: true, why: WaitReason::Pacing });
    let _second = take(&mut gate, at(1), 2);
}

#[test]
fn an_asker_that_is_gone_loses_its_place() {
    let mut gate = Gate::new();
    gate.set_limits("w", Limits { requests_per_minute: 60, burst: 1, concurrent: 10 });
    let _first = take(&mut gate, at(0), 1);
    assert!(matches!(gate.ask(at(0), 2), Grant::Wait { .. }));
    assert!(matches!(gate.ask(at(2), 3), Grant::Wait { .. }));
    assert_eq!(gate.forget(at(2), &2), vec![3], "told to be gone");
    let _third = take(&mut gate, at(2), 3);
    assert!(matches!(gate.ask(at(2), 4), Grant::Wait { .. }));
    assert!(matches!(gate.ask(at(2), 5), Grant::Wait { .. }));
    let _fifth = take(&mut gate, at(5), 5);
    assert_eq!(gate.view(at(5)).waiting, 1, "4 didn't come back yet");
    assert!(matches!(gate.ask(at(4000), 6), Grant::Permit(_)));
    assert!(matches!(gate.ask(at(4000), 7), Grant::Wait { .. }));
    assert!(gate.ready(at(4100)).is_empty());
    assert_eq!(gate.view(at(4100)).waiting, 1, "only 7; 4 is forgotten");
}

#[test]
fn the_lower_limit_of_two_workspaces_counts() {
    let mut gate: Gate<u32> = Gate::new();
    gate.set_limits("a", Limits { requests_per_minute: 60, burst: 1, concurrent: 5 });
    gate.set_limits("b", Limits { requests_per_minute: 30, burst: 9, concurrent: 2 });
    assert_eq!(gate.limits(), Limits { requests_per_minute: 30, burst: 1, concurrent: 2 });
    gate.remove_limits("b");
    assert_eq!(gate.limits(), Limits { requests_per_minute: 60, burst: 1, concurrent: 5 });
}

#[test]
fn a_limit_of_zero_counts_as_one() {
    let mut gate = Gate::new();
    gate.set_limits("w", Limits { requests_per_minute: 0, burst: 0, concurrent: 0 });
    let permit = take(&mut gate, at(0), 1);
    settle(&mut gate, at(0), permit, Effect::Definite);
    assert_eq!(gate.ask(at(0), 2), Grant::Wait { until: at(60), known: true, why: WaitReason::Pacing });
}

#[test]
fn a_place_in_flight_that_gets_free_wakes_the_next() {
    let mut gate = fast();
    let permits: Vec<_> = (0..3).map(|who| take(&mut gate, at(0), who)).collect();
    assert!(matches!(gate.ask(at(0), 7), Grant::Wait { why: WaitReason::Pacing, .. }));
    assert!(matches!(gate.ask(at(0), 8), Grant::Wait { why: WaitReason::Pacing, .. }));
    let mut permits = permits.into_iter();
    let woken = permits.next().map(|permit| gate.settled(at(1), permit, Effect::Definite, 0.0));
    assert_eq!(woken, Some(vec![7]));
}

#[test]
fn pauses_double_up_to_their_bound() {
    let breaker = [900, 1800, 3600, 7200, 14400, 21600, 21600];
    assert_eq!(pauses(Effect::OpenBreaker(Credentials), 7), breaker);
    assert_eq!(pauses(Effect::OpenBreaker(Configuration), 7), breaker);
    assert_eq!(pauses(BUSY, 7), [30, 60, 120, 240, 480, 900, 900]);
    assert_eq!(pauses(UNCLEAR, 9), [60, 120, 240, 480, 960, 1920, 3840, 7200, 7200]);
    assert_eq!(pauses(Effect::Unreachable, 11), [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
}

#[test]
fn several_refused_keys_in_flight_at_once_open_the_breaker_once() {
    let mut gate = fast();
    let permits: Vec<_> = (0..3).map(|who| take(&mut gate, at(0), who)).collect();
    for (permit, second) in permits.into_iter().zip(1..) {
        settle(&mut gate, at(second), permit, Effect::OpenBreaker(Credentials));
    }
    let breaker = gate.view(at(4)).breaker.expect("open");
    assert_eq!((breaker.cause, breaker.since, breaker.half_open_at), (Credentials, at(1), at(901)));
    assert_eq!(probe(&mut gate, at(900)), Err((at(901), WaitReason::Breaker(Credentials))));
}

#[test]
fn a_half_open_breaker_lets_one_create_try() {
    let mut gate = fast();
    let permit = take(&mut gate, at(0), 1);
    settle(&mut gate, at(0), permit, Effect::OpenBreaker(Configuration));
    let only = take(&mut gate, at(900), 2);
    assert!(matches!(probe(&mut gate, at(900)), Err((_, WaitReason::Breaker(Configuration)))));
    settle(&mut gate, at(901), only, Effect::Definite);
    assert_eq!(gate.view(at(901)).breaker, None);
    let _all: Vec<_> = (3..6).map(|who| take(&mut gate, at(901), who)).collect();
}

#[test]
fn an_unused_try_leaves_the_breaker_half_open_for_the_next() {
    let mut gate = fast();
    let permit = take(&mut gate, at(0), 1);
    settle(&mut gate, at(0), permit, Effect::OpenBreaker(Credentials));
    let unused = take(&mut gate, at(900), 2);
    settle(&mut gate, at(900), unused, Effect::Unused);
    let next = take(&mut gate, at(900), 3);
    settle(&mut gate, at(900), next, Effect::Definite);
    assert_eq!(gate.view(at(900)).breaker, None);
}

#[test]
fn a_person_who_asks_again_gets_one_try_at_once() {
    let mut gate = fast();
    let permit = take(&mut gate, at(0), 1);
    settle(&mut gate, at(0), permit, Effect::OpenBreaker(Credentials));
    assert!(matches!(gate.ask(at(5), 2), Grant::Wait { until, .. } if until == at(900)));
    assert_eq!(gate.retry_now(at(6)), vec![2]);
    let permit = take(&mut gate, at(6), 2);
    settle(&mut gate, at(7), permit, Effect::OpenBreaker(Credentials));
    assert_eq!(probe(&mut gate, at(7)), Err((at(907), WaitReason::Breaker(Credentials))), "the pauses begin anew");
}

#[test]
fn a_request_that_was_on_its_way_lifts_no_hold() {
    for effect in [Effect::OpenBreaker(Credentials), BUSY, UNCLEAR, Effect::Unreachable] {
        let mut gate = fast();
        let (first, older) = (take(&mut gate, at(0), 1), take(&mut gate, at(0), 2));
        settle(&mut gate, at(1), first, effect);
        let before = gate.view(at(1));
        settle(&mut gate, at(1), older, Effect::Definite);
        let after = gate.view(at(1));
        assert_eq!(after, super::GateView { in_flight: 0, ..before }, "{effect:?}");
        assert!(probe(&mut gate, at(1)).is_err(), "{effect:?}");
    }
}

#[test]
fn the_api_is_left_alone_for_as_long_as_it_asks() {
    let mut gate = fast();
    let (first, second) = (take(&mut gate, at(0), 1), take(&mut gate, at(0), 2));
    settle(&mut gate, at(0), first, Effect::Busy { retry_after: Some(Duration::from_secs(7)) });
    settle(&mut gate, at(0), second, Effect::Busy { retry_after: Some(Duration::from_secs(3)) });
    assert_eq!(gate.view(at(0)).paused_until, Some(at(7)));
    assert_eq!(probe(&mut gate, at(6)), Err((at(7), WaitReason::Paused)));
    let _go = take(&mut gate, at(7), 3);
    assert_eq!(gate.view(at(7)).paused_until, None);
}

#[test]
fn an_unclear_answer_with_retry_after_pauses_too() {
    let mut gate = fast();
    let permit = take(&mut gate, at(0), 1);
    settle(&mut gate, at(0), permit, Effect::Unclear { retry_after: Some(Duration::from_secs(600)) });
    assert_eq!(probe(&mut gate, at(60)), Err((at(600), WaitReason::Paused)));
    assert_eq!(gate.view(at(60)).caution, Some(at(60)));
}

#[test]
fn jitter_shortens_a_back_off_by_at_most_half() {
    for (jitter, millis) in [(0.0, 500), (0.5, 750), (1.0, 1000), (7.0, 1000), (-1.0, 500)] {
        let mut gate = fast();
        let permit = take(&mut gate, at(0), 1);
        let _ = gate.settled(at(0), permit, Effect::Unreachable, jitter);
        let expected = Moment::from_zero(Duration::from_millis(millis));
        assert_eq!(probe(&mut gate, at(0)), Err((expected, WaitReason::Unreachable)));
    }
}

#[test]
fn while_unreachable_one_at_a_time_tries_and_any_reply_ends_it() {
    let mut gate = fast();
    let permit = take(&mut gate, at(0), 1);
    settle(&mut gate, at(0), permit, Effect::Unreachable);
    let only = take(&mut gate, at(1), 2);
    assert!(matches!(probe(&mut gate, at(1)), Err((_, WaitReason::Unreachable))));
    settle(&mut gate, at(2), only, BUSY);
    assert_eq!(gate.view(at(2)).unreachable, None);
}

#[test]
fn a_start_in_caution_lets_the_first_go_at_once_but_alone() {
    let mut gate = fast();
    gate.enter_caution(at(0));
    let only = take(&mut gate, at(0), 1);
    assert!(matches!(probe(&mut gate, at(0)), Err((_, WaitReason::Caution))));
    settle(&mut gate, at(1), only, UNCLEAR);
    assert_eq!(probe(&mut gate, at(1)), Err((at(61), WaitReason::Caution)));
    gate.enter_caution(at(30));
    let next = take(&mut gate, at(61), 2);
    settle(&mut gate, at(62), next, Effect::Definite);
    assert_eq!(gate.view(at(62)).caution, None);
}

#[test]
fn caution_outlasts_answers_that_are_not_definite() {
    for effect in [BUSY, Effect::OpenBreaker(Credentials), Effect::Unreachable, Effect::Unused] {
        let mut gate = fast();
        gate.enter_caution(at(0));
        let permit = take(&mut gate, at(0), 1);
        settle(&mut gate, at(0), permit, effect);
        assert_eq!(gate.view(at(0)).caution, Some(at(0)), "{effect:?}");
    }
}

#[test]
fn unclear_answers_in_flight_together_are_one_step() {
    let mut gate = fast();
    let permits: Vec<_> = (0..3).map(|who| take(&mut gate, at(0), who)).collect();
    for (permit, second) in permits.into_iter().zip(10..) {
        settle(&mut gate, at(second), permit, UNCLEAR);
    }
    assert_eq!(gate.view(at(13)).caution, Some(at(70)));
}

#[test]
fn an_hour_of_outage_makes_a_handful_of_unknowns_and_then_everyone_gets_in() {
    for takes in [0, 1, 5, 60, 120] {
        for wakes in [true, false] {
            let mut world = World::new(wakes);
            (0..200).for_each(|who| world.join(who));
            let outage = |now: Moment, _| {
                let effect = if now < at(3600) { UNCLEAR } else { Effect::Definite };
                (Duration::from_secs(if now < at(3600) { takes } else { 1 }), effect)
            };
            world.run(at(3600), outage);
            world.run(at(5 * 3600), outage);
            assert!(world.unclear.len() <= 10, "{} unknowns, {takes} s each", world.unclear.len());
            assert_eq!(world.done.len() + world.unclear.len(), 200, "{takes} s each, wakes: {wakes}");
        }
    }
}

#[test]
fn the_next_change_is_the_next_hold_slot_or_expiry() {
    let mut gate = fast();
    assert_eq!(gate.next_change(at(0)), None);
    let permit = take(&mut gate, at(0), 1);
    settle(&mut gate, at(0), permit, BUSY);
    assert_eq!(gate.next_change(at(0)), Some(at(30)));
    assert!(matches!(gate.ask(at(0), 2), Grant::Wait { .. }));
    assert_eq!(gate.next_change(at(30)), Some(at(32)), "the waiter's turn is passed on");
    assert_eq!(gate.ready(at(30)), NOBODY, "it comes by itself");
    assert_eq!(gate.next_change(at(32)), None);
}

#[test]
fn an_idle_gate_can_be_dropped() {
    let mut gate = fast();
    let permit = take(&mut gate, at(0), 1);
    gate.remove_limits("w");
    assert!(!gate.is_idle());
    settle(&mut gate, at(0), permit, Effect::Definite);
    assert!(gate.is_idle());
}

#[test]
fn ten_thousand_askers_are_no_burden() {
    let mut gate = Gate::new();
    gate.set_limits("w", Limits { requests_per_minute: 60, burst: 10, concurrent: 3 });
    for round in 0..2 {
        for who in 0..10_000_u32 {
            let _ = gate.ask(at(round), who);
        }
    }
    assert_eq!(gate.view(at(1)).waiting, 10_000, "three have a permit and asked for another one");
}
