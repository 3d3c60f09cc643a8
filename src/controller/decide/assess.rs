//! What can be done for an audience, given all that is known about it.

use std::time::Duration;

use jiff::Timestamp;

use super::guards;
use crate::api::condition::{Reason, Verdict};
use crate::api::{PropensityWorkspace, UnknownPolicy};
use crate::audience::Kind;
use crate::controller::model::audience::{kind_name, list_field};
use crate::controller::model::desired::Desired;
use crate::controller::model::ledger::LedgerState;
use crate::controller::model::readiness::{Phase, Readiness};
use crate::ledger::{Identity, IdentityKind, Policy, SendPolicy};
use crate::propensity::WorkspaceKey;
use crate::sources::KeyState;

/// All that is known about one audience.
pub struct Input<'a> {
    /// The audience with its list.
    pub desired: &'a Desired,
    /// Its workspace.
    pub workspace: Option<&'a PropensityWorkspace>,
    /// Host of the API, or why a key may not be sent there.
    pub host: Result<&'a str, String>,
    /// What is known of the workspace's ledger.
    pub ledger: LedgerState,
    /// What is known of the workspace's key.
    pub key: KeyState,
    /// The operator's own switch.
    pub operator_suspended: bool,
    /// Creates of this UTC day for the `workspaceID`.
    pub budget_used: u32,
    /// Whether this process may claim.
    pub may_claim: bool,
}

/// The result of [`assess`].
pub enum Assessment {
    /// There is nothing that could be sent.
    Blocked(Readiness),
    /// A list with an identity; its receipt decides what happens.
    Identified(Box<Plan>),
}

/// A list with an identity.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Which audience of the workspace it is.
    pub identity: Identity,
    /// Name of its receipt.
    pub receipt: String,
    /// What to do when an outcome is unknown.
    pub policy: Policy,
    /// What a claim needs, or what prevents one now, whatever the receipt says.
    pub clearance: Result<Clearance, Readiness>,
}

/// What a claim needs.
#[derive(Clone, Debug)]
pub struct Clearance {
    /// The key to use.
    pub key: WorkspaceKey,
    /// How long to wait for an answer.
    pub request_timeout: Duration,
    /// The statuses that the workspace lists as refusals.
    pub refused_statuses: Vec<u16>,
    /// The workspace's daily budget.
    pub daily_budget: u32,
}

/// What can be done for an audience.
#[must_use]
pub fn assess(input: &Input<'_>) -> Assessment {
    let Desired { audience, list, variant, .. } = input.desired;
    let kind = kind_name(audience.kind);
    if let Some(blocked) = guards::invalid(input.desired) {
        return Assessment::Blocked(blocked);
    }
    if list.funnel.to_send == 0 && list.funnel.excluded == 0 {
        let message = format!(
            "the list has no member, so nothing is sent: add members to {} or to what spec.from names",
            list_field(audience.kind)
        );
        return Assessment::Blocked(Readiness::stalled(Reason::EmptyList, message));
    }
    let Some(workspace) = input.workspace else {
        let message = format!(
            "there is no PropensityWorkspace {} in namespace {}: create it, or name another in spec.workspaceRef of this {kind}",
            audience.options.workspace_ref.name,
            audience.namespace()
        );
        return Assessment::Blocked(Readiness::reconciling(Reason::WorkspaceNotFound, message));
    };
    let host = match &input.host {
        Ok(host) => host,
        Err(why) => return Assessment::Blocked(host_not_allowed(why)),
    };
    let identity = Identity::audience(
        identity_kind(audience.kind),
        &workspace.spec.workspace_id,
        host,
        audience.kind.endpoint(),
        &audience.options.revision,
        input.desired.to_send().hash.as_str(),
    )
    .with_variant(variant.clone());
    let unknown = &audience.options.unknown_outcome;
    let policy = Policy {
        audience: SendPolicy {
            send_again: unknown.policy == UnknownPolicy::SendAgain,
            max_sends: unknown.max_sends,
            after_seconds: Duration::from(unknown.after).as_secs(),
        },
        allowed: workspace.spec.allow_send_again,
    };
    let receipt = identity.receipt_name();
    let clearance = clearance(input, workspace);
    Assessment::Identified(Box::new(Plan { identity, receipt, policy, clearance }))
}

/// What a claim needs, or the first reason in this order why none may be made now.
fn clearance(input: &Input<'_>, workspace: &PropensityWorkspace) -> Result<Clearance, Readiness> {
    if let Some(blocked) = suspended(input, workspace) {
        return Err(blocked);
    }
    let desired = input.desired;
    let guard = guards::all_suppressed(desired)
        .or_else(|| guards::part_suppressed(desired))
        .or_else(|| guards::out_of_bounds(desired, workspace));
    if let Some(blocked) = guard {
        return Err(blocked);
    }
    if let Some(blocked) = ledger_obstacle(&input.ledger, workspace) {
        return Err(blocked);
    }
    let key = usable_key(&input.key, workspace)?;
    let budget = workspace.spec.daily_create_budget;
    if input.budget_used >= budget {
        let message = format!(
            "all {budget} creates of today (UTC) for workspaceID {} are used; this list is sent tomorrow. Raise spec.dailyCreateBudget of PropensityWorkspace {} to send it today",
            workspace.spec.workspace_id,
            workspace_name(workspace)
        );
        return Err(Readiness::reconciling(Reason::BudgetSpent, message));
    }
    if !input.may_claim {
        return Err(Readiness::reconciling(Reason::Pending, "another replica is taking over"));
    }
    Ok(Clearance {
        key,
        request_timeout: workspace.spec.request_timeout.into(),
        refused_statuses: workspace.spec.refused_statuses.clone(),
        daily_budget: budget,
    })
}

