#![allow(clippy::unwrap_used)]

use std::time::Duration;

use super::*;
use crate::controller::fixtures::{at, attempt, ended, identity, receipt, settled};
use crate::ledger::{Instruction, Policy, Record, Resolve, ResolvedBy, SendPolicy, Unreadable, claim};

const COMMANDS: &str = "If the audience exists: `kubectl annotate audiencereceipt ar-1 -n team --overwrite \
    abm.propensity.com/resolve=a=created`. If it doesn't and must be sent again: `kubectl annotate audiencereceipt \
    ar-1 -n team --overwrite abm.propensity.com/resolve=a=send-again`. If it must not be sent: `kubectl annotate \
    audiencereceipt ar-1 -n team --overwrite abm.propensity.com/resolve=a=dismiss`.";

fn plan() -> Plan {
    let asked = SendPolicy { send_again: false, max_sends: 2, after_seconds: 900 };
    Plan {
        identity: identity(),
        receipt: "ar-1".into(),
        policy: Policy { audience: asked, allowed: false },
        clearance: Err(Readiness::reconciling(Reason::Pending, "x")),
    }
}

fn reported(decision: &Decision, record: Record) -> (Reason, String, Phase) {
    let Readiness { verdict, phase } = of_decision(decision, &plan(), Some(&receipt(record)), 7, "team").unwrap();
    (verdict.reason, verdict.message.into_owned(), phase)
}

fn unknown(class: &str) -> Record {
    ended(None, "a", OutcomeResult::Unknown, class, None)
}

fn hold(exhausted: bool) -> Decision {
    Decision::HoldUnknown { attempt: "a".into(), exhausted }
}

#[test]
fn what_leads_on_says_nothing() {
    let authorise =
        Decision::Authorise(Instruction { attempt: "a".into(), decision: Resolve::SendAgain }, ResolvedBy::Policy);
    for decision in [Decision::Claim, authorise] {
        assert_eq!(of_decision(&decision, &plan(), None, 7, "team"), None);
    }
}

#[test]
fn a_create_in_flight_is_waited_for() {
    let (reason, message, phase) = reported(&Decision::InFlight, claim(None, attempt("a")));
    assert_eq!((reason, phase), (Reason::Sending, Phase::Reconciling));
    assert_eq!(message, "the create request for this list is in progress");
}

#[test]
fn an_unknown_outcome_has_its_time_size_endpoint_cause_and_commands() {
    let table = [
        ("timeout", "the API didn't answer in time"),
        ("server_error", "the API answered with a server error"),
        ("no_outcome", "the operator's process ended before it could record an answer"),
    ];
    for (class, why) in table {
        let expected = format!(
            "the request of 2026-01-05 00:00:00 UTC (7 members, POST /create_contact_audience) may or may not have \
             created the audience: {why}. Check the Propensity workspace, then resolve the attempt. {COMMANDS}"
        );
        assert_eq!(reported(&hold(false), unknown(class)), (Reason::OutcomeUnknown, expected, Phase::Stalled));
    }
}

#[test]
fn an_unknown_says_what_the_policy_will_do() {
    let (reason, message, phase) = reported(&hold(true), unknown("timeout"));
    assert_eq!((reason, phase), (Reason::OutcomeUnknown, Phase::Stalled));
    assert!(
        message
            .contains(" in time. The SendAgain policy has reached its maxSends. Check the Propensity workspace, then"),
        "{message}"
    );

    let wait = Decision::WaitToSendAgain { attempt: "a".into(), remaining: Duration::from_secs(60) };
    let (reason, message, phase) = reported(&wait, unknown("timeout"));
    assert_eq!((reason, phase), (Reason::OutcomeUnknown, Phase::Reconciling));
    let hint = " in time. It will be sent again by the SendAgain policy, which may create a second audience. To decide \
                yourself, resolve the attempt. If the audience exists";
    assert!(message.contains(hint), "{message}");
    assert!(message.ends_with(COMMANDS));
}

#[test]
fn a_rejection_says_what_the_api_said_and_how_to_go_on() {
    let silent = ended(None, "a", OutcomeResult::Rejected, "rejected_status", None);
    let expected = format!(
        "this list isn't sent again, because the API rejected the request. Change the list, or resolve the attempt. \
         {COMMANDS}"
    );
    assert_eq!(reported(&Decision::Rejected, silent), (Reason::Rejected, expected, Phase::Stalled));
    let spoken = ended(None, "a", OutcomeResult::Rejected, "error_true", Some("too many contacts"));
    let (_, message, _) = reported(&Decision::Rejected, spoken);
    assert!(
        message.contains(", because the API answered with error: true (too many contacts). Change the list"),
        "{message}"
    );
}

#[test]
fn what_was_created_before_says_when_for_whom_and_how_to_send_it_again() {
    let created = ended(None, "a", OutcomeResult::Created, "created", None);
    let created_at = "this list was created at 2026-01-05 00:01:00 UTC with 7 members for ContactAudience leaders, so \
                      nothing was sent.";
    let what_to_do = "To create it again, change spec.revision.";
    let expected = (Reason::AlreadyCreated, format!("{created_at} {what_to_do}"), Phase::Ready);
    assert_eq!(reported(&Decision::Created, created.clone()), expected);

    let verdict = of_decision(&Decision::Created, &plan(), Some(&receipt(created)), 1, "team").unwrap().verdict;
    assert_eq!(verdict.message, format!("{created_at} Now it would have 1 member. {what_to_do}"));
}

