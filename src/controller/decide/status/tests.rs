#![allow(clippy::unwrap_used)]

use super::*;
use crate::controller::fixtures::{at, contacts, named};
use crate::controller::model::readiness::Phase;
use serde_json::json;

mod split;

fn result(list: &[u32], reason: Reason, phase: Phase) -> AudienceResult {
    let list = named(list).list;
    AudienceResult {
        generation: Some(3),
        receipt: Some(format!("ar-{}", list.hash.short())),
        list: Some(list),
        readiness: Readiness::new(phase, reason, "said"),
        last_result: None,
        existing: None,
        open_unknowns: vec![],
        parts: None,
        reports: vec![],
    }
}

fn created(list: &[u32], second: i64, own: bool) -> AudienceResult {
    let reason = if own { Reason::Created } else { Reason::AlreadyCreated };
    let mut result = result(list, reason, Phase::Ready);
    let receipt = result.receipt.clone().unwrap();
    let audience = CreatedAudience { receipt, time: at(second), members: list.len() as u64 };
    result.existing = Some(ExistingAudience { audience, own });
    result
}

/// The next status of an audience with this status.
fn following(status: &AudienceStatus, result: &AudienceResult, now: Timestamp) -> AudienceStatus {
    next(&Tracked { status: status.clone(), ..named(&[1]).audience }, result, now)
}

fn after(all: &[AudienceResult]) -> AudienceStatus {
    (100..).zip(all).fold(AudienceStatus::default(), |status, (second, result)| following(&status, result, at(second)))
}

fn condition<'a>(status: &'a AudienceStatus, type_: &str) -> Option<(&'a str, &'a str)> {
    status.conditions.iter().find(|c| c.type_ == type_).map(|c| (c.status.as_str(), c.reason.as_str()))
}

#[test]
fn nothing_new_is_the_same_status_whatever_the_time() {
    let all = [
        created(&[1], 1, true),
        result(&[2], Reason::Queued, Phase::Reconciling),
        result(&[3], Reason::OutcomeUnknown, Phase::Stalled),
        result(&[4], Reason::Suspended, Phase::Idle),
    ];
    for result in all {
        let once = following(&AudienceStatus::default(), &result, at(1));
        assert_eq!(following(&once, &result, at(999)), once, "{:?}", result.readiness.reason());
    }
}

#[test]
fn conditions_show_what_kind_of_state_it_is() {
    let table = [
        (Phase::Ready, "True", None, None),
        (Phase::Reconciling, "False", Some(("True", "Queued")), None),
        (Phase::Stalled, "False", None, Some(("True", "Queued"))),
        (Phase::Idle, "False", None, None),
    ];
    for (phase, ready, reconciling, stalled) in table {
        let status = after(&[result(&[1], Reason::Queued, phase)]);
        assert_eq!(condition(&status, "Ready"), Some((ready, "Queued")));
        assert_eq!((condition(&status, "Reconciling"), condition(&status, "Stalled")), (reconciling, stalled));
        assert!(status.conditions.iter().all(|c| c.observed_generation == Some(3) && c.message == "said"));
    }
}

#[test]
fn transition_times_move_only_when_the_status_flips() {
    let since = |status: &AudienceStatus| status.conditions[0].last_transition_time.0;
    let waiting = after(&[result(&[1], Reason::Queued, Phase::Reconciling)]);
    let held = following(&waiting, &result(&[1], Reason::OutcomeUnknown, Phase::Stalled), at(200));
    assert_eq!((since(&waiting), since(&held)), (at(100), at(100)));
    let ready = following(&held, &created(&[1], 1, true), at(300));
    assert_eq!(since(&ready), at(300));
}

#[test]
fn a_first_create_supersedes_nothing() {
    let status = after(&[created(&[1], 1, true)]);
    assert_eq!((status.superseded, status.recent_creates.len()), (0, 1));
    assert_eq!(status.last_created.as_ref(), status.recent_creates.first());
}

#[test]
fn each_further_create_leaves_one_more_behind() {
    let status = after(&[created(&[1], 1, true), created(&[2], 2, true), created(&[3], 3, true)]);
    assert_eq!(status.superseded, 2);
    let times: Vec<_> = status.recent_creates.iter().map(|c| c.time).collect();
    assert_eq!(times, [at(3), at(2), at(1)], "the newest first");
}

