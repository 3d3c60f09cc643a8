//! What an audience may do, for every state and policy.

use std::time::Duration;

use super::*;

fn policy(send_again: bool, max_sends: u32, after_seconds: u64, allowed: bool) -> Policy {
    Policy { audience: SendPolicy { send_again, max_sends, after_seconds }, allowed }
}

fn hold() -> Policy {
    policy(false, 2, 900, true)
}

/// An attempt with an unknown outcome, of an audience with the policy `SendAgain`.
fn unknown(id: &str, max_sends: u32, after_seconds: u64) -> Attempt {
    Attempt { policy: SendPolicy { send_again: true, max_sends, after_seconds }, ..ended(id, OutcomeResult::Unknown) }
}

fn decided(record: Record, policy: &Policy, seen: u64) -> Decision {
    decide(Some(Ok(&receipt(record))), policy, |_| Duration::from_secs(seen))
}

fn authorise(attempt: &str) -> Decision {
    Decision::Authorise(instruction(attempt, Resolve::SendAgain), ResolvedBy::Policy)
}

fn hold_unknown(attempt: &str, exhausted: bool) -> Decision {
    Decision::HoldUnknown { attempt: attempt.into(), exhausted }
}

#[test]
fn each_state_has_its_decision() {
    let resolved = |decision| record(vec![ended("a", OutcomeResult::Unknown)], vec![resolution("a", decision)]);
    let table = [
        (claim(None, attempt("a")), Decision::InFlight),
        (record(vec![ended("a", OutcomeResult::NotSent)], vec![]), Decision::Claim),
        (record(vec![ended("a", OutcomeResult::Rejected)], vec![]), Decision::Rejected),
        (record(vec![ended("a", OutcomeResult::Unknown)], vec![]), hold_unknown("a", false)),
        (resolved(Resolve::SendAgain), Decision::Claim),
        (record(vec![ended("a", OutcomeResult::Created)], vec![]), Decision::Created),
        (resolved(Resolve::Created), Decision::Created),
        (resolved(Resolve::Dismiss), Decision::Dismissed),
    ];
    let states: std::collections::BTreeSet<_> = table.iter().map(|(record, _)| record.state).collect();
    assert_eq!(states.len(), State::ALL.len());
    for (record, expected) in table {
        let name = format!("{:?}", record.state);
        assert_eq!(decided(record, &hold(), u64::MAX), expected, "{name}");
    }
}

#[test]
fn a_missing_receipt_is_claimable_and_an_unreadable_one_never() {
    assert_eq!(decide(None, &hold(), |_| Duration::ZERO), Decision::Claim);
    let all = [
        Unreadable::NameMismatch,
        Unreadable::NoRecord,
        Unreadable::NewerFormat,
        Unreadable::Malformed,
        Unreadable::StateMismatch,
    ];
    for why in all {
        let eager = policy(true, 5, 0, true);
        assert_eq!(decide(Some(Err(why)), &eager, |_| Duration::MAX), Decision::Unreadable(why));
    }
}

#[test]
fn an_unknown_is_sent_again_only_if_the_attempt_the_audience_and_the_workspace_allow_it() {
    for recorded in [false, true] {
        for live in [false, true] {
            for allowed in [false, true] {
                let mut attempt = unknown("a", 2, 900);
                attempt.policy.send_again = recorded;
                let decision = decided(record(vec![attempt], vec![]), &policy(live, 2, 900, allowed), 100_000);
                let expected = if recorded && live && allowed { authorise("a") } else { hold_unknown("a", false) };
                assert_eq!(decision, expected, "{recorded} {live} {allowed}");
            }
        }
    }
}

#[test]
fn the_policy_waits_for_the_longest_of_both_values_and_the_time_to_live_plus_ten_minutes() {
    // The time to live is 130 seconds, so the wait is never below 730.
    for (recorded, live, wait) in [(0, 0, 730), (900, 0, 900), (0, 900, 900), (900, 1800, 1800), (1800, 900, 1800)] {
        let record = record(vec![unknown("a", 2, recorded)], vec![]);
        let policy = policy(true, 2, live, true);
        let waits =
            |seen| Decision::WaitToSendAgain { attempt: "a".into(), remaining: Duration::from_secs(wait - seen) };
        assert_eq!(decided(record.clone(), &policy, 0), waits(0));
        assert_eq!(decided(record.clone(), &policy, wait - 1), waits(wait - 1));
        assert_eq!(decided(record, &policy, wait), authorise("a"));
    }
}

