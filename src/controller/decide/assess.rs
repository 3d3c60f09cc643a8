//! Gather: all that a decision about an audience needs, from memory or read live. Assess: what it comes to, purely.

use jiff::Timestamp;

use crate::api::condition::{Reason, Verdict};
use crate::api::{PropensityWorkspace, UnknownPolicy};
use crate::audience::Kind;
use crate::controller::decide::guards::{guarded, invalid, nobody_in_part, nobody_left};
use crate::controller::model::audience::{Tracked, kind_name, list_field};
use crate::controller::workspace::reconcile::anchor::LedgerState;
use crate::ledger::{Identity, IdentityKind, Policy, SendPolicy};
use crate::propensity::WorkspaceKey;
use crate::sources::KeyState;
use crate::telemetry::metrics::Outcome;

/// All that is known about one audience.
pub struct Scene<'a> {
    /// The audience.
    pub audience: &'a Tracked,
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

/// What the audience's condition is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The desired list is an audience in the workspace.
    Ready,
    /// It passes by itself or by a change in the cluster.
    Reconciling,
    /// It needs a person.
    Stalled,
    /// Neither: switched off on purpose.
    Idle,
}

impl Phase {
    /// How a pass that ends in it counts.
    #[must_use]
    pub fn outcome(self) -> Outcome {
        match self {
            Self::Ready | Self::Idle => Outcome::Done,
            Self::Reconciling => Outcome::Waiting,
            Self::Stalled => Outcome::Stalled,
        }
    }
}

/// What a scene comes to.
pub enum Course {
    /// There is nothing that could be sent.
    Stop(Verdict, Phase),
    /// A list with an identity, whose receipt has the last word.
    Known(Box<Plan>),
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
    /// What keeps a claim from being made now, whatever the receipt says.
    pub clearance: Result<Clearance, (Verdict, Phase)>,
}

/// What a claim needs.
#[derive(Clone, Debug)]
pub struct Clearance {
    /// The key to use.
    pub key: WorkspaceKey,
    /// How long to wait for an answer.
    pub request_timeout: std::time::Duration,
    /// The statuses that the workspace lists as refusals.
    pub refused_statuses: Vec<u16>,
    /// The workspace's daily budget.
    pub daily_budget: u32,
}

/// What a scene comes to.
#[must_use]
pub fn assess(scene: &Scene<'_>) -> Course {
    let audience = scene.audience;
    let kind = kind_name(audience.kind);
    if let Some((verdict, phase)) = &audience.unread {
        return Course::Stop(verdict.clone(), *phase);
    }
    let digest = &audience.digest;
    if let Some(verdict) = invalid(audience) {
        return Course::Stop(verdict, Phase::Stalled);
    }
    if digest.funnel.to_send == 0 && digest.funnel.excluded == 0 {
        let field = list_field(audience.kind);
        return Course::Stop(
            Verdict::new(
                Reason::EmptyList,
                format!(
                    "the list has no member, so nothing is sent: add members to {field} or to what spec.from names"
                ),
            ),
            Phase::Stalled,
        );
    }
    let Some(workspace) = scene.workspace else {
        let name = &audience.options.workspace_ref.name;
        return Course::Stop(
            Verdict::new(
                Reason::WorkspaceNotFound,
                format!(
                    "there is no PropensityWorkspace {name} in namespace {}: create it, or name another in spec.workspaceRef of this {kind}",
                    audience.namespace()
                ),
            ),
            Phase::Reconciling,
        );
    };
    let host = match &scene.host {
        Ok(host) => host,
        Err(why) => return Course::Stop(host_not_allowed(why), Phase::Stalled),
    };
    let identity = Identity::audience(
        identity_kind(audience.kind),
        &workspace.spec.workspace_id,
        host,
        audience.kind.endpoint(),
        &audience.options.revision,
        audience.share().hash.as_str(),
    )
    .with_variant(audience.variant.clone());
    let unknown = &audience.options.unknown_outcome;
    let policy = Policy {
        audience: SendPolicy {
            send_again: unknown.policy == UnknownPolicy::SendAgain,
            max_sends: unknown.max_sends,
            after_seconds: std::time::Duration::from(unknown.after).as_secs(),
        },
        allowed: workspace.spec.allow_send_again,
    };
    let receipt = identity.receipt_name();
    let clearance = clearance(scene, workspace);
    Course::Known(Box::new(Plan { identity, receipt, policy, clearance }))
}

