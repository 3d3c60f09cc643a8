//! Outcomes: which one replaces which, and that none is lost.

use super::*;

#[test]
fn an_outcome_replaces_only_a_less_certain_one() {
    use OutcomeResult as O;
    let table = [
        (O::Unknown, O::Created, true),
        (O::Unknown, O::Rejected, true),
        (O::Unknown, O::NotSent, true),
        (O::Unknown, O::Unknown, false),
        (O::Created, O::Created, false),
        (O::Created, O::Rejected, false),
        (O::Created, O::NotSent, false),
        (O::Created, O::Unknown, false),
        (O::Rejected, O::Created, true),
        (O::Rejected, O::Rejected, false),
        (O::Rejected, O::NotSent, false),
        (O::Rejected, O::Unknown, false),
        (O::NotSent, O::Created, true),
        (O::NotSent, O::Rejected, false),
        (O::NotSent, O::NotSent, false),
        (O::NotSent, O::Unknown, false),
    ];
    for (old, new, replaces) in table {
        let before = record(vec![ended("a", old)], vec![]);
        let after = record_outcome(&before, &attempt("a"), outcome(new, "late"));
        let replaced = after.map(|r| r.attempts[0].outcome.clone().unwrap());
        assert_eq!(replaced, replaces.then(|| outcome(new, "late")), "{old:?} then {new:?}");
    }
}

#[test]
fn an_expiry_is_replaced_by_the_holders_own_unknown_and_not_vice_versa() {
    let expired = Attempt { outcome: Some(outcome(OutcomeResult::Unknown, NO_OUTCOME)), ..attempt("a") };
    let expired = record(vec![expired], vec![]);
    let timeout = outcome(OutcomeResult::Unknown, "timeout");
    let better = record_outcome(&expired, &attempt("a"), timeout.clone()).unwrap();
    assert_eq!(better.attempts[0].outcome, Some(timeout));
    assert_eq!(record_outcome(&better, &attempt("a"), outcome(OutcomeResult::Unknown, NO_OUTCOME)), None);
    assert_eq!(record_outcome(&expired, &attempt("a"), outcome(OutcomeResult::Unknown, NO_OUTCOME)), None);
}

#[test]
fn recording_an_outcome_twice_changes_nothing() {
    for result in RESULTS {
        let once = record_outcome(&claim(None, attempt("a")), &attempt("a"), outcome(result, "x")).unwrap();
        assert_eq!(record_outcome(&once, &attempt("a"), outcome(result, "x")), None, "{result:?}");
    }
}

#[test]
fn an_outcome_updates_its_own_attempt_also_if_there_are_newer_ones() {
    let before = record(
        vec![ended("a", OutcomeResult::Unknown), ended("b", OutcomeResult::Unknown), attempt("c")],
        vec![resolution("a", Resolve::SendAgain), resolution("b", Resolve::SendAgain)],
    );
    let after = record_outcome(&before, &attempt("a"), outcome(OutcomeResult::Created, "created")).unwrap();
    assert_eq!(after.attempts[0].outcome, Some(outcome(OutcomeResult::Created, "created")));
    assert_eq!(after.attempts[1..], before.attempts[1..]);
    assert_eq!(after.resolutions, before.resolutions);
    assert_eq!(after.state, State::Claimed, "the open attempt still keeps the receipt open");
}

#[test]
fn a_late_outcome_other_than_a_create_does_not_reopen_a_receipt() {
    for decision in DECISIONS {
        let before = record(vec![ended("a", OutcomeResult::Unknown)], vec![resolution("a", decision)]);
        for late in [OutcomeResult::NotSent, OutcomeResult::Rejected] {
            let after = record_outcome(&before, &attempt("a"), outcome(late, "late")).unwrap();
            assert_eq!(after.state, before.state, "{decision:?} then {late:?}");
            assert_eq!(after.attempts[0].outcome, Some(outcome(late, "late")), "it is recorded nevertheless");
        }
    }
}

#[test]
fn a_late_proof_that_nothing_was_created_makes_an_unresolved_unknown_claimable() {
    let before = record(vec![ended("a", OutcomeResult::Unknown)], vec![]);
    let after = record_outcome(&before, &attempt("a"), outcome(OutcomeResult::NotSent, "rate_limited")).unwrap();
    assert_eq!(after.state, State::NotSent);
}

#[test]
fn a_missing_attempt_is_added_again_with_its_outcome() {
    let other = claim(None, attempt("b"));
    for result in [OutcomeResult::Created, OutcomeResult::Rejected, OutcomeResult::Unknown] {
        let after = record_outcome(&other, &attempt("a"), outcome(result, "x")).unwrap();
        assert_eq!(after.attempts.len(), 2);
        assert_eq!(after.attempts[1], Attempt { outcome: Some(outcome(result, "x")), ..attempt("a") });
        assert_eq!(after.state, State::Claimed);
    }
    assert_eq!(record_outcome(&other, &attempt("a"), outcome(OutcomeResult::NotSent, "x")), None);
}
