//! What holds for a gate under every order of ends.

use std::time::Duration;

use proptest::prelude::*;

use super::gate_sim::{Fate, World, at};
use super::hold::BreakerCause;
use super::pace::{Effect, Limits};
use crate::clock::Moment;

fn limits() -> impl Strategy<Value = Limits> {
    (1_u32..300, 1_u32..20, 1_u32..6).prop_map(|(requests_per_minute, burst, concurrent)| Limits {
        requests_per_minute,
        burst,
        concurrent,
    })
}

fn effect() -> impl Strategy<Value = Effect> {
    let wait = proptest::option::of((0_u64..120).prop_map(Duration::from_secs));
    prop_oneof![
        4 => Just(Effect::Definite),
        1 => wait.clone().prop_map(|retry_after| Effect::Busy { retry_after }),
        1 => Just(Effect::OpenBreaker(BreakerCause::Credentials)),
        1 => Just(Effect::OpenBreaker(BreakerCause::Configuration)),
        1 => Just(Effect::Unreachable),
        1 => wait.prop_map(|retry_after| Effect::Unclear { retry_after }),
        1 => Just(Effect::Unused),
    ]
}

fn fates() -> impl Strategy<Value = Vec<Fate>> {
    proptest::collection::vec(((0_u64..90_000).prop_map(Duration::from_millis), effect()), 1..40)
}

/// How late askers are: most of them on time, or all of them by up to two minutes.
fn late() -> impl Strategy<Value = Vec<Duration>> {
    let late = |most| proptest::collection::vec((0_u64..most).prop_map(Duration::from_millis), 0..20);
    prop_oneof![late(1), late(3_000), late(120_000)]
}

/// Faults in the given order, then a healthy API.
fn play(limits: Limits, fates: &[Fate], askers: u32, wakes: bool, late: &[Duration]) -> World {
    let mut world = World::new(wakes);
    world.late = late.to_vec();
    world.gate.set_limits("w", limits);
    (0..askers).for_each(|who| world.join(who));
    let mut coming = fates.iter().copied();
    world.run(at(40 * 24 * 3600), |_, _| coming.next().unwrap_or((Duration::from_millis(200), Effect::Definite)));
    world
}

fn most_in_a_minute(grants: &[(Moment, u64, u32)]) -> usize {
    let end = |first: Moment| grants.iter().take_while(|(at, ..)| at.since(first) <= Duration::from_secs(60)).count();
    grants.iter().enumerate().map(|(before, (first, ..))| end(*first) - before).max().unwrap_or(0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_limits_hold_whatever_happens(limits in limits(), fates in fates(), askers in 1_u32..60, wakes: bool, late in late()) {
        let world = play(limits, &fates, askers, wakes, &late);
        prop_assert!(world.most_in_flight <= limits.concurrent as usize);
        let bound = limits.burst + limits.requests_per_minute;
        prop_assert!(most_in_a_minute(&world.grants) <= bound as usize);
        prop_assert_eq!(world.crowded_half_open, 0);
    }

    #[test]
    fn everyone_gets_in_once_faults_stop(limits in limits(), fates in fates(), askers in 1_u32..60, wakes: bool, late in late()) {
        let world = play(limits, &fates, askers, wakes, &late);
        prop_assert_eq!(world.done.len() + world.unclear.len(), askers as usize);
        let view = world.gate.view(world.now);
        prop_assert_eq!((view.waiting, view.in_flight), (0, 0));
    }

    #[test]
    fn whoever_joins_first_goes_first(limits in limits(), fates in fates(), askers in 1_u32..60) {
        let world = play(limits, &fates, askers, true, &[]);
        let turns: Vec<u64> = world.grants.iter().map(|(_, turn, _)| *turn).collect();
        prop_assert!(turns.is_sorted(), "{:?}", turns);
    }

    #[test]
    fn a_gone_asker_holds_nobody_up(limits in limits(), gone in 0_u32..10) {
        let mut world = World::new(true);
        world.gate.set_limits("w", limits);
        for who in 1000..1000 + gone {
            let _ = world.gate.ask(at(0), who); // takes a permit that never comes back, or waits and never asks again
        }
        prop_assume!(world.gate.view(at(0)).in_flight < limits.concurrent as usize);
        (0..20).for_each(|who| world.join(who));
        world.run(at(24 * 3600), |_, _| (Duration::from_millis(200), Effect::Definite));
        prop_assert_eq!(world.done.len(), 20);
    }
}
