//! What holds for a receipt under every order of events.

use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::world::{Fate, Step, World, config, steps};
use super::*;

fn send_agains(record: &Record) -> usize {
    record.resolutions.iter().filter(|r| r.decision == Resolve::SendAgain).count()
}

/// What holds after every step.
fn check(world: &World, before: Option<&Record>) -> Result<(), TestCaseError> {
    let Some(receipt) = world.receipt() else { return Ok(()) };
    let Receipt { record, standing, .. } = &receipt;

    prop_assert_eq!(record.state, standing.state);
    prop_assert_eq!(record.possible_extras, standing.possible_extras);
    prop_assert_eq!(&stored(record), world.stored.as_ref().unwrap(), "what is read is what stands there");
    prop_assert!(record.attempts.iter().filter(|a| a.outcome.is_none()).count() <= 1);
    prop_assert!(record.attempts.len() <= MAX_ATTEMPTS);

    // The promise: one create, and one more for each time that it was authorised.
    let authorised = 1 + send_agains(record);
    prop_assert!(standing.may_be_stored as usize <= authorised);
    prop_assert!(world.audiences() <= authorised, "{} audiences", world.audiences());
    // None of them is forgotten: whatever really stands in the workspace has an attempt that says so or doesn't know, or that a person settled.
    for flight in world.flights.iter().filter(|f| matches!(f.fate, Fate::Sent { stored: true, .. })) {
        let attempt = record.attempt(&flight.attempt.id).expect("a stored audience keeps its attempt");
        let result = attempt.outcome.as_ref().map(|o| o.result);
        prop_assert!(matches!(result, None | Some(OutcomeResult::Unknown | OutcomeResult::Created)));
    }
    prop_assert!(world.audiences() <= standing.may_be_stored as usize);

    if let Some(before) = before {
        let was = Standing::of(before);
        prop_assert!(standing.creates >= was.creates, "a known create is never taken back");
        if was.state == State::Created {
            prop_assert_eq!(standing.state, State::Created);
        }
        prop_assert!(record.resolutions.starts_with(&before.resolutions), "resolutions are only added");
    }
    Ok(())
}

