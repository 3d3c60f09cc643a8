//! Properties of a receipt under every order of events.

use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::world::{Event, Fate, World, config, events};
use super::*;

fn send_agains(record: &Record) -> usize {
    record.resolutions.iter().filter(|r| r.decision == Resolve::SendAgain).count()
}

/// Checks what must be true after every event.
fn check(world: &World, before: Option<&Record>) -> Result<(), TestCaseError> {
    let Some(receipt) = world.receipt() else { return Ok(()) };
    let Receipt { record, summary, .. } = &receipt;

    prop_assert_eq!(record.state, summary.state);
    prop_assert_eq!(record.possible_extras, summary.possible_extras);
    prop_assert_eq!(&stored(record), world.stored.as_ref().unwrap(), "a record is stored as it was read");
    prop_assert!(record.attempts.iter().filter(|a| a.outcome.is_none()).count() <= 1);
    prop_assert!(record.attempts.len() <= MAX_ATTEMPTS);

    // The guarantee: one create, and one more for each authorisation.
    let authorised = 1 + send_agains(record);
    prop_assert!(summary.may_be_stored as usize <= authorised);
    prop_assert!(world.audiences() <= authorised, "{} audiences", world.audiences());
    // None is forgotten: every audience that was really created has an attempt whose outcome is created, unknown or
    // still missing.
    for claimed in world.claims.iter().filter(|f| matches!(f.fate, Fate::Sent { stored: true, .. })) {
        let attempt = record.attempt(&claimed.attempt.id).expect("a stored audience keeps its attempt");
        let result = attempt.outcome.as_ref().map(|o| o.result);
        prop_assert!(matches!(result, None | Some(OutcomeResult::Unknown | OutcomeResult::Created)));
    }
    prop_assert!(world.audiences() <= summary.may_be_stored as usize);

    if let Some(before) = before {
        let was = RecordSummary::of(before);
        prop_assert!(summary.creates >= was.creates, "a known create is never lost");
        if was.state == State::Created {
            prop_assert_eq!(summary.state, State::Created);
        }
        prop_assert!(record.resolutions.starts_with(&before.resolutions), "resolutions are only added");
    }
    Ok(())
}

