//! What can be done for an audience, given all that is known about it.

use std::time::Duration;

use jiff::Timestamp;

use super::{audience_messages, guards, workspace_messages};
use crate::api::{PropensityWorkspace, UnknownPolicy};
use crate::audience::Kind;
use crate::controller::model::desired::Desired;
use crate::controller::model::ledger::LedgerState;
use crate::controller::model::readiness::Readiness;
use crate::ledger::{Identity, IdentityKind, Policy, SendPolicy};
use crate::propensity::ApiKey;
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
    pub key: ApiKey,
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
    if let Some(blocked) = guards::invalid(input.desired) {
        return Assessment::Blocked(blocked);
    }
    if list.funnel.to_send == 0 && list.funnel.excluded == 0 {
        return Assessment::Blocked(audience_messages::empty_list(audience.kind));
    }
    let Some(workspace) = input.workspace else {
        let name = &audience.options.workspace_ref.name;
        return Assessment::Blocked(audience_messages::no_workspace(audience.kind, name, audience.namespace()));
    };
    let host = match &input.host {
        Ok(host) => host,
        Err(why) => return Assessment::Blocked(workspace_messages::host_not_allowed(why)),
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
        let id = &workspace.spec.workspace_id;
        return Err(audience_messages::budget_spent(budget, id, workspace_name(workspace)));
    }
    if !input.may_claim {
        return Err(audience_messages::another_replica());
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
    if input.operator_suspended {
        Some(audience_messages::operator_suspended())
    } else if workspace.spec.suspend {
        Some(audience_messages::workspace_suspended(workspace_name(workspace)))
    } else {
        audience.options.suspend.then(|| audience_messages::suspended(audience.kind))
    }
}

/// Why nothing may be sent under this ledger.
#[must_use]
pub fn ledger_obstacle(ledger: &LedgerState, workspace: &PropensityWorkspace) -> Option<Readiness> {
    let name = workspace_name(workspace);
    match ledger {
        LedgerState::Present(id) if [id.as_str(), ""].contains(&workspace.spec.ledger_id.as_str()) => None,
        LedgerState::Present(id) => Some(workspace_messages::other_ledger(name, id)),
        LedgerState::Unknown => Some(workspace_messages::ledger_looked_up(name)),
        LedgerState::Missing(why) => Some(workspace_messages::ledger_missing(name, why)),
    }
}

/// The key.
///
/// # Errors
/// Why there is none.
pub fn usable_key(key: &KeyState, workspace: &PropensityWorkspace) -> Result<ApiKey, Readiness> {
    let secret = &workspace.spec.secret_ref.name;
    let namespace = workspace.metadata.namespace.as_deref().unwrap_or_default();
    Err(match key {
        KeyState::Key(key) => return Ok(key.clone()),
        KeyState::Unknown => workspace_messages::secret_looked_up(secret, namespace),
        KeyState::Denied => workspace_messages::secret_denied(secret, namespace),
        KeyState::NoSecret => workspace_messages::no_secret(secret, namespace, workspace_name(workspace)),
        KeyState::NoKey => workspace_messages::no_key(secret, namespace),
        KeyState::Invalid(why) => workspace_messages::invalid_key(secret, namespace, *why),
    })
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
