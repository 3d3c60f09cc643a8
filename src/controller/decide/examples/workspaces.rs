//! Examples of workspaces, some of which other objects have too.

use super::table::{Examples, LEDGER, NAMESPACE, SECRET, WORKSPACE};
use crate::api::condition::ConditionType;
use crate::controller::decide::{audience_messages, messages, workspace_messages as of_workspace};
use crate::controller::model::readiness::Readiness;
use crate::ledger::Unreadable;
use crate::propensity::{BreakerCause, EndpointError, KeyError, WaitReason};

/// The receipt that is the anchor of the ledger.
pub(super) const ANCHOR: &str = "anchor-1b6e90c4fd27";

pub(super) fn add(examples: &mut Examples) {
    examples.ready("Nothing.", [of_workspace::connected()]);
    examples.ready("Nothing.", pending());
    secret(examples);
    examples.ready(
        "[Grant access](operations.md#another-secret-name) to the Secret.",
        [of_workspace::secret_denied(SECRET, NAMESPACE)],
    );
    ledger(examples);
    let wait = |why| messages::waiting(why, WORKSPACE).verdict;
    let (credentials, configuration) =
        (WaitReason::Breaker(BreakerCause::Credentials), WaitReason::Breaker(BreakerCause::Configuration));
    let (rotated, breaker) = (
        "[Put the current key into the Secret](operations.md#a-rotated-key).",
        "[Correct the address or the plan](operations.md#an-open-breaker), then annotate the workspace.",
    );
    examples.ready(rotated, [messages::waiting(credentials, WORKSPACE)]);
    examples.ready(breaker, [messages::waiting(configuration, WORKSPACE)]);
    examples.ready("Set `suspend` back.", [audience_messages::operator_suspended(), of_workspace::suspended()]);
    examples.beside(ConditionType::BreakerOpen, rotated, [wait(credentials)]);
    examples.beside(ConditionType::BreakerOpen, breaker, [wait(configuration)]);
    examples.beside(ConditionType::Paused, "Nothing. If it lasts, lower `rateLimit`.", [wait(WaitReason::Paused)]);
    examples.beside(
        ConditionType::Paused,
        "Check DNS, network policies, proxies and certificates.",
        [wait(WaitReason::Unreachable)],
    );
    examples.beside(
        ConditionType::CreatesSerialized,
        "Resolve the unknown outcome, if you can.",
        [wait(WaitReason::Caution)],
    );
    examples.beside(
        ConditionType::BudgetLow,
        "[Raise the budget](operations.md#the-daily-budget), or find what changes lists so often.",
        [of_workspace::budget_nearly_spent(100)],
    );
    examples.beside(
        ConditionType::BudgetLow,
        "Wait for the next day (UTC), or [raise the budget](operations.md#the-daily-budget).",
        [of_workspace::budget_spent(100)],
    );
    examples.beside(
        ConditionType::OutcomesUnknown,
        "[Resolve them](operations.md#an-unknown-outcome).",
        [of_workspace::unresolved(&["ar-5d81f07c2e9b".to_owned(), "ar-77c0a1e4b8d3".to_owned()], NAMESPACE)],
    );
}

/// What the operator has not read yet.
pub(super) fn pending() -> [Readiness; 2] {
    [of_workspace::ledger_looked_up(WORKSPACE), of_workspace::secret_looked_up(SECRET, NAMESPACE)]
}

/// What the Secret lacks.
pub(super) fn secret(examples: &mut Examples) {
    examples.ready(
        "Create the Secret, or correct `secretRef` of the workspace.",
        [of_workspace::no_secret(SECRET, NAMESPACE, WORKSPACE)],
    );
    examples.ready("Add the key to the Secret.", [of_workspace::no_key(SECRET, NAMESPACE)]);
    examples.ready(
        "Correct the key in the Secret.",
        [of_workspace::invalid_key(SECRET, NAMESPACE, KeyError::ControlCharacter)],
    );
}

/// What prevents creates under a base URL and a ledger.
pub(super) fn ledger(examples: &mut Examples) {
    let host = EndpointError::NotAllowed { host: "api.example.com".into() };
    examples.ready(
        "Correct the chart's `api.url` or `api.allowedHosts`.",
        [of_workspace::host_not_allowed(&host.to_string())],
    );
    let missing = |why: String| of_workspace::ledger_missing(WORKSPACE, &why);
    examples.ready(
        "[Restore the ledger](operations.md#losing-the-ledger), or correct the pin.",
        [
            missing(of_workspace::pinned_anchor_missing(LEDGER, ANCHOR)),
            missing(of_workspace::remembered_anchor_missing(LEDGER, ANCHOR)),
            missing(of_workspace::anchor_unreadable(ANCHOR, Unreadable::NoRecord)),
            missing(of_workspace::anchor_of_other_ledger("spec.ledgerID", LEDGER, "b8hd4n6ryc1f")),
            of_workspace::other_ledger(WORKSPACE, "b8hd4n6ryc1f"),
        ],
    );
}
