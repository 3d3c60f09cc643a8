#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::api::REQUESTED_AT_ANNOTATION;
use crate::api::workspace::Freshness;
use crate::controller::fixtures::{at, moment, shown, workspace};
use crate::controller::model::readiness::Phase;
use crate::propensity::{ApiKey, BreakerCause, BreakerView};

const CLOSED: GateView =
    GateView { breaker: None, paused_until: None, caution: None, unreachable: None, waiting: 0, in_flight: 0 };

fn breaker(cause: BreakerCause) -> Option<BreakerView> {
    Some(BreakerView { cause, since: moment(1), half_open_at: moment(60) })
}

/// An input in which everything is there.
fn whole(workspace: &PropensityWorkspace) -> WorkspaceInput<'_> {
    WorkspaceInput {
        workspace,
        host_error: None,
        ledger: LedgerState::Present("ledger-1".into()),
        key: KeyState::Key(ApiKey::from_bytes(b"canary-key").unwrap()),
        gate: Some(CLOSED),
        open_unknowns: vec![],
        budget_used: 0,
        operator_suspended: false,
        reports: vec![],
    }
}

fn status(input: &WorkspaceInput<'_>, old: &WorkspaceStatus) -> WorkspaceStatus {
    let wall_at = |moment: Moment| at(i64::try_from(moment.since(Moment::default()).as_secs()).unwrap());
    next(input, old, wall_at, at(0))
}