#[test]
fn the_wait_starts_when_the_unknown_attempt_is_first_seen() {
    let record = record(vec![unknown("a", 3, 900), unknown("b", 3, 900)], vec![resolution("a", Resolve::SendAgain)]);
    let seen = |id: &str| Duration::from_secs(if id == "b" { 10 } else { 100_000 });
    let decision = decide(Some(Ok(&receipt(record))), &policy(true, 3, 900, true), seen);
    assert_eq!(decision, Decision::WaitToSendAgain { attempt: "b".into(), remaining: Duration::from_secs(890) });
}

#[test]
fn an_endless_time_to_live_is_an_endless_wait() {
    let attempt = Attempt { ttl_seconds: u64::MAX, ..unknown("a", 2, u64::MAX) };
    let decision = decided(record(vec![attempt], vec![]), &policy(true, 2, u64::MAX, true), 1);
    assert!(matches!(decision, Decision::WaitToSendAgain { .. }));
}

#[test]
fn the_limit_counts_every_attempt_that_may_have_created_an_audience() {
    let sends = |results: &[OutcomeResult], max_sends| {
        let ids: Vec<_> = (0..=results.len()).map(|n| format!("a{n}")).collect();
        let mut attempts: Vec<_> = results
            .iter()
            .zip(&ids)
            .map(|(result, id)| Attempt { outcome: Some(outcome(*result, "x")), ..unknown(id, 5, 0) })
            .collect();
        let resolutions = attempts.iter().map(|a| resolution(&a.id, Resolve::SendAgain)).collect();
        attempts.push(unknown(&ids[results.len()], 5, 0));
        decided(record(attempts, resolutions), &policy(true, max_sends, 0, true), 100_000)
    };
    use OutcomeResult::{NotSent, Rejected, Unknown};
    assert_eq!(sends(&[], 1), hold_unknown("a0", true));
    assert_eq!(sends(&[], 2), authorise("a0"));
    assert_eq!(sends(&[Unknown], 2), hold_unknown("a1", true));
    assert_eq!(sends(&[Unknown], 3), authorise("a1"));
    assert_eq!(sends(&[Rejected, NotSent], 2), authorise("a2"));
    assert_eq!(sends(&[Unknown, Rejected, Unknown], 3), hold_unknown("a3", true));
    assert_eq!(sends(&[Unknown, Rejected, Unknown], 4), authorise("a3"));
}

#[test]
fn the_lowest_of_the_recorded_limits_and_the_live_limit_applies() {
    let twice = |first, second, live| {
        let attempts = vec![unknown("a", first, 0), unknown("b", second, 0)];
        let record = record(attempts, vec![resolution("a", Resolve::SendAgain)]);
        decided(record, &policy(true, live, 0, true), 100_000)
    };
    assert_eq!(twice(3, 3, 3), authorise("b"));
    assert_eq!(twice(2, 3, 3), hold_unknown("b", true));
    assert_eq!(twice(3, 2, 3), hold_unknown("b", true));
    assert_eq!(twice(3, 3, 2), hold_unknown("b", true));
}

#[test]
fn the_policy_does_not_send_again_if_the_receipt_is_full() {
    let ids: Vec<_> = (0..MAX_ATTEMPTS).map(|n| format!("a{n}")).collect();
    let mut attempts: Vec<_> = ids.iter().map(|id| ended(id, OutcomeResult::Rejected)).collect();
    attempts[31] = unknown("a31", 5, 0);
    attempts.iter_mut().for_each(|a| a.policy.max_sends = 5);
    let resolutions = ids[..31].iter().map(|id| resolution(id, Resolve::SendAgain)).collect();
    assert_eq!(decided(record(attempts, resolutions), &policy(true, 5, 0, true), 100_000), hold_unknown("a31", true));
}

#[test]
fn an_unresolved_unknown_takes_precedence_over_later_attempts() {
    for later in [OutcomeResult::NotSent, OutcomeResult::Rejected] {
        let record = record(vec![ended("a", OutcomeResult::Unknown), ended("b", later)], vec![]);
        assert_eq!(decided(record, &hold(), u64::MAX), hold_unknown("a", false), "{later:?}");
    }
}
