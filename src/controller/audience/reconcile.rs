//! One reconcile of an audience: gather → assess → decide → execute → record. It writes the status at most once, and
//! `Sending` before that if a create is slow.

use std::sync::Arc;

use super::context::Context;
use super::grace::grace;
use super::next::Next;
use super::record::{self, AudienceState};
use super::{gather, pursue, split};
use crate::api::condition::{self, ConditionType};
use crate::api::{PropensityWorkspace, Reason};
use crate::controller::decide::assess::{Assessment, Plan};
use crate::controller::decide::progress::{Progress, Wait};
use crate::controller::decide::split::join_guard;
use crate::controller::decide::{messages, status};
use crate::controller::kube::cluster::CallError;
use crate::controller::lists::error::ReadError;
use crate::controller::lists::evaluate::evaluate;
use crate::controller::model::audience::Tracked;
use crate::controller::model::desired::Desired;
use crate::controller::model::labels;
use crate::controller::model::readiness::Blocked;
use crate::telemetry::metrics::Outcome;

/// Reconciles an audience.
///
/// # Errors
/// When the API server doesn't answer; the audience is reconciled again later.
pub async fn reconcile(ctx: &Arc<Context>, observed: &Tracked) -> Result<Next, CallError> {
    let audience = ctx.memory.newest(observed);
    if audience.is_deleting() {
        pursue::leave_queue(ctx, &audience);
        return Ok(Next::done(Outcome::Done));
    }
    // Gather.
    let workspace = ctx.caches.workspace_of(&audience);
    let list = match evaluate(&ctx.lists, &audience, workspace.as_deref()).await {
        Ok(list) => list,
        Err(ReadError::Blocked(blocked)) => return record_blocked_list(ctx, &audience, blocked).await,
        Err(ReadError::Api(error)) => {
            if error == CallError::Forbidden {
                record::record(ctx, &audience, AudienceState::of(messages::forbidden())).await?;
            }
            return Err(error);
        }
    };
    let mut desired = Desired::new(audience, list);
    let reconciled = reconcile_list(ctx, &mut desired, workspace.as_deref()).await;
    if let Err(CallError::Forbidden) = &reconciled {
        let state = AudienceState { list: Some(&desired.list), ..AudienceState::of(messages::forbidden()) };
        record::record(ctx, &desired.audience, state).await?;
    }
    reconciled
}

/// Records why the list of an audience can't be read.
async fn record_blocked_list(ctx: &Context, audience: &Tracked, blocked: Blocked) -> Result<Next, CallError> {
    let Blocked { readiness, retry_after } = blocked;
    pursue::leave_queue(ctx, audience);
    if let Some(left) = grace(ctx, audience, &readiness) {
        return Ok(Next::waiting(Wait::after(left)));
    }
    let outcome = labels::outcome(readiness.phase);
    record::record(ctx, audience, AudienceState::of(readiness)).await?;
    Ok(Next { after: retry_after, outcome })
}

/// Reconciles an audience whose list is evaluated.
async fn reconcile_list(
    ctx: &Arc<Context>,
    desired: &mut Desired,
    workspace: Option<&PropensityWorkspace>,
) -> Result<Next, CallError> {
    let mut plan = match gather::assess_variant(ctx, desired, workspace).await? {
        Assessment::Identified(plan) => plan,
        Assessment::Blocked(readiness) => {
            pursue::leave_queue(ctx, &desired.audience);
            if let Some(left) = grace(ctx, &desired.audience, &readiness) {
                return Ok(Next::waiting(Wait::after(left)));
            }
            let outcome = labels::outcome(readiness.phase);
            let recorded = AudienceState { list: Some(&desired.list), ..AudienceState::of(readiness) };
            record::record(ctx, &desired.audience, recorded).await?;
            return Ok(Next::done(outcome));
        }
    };
    if !desired.list.parts.is_empty() {
        return split::reconcile(ctx, desired, workspace, &plan).await;
    }
    if let Some(blocked) = join_guard(desired) {
        plan.clearance = Err(blocked);
    }
    ctx.memory.set_receipts(&desired.audience, [plan.receipt.clone()]);
    if let Some(reason) = reason_if_published(ctx, desired, &plan) {
        pursue::leave_queue(ctx, &desired.audience);
        ctx.memory.set_reason(&desired.audience, reason);
        record::record_engagement(ctx, &desired.audience).await?;
        return Ok(Next::done(Outcome::Done));
    }
    match pursue::pursue(ctx, desired, &plan).await? {
        Progress::Wait(wait) => {
            record::record_engagement(ctx, &desired.audience).await?;
            Ok(Next::waiting(wait))
        }
        Progress::Published(phase, wait) => Ok(Next { after: wait.after, outcome: labels::outcome(phase) }),
        Progress::Publish(report) => {
            let next = Next { after: report.wait.after, outcome: labels::outcome(report.readiness.phase) };
            record::publish(ctx, desired, &plan, report).await?;
            Ok(next)
        }
    }
}

/// The reason of `Ready`, where the status already reports this list as an audience in the workspace. Needs no request.
fn reason_if_published(ctx: &Context, desired: &Desired, plan: &Plan) -> Option<Reason> {
    let audience = &desired.audience;
    let status = &audience.status;
    let ready = condition::find(&status.conditions, ConditionType::Ready).filter(|c| c.status == "True")?;
    let reason = [Reason::Created, Reason::AlreadyCreated].into_iter().find(|r| r.as_str() == ready.reason)?;
    let is_current = status.observed_generation == audience.meta.generation
        && status.receipt_ref.as_ref().is_some_and(|r| r.name == plan.receipt)
        && status.members.as_ref() == Some(&status::funnel(&desired.list.funnel))
        && status.parts.is_empty()
        && status.open_unknowns == gather::open_unknowns(ctx, audience, &[&plan.receipt])
        && ctx.caches.receipts.get(audience.namespace(), &plan.receipt).is_none();
    is_current.then_some(reason)
}
