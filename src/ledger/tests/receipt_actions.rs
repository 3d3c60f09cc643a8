//! What a receipt needs independently of its audience.

use std::time::Duration;

use super::*;

const TTL: Duration = Duration::from_secs(130);

fn action(record: &Record, annotation: Option<&str>, held_by: HeldBy, seen_for: Duration) -> ReceiptAction {
    receipt_action(&receipt(record.clone()), annotation, held_by, seen_for, at(500))
}

fn end(record: &Record) -> Option<(OutcomeResult, &str, Timestamp)> {
    record.attempts.last()?.outcome.as_ref().map(|o| (o.result, o.class.as_str(), o.at))
}

#[test]
fn nothing_is_done_for_an_attempt_that_this_process_holds() {
    let open = claim(None, attempt("a"));
    assert_eq!(action(&open, None, HeldBy::ThisProcess, Duration::MAX), ReceiptAction::Nothing);
    assert_eq!(action(&open, Some("a=dismiss"), HeldBy::ThisProcess, Duration::MAX), ReceiptAction::Nothing);
}

#[test]
fn a_claim_of_another_process_expires_after_its_time_to_live() {
    let open = claim(None, attempt("a"));
    assert_eq!(action(&open, None, HeldBy::OtherProcess, Duration::ZERO), ReceiptAction::RequeueAfter(TTL));
    let almost = TTL - Duration::from_millis(1);
    assert_eq!(
        action(&open, None, HeldBy::OtherProcess, almost),
        ReceiptAction::RequeueAfter(Duration::from_millis(1))
    );
    for seen in [TTL, Duration::MAX] {
        let ReceiptAction::Expired(record) = action(&open, None, HeldBy::OtherProcess, seen) else {
            panic!("not expired")
        };
        assert_eq!(end(&record), Some((OutcomeResult::Unknown, NO_OUTCOME, at(500))));
        assert_eq!(record.state, State::Unknown);
    }
}

#[test]
fn an_abandoned_claim_is_marked_not_sent_at_once() {
    let open = claim(None, attempt("a"));
    let ReceiptAction::Abandoned(record) = action(&open, None, HeldBy::Abandoned, Duration::ZERO) else {
        panic!("not abandoned")
    };
    assert_eq!(end(&record), Some((OutcomeResult::NotSent, "abandoned", at(500))));
    assert_eq!(record.state, State::NotSent);
}

#[test]
fn an_annotation_waits_for_an_open_attempt() {
    let open = claim(
        Some(&record(vec![ended("a", OutcomeResult::Rejected)], vec![resolution("a", Resolve::SendAgain)])),
        attempt("b"),
    );
    for annotation in ["a=created", "b=created", "junk"] {
        assert_eq!(
            action(&open, Some(annotation), HeldBy::OtherProcess, Duration::ZERO),
            ReceiptAction::RequeueAfter(TTL)
        );
    }
}

#[test]
fn a_receipt_without_open_attempt_or_annotation_needs_nothing() {
    for result in RESULTS {
        let record = record(vec![ended("a", result)], vec![]);
        assert_eq!(action(&record, None, HeldBy::OtherProcess, Duration::MAX), ReceiptAction::Nothing, "{result:?}");
    }
    assert_eq!(action(&Record::anchor(), None, HeldBy::OtherProcess, Duration::MAX), ReceiptAction::Nothing);
}

#[test]
fn an_annotation_is_recorded_as_a_persons_resolution() {
    for decision in DECISIONS {
        for result in [OutcomeResult::Unknown, OutcomeResult::Rejected] {
            let before = record(vec![ended("a", result)], vec![]);
            let annotation = format!("a={}", decision.as_str());
            let after = resolve(&before, &instruction("a", decision), ResolvedBy::Person, at(500)).unwrap();
            let expected = ReceiptAction::Resolved(after, instruction("a", decision));
            assert_eq!(action(&before, Some(&annotation), HeldBy::OtherProcess, Duration::ZERO), expected);
        }
    }
}

#[test]
fn an_invalid_annotation_is_reported() {
    let resolved = record(vec![ended("a", OutcomeResult::Unknown)], vec![resolution("a", Resolve::Dismiss)]);
    let created = record(vec![ended("a", OutcomeResult::Created)], vec![]);
    let table = [
        (&resolved, "junk", ResolveError::Syntax),
        (&resolved, "", ResolveError::Syntax),
        (&resolved, "b=created", ResolveError::NoSuchAttempt),
        (&resolved, "a=send-again", ResolveError::AlreadyResolved),
        (&created, "a=send-again", ResolveError::NotResolvable),
    ];
    for (record, annotation, error) in table {
        let expected = ReceiptAction::InvalidResolution(error);
        assert_eq!(action(record, Some(annotation), HeldBy::OtherProcess, Duration::ZERO), expected, "{annotation}");
    }
}
