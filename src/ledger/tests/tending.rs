//! What a receipt needs by itself.

use std::time::Duration;

use super::*;

const TTL: Duration = Duration::from_secs(130);

fn tended(record: &Record, annotation: Option<&str>, held: Held, seen_for: Duration) -> Tending {
    tend(&receipt(record.clone()), annotation, held, seen_for, at(500))
}

fn end(record: &Record) -> Option<(OutcomeResult, &str, Timestamp)> {
    record.attempts.last()?.outcome.as_ref().map(|o| (o.result, o.class.as_str(), o.at))
}

#[test]
fn the_holder_of_an_attempt_leaves_it_to_its_flight() {
    let open = claim(None, attempt("a"));
    assert_eq!(tended(&open, None, Held::Here, Duration::MAX), Tending::Nothing);
    assert_eq!(tended(&open, Some("a=dismiss"), Held::Here, Duration::MAX), Tending::Nothing);
}

#[test]
fn a_claim_without_its_holder_is_unknown_once_it_was_seen_for_its_time_to_live() {
    let open = claim(None, attempt("a"));
    assert_eq!(tended(&open, None, Held::Elsewhere, Duration::ZERO), Tending::Later(TTL));
    let almost = TTL - Duration::from_millis(1);
    assert_eq!(tended(&open, None, Held::Elsewhere, almost), Tending::Later(Duration::from_millis(1)));
    for seen in [TTL, Duration::MAX] {
        let Tending::Expired(record) = tended(&open, None, Held::Elsewhere, seen) else { panic!("not expired") };
        assert_eq!(end(&record), Some((OutcomeResult::Unknown, NO_OUTCOME, at(500))));
        assert_eq!(record.state, State::Unknown);
    }
}

#[test]
fn an_abandoned_claim_sent_nothing_however_short_it_was_seen() {
    let open = claim(None, attempt("a"));
    let Tending::Disowned(record) = tended(&open, None, Held::Abandoned, Duration::ZERO) else {
        panic!("not disowned")
    };
    assert_eq!(end(&record), Some((OutcomeResult::NotSent, "abandoned", at(500))));
    assert_eq!(record.state, State::NotSent);
}

#[test]
fn an_annotation_waits_while_an_attempt_is_open() {
    let open = claim(
        Some(&record(vec![ended("a", OutcomeResult::Rejected)], vec![resolution("a", Resolve::SendAgain)])),
        attempt("b"),
    );
    for annotation in ["a=created", "b=created", "junk"] {
        assert_eq!(tended(&open, Some(annotation), Held::Elsewhere, Duration::ZERO), Tending::Later(TTL));
    }
}

#[test]
fn a_receipt_without_open_attempt_or_annotation_needs_nothing() {
    for result in RESULTS {
        let record = record(vec![ended("a", result)], vec![]);
        assert_eq!(tended(&record, None, Held::Elsewhere, Duration::MAX), Tending::Nothing, "{result:?}");
    }
    assert_eq!(tended(&Record::anchor(), None, Held::Elsewhere, Duration::MAX), Tending::Nothing);
}

#[test]
fn an_annotation_is_a_persons_resolution() {
    for decision in DECISIONS {
        for result in [OutcomeResult::Unknown, OutcomeResult::Rejected] {
            let before = record(vec![ended("a", result)], vec![]);
            let annotation = format!("a={}", decision.as_str());
            let after = resolve(&before, &instruction("a", decision), By::Person, at(500)).unwrap();
            let expected = Tending::Resolved(after, instruction("a", decision));
            assert_eq!(tended(&before, Some(&annotation), Held::Elsewhere, Duration::ZERO), expected);
        }
    }
}

#[test]
fn an_annotation_that_can_not_be_followed_is_refused() {
    let settled = record(vec![ended("a", OutcomeResult::Unknown)], vec![resolution("a", Resolve::Dismiss)]);
    let created = record(vec![ended("a", OutcomeResult::Created)], vec![]);
    let table = [
        (&settled, "junk", ResolveError::Syntax),
        (&settled, "", ResolveError::Syntax),
        (&settled, "b=created", ResolveError::NoSuchAttempt),
        (&settled, "a=send-again", ResolveError::AlreadyResolved),
        (&created, "a=send-again", ResolveError::NotResolvable),
    ];
    for (record, annotation, error) in table {
        let expected = Tending::Refused(error);
        assert_eq!(tended(record, Some(annotation), Held::Elsewhere, Duration::ZERO), expected, "{annotation}");
    }
}