/// What a decision may rest on.
fn check_decision(world: &World, policy: &Policy, decision: &Decision, receipt: &Receipt) -> Result<(), TestCaseError> {
    let record = &receipt.record;
    let unsettled = |result| {
        record.attempts.iter().any(|a| {
            a.outcome.as_ref().map(|o| o.result) == result && (result.is_none() || record.resolution(&a.id).is_none())
        })
    };
    match decision {
        Decision::Claim => {
            prop_assert_eq!(receipt.standing.creates, 0, "what was created is never claimed");
            prop_assert!(!unsettled(None), "an open attempt is never overtaken");
            prop_assert!(!unsettled(Some(OutcomeResult::Unknown)), "an unknown is never claimed unless it was settled");
        }
        Decision::Authorise(instruction, By::Policy) => {
            let attempt = record.attempt(&instruction.attempt).unwrap();
            prop_assert!(policy.allowed && policy.audience.send_again && attempt.policy.send_again);
            let bound = record.attempts.iter().map(|a| a.policy.max_sends).fold(policy.audience.max_sends, u32::min);
            prop_assert!(receipt.standing.may_be_stored < bound);
            prop_assert_eq!(instruction.decision, Resolve::SendAgain);
            let barred = Policy { allowed: false, ..policy.clone() };
            let held = matches!(world.decision(&barred), Decision::HoldUnknown { exhausted: false, .. });
            prop_assert!(held, "where the workspace doesn't allow it, it is held");
        }
        Decision::Authorise(_, By::Person) => prop_assert!(false, "the policy is no person"),
        _ => {}
    }
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_order_of_events_makes_an_audience_that_nobody_authorised(steps in steps()) {
        let mut world = World::default();
        for step in &steps {
            let before = world.receipt();
            if let (Step::Pass { policy, .. }, Some(receipt)) = (step, &before) {
                check_decision(&world, policy, &world.decision(policy), receipt)?;
            }
            let flights = world.flights.len();
            let decision = world.take(step);
            let claimed = decision == Some(Decision::Claim);
            prop_assert_eq!(world.flights.len() > flights, claimed, "a request only ever follows a claim");
            check(&world, before.as_ref().map(|r| &r.record))?;
        }
    }

    #[test]
    fn without_a_resolution_there_is_never_a_second_audience(steps in steps()) {
        let mut world = World::default();
        let hold = Policy { audience: SendPolicy { send_again: false, max_sends: 5, after_seconds: 0 }, allowed: true };
        for step in steps {
            let step = match step {
                Step::Pass { fate, .. } => Step::Pass { policy: hold.clone(), fate },
                Step::Tend { .. } => Step::Tend { annotation: None },
                step => step,
            };
            world.take(&step);
            prop_assert!(world.audiences() <= 1);
            prop_assert!(world.receipt().is_none_or(|receipt| receipt.record.resolutions.is_empty()));
        }
    }

    #[test]
    fn every_outcome_may_come_twice(steps in steps(), number in 0_usize..8) {
        let mut world = World::default();
        steps.iter().for_each(|step| { world.take(step); });
        world.take(&Step::Report(number));
        let once = world.stored.clone();
        world.take(&Step::Report(number));
        prop_assert_eq!(world.stored, once);
    }

    #[test]
    fn watching_longer_never_takes_back_a_decision_to_send_again(steps in steps(), seconds in 1_u64..100_000) {
        let mut world = World::default();
        steps.iter().for_each(|step| { world.take(step); });
        let policy = Policy { audience: SendPolicy { send_again: true, max_sends: 5, after_seconds: 0 }, allowed: true };
        let before = world.decision(&policy);
        world.take(&Step::Watch(seconds));
        match (before, world.decision(&policy)) {
            (Decision::WaitToSendAgain { remaining, attempt }, after) => {
                let left = remaining.saturating_sub(Duration::from_secs(seconds));
                let expected = if left.is_zero() {
                    Decision::Authorise(instruction(&attempt, Resolve::SendAgain), By::Policy)
                } else {
                    Decision::WaitToSendAgain { remaining: left, attempt }
                };
                prop_assert_eq!(after, expected);
            }
            (before, after) => prop_assert_eq!(after, before),
        }
    }
}

#[test]
fn the_orders_of_events_reach_what_the_properties_are_about() {
    let mut runner = TestRunner::deterministic();
    let mut reached = std::collections::BTreeMap::new();
    for _ in 0..500 {
        let steps = steps().new_tree(&mut runner).unwrap().current();
        let mut world = World::default();
        for step in &steps {
            world.take(step);
        }
        let Some(Receipt { record, standing, .. }) = world.receipt() else { continue };
        let classes: Vec<_> = record.attempts.iter().flat_map(|a| &a.outcome).map(|o| o.class.as_str()).collect();
        let marks = [
            ("two audiences", world.audiences() > 1),
            ("two known creates", standing.creates > 1),
            ("possible extras", standing.possible_extras > 0),
            ("a policy's resolution", record.resolutions.iter().any(|r| r.by == By::Policy)),
            ("a person's resolution", record.resolutions.iter().any(|r| r.by == By::Person)),
            ("a replaced attempt", record.not_sent.is_some()),
            ("an expiry", classes.contains(&NO_OUTCOME)),
            ("an abandoned claim", classes.contains(&"abandoned")),
        ];
        for (mark, here) in marks {
            *reached.entry(mark).or_insert(0) += u32::from(here);
        }
        *reached.entry(standing.state.as_str()).or_insert(0) += 1;
    }
    assert!(reached.values().all(|times| *times > 0), "{reached:?}");
    assert_eq!(reached.len(), 8 + State::ALL.len(), "{reached:?}");
}