fn suspended(input: &Input<'_>, workspace: &PropensityWorkspace) -> Option<Readiness> {
    let audience = &input.desired.audience;
    let message = if input.operator_suspended {
        "nothing is sent: the operator runs with --suspend".to_owned()
    } else if workspace.spec.suspend {
        format!("nothing is sent: spec.suspend of PropensityWorkspace {} is true", workspace_name(workspace))
    } else if audience.options.suspend {
        format!("nothing is sent: spec.suspend of this {} is true", kind_name(audience.kind))
    } else {
        return None;
    };
    Some(Readiness::idle(Reason::Suspended, message))
}

/// Why nothing may be sent under this ledger.
#[must_use]
pub fn ledger_obstacle(ledger: &LedgerState, workspace: &PropensityWorkspace) -> Option<Readiness> {
    let name = workspace_name(workspace);
    match ledger {
        LedgerState::Present(id) if [id.as_str(), ""].contains(&workspace.spec.ledger_id.as_str()) => None,
        LedgerState::Present(id) => Some(Readiness::stalled(
            Reason::LedgerMissing,
            format!(
                "nothing is sent: spec.ledgerID of PropensityWorkspace {name} names another ledger than the one in this namespace, {id}. Restore the AudienceReceipts of the ledger it names, or correct it"
            ),
        )),
        LedgerState::Unknown => Some(Readiness::reconciling(
            Reason::Pending,
            format!("the ledger of PropensityWorkspace {name} is being looked up"),
        )),
        LedgerState::Missing(why) => Some(Readiness::stalled(
            Reason::LedgerMissing,
            format!(
                "nothing is sent: {why} Restore the AudienceReceipts of this namespace; or, if this is meant to start from an empty ledger and send everything again, remove spec.ledgerID and status.ledgerID of PropensityWorkspace {name}"
            ),
        )),
    }
}

/// The key.
///
/// # Errors
/// Why there is none.
pub fn usable_key(key: &KeyState, workspace: &PropensityWorkspace) -> Result<WorkspaceKey, Readiness> {
    let secret = &workspace.spec.secret_ref.name;
    let namespace = workspace.metadata.namespace.as_deref().unwrap_or_default();
    let verdict = match key {
        KeyState::Key(key) => return Ok(key.clone()),
        KeyState::Unknown => {
            Verdict::new(Reason::Pending, format!("Secret {secret} in namespace {namespace} is being looked up"))
        }
        KeyState::Denied => Verdict::new(
            Reason::AccessDenied,
            format!(
                "the operator may not read Secret {secret} in namespace {namespace}: grant its ServiceAccount get, list and watch on this Secret by a Role and RoleBinding in the namespace, or name the Secret in the chart's secretNames"
            ),
        ),
        KeyState::NoSecret => Verdict::new(
            Reason::SecretNotFound,
            format!(
                "there is no Secret {secret} in namespace {namespace}: create it with the entry workspace_api_key, or name another in spec.secretRef"
            ),
        ),
        KeyState::NoKey => Verdict::new(
            Reason::KeyMissing,
            format!(
                "Secret {secret} in namespace {namespace} has no entry workspace_api_key: add it, with the workspace's API key"
            ),
        ),
        KeyState::Invalid(error) => Verdict::new(
            Reason::KeyInvalid,
            format!("the entry workspace_api_key of Secret {secret} in namespace {namespace} can't be used: {error}"),
        ),
    };
    Err(Readiness { verdict, phase: Phase::Reconciling })
}

/// The state of whatever needs a base URL that no key may be sent to.
#[must_use]
pub fn host_not_allowed(why: &str) -> Readiness {
    Readiness::stalled(
        Reason::HostNotAllowed,
        format!(
            "nothing is sent: {why}. The address is the operator's setting --api-url, the allowed hosts are --allowed-hosts"
        ),
    )
}

fn workspace_name(workspace: &PropensityWorkspace) -> &str {
    workspace.metadata.name.as_deref().unwrap_or_default()
}

fn identity_kind(kind: Kind) -> IdentityKind {
    match kind {
        Kind::Contacts => IdentityKind::ContactAudience,
        Kind::Accounts => IdentityKind::AccountAudience,
    }
}

/// The start of the next UTC day, when a spent budget is whole again.
#[must_use]
pub fn until_tomorrow(now: Timestamp) -> Duration {
    const DAY: i64 = 24 * 60 * 60;
    let left = DAY - now.as_second().rem_euclid(DAY);
    Duration::from_secs(u64::try_from(left).unwrap_or(1) + 1)
}

#[cfg(test)]
mod tests;