#[test]
fn what_may_stand_there_twice_says_so() {
    let twice = settled(&unknown("timeout"), "a", Resolve::SendAgain);
    let twice = ended(Some(&twice), "b", OutcomeResult::Created, "created", None);
    let (_, message, _) = reported(&Decision::Created, twice);
    assert!(
        message.contains(
            " Earlier attempts may have created 1 more audience of it: check the Propensity workspace and remove \
             duplicates."
        ),
        "{message}"
    );
}

#[test]
fn a_persons_word_makes_an_attempt_a_created_one() {
    let record = settled(&unknown("timeout"), "a", Resolve::Created);
    let receipt = receipt(record);
    assert!(is_created(&receipt, &receipt.record.attempts[0]));
    let dismissed = crate::controller::fixtures::receipt(settled(&unknown("timeout"), "a", Resolve::Dismiss));
    assert!(!is_created(&dismissed, &dismissed.record.attempts[0]));
}

#[test]
fn ends_that_need_a_person_name_the_receipt() {
    let table = [
        (
            Decision::Dismissed,
            Reason::Dismissed,
            "a person dismissed the attempt of receipt ar-1, so this list isn't sent. To send it after all, change \
             spec.revision.",
        ),
        (
            Decision::TooManyAttempts,
            Reason::TooManyAttempts,
            "receipt ar-1 has no room for another attempt. Resolve its last attempt with created or dismiss, or change \
             spec.revision to start a new receipt.",
        ),
        (
            Decision::Unreadable(Unreadable::NoRecord),
            Reason::ReceiptUnreadable,
            "receipt ar-1 can't be used, so nothing is sent: it has no record. It was changed manually or restored \
             only in part. Restore it from a backup, or check whether the audience is in the Propensity workspace.",
        ),
    ];
    for (decision, reason, message) in table {
        let Readiness { verdict, phase } = of_decision(&decision, &plan(), None, 7, "team").unwrap();
        assert_eq!((verdict.reason, verdict.message.as_ref(), phase), (reason, message, Phase::Stalled));
    }
}

#[test]
fn an_instruction_that_can_not_be_followed_is_answered_with_those_that_can() {
    let Readiness { verdict, phase } = refused(ResolveError::Syntax, &plan(), &receipt(unknown("timeout")), "team");
    let expected = format!(
        "the resolution on receipt ar-1 was not applied: the annotation isn't <attempt-id>=created, \
         <attempt-id>=send-again or <attempt-id>=dismiss. {COMMANDS}"
    );
    assert_eq!(
        (verdict.reason, verdict.message.into_owned(), phase),
        (Reason::ResolutionInvalid, expected, Phase::Stalled)
    );
}

#[test]
fn a_fresh_create_says_how_many_members_it_has() {
    let plain = |many| Funnel { read: many, to_send: many, ..Funnel::default() };
    let mixed = Funnel { read: 10, invalid: 1, duplicate: 2, excluded: 3, to_send: 4 };
    for (members, funnel, message) in [
        (1, plain(1), "the audience was created with 1 member"),
        (7, plain(7), "the audience was created with 7 members"),
        (4, mixed, "the audience was created with 4 members of 10 rows (1 invalid, 2 duplicate, 3 excluded)"),
    ] {
        let Readiness { verdict, phase } = created(members, &funnel);
        assert_eq!((verdict.reason, verdict.message.as_ref(), phase), (Reason::Created, message, Phase::Ready));
    }
}

#[test]
fn whoever_waits_is_told_what_for() {
    let table = [
        (
            WaitReason::Pacing,
            Reason::Queued,
            "this list waits for its turn under spec.rateLimit and spec.concurrentCreates of PropensityWorkspace \
             default",
        ),
        (
            WaitReason::Caution,
            Reason::CreatesSerialized,
            "the outcome of another create with this key is unknown, so creates are sent one at a time, with growing \
             pauses, until the API gives a definite answer",
        ),
        (
            WaitReason::Paused,
            Reason::RateLimited,
            "the API asked for a pause and stored nothing, so creates wait until the pause ends",
        ),
        (
            WaitReason::Breaker(BreakerCause::Credentials),
            Reason::CredentialsRejected,
            "the API rejected the workspace's key, so creates wait. Put the current key into the Secret of \
             PropensityWorkspace default: a changed key is tried at once, the same key from time to time.",
        ),
        (
            WaitReason::Breaker(BreakerCause::Configuration),
            Reason::ApiMisconfigured,
            "the API's answer indicates a wrong address, plan or method, so creates wait. Correct --api-url or the \
             Propensity plan. To try at once, set the annotation abm.propensity.com/requestedAt of PropensityWorkspace \
             default to a new value.",
        ),
        (
            WaitReason::Unreachable,
            Reason::ApiUnreachable,
            "the Propensity API is unreachable, so nothing was sent; the operator tries again. Check DNS, network \
             policies, proxies and certificates.",
        ),
    ];
    for (why, reason, message) in table {
        let Readiness { verdict, phase } = waiting(why, "default");
        assert_eq!((verdict.reason, verdict.message.as_ref(), phase), (reason, message, Phase::Reconciling));
    }
}

#[test]
fn a_missing_permission_of_the_operator_names_where_to_look() {
    let Readiness { verdict, phase } = forbidden();
    let message = "nothing is sent: the Kubernetes API server rejected a request of the operator for this audience. \
                   Check that the operator has the permissions of the chart, and that the namespace isn't being \
                   deleted.";
    let expected = (Reason::AccessDenied, message, Phase::Reconciling);
    assert_eq!((verdict.reason, verdict.message.as_ref(), phase), expected);
}

#[test]
fn times_are_shown_in_utc_to_the_second() {
    assert_eq!(when(at(3_661)), "2026-01-05 01:01:01 UTC");
}
