#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::*;
use crate::api::Reason;
use crate::controller::fixtures::{accounts, at, audience, contacts, spec, suppressing, workspace};
use crate::controller::model::readiness::Phase;
use crate::propensity::KeyError;

fn key() -> KeyState {
    KeyState::Key(ApiKey::from_bytes(b"canary-key").unwrap())
}

/// An input in which everything is there.
fn whole<'a>(desired: &'a Desired, workspace: &'a PropensityWorkspace) -> Input<'a> {
    Input {
        desired,
        workspace: Some(workspace),
        host: Ok("api.propensity.com"),
        ledger: LedgerState::Present("ledger-1".into()),
        key: key(),
        operator_suspended: false,
        budget_used: 0,
        may_claim: true,
    }
}

fn plan(input: &Input<'_>) -> Plan {
    match assess(input) {
        Assessment::Identified(plan) => *plan,
        Assessment::Blocked(readiness) => panic!("blocked: {readiness:?}"),
    }
}

fn obstacle(input: &Input<'_>) -> (Reason, String, Phase) {
    let Readiness { verdict, phase } = match assess(input) {
        Assessment::Blocked(readiness) => readiness,
        Assessment::Identified(plan) => plan.clearance.unwrap_err(),
    };
    (verdict.reason, verdict.message.into_owned(), phase)
}