/// Whether a claim may be made now, or why not: the first reason in this order.
fn clearance(scene: &Scene<'_>, workspace: &PropensityWorkspace) -> Result<Clearance, (Verdict, Phase)> {
    if let Some(verdict) = suspended(scene, workspace) {
        return Err((verdict, Phase::Idle));
    }
    if let Some(verdict) = nobody_left(&scene.audience.digest.funnel) {
        return Err((verdict, Phase::Stalled));
    }
    if let Some(verdict) = nobody_in_part(scene.audience).or_else(|| guarded(scene.audience, workspace)) {
        return Err((verdict, Phase::Stalled));
    }
    if let Some(obstacle) = ledger_obstacle(&scene.ledger, workspace) {
        return Err(obstacle);
    }
    let key = match key_obstacle(&scene.key, workspace) {
        Ok(key) => key,
        Err(verdict) => return Err((verdict, Phase::Reconciling)),
    };
    let budget = workspace.spec.daily_create_budget;
    if scene.budget_used >= budget {
        return Err((
            Verdict::new(
                Reason::BudgetSpent,
                format!(
                    "all {budget} creates of today (UTC) for workspaceID {} are used; this list is sent tomorrow. Raise spec.dailyCreateBudget of PropensityWorkspace {} to send it today",
                    workspace.spec.workspace_id,
                    workspace_name(workspace)
                ),
            ),
            Phase::Reconciling,
        ));
    }
    if !scene.may_claim {
        return Err((Verdict::new(Reason::Pending, "another replica is taking over"), Phase::Reconciling));
    }
    Ok(Clearance {
        key,
        request_timeout: workspace.spec.request_timeout.into(),
        refused_statuses: workspace.spec.refused_statuses.clone(),
        daily_budget: budget,
    })
}

fn suspended(scene: &Scene<'_>, workspace: &PropensityWorkspace) -> Option<Verdict> {
    let message = if scene.operator_suspended {
        "nothing is sent: the operator runs with --suspend".to_owned()
    } else if workspace.spec.suspend {
        format!("nothing is sent: spec.suspend of PropensityWorkspace {} is true", workspace_name(workspace))
    } else if scene.audience.options.suspend {
        format!("nothing is sent: spec.suspend of this {} is true", kind_name(scene.audience.kind))
    } else {
        return None;
    };
    Some(Verdict::new(Reason::Suspended, message))
}

/// Why nothing may be sent under this ledger.
pub fn ledger_obstacle(ledger: &LedgerState, workspace: &PropensityWorkspace) -> Option<(Verdict, Phase)> {
    let name = workspace_name(workspace);
    match ledger {
        LedgerState::Present(id) if [id.as_str(), ""].contains(&workspace.spec.ledger_id.as_str()) => None,
        LedgerState::Present(id) => Some((
            Verdict::new(
                Reason::LedgerMissing,
                format!(
                    "nothing is sent: spec.ledgerID of PropensityWorkspace {name} names another ledger than the one in this namespace, {id}. Restore the AudienceReceipts of the ledger it names, or correct it"
                ),
            ),
            Phase::Stalled,
        )),
        LedgerState::Unknown => Some((
            Verdict::new(Reason::Pending, format!("the ledger of PropensityWorkspace {name} is being looked up")),
            Phase::Reconciling,
        )),
        LedgerState::Missing(why) => Some((
            Verdict::new(
                Reason::LedgerMissing,
                format!(
                    "nothing is sent: {why} Restore the AudienceReceipts of this namespace; or, if this is meant to start from an empty ledger and send everything again, remove spec.ledgerID and status.ledgerID of PropensityWorkspace {name}"
                ),
            ),
            Phase::Stalled,
        )),
    }
}

/// The key, or why there is none.
pub fn key_obstacle(key: &KeyState, workspace: &PropensityWorkspace) -> Result<WorkspaceKey, Verdict> {
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
    Err(verdict)
}

/// The verdict on a base URL that no key may be sent to.
pub fn host_not_allowed(why: &str) -> Verdict {
    Verdict::new(
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
pub fn until_tomorrow(now: Timestamp) -> std::time::Duration {
    const DAY: i64 = 24 * 60 * 60;
    let left = DAY - now.as_second().rem_euclid(DAY);
    std::time::Duration::from_secs(u64::try_from(left).unwrap_or(1) + 1)
}

#[cfg(test)]
mod tests;
