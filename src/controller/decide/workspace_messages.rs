//! The states that follow from a workspace: its key, its ledger, its budget and its receipts. Never a key.

use super::sentences;
use crate::api::condition::{Reason, Verdict};
use crate::controller::model::readiness::Readiness;
use crate::ledger::Unreadable;
use crate::propensity::KeyError;

/// Receipts that a condition names.
const MAX_NAMED: usize = 5;

/// Creates can be sent.
#[must_use]
pub fn connected() -> Readiness {
    Readiness::ready(Reason::Connected, "the Secret has a key and the ledger exists, so audiences can be created")
}

/// The workspace is suspended.
#[must_use]
pub fn suspended() -> Readiness {
    Readiness::idle(Reason::Suspended, "nothing is sent: spec.suspend is true")
}

/// No key may be sent to the operator's base URL.
#[must_use]
pub fn host_not_allowed(why: &str) -> Readiness {
    let message = sentences::with(
        format!("nothing is sent: {}", sentences::of_error(&why)),
        "The flags are --api-url and --allowed-hosts (chart values api.url and api.allowedHosts).",
    );
    Readiness::stalled(Reason::HostNotAllowed, message)
}

/// The ledger isn't read yet.
#[must_use]
pub fn ledger_looked_up(workspace: &str) -> Readiness {
    Readiness::reconciling(Reason::Pending, format!("the ledger of PropensityWorkspace {workspace} is being read"))
}

/// The spec pins another ledger than the one in the namespace.
#[must_use]
pub fn other_ledger(workspace: &str, found: &str) -> Readiness {
    let message = format!(
        "nothing is sent: spec.ledgerID of PropensityWorkspace {workspace} isn't {found}, the ledger of this \
         namespace. Restore the AudienceReceipts of the pinned ledger, or correct spec.ledgerID."
    );
    Readiness::stalled(Reason::LedgerMissing, message)
}

/// The ledger is missing. `why` is a sentence.
#[must_use]
pub fn ledger_missing(workspace: &str, why: &str) -> Readiness {
    let message = format!(
        "nothing is sent: {why} Restore the AudienceReceipts of this namespace; or, to start with an empty ledger and \
         send everything again, remove spec.ledgerID and status.ledgerID of PropensityWorkspace {workspace}."
    );
    Readiness::stalled(Reason::LedgerMissing, message)
}

/// Why a ledger that the spec pins is missing.
#[must_use]
pub fn pinned_anchor_missing(ledger: &str, receipt: &str) -> String {
    format!("spec.ledgerID pins ledger {ledger}, but its anchor (receipt {receipt}) isn't in this namespace.")
}

/// Why a ledger that the status remembers is missing.
#[must_use]
pub fn remembered_anchor_missing(ledger: &str, receipt: &str) -> String {
    format!("status.ledgerID is {ledger}, but the anchor of this ledger (receipt {receipt}) no longer exists.")
}

/// Why a ledger counts as missing whose anchor can't be read.
#[must_use]
pub fn anchor_unreadable(receipt: &str, why: Unreadable) -> String {
    format!("the anchor of the ledger (receipt {receipt}) can't be used: {}", sentences::of_error(&why))
}

/// Why a ledger is missing where the anchor is that of another one. `field` names the expected one.
#[must_use]
pub fn anchor_of_other_ledger(field: &str, expected: &str, found: &str) -> String {
    format!("{field} is {expected}, but the anchor in this namespace belongs to ledger {found}.")
}

/// The Secret isn't read yet.
#[must_use]
pub fn secret_looked_up(secret: &str, namespace: &str) -> Readiness {
    Readiness::reconciling(Reason::Pending, format!("Secret {secret} in namespace {namespace} is being read"))
}

/// The operator may not read the Secret.
#[must_use]
pub fn secret_denied(secret: &str, namespace: &str) -> Readiness {
    let message = format!(
        "the operator isn't allowed to read Secret {secret} in namespace {namespace}. Grant its ServiceAccount get, \
         list and watch on this Secret with a Role and RoleBinding in the namespace, or add the Secret to the chart's \
         secretNames."
    );
    Readiness::reconciling(Reason::AccessDenied, message)
}

/// The Secret doesn't exist.
#[must_use]
pub fn no_secret(secret: &str, namespace: &str, workspace: &str) -> Readiness {
    let message = format!(
        "there is no Secret {secret} in namespace {namespace}. Create it with the entry workspace_api_key, or correct \
         spec.secretRef of PropensityWorkspace {workspace}."
    );
    Readiness::reconciling(Reason::SecretNotFound, message)
}

/// The Secret has no key.
#[must_use]
pub fn no_key(secret: &str, namespace: &str) -> Readiness {
    let message = format!(
        "Secret {secret} in namespace {namespace} has no entry workspace_api_key. Add it, with the workspace's API key."
    );
    Readiness::reconciling(Reason::KeyMissing, message)
}

/// The Secret's key can't be used.
#[must_use]
pub fn invalid_key(secret: &str, namespace: &str, why: KeyError) -> Readiness {
    let message = format!(
        "the entry workspace_api_key of Secret {secret} in namespace {namespace} can't be used: {}",
        sentences::of_error(&why)
    );
    Readiness::reconciling(Reason::KeyInvalid, message)
}

/// The day's creates are used up.
#[must_use]
pub fn budget_spent(limit: u32) -> Verdict {
    let message = format!(
        "all {limit} creates of today (UTC) are used, so new audiences wait until tomorrow. To create them today, \
         raise spec.dailyCreateBudget."
    );
    Verdict::new(Reason::BudgetSpent, message)
}

/// Most of the day's creates are used.
#[must_use]
pub fn budget_nearly_spent(limit: u32) -> Verdict {
    let message = format!(
        "80% or more of the {limit} creates of today (UTC) are used. If more are needed today, raise \
         spec.dailyCreateBudget."
    );
    Verdict::new(Reason::BudgetNearlySpent, message)
}

/// Receipts whose outcome is unknown.
#[must_use]
pub fn unresolved(receipts: &[String], namespace: &str) -> Verdict {
    let named = receipts.iter().take(MAX_NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = receipts.len().saturating_sub(MAX_NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let message = format!(
        "audiences may or may not have been created for these receipts: {named}{more}. Check the Propensity workspace, \
         then resolve them with the commands in each audience's condition. To list them: `kubectl get audiencereceipts \
         -n {namespace} --field-selector record.state=Unknown -o wide`."
    );
    Verdict::new(Reason::Unresolved, message)
}