/// The conditions after one change of an input in which everything is there: type, reason and message, without `Ready`.
fn conditions(change: impl FnOnce(&mut WorkspaceInput<'_>)) -> Vec<(String, String, String)> {
    let workspace = workspace(json!({"dailyCreateBudget": 10}));
    let mut input = whole(&workspace);
    change(&mut input);
    let conditions = status(&input, &WorkspaceStatus::default()).conditions;
    assert!(conditions.iter().all(|c| c.type_ == "Ready" || c.status == "True"));
    let other = conditions.into_iter().filter(|c| !["Ready", "Reconciling", "Stalled"].contains(&c.type_.as_str()));
    other.map(|c| (c.type_, c.reason, c.message)).collect()
}

#[test]
fn of_several_obstacles_the_first_is_reported_in_a_fixed_order() {
    type Change = fn(&mut WorkspaceInput<'_>);
    let order: [(Change, Reason, Phase); 6] = [
        (|i| i.host_error = Some("x".into()), Reason::HostNotAllowed, Phase::Stalled),
        (|i| i.ledger = LedgerState::Missing("x.".into()), Reason::LedgerMissing, Phase::Stalled),
        (|i| i.key = KeyState::NoSecret, Reason::SecretNotFound, Phase::Reconciling),
        (
            |i| i.gate = Some(GateView { breaker: breaker(BreakerCause::Credentials), ..CLOSED }),
            Reason::CredentialsRejected,
            Phase::Reconciling,
        ),
        (|i| i.operator_suspended = true, Reason::Suspended, Phase::Idle),
        (|_| (), Reason::Suspended, Phase::Idle),
    ];
    let suspended = workspace(json!({"suspend": true}));
    for first in 0..order.len() {
        let mut input = whole(&suspended);
        order[first..].iter().for_each(|(change, ..)| change(&mut input));
        let (reason, _, phase) = shown(readiness(&input));
        assert_eq!((reason, phase), (order[first].1, order[first].2), "{first}");
    }
}

#[test]
fn a_workspace_reports_whether_creates_can_be_sent_and_who_suspended_them() {
    use Phase::{Idle, Ready};
    let table = [
        (
            false,
            false,
            Reason::Connected,
            Ready,
            "the Secret has a key and the ledger exists, so audiences can be created",
        ),
        (false, true, Reason::Suspended, Idle, "nothing is sent: spec.suspend is true"),
        (true, false, Reason::Suspended, Idle, "nothing is sent: the operator runs with --suspend"),
        (true, true, Reason::Suspended, Idle, "nothing is sent: the operator runs with --suspend"),
    ];
    for (by_operator, by_spec, reason, phase, message) in table {
        let workspace = workspace(json!({"suspend": by_spec}));
        let input = WorkspaceInput { operator_suspended: by_operator, ..whole(&workspace) };
        assert_eq!(shown(readiness(&input)), (reason, message.to_owned(), phase));
        let without_gate = WorkspaceInput { gate: None, ..input };
        assert_eq!(readiness(&without_gate).reason(), reason, "its key isn't in use yet");
    }
}

#[test]
fn what_the_gate_waits_for_is_reported_with_the_time_of_the_next_try() {
    use BreakerCause::{Configuration, Credentials};
    let table = [
        (GateView { breaker: breaker(Credentials), ..CLOSED }, "BreakerOpen", WaitReason::Breaker(Credentials)),
        (GateView { breaker: breaker(Configuration), ..CLOSED }, "BreakerOpen", WaitReason::Breaker(Configuration)),
        (GateView { paused_until: Some(moment(60)), ..CLOSED }, "Paused", WaitReason::Paused),
        (GateView { unreachable: Some(moment(60)), ..CLOSED }, "Paused", WaitReason::Unreachable),
        (
            GateView { paused_until: Some(moment(60)), unreachable: Some(moment(90)), ..CLOSED },
            "Paused",
            WaitReason::Paused,
        ),
        (GateView { caution: Some(moment(60)), ..CLOSED }, "CreatesSerialized", WaitReason::Caution),
    ];
    for (gate, type_, why) in table {
        let (reason, message, _) = shown(messages::waiting(why, "default"));
        let message = sentences::with(message.to_string(), "The next try is at 2026-01-05 00:01:00 UTC.");
        let expected = (type_.to_owned(), reason.as_str().to_owned(), message);
        assert_eq!(conditions(|input| input.gate = Some(gate)), [expected], "{why:?}");
    }
    let all = GateView {
        breaker: breaker(Credentials),
        paused_until: Some(moment(60)),
        caution: Some(moment(60)),
        unreachable: None,
        ..CLOSED
    };
    let types: Vec<_> = conditions(|input| input.gate = Some(all)).into_iter().map(|(type_, ..)| type_).collect();
    assert_eq!(types, ["BreakerOpen", "Paused", "CreatesSerialized"]);
    assert!(conditions(|input| input.gate = None).is_empty());
}

#[test]
fn the_budget_of_the_day_is_reported_from_80_percent_on() {
    let nearly = "80% or more of the 10 creates of today (UTC) are used. If more are needed today, raise \
                  spec.dailyCreateBudget.";
    let spent = "all 10 creates of today (UTC) are used, so new audiences wait until tomorrow. To create them today, \
                 raise spec.dailyCreateBudget.";
    let table = [
        (0, "Available", None),
        (7, "Available", None),
        (8, "NearlySpent", Some((Reason::BudgetNearlySpent, nearly))),
        (9, "NearlySpent", Some((Reason::BudgetNearlySpent, nearly))),
        (10, "Spent", Some((Reason::BudgetSpent, spent))),
        (11, "Spent", Some((Reason::BudgetSpent, spent))),
    ];
    let workspace = workspace(json!({"dailyCreateBudget": 10}));
    for (used, budget, condition) in table {
        let input = WorkspaceInput { budget_used: used, ..whole(&workspace) };
        assert_eq!(status(&input, &WorkspaceStatus::default()).budget.as_deref(), Some(budget), "{used}");
        assert_eq!(is_spent(&input), budget == "Spent", "{used}");
        assert_eq!(readiness(&input).reason(), Reason::Connected, "the workspace can still be used");
        let expected =
            condition.map(|(reason, message)| ("BudgetLow".to_owned(), reason.as_str().to_owned(), message.to_owned()));
        assert_eq!(conditions(|input| input.budget_used = used), Vec::from_iter(expected), "{used}");
    }
}

#[test]
fn a_budget_of_nothing_is_spent() {
    let workspace = workspace(json!({"dailyCreateBudget": 0}));
    assert_eq!(status(&whole(&workspace), &WorkspaceStatus::default()).budget.as_deref(), Some("Spent"));
}

#[test]
fn unknown_outcomes_are_counted_and_up_to_five_of_them_are_named() {
    let table = [(1, "ar-1"), (5, "ar-1, ar-2, ar-3, ar-4, ar-5"), (7, "ar-1, ar-2, ar-3, ar-4, ar-5 and 2 more")];
    for (many, named) in table {
        let names: Vec<_> = (1..=many).map(|number| format!("ar-{number}")).collect();
        let message = format!(
            "audiences may or may not have been created for these receipts: {named}. Check the Propensity workspace, \
             then resolve them with the commands in each audience's condition. To list them: `kubectl get \
             audiencereceipts -n team --field-selector record.state=Unknown -o wide`."
        );
        let expected = ("OutcomesUnknown".to_owned(), "Unresolved".to_owned(), message);
        assert_eq!(conditions(|input| input.open_unknowns.clone_from(&names)), [expected]);
        let workspace = workspace(json!({}));
        let input = WorkspaceInput { open_unknowns: names, ..whole(&workspace) };
        assert_eq!(status(&input, &WorkspaceStatus::default()).open_unknowns, many);
    }
}

#[test]
fn the_id_of_the_ledger_stays_while_the_ledger_is_not_known() {
    let workspace = workspace(json!({}));
    let old = WorkspaceStatus { ledger_id: Some("ledger-0".into()), ..WorkspaceStatus::default() };
    let table = [
        (LedgerState::Present("ledger-1".into()), "ledger-1"),
        (LedgerState::Unknown, "ledger-0"),
        (LedgerState::Missing("x.".into()), "ledger-0"),
    ];
    for (ledger, expected) in table {
        let input = WorkspaceInput { ledger, ..whole(&workspace) };
        assert_eq!(status(&input, &old).ledger_id.as_deref(), Some(expected));
    }
}

#[test]
fn no_more_reports_are_listed_than_the_schema_allows() {
    let workspace = workspace(json!({}));
    let report =
        |number| ReportFreshness { name: format!("r{number}"), report: "visits".into(), freshness: Freshness::Never };
    let reports: Vec<_> = (0..101).map(report).collect();
    let input = WorkspaceInput { reports: reports.clone(), ..whole(&workspace) };
    assert_eq!(status(&input, &WorkspaceStatus::default()).reports, reports[..100]);
}

#[test]
fn the_last_request_of_a_person_counts_as_handled() {
    let mut asking = workspace(json!({}));
    let annotation = (REQUESTED_AT_ANNOTATION.to_owned(), "2".to_owned());
    asking.metadata.annotations = Some(BTreeMap::from([annotation]));
    let old = WorkspaceStatus { last_handled_requested_at: Some("1".into()), ..WorkspaceStatus::default() };
    assert_eq!(status(&whole(&asking), &old).last_handled_requested_at.as_deref(), Some("2"));
    let silent = workspace(json!({}));
    assert_eq!(status(&whole(&silent), &old).last_handled_requested_at.as_deref(), Some("1"));
}

#[test]
fn nothing_new_is_the_same_status() {
    let workspace = workspace(json!({}));
    let gate = GateView { breaker: breaker(BreakerCause::Credentials), ..CLOSED };
    let input = WorkspaceInput { gate: Some(gate), open_unknowns: vec!["ar-1".into()], ..whole(&workspace) };
    let once = status(&input, &WorkspaceStatus::default());
    assert_eq!(next(&input, &once, |_| at(60), at(999)), once);
    assert_eq!(once.observed_generation, Some(3));
    let ready = once.conditions.iter().map(|c| (c.type_.as_str(), c.status.as_str())).collect::<Vec<_>>();
    let expected = [("Ready", "False"), ("Reconciling", "True"), ("BreakerOpen", "True"), ("OutcomesUnknown", "True")];
    assert_eq!(ready, expected);
}
