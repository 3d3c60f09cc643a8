use super::*;
use crate::controller::fixtures::at;

fn state(phase: Phase, reason: Reason) -> Readiness {
    Readiness::new(phase, reason, "why")
}

fn event(type_: EventType, reason: &'static str, action: &'static str) -> Option<NewEvent> {
    Some(NewEvent { type_, reason, action, note: "why".to_owned() })
}

#[test]
fn an_audience_has_an_event_where_it_was_created_or_somebody_should_look_at_it() {
    use EventType::{Normal, Warning};
    use Phase::{Idle, Ready, Reconciling, Stalled};
    let table = [
        (Ready, Reason::Created, event(Normal, "Created", "Create")),
        (Ready, Reason::AlreadyCreated, None),
        (Idle, Reason::Suspended, None),
        (Stalled, Reason::OutcomeUnknown, event(Warning, "OutcomeUnknown", "Block")),
        (Stalled, Reason::Created, event(Warning, "Created", "Block")),
        (Reconciling, Reason::SecretNotFound, event(Warning, "SecretNotFound", "Block")),
        (Reconciling, Reason::RateLimited, event(Warning, "RateLimited", "Block")),
        (Reconciling, Reason::Queued, None),
        (Reconciling, Reason::Sending, None),
        (Reconciling, Reason::Pending, None),
        (Reconciling, Reason::CreatesSerialized, None),
    ];
    for (phase, reason, expected) in table {
        assert_eq!(of_audience(&state(phase, reason)), expected, "{phase:?} {reason:?}");
    }
}

#[test]
fn suppressed_members_have_an_event_where_the_status_does_not_report_just_these() {
    let verdict = |message: &'static str| Verdict::new(Reason::MembersSuppressedAfterCreate, message);
    let reported = |message| {
        let wanted = condition::DesiredCondition {
            type_: ConditionType::SuppressedMembersSent,
            status: true,
            verdict: verdict(message),
        };
        AudienceStatus { conditions: condition::update(&[], &[wanted], None, at(0)), ..AudienceStatus::default() }
    };
    let expected = event(EventType::Warning, "SuppressedMembersSent", "Suppress");
    let table = [
        ("none", AudienceStatus::default(), None, None),
        ("none any more", reported("why"), None, None),
        ("the first", AudienceStatus::default(), Some(verdict("why")), expected.clone()),
        ("the same", reported("why"), Some(verdict("why")), None),
        ("others", reported("why before"), Some(verdict("why")), expected),
    ];
    for (what, before, verdict, expected) in table {
        assert_eq!(of_suppressed(&before, verdict.as_ref()), expected, "{what}");
    }
}

#[test]
fn a_resolution_has_an_event_that_names_who_and_how() {
    let table = [
        (ResolvedBy::Person, Resolve::Created, "a person resolved attempt a of receipt ar-1 as created"),
        (ResolvedBy::Person, Resolve::SendAgain, "a person resolved attempt a of receipt ar-1 to be sent again"),
        (ResolvedBy::Person, Resolve::Dismiss, "a person resolved attempt a of receipt ar-1 as dismissed"),
        (
            ResolvedBy::Policy,
            Resolve::SendAgain,
            "the SendAgain policy resolved attempt a of receipt ar-1 to be sent again",
        ),
    ];
    for (by, decision, note) in table {
        let found = of_resolution("ar-1", &Instruction { attempt: "a".into(), decision }, by);
        let expected =
            NewEvent { type_: EventType::Normal, reason: "Resolved", action: "Resolve", note: note.to_owned() };
        assert_eq!(found, expected);
    }
}

#[test]
fn a_report_has_an_event_where_something_new_blocks_it() {
    use Phase::{Idle, Ready, Reconciling, Stalled};
    let warning = |reason| event(EventType::Warning, reason, "Fetch");
    let table = [
        (None, Stalled, Reason::ColumnsMissing, warning("ColumnsMissing")),
        (Some("Fetched"), Reconciling, Reason::ApiUnreachable, warning("ApiUnreachable")),
        (Some("RateLimited"), Reconciling, Reason::ApiUnreachable, warning("ApiUnreachable")),
        (Some("ApiUnreachable"), Reconciling, Reason::ApiUnreachable, None),
        (None, Reconciling, Reason::Pending, None),
        (None, Idle, Reason::Suspended, None),
        (Some("ApiUnreachable"), Ready, Reason::Fetched, None),
    ];
    for (before, phase, reason, expected) in table {
        assert_eq!(of_report(before, &state(phase, reason)), expected, "{before:?} {phase:?} {reason:?}");
    }
}
