//! Claims, and the result that evidence means for an attempt.

use std::time::Duration;

use super::*;
use crate::propensity::AnswerClass;

#[test]
fn the_first_claim_is_an_open_attempt() {
    let record = claim(None, attempt("a"));
    assert_eq!((record.state, record.attempts.len(), record.not_sent.is_none()), (State::Claimed, 1, true));
    assert_eq!(record.open_attempt().unwrap().id, "a");
}

#[test]
fn a_claim_replaces_an_attempt_that_sent_nothing_and_counts_it() {
    let mut record = claim(None, attempt("a0"));
    for number in 1..=40 {
        let open = record.open_attempt().unwrap().clone();
        record = record_outcome(&record, &open, outcome(OutcomeResult::NotSent, "rate_limited")).unwrap();
        record = claim(Some(&record), Attempt { claimed_at: at(number), ..attempt(&format!("a{number}")) });
    }
    let counted = NotSent { count: 40, unavailable: 0, first: at(0), last: at(39), unknown: Map::new() };
    assert_eq!(record.not_sent, Some(counted));
    assert_eq!(record.attempts.len(), 1);
    assert_eq!((record.attempts[0].id.as_str(), record.state), ("a40", State::Claimed));
}

#[test]
fn a_replaced_503_stays_counted() {
    let once = claim(Some(&record(vec![unavailable("a")], vec![])), attempt("b"));
    assert_eq!(once.not_sent.as_ref().map(|n| (n.count, n.unavailable)), Some((1, 1)));
    let open = once.open_attempt().unwrap().clone();
    let again = record_outcome(&once, &open, outcome(OutcomeResult::NotSent, "rate_limited")).unwrap();
    let twice = claim(Some(&again), attempt("c"));
    assert_eq!(twice.not_sent.map(|n| (n.count, n.unavailable)), Some((2, 1)));
}

#[test]
fn a_claim_keeps_every_attempt_that_may_have_sent_something() {
    for result in [OutcomeResult::Unknown, OutcomeResult::Rejected, OutcomeResult::NotSent] {
        // The attempt that ended `NotSent` was resolved before its late outcome came, so it isn't replaced.
        let before = record(vec![ended("a", result)], vec![resolution("a", Resolve::SendAgain)]);
        let after = claim(Some(&before), attempt("b"));
        assert_eq!(after.attempts.len(), 2, "{result:?}");
        assert_eq!((after.state, after.not_sent.is_none()), (State::Claimed, true));
        assert_eq!(after.resolutions, before.resolutions);
    }
}

#[test]
fn a_receipt_has_at_most_32_attempts_and_one_that_was_not_sent_is_replaced() {
    let ids: Vec<_> = (0..MAX_ATTEMPTS).map(|n| format!("a{n}")).collect();
    assert_eq!(ids.len(), 32);
    let resolutions: Vec<_> = ids.iter().map(|id| resolution(id, Resolve::SendAgain)).collect();
    let rejected: Vec<_> = ids.iter().map(|id| ended(id, OutcomeResult::Rejected)).collect();
    let policy = Policy { audience: attempt("a").policy, allowed: true };
    let decided = |record: Record| decide(Some(Ok(&receipt(record))), &policy, |_| Duration::MAX);

    assert_eq!(decided(record(rejected.clone(), resolutions.clone())), Decision::TooManyAttempts);
    let one_less = record(rejected[1..].to_vec(), resolutions[1..].to_vec());
    assert_eq!(decided(one_less), Decision::Claim);

    let mut last_unsent = rejected;
    *last_unsent.last_mut().unwrap() = ended("a31", OutcomeResult::NotSent);
    let last_unsent = record(last_unsent, resolutions[..31].to_vec());
    assert_eq!(decided(last_unsent.clone()), Decision::Claim);
    assert_eq!(claim(Some(&last_unsent), attempt("z")).attempts.len(), MAX_ATTEMPTS);
}

#[test]
fn evidence_determines_the_result() {
    let record = claim(None, attempt("a"));
    let table = [
        (Evidence::Created, OutcomeResult::Created),
        (Evidence::Rejected, OutcomeResult::Rejected),
        (Evidence::NothingStored, OutcomeResult::NotSent),
        (Evidence::NothingSent, OutcomeResult::NotSent),
        (Evidence::Unavailable, OutcomeResult::NotSent),
        (Evidence::Unclear, OutcomeResult::Unknown),
    ];
    for (evidence, expected) in table {
        assert_eq!(classify(&record, evidence), expected, "{evidence:?}");
    }
}

#[test]
fn a_503_is_trusted_twice_for_a_receipt_including_replaced_attempts() {
    let mut record = claim(None, attempt("a"));
    let mut results = vec![];
    for next in ["b", "c", "d"] {
        let open = record.open_attempt().unwrap().clone();
        let result = classify(&record, Evidence::Unavailable);
        results.push(result);
        record = record_outcome(&record, &open, outcome(result, "unavailable")).unwrap();
        if result == OutcomeResult::NotSent {
            record = claim(Some(&record), attempt(next));
        }
    }
    assert_eq!(results, [OutcomeResult::NotSent, OutcomeResult::NotSent, OutcomeResult::Unknown]);
    assert_eq!((record.state, record.attempts.len()), (State::Unknown, 1));
    assert_eq!(TRUSTED_UNAVAILABLE, 2);
}

#[test]
fn other_refusals_do_not_use_up_the_trust_in_a_503() {
    let mut record = claim(None, attempt("a0"));
    for number in 1..10 {
        let open = record.open_attempt().unwrap().clone();
        record = record_outcome(&record, &open, outcome(OutcomeResult::NotSent, "rate_limited")).unwrap();
        record = claim(Some(&record), attempt(&format!("a{number}")));
    }
    assert_eq!(classify(&record, Evidence::Unavailable), OutcomeResult::NotSent);
}

#[test]
fn the_client_and_the_ledger_use_the_same_class_for_a_listed_503() {
    assert_eq!(AnswerClass::Unavailable.label(), super::super::outcome::UNAVAILABLE);
    assert!(AnswerClass::ALL.iter().all(|class| class.label() != NO_OUTCOME));
}