/// The obstacle after one change of an input in which everything is there.
fn after(change: impl FnOnce(&mut Input<'_>)) -> (Reason, String, Phase) {
    let (audience, workspace) = (audience(), workspace(json!({})));
    let mut input = whole(&audience, &workspace);
    change(&mut input);
    obstacle(&input)
}

#[test]
fn where_everything_is_there_a_claim_may_be_made() {
    let audience = contacts(json!({
        "contacts": [{"linkedinUrl": "https://www.linkedin.com/in/ada"}],
        "revision": "2",
        "unknownOutcome": {"policy": "SendAgain", "maxSends": 3, "after": "20m"}
    }));
    let workspace = workspace(
        json!({"requestTimeout": "30s", "refusedStatuses": [429, 503], "dailyCreateBudget": 5, "allowSendAgain": true}),
    );
    let plan = plan(&Input { budget_used: 4, ..whole(&audience, &workspace) });
    let hash = audience.list.hash.as_str();
    let kind = IdentityKind::ContactAudience;
    let identity = Identity::audience(kind, "acme", "api.propensity.com", "create_contact_audience", "2", hash);
    assert_eq!(plan.receipt, identity.receipt_name());
    assert_eq!(plan.identity, identity);
    let asked = SendPolicy { send_again: true, max_sends: 3, after_seconds: 1200 };
    assert_eq!(plan.policy, Policy { audience: asked, allowed: true });
    let clearance = plan.clearance.unwrap();
    assert_eq!(clearance.request_timeout.as_secs(), 30);
    assert_eq!((clearance.refused_statuses, clearance.daily_budget), (vec![429, 503], 5));
    assert_eq!(clearance.key.id(), ApiKey::from_bytes(b"canary-key").unwrap().id());
}

#[test]
fn both_kinds_have_their_own_endpoint_and_identity() {
    let audience = accounts(json!({"accounts": [{"website": "example.com"}]}));
    let workspace = workspace(json!({}));
    let identity = plan(&whole(&audience, &workspace)).identity;
    assert_eq!(identity.kind, IdentityKind::AccountAudience);
    assert_eq!(identity.endpoint.as_deref(), Some("create_account_audience"));
    assert_eq!(identity.revision, None);
}

#[test]
fn a_list_that_can_not_be_sent_stops_before_anything_else_is_looked_at() {
    let nothing = |audience: &Desired| {
        obstacle(&Input {
            desired: audience,
            workspace: None,
            host: Err("it is http".into()),
            ledger: LedgerState::Unknown,
            key: KeyState::Unknown,
            operator_suspended: true,
            budget_used: 0,
            may_claim: false,
        })
    };
    let invalid = contacts(
        json!({"contacts": [{"email": "canary@example.com"}, {"linkedinUrl": "https://www.linkedin.com/in/ada"}]}),
    );
    assert_eq!(
        nothing(&invalid),
        (
            Reason::InvalidMembers,
            "1 of 2 rows can't be sent, so nothing is sent. Correct or remove them: status.problems shows source, row \
             and reason of the first ones."
                .into(),
            Phase::Stalled
        )
    );
    for (empty, field) in [(contacts(json!({})), "spec.contacts"), (accounts(json!({})), "spec.accounts")] {
        let message =
            format!("nothing is sent: the list has no members. Add members to {field} or to a source in spec.from.");
        assert_eq!(nothing(&empty), (Reason::EmptyList, message, Phase::Stalled));
    }
}

#[test]
fn each_obstacle_says_what_is_missing_and_what_to_do() {
    use Phase::{Idle, Reconciling, Stalled};
    type Case = (&'static str, fn(&mut Input<'_>), Reason, Phase, &'static str);
    let table: [Case; 13] = [
        (
            "no workspace",
            |s| s.workspace = None,
            Reason::WorkspaceNotFound,
            Reconciling,
            "there is no PropensityWorkspace default in namespace team. Create it, or correct spec.workspaceRef of \
             this ContactAudience.",
        ),
        (
            "a host that isn't allowed",
            |s| s.host = Err("evil.example isn't an allowed host".into()),
            Reason::HostNotAllowed,
            Stalled,
            "nothing is sent: evil.example isn't an allowed host. The flags are --api-url and --allowed-hosts (chart \
             values api.url and api.allowedHosts).",
        ),
        (
            "the operator's switch",
            |s| s.operator_suspended = true,
            Reason::Suspended,
            Idle,
            "nothing is sent: the operator runs with --suspend",
        ),
        (
            "a ledger that wasn't looked up",
            |s| s.ledger = LedgerState::Unknown,
            Reason::Pending,
            Reconciling,
            "the ledger of PropensityWorkspace default is being read",
        ),
        (
            "a lost ledger",
            |s| s.ledger = LedgerState::Missing("the anchor is gone.".into()),
            Reason::LedgerMissing,
            Stalled,
            "nothing is sent: the anchor is gone. Restore the AudienceReceipts of this namespace; or, to start with an \
             empty ledger and send everything again, remove spec.ledgerID and status.ledgerID of PropensityWorkspace \
             default.",
        ),
        (
            "a Secret that wasn't looked up",
            |s| s.key = KeyState::Unknown,
            Reason::Pending,
            Reconciling,
            "Secret propensity in namespace team is being read",
        ),
        (
            "a Secret that may not be read",
            |s| s.key = KeyState::Denied,
            Reason::AccessDenied,
            Reconciling,
            "the operator isn't allowed to read Secret propensity in namespace team. Grant its ServiceAccount get, \
             list and watch on this Secret with a Role and RoleBinding in the namespace, or add the Secret to the \
             chart's secretNames.",
        ),
        (
            "no Secret",
            |s| s.key = KeyState::NoSecret,
            Reason::SecretNotFound,
            Reconciling,
            "there is no Secret propensity in namespace team. Create it with the entry workspace_api_key, or correct \
             spec.secretRef of PropensityWorkspace default.",
        ),
        (
            "no key",
            |s| s.key = KeyState::NoKey,
            Reason::KeyMissing,
            Reconciling,
            "Secret propensity in namespace team has no entry workspace_api_key. Add it, with the workspace's API key.",
        ),
        (
            "an empty key",
            |s| s.key = KeyState::Invalid(KeyError::Empty),
            Reason::KeyInvalid,
            Reconciling,
            "the entry workspace_api_key of Secret propensity in namespace team can't be used: the workspace key is \
             empty. Put the key that Propensity shows into the Secret.",
        ),
        (
            "a spent budget",
            |s| s.budget_used = 100,
            Reason::BudgetSpent,
            Reconciling,
            "all 100 creates of today (UTC) for workspaceID acme are used, so this list is sent tomorrow. To send it \
             today, raise spec.dailyCreateBudget of PropensityWorkspace default.",
        ),
        (
            "a budget that more than one process spent",
            |s| s.budget_used = 103,
            Reason::BudgetSpent,
            Reconciling,
            "all 100 creates of today (UTC) for workspaceID acme are used, so this list is sent tomorrow. To send it \
             today, raise spec.dailyCreateBudget of PropensityWorkspace default.",
        ),
        (
            "another leader",
            |s| s.may_claim = false,
            Reason::Pending,
            Reconciling,
            "another replica of the operator is becoming the leader and will continue",
        ),
    ];
    for (what, change, reason, phase, message) in table {
        assert_eq!(after(change), (reason, message.to_owned(), phase), "{what}");
        assert!(!message.contains("canary"));
    }
}

#[test]
fn suspension_names_who_suspended_the_widest_first() {
    let (open, closed) = (
        audience(),
        contacts(json!({"contacts": [{"linkedinUrl": "https://www.linkedin.com/in/ada"}], "suspend": true})),
    );
    let message = |audience: &Desired, at_workspace: bool, at_operator: bool| {
        let workspace = workspace(json!({"suspend": at_workspace}));
        obstacle(&Input { operator_suspended: at_operator, ..whole(audience, &workspace) }).1
    };
    let (operator, workspace, audience) = (
        "nothing is sent: the operator runs with --suspend",
        "nothing is sent: spec.suspend of PropensityWorkspace default is true",
        "nothing is sent: spec.suspend of this ContactAudience is true",
    );
    assert_eq!(message(&closed, true, true), operator);
    assert_eq!(message(&closed, true, false), workspace);
    assert_eq!(message(&closed, false, false), audience);
    assert_eq!(message(&open, true, false), workspace);
    assert_eq!(message(&open, false, true), operator);
}

#[test]
fn of_several_obstacles_the_first_is_told_in_a_fixed_order() {
    type Change = fn(&mut Input<'_>);
    let order: [(Change, Reason); 5] = [
        (|s| s.operator_suspended = true, Reason::Suspended),
        (|s| s.ledger = LedgerState::Missing("x.".into()), Reason::LedgerMissing),
        (|s| s.key = KeyState::NoSecret, Reason::SecretNotFound),
        (|s| s.budget_used = 100, Reason::BudgetSpent),
        (|s| s.may_claim = false, Reason::Pending),
    ];
    for first in 0..order.len() {
        let first_reported = after(|input| order[first..].iter().for_each(|(change, _)| change(input)));
        assert_eq!(first_reported.0, order[first].1);
    }
}

#[test]
fn what_keeps_a_claim_back_does_not_change_which_audience_it_is() {
    let (audience, workspace) = (audience(), workspace(json!({})));
    let free = plan(&whole(&audience, &workspace));
    let held = plan(&Input {
        ledger: LedgerState::Unknown,
        key: KeyState::Denied,
        operator_suspended: true,
        may_claim: false,
        ..whole(&audience, &workspace)
    });
    assert_eq!((held.receipt, held.identity, held.policy), (free.receipt, free.identity, free.policy));
}

#[test]
fn a_spent_budget_is_whole_again_right_after_midnight_utc() {
    assert_eq!(until_tomorrow(at(0)).as_secs(), 24 * 60 * 60 + 1);
    assert_eq!(until_tomorrow(at(24 * 60 * 60 - 1)).as_secs(), 2);
    assert_eq!(until_tomorrow(at(-3600)).as_secs(), 3601);
}

#[test]
fn a_pinned_ledger_must_be_the_one_of_this_namespace() {
    let audience = audience();
    let (same, other) = (workspace(json!({"ledgerID": "ledger-1"})), workspace(json!({"ledgerID": "ledger-0"})));
    assert!(plan(&whole(&audience, &same)).clearance.is_ok());
    let message = "nothing is sent: spec.ledgerID of PropensityWorkspace default isn't ledger-1, the ledger of this namespace. Restore the AudienceReceipts of the pinned ledger, or correct spec.ledgerID.";
    assert_eq!(obstacle(&whole(&audience, &other)), (Reason::LedgerMissing, message.to_owned(), Phase::Stalled));
}

#[test]
fn guards_are_checked_after_suspension_and_before_the_ledger() {
    let lists = [
        ("all suppressed", suppressing(spec(1..=2, json!({})), &[1, 2]), Reason::EmptyList),
        ("too few", contacts(spec(1..=2, json!({"minMembers": 3}))), Reason::GuardTripped),
        ("both", suppressing(spec(1..=2, json!({"minMembers": 3})), &[1, 2]), Reason::EmptyList),
    ];
    for (what, desired, reason) in lists {
        let workspace = workspace(json!({}));
        let input = |operator_suspended| Input {
            operator_suspended,
            ledger: LedgerState::Missing("x.".into()),
            ..whole(&desired, &workspace)
        };
        assert_eq!(obstacle(&input(false)).0, reason, "{what}");
        assert_eq!(obstacle(&input(true)).0, Reason::Suspended, "{what}");
    }
}