#[test]
fn going_back_to_an_older_list_creates_and_supersedes_nothing() {
    let status = after(&[created(&[1], 1, true), created(&[2], 2, true), created(&[1], 1, false)]);
    assert_eq!((status.superseded, status.recent_creates.len()), (1, 2));
    assert_eq!(condition(&status, "Ready"), Some(("True", "AlreadyCreated")));
}

#[test]
fn a_create_that_is_told_twice_counts_once() {
    let status =
        after(&[created(&[1], 1, true), created(&[2], 2, true), created(&[2], 2, true), created(&[2], 2, false)]);
    assert_eq!((status.superseded, status.recent_creates.len()), (1, 2));
}

#[test]
fn after_a_lost_status_what_is_found_again_is_the_last_create() {
    let status = after(&[created(&[2], 2, false)]);
    assert_eq!(status.last_created.map(|c| (c.time, c.members)), Some((at(2), 1)));
    assert_eq!(status.superseded, 0);
}

#[test]
fn the_last_five_creates_are_listed_and_all_are_counted() {
    let all: Vec<_> = (1_u32..=8).map(|n| created(&[n], i64::from(n), true)).collect();
    let status = after(&all);
    assert_eq!((status.superseded, status.recent_creates.len()), (7, 5));
    assert_eq!(status.recent_creates[4].time, at(4));
}

#[test]
fn suspending_keeps_the_last_truth_of_the_present_list() {
    let ready = after(&[created(&[1], 1, true)]);
    let suspended = following(&ready, &result(&[1], Reason::Suspended, Phase::Idle), at(500));
    assert_eq!(suspended, ready);
}

#[test]
fn suspending_a_list_that_is_not_in_the_workspace_says_so() {
    let other_list = [created(&[1], 1, true), result(&[2], Reason::Suspended, Phase::Idle)];
    let not_ready = [result(&[1], Reason::Queued, Phase::Reconciling), result(&[1], Reason::Suspended, Phase::Idle)];
    for status in [after(&other_list), after(&not_ready), after(&other_list[1..])] {
        assert_eq!(condition(&status, "Ready"), Some(("False", "Suspended")));
        assert_eq!(status.conditions.len(), 1);
    }
}

#[test]
fn the_last_answer_stays_until_there_is_a_newer_one() {
    let answer = |second| LastResult {
        time: at(second),
        class: "timeout".into(),
        http_status: None,
        error: None,
        message: None,
    };
    let mut answered = result(&[1], Reason::OutcomeUnknown, Phase::Stalled);
    answered.last_result = Some(answer(1));
    let status = after(&[answered.clone(), result(&[1], Reason::OutcomeUnknown, Phase::Stalled)]);
    assert_eq!(status.last_result, Some(answer(1)));
    answered.last_result = Some(answer(2));
    assert_eq!(following(&status, &answered, at(9)).last_result, Some(answer(2)));
}

#[test]
fn the_funnel_and_the_problems_name_no_value() {
    let rows = json!({"contacts": [
        {"linkedinUrl": "https://www.linkedin.com/in/canary"},
        {"linkedinUrl": "https://linkedin.com/in/Canary/"},
        {"email": "canary@example.com"}
    ]});
    let mut result = result(&[1], Reason::InvalidMembers, Phase::Stalled);
    result.list = Some(contacts(rows).list);
    let status = following(&AudienceStatus::default(), &result, at(0));
    let expected = Funnel { read: 3, invalid: 1, duplicate: 1, excluded: 0, to_send: 1 };
    assert_eq!(status.members, Some(expected));
    assert_eq!(status.problems.len(), 1);
    assert_eq!((status.problems[0].source.as_str(), status.problems[0].row), ("spec.contacts", 3));
    assert!(!serde_json::to_string(&status).unwrap().contains("canary"));
    assert_eq!(status.short_list_hash.as_deref(), Some(&status.list_hash.as_ref().unwrap()[..12]));
}

#[test]
fn open_unknowns_and_the_receipt_are_those_of_now() {
    let unknown = OpenUnknown { receipt: "ar-old".into(), attempt: "a".into(), time: at(0), members: 3 };
    let with =
        AudienceResult { open_unknowns: vec![unknown.clone()], ..result(&[1], Reason::Queued, Phase::Reconciling) };
    let without = AudienceResult { receipt: None, ..result(&[1], Reason::EmptyList, Phase::Stalled) };
    let status = after(std::slice::from_ref(&with));
    assert_eq!(status.open_unknowns, [unknown]);
    let status = following(&status, &without, at(5));
    assert_eq!((status.open_unknowns.len(), status.receipt_ref), (0, None));
}

