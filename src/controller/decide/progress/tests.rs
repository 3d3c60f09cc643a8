use super::*;
use crate::api::Reason;
use crate::controller::decide::messages;
use crate::controller::fixtures::{at, attempt, audience, ended, plan, receipt, resolved, shown, stored};
use crate::ledger::{Instruction, OutcomeResult, Record, Resolve, ResolvedBy, Unreadable, claim};

const SECOND: Duration = Duration::from_secs(1);

/// Facts of an attempt of another process that was just seen.
fn facts() -> ReceiptFacts {
    ReceiptFacts { holder: HeldBy::OtherProcess, seen_for: Duration::ZERO, refused: None }
}

fn unknown() -> Record {
    ended(None, "a", OutcomeResult::Unknown, "timeout", None)
}

fn hold() -> Decision {
    Decision::HoldUnknown { attempt: "a".into(), exhausted: false }
}

fn wait_to_send_again() -> Decision {
    Decision::WaitToSendAgain { attempt: "a".into(), remaining: 90 * SECOND }
}

fn progress(decision: &Decision, record: Record, facts: ReceiptFacts) -> Progress {
    of_decision(decision, &audience(), &plan("ar-1"), &stored(record), facts)
}

fn report(progress: Progress) -> NewState {
    match progress {
        Progress::Publish(report) => report,
        other => panic!("nothing is reported: {other:?}"),
    }
}

#[test]
fn what_leads_to_an_action_reports_nothing_and_continues_at_once() {
    let authorise =
        Decision::Authorise(Instruction { attempt: "a".into(), decision: Resolve::SendAgain }, ResolvedBy::Policy);
    for decision in [Decision::Claim, authorise] {
        assert_eq!(progress(&decision, unknown(), facts()), Progress::Wait(Wait::after(Duration::ZERO)));
    }
}

#[test]
fn an_attempt_in_flight_is_reported_once_it_lasts_and_by_its_own_process_alone() {
    let reported =
        Progress::Publish(NewState { readiness: messages::sending(), existing: None, wait: Wait::FOR_CHANGE });
    let table = [
        ("of this process", HeldBy::ThisProcess, Duration::ZERO, Progress::Wait(Wait::FOR_CHANGE)),
        ("of this process, for long", HeldBy::ThisProcess, 60 * SECOND, Progress::Wait(Wait::FOR_CHANGE)),
        ("of another process", HeldBy::OtherProcess, 4 * SECOND, Progress::Wait(Wait::after(LASTING))),
        ("of another process, for long", HeldBy::OtherProcess, LASTING, reported.clone()),
        ("abandoned", HeldBy::Abandoned, 4 * SECOND, Progress::Wait(Wait::after(LASTING))),
        ("abandoned, for long", HeldBy::Abandoned, LASTING, reported),
    ];
    for (what, holder, seen_for, expected) in table {
        let facts = ReceiptFacts { holder, seen_for, refused: None };
        assert_eq!(progress(&Decision::InFlight, claim(None, attempt("a")), facts), expected, "{what}");
    }
}

#[test]
fn what_a_person_must_see_is_reported_and_waits_for_a_change() {
    let rejected = ended(None, "a", OutcomeResult::Rejected, "error_true", None);
    let dismissed = resolved(&unknown(), "a", Resolve::Dismiss);
    let table = [
        (hold(), unknown(), Reason::OutcomeUnknown, Phase::Stalled, Wait::FOR_CHANGE),
        (wait_to_send_again(), unknown(), Reason::OutcomeUnknown, Phase::Reconciling, Wait::after(90 * SECOND)),
        (Decision::Rejected, rejected, Reason::Rejected, Phase::Stalled, Wait::FOR_CHANGE),
        (Decision::Dismissed, dismissed, Reason::Dismissed, Phase::Stalled, Wait::FOR_CHANGE),
        (Decision::TooManyAttempts, unknown(), Reason::TooManyAttempts, Phase::Stalled, Wait::FOR_CHANGE),
    ];
    for (decision, record, reason, phase, wait) in table {
        let message = messages::of_decision(&decision, &plan("ar-1"), Some(&receipt(record.clone())), 1, "team");
        let NewState { readiness, existing, wait: found } = report(progress(&decision, record, facts()));
        assert_eq!((readiness.reason(), readiness.phase, found), (reason, phase, wait), "{decision:?}");
        assert_eq!((Some(readiness), existing), (message, None), "{decision:?}");
    }
}

#[test]
fn a_receipt_that_can_not_be_trusted_is_read_again_because_no_watch_shows_its_correction() {
    let mut stored = stored(unknown());
    stored.receipt = Err(Unreadable::NoRecord);
    let decision = Decision::Unreadable(Unreadable::NoRecord);
    let NewState { readiness, existing, wait } =
        report(of_decision(&decision, &audience(), &plan("ar-1"), &stored, facts()));
    let (reason, _, phase) = shown(readiness);
    assert_eq!((reason, phase), (Reason::ReceiptUnreadable, Phase::Stalled));
    assert_eq!((existing, wait), (None, Wait::after(30 * SECOND)));
}

#[test]
fn a_created_audience_is_its_own_where_its_last_attempt_was_made_for_this_resource() {
    let own = ended(None, "a", OutcomeResult::Created, "created", None);
    let mut of_another = own.clone();
    of_another.attempts[0].audience.uid = "uid of another".into();
    let by_a_person = resolved(&unknown(), "a", Resolve::Created);
    for (what, record, is_own) in
        [("own", own, true), ("of another resource", of_another, false), ("by a person's word", by_a_person, true)]
    {
        let NewState { readiness, existing, wait } = report(progress(&Decision::Created, record, facts()));
        assert_eq!((readiness.reason(), readiness.phase), (Reason::AlreadyCreated, Phase::Ready), "{what}");
        let audience = CreatedAudience { receipt: "ar-1".into(), time: at(60), members: 7 };
        assert_eq!((existing, wait), (Some(ExistingAudience { audience, own: is_own }), Wait::FOR_CHANGE), "{what}");
    }
}

#[test]
fn an_annotation_that_can_not_be_followed_is_answered_only_where_one_is_awaited() {
    let refused = ReceiptFacts { refused: Some(ResolveError::Syntax), ..facts() };
    let rejected = ended(None, "a", OutcomeResult::Rejected, "error_true", None);
    for (decision, record, wait) in [
        (hold(), unknown(), Wait::FOR_CHANGE),
        (wait_to_send_again(), unknown(), Wait::after(90 * SECOND)),
        (Decision::Rejected, rejected, Wait::FOR_CHANGE),
    ] {
        let expected = messages::refused(ResolveError::Syntax, &plan("ar-1"), &receipt(record.clone()), "team");
        let found = report(progress(&decision, record, refused));
        assert_eq!((found.readiness, found.wait), (expected, wait), "{decision:?}");
    }
    let created = ended(None, "a", OutcomeResult::Created, "created", None);
    for (decision, record) in [(Decision::Created, created), (Decision::TooManyAttempts, unknown())] {
        let found = report(progress(&decision, record, refused));
        assert_ne!(found.readiness.reason(), Reason::ResolutionInvalid, "{decision:?}");
    }
}