/// Checks the preconditions of a decision.
fn check_decision(world: &World, policy: &Policy, decision: &Decision, receipt: &Receipt) -> Result<(), TestCaseError> {
    let record = &receipt.record;
    let has_unresolved = |result| {
        record.attempts.iter().any(|a| {
            a.outcome.as_ref().map(|o| o.result) == result && (result.is_none() || record.resolution(&a.id).is_none())
        })
    };
    match decision {
        Decision::Claim => {
            prop_assert_eq!(receipt.summary.creates, 0, "a created audience is never claimed");
            prop_assert!(!has_unresolved(None), "no claim while an attempt is open");
            prop_assert!(!has_unresolved(Some(OutcomeResult::Unknown)), "no claim while an unknown is unresolved");
        }
        Decision::Authorise(instruction, ResolvedBy::Policy) => {
            let attempt = record.attempt(&instruction.attempt).unwrap();
            prop_assert!(policy.allowed && policy.audience.send_again && attempt.policy.send_again);
            let bound = record.attempts.iter().map(|a| a.policy.max_sends).fold(policy.audience.max_sends, u32::min);
            prop_assert!(receipt.summary.may_be_stored < bound);
            prop_assert_eq!(instruction.decision, Resolve::SendAgain);
            let forbidden = Policy { allowed: false, ..policy.clone() };
            let held = matches!(world.decision(&forbidden), Decision::HoldUnknown { exhausted: false, .. });
            prop_assert!(held, "if the workspace doesn't allow it, it waits for a person");
        }
        Decision::Authorise(_, ResolvedBy::Person) => {
            prop_assert!(false, "a decision never resolves in the name of a person");
        }
        _ => {}
    }
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_order_of_events_creates_an_unauthorised_audience(events in events()) {
        let mut world = World::default();
        for event in &events {
            let before = world.receipt();
            if let (Event::Reconcile { policy, .. }, Some(receipt)) = (event, &before) {
                check_decision(&world, policy, &world.decision(policy), receipt)?;
            }
            let claims = world.claims.len();
            let decision = world.apply(event);
            let claimed = decision == Some(Decision::Claim);
            prop_assert_eq!(world.claims.len() > claims, claimed, "a request is sent only after a claim");
            check(&world, before.as_ref().map(|r| &r.record))?;
        }
    }

    #[test]
    fn without_a_resolution_there_is_never_a_second_audience(events in events()) {
        let mut world = World::default();
        let hold = Policy { audience: SendPolicy { send_again: false, max_sends: 5, after_seconds: 0 }, allowed: true };
        for event in events {
            let event = match event {
                Event::Reconcile { fate, .. } => Event::Reconcile { policy: hold.clone(), fate },
                Event::ReconcileReceipt { .. } => Event::ReconcileReceipt { annotation: None },
                event => event,
            };
            world.apply(&event);
            prop_assert!(world.audiences() <= 1);
            prop_assert!(world.receipt().is_none_or(|receipt| receipt.record.resolutions.is_empty()));
        }
    }

    #[test]
    fn an_outcome_that_is_recorded_twice_changes_nothing(events in events(), number in 0_usize..8) {
        let mut world = World::default();
        events.iter().for_each(|event| { world.apply(event); });
        world.apply(&Event::RecordOutcome(number));
        let once = world.stored.clone();
        world.apply(&Event::RecordOutcome(number));
        prop_assert_eq!(world.stored, once);
    }

    #[test]
    fn waiting_longer_never_reverts_a_decision_to_send_again(events in events(), seconds in 1_u64..100_000) {
        let mut world = World::default();
        events.iter().for_each(|event| { world.apply(event); });
        let send_again = SendPolicy { send_again: true, max_sends: 5, after_seconds: 0 };
        let policy = Policy { audience: send_again, allowed: true };
        let before = world.decision(&policy);
        world.apply(&Event::Wait(seconds));
        match (before, world.decision(&policy)) {
            (Decision::WaitToSendAgain { remaining, attempt }, after) => {
                let left = remaining.saturating_sub(Duration::from_secs(seconds));
                let expected = if left.is_zero() {
                    Decision::Authorise(instruction(&attempt, Resolve::SendAgain), ResolvedBy::Policy)
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
fn the_random_events_reach_every_state_that_the_properties_check() {
    let mut runner = TestRunner::deterministic();
    let mut reached = std::collections::BTreeMap::new();
    for _ in 0..500 {
        let events = events().new_tree(&mut runner).unwrap().current();
        let mut world = World::default();
        for event in &events {
            world.apply(event);
        }
        let Some(Receipt { record, summary, .. }) = world.receipt() else { continue };
        let classes: Vec<_> = record.attempts.iter().flat_map(|a| &a.outcome).map(|o| o.class.as_str()).collect();
        let marks = [
            ("two audiences", world.audiences() > 1),
            ("two known creates", summary.creates > 1),
            ("possible extras", summary.possible_extras > 0),
            ("a policy's resolution", record.resolutions.iter().any(|r| r.by == ResolvedBy::Policy)),
            ("a person's resolution", record.resolutions.iter().any(|r| r.by == ResolvedBy::Person)),
            ("a replaced attempt", record.not_sent.is_some()),
            ("an expiry", classes.contains(&NO_OUTCOME)),
            ("an abandoned claim", classes.contains(&"abandoned")),
        ];
        for (mark, here) in marks {
            *reached.entry(mark).or_insert(0) += u32::from(here);
        }
        *reached.entry(summary.state.as_str()).or_insert(0) += 1;
    }
    assert!(reached.values().all(|times| *times > 0), "{reached:?}");
    assert_eq!(reached.len(), 8 + State::ALL.len(), "{reached:?}");
}