/// A list of so many members to send and suppressed ones, with these parts of them.
fn suppressed(to_send: u64, excluded: u64, parts: &[(u64, u64)]) -> ListSummary {
    let whole = named(&[1]);
    let part =
        |(to_send, excluded): &(u64, u64)| ListPart { to_send: *to_send, excluded: *excluded, ..whole.to_send() };
    let mut list = whole.list.clone();
    (list.funnel.to_send, list.funnel.excluded) = (to_send, excluded);
    list.parts = parts.iter().map(part).collect();
    list
}

#[test]
fn members_that_were_suppressed_after_they_were_sent_are_counted_at_least() {
    let table = [
        ("nobody", 5, (5, 0), 0),
        ("some were excluded before", 5, (5, 2), 0),
        ("two of them", 5, (3, 2), 2),
        ("two, and one left the list", 5, (2, 2), 2),
        ("one, and one was excluded before", 5, (4, 2), 1),
        ("the list has grown meanwhile", 5, (9, 2), 0),
    ];
    for (what, sent, (to_send, excluded), expected) in table {
        let mut result = created(&[1], 1, true);
        result.existing.as_mut().unwrap().audience.members = sent;
        result.list = Some(suppressed(to_send, excluded, &[]));
        assert_eq!(result.suppressed_sent(), Some(expected), "{what}");
        assert_eq!(AudienceResult { existing: None, ..result.clone() }.suppressed_sent(), None, "{what}");
        assert_eq!(AudienceResult { list: None, ..result }.suppressed_sent(), None, "{what}");
    }
}

#[test]
fn members_that_were_suppressed_after_they_were_sent_are_reported_until_the_list_shows_that_there_are_none() {
    let result = |excluded| {
        let mut result = created(&[1], 1, true);
        result.existing.as_mut().unwrap().audience.members = 3;
        AudienceResult { list: Some(suppressed(3 - excluded, excluded, &[])), ..result }
    };
    let found = |status: &AudienceStatus| {
        let found = condition(status, "SuppressedMembersSent").map(|(_, reason)| reason.to_owned());
        (found, status.suppressed_members_sent)
    };
    let reported = (Some("MembersSuppressedAfterCreate".to_owned()), 2);
    let status = after(&[result(2)]);
    assert_eq!(found(&status), reported);
    let expected = messages::suppressed_later(2, 3, at(1));
    assert_eq!(status.conditions.last().unwrap().message, expected.message);
    let unread = AudienceResult { list: None, existing: None, ..result(0) };
    assert_eq!(found(&following(&status, &unread, at(500))), reported, "the list can't be read now");
    assert_eq!(found(&following(&status, &result(0), at(500))), (None, 0));
}

#[test]
fn a_reconcile_of_an_older_generation_adds_only_its_create() {
    let newer = AudienceResult { generation: Some(4), ..result(&[2], Reason::Queued, Phase::Reconciling) };
    let status = after(&[newer]);
    let with_create = following(&status, &created(&[1], 1, true), at(500));
    assert_eq!(with_create.last_created.as_ref().map(|last| last.time), Some(at(1)));
    let without = AudienceStatus { last_created: None, recent_creates: vec![], ..with_create };
    assert_eq!(without, status);
}

#[test]
fn warnings_and_ignored_columns_are_listed_only_where_there_are_some() {
    let status = |free_mail, roles, ignored_columns| {
        let mut result = created(&[1], 1, true);
        let list = result.list.as_mut().unwrap();
        list.warnings = crate::audience::Warnings { free_mail, roles };
        list.ignored_columns = ignored_columns;
        let status = after(&[result]);
        (status.warnings, status.ignored_columns)
    };
    assert_eq!(status(0, 0, 0), (None, None));
    let warnings = Warnings { free_mail_domains: 2, role_addresses: 0 };
    assert_eq!(status(2, 0, 3), (Some(warnings), Some(3)));
    let warnings = Warnings { free_mail_domains: 0, role_addresses: 1 };
    assert_eq!(status(0, 1, 0), (Some(warnings), None));
}
