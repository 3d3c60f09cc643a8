//! One reconcile of a split list: each of its parts like a list of its own, and one status for all.

use std::sync::Arc;
use std::time::Duration;

use super::context::Context;
use super::gather::{self, KnownReceipt};
use super::next::Next;
use super::pursue;
use super::record::{self, AudienceState};
use crate::api::PropensityWorkspace;
use crate::controller::decide::assess::{Assessment, Plan};
use crate::controller::decide::progress::Progress;
use crate::controller::decide::split::{
    PlannedPart, SplitGuard, SplitState, aggregate, is_created, split_guard, splits_existing,
};
use crate::controller::kube::cluster::CallError;
use crate::controller::model::desired::Desired;
use crate::controller::model::labels;
use crate::controller::model::readiness::Readiness;
use crate::ledger::{Identity, State};

/// Reconciles a split list; `whole` is its plan as one audience.
///
/// # Errors
/// When the API server doesn't answer; it is reconciled again later.
pub async fn reconcile(
    ctx: &Arc<Context>,
    desired: &Desired,
    workspace: Option<&PropensityWorkspace>,
    whole: &Plan,
) -> Result<Next, CallError> {
    let audience = &desired.audience;
    if let Some(readiness) = guard(ctx, desired, whole).await? {
        pursue::leave_queue(ctx, audience);
        return record_blocked(ctx, desired, readiness).await;
    }
    let parts = match plan_parts(ctx, desired, workspace).await? {
        PartPlans::Parts(parts) => parts,
        PartPlans::Blocked(readiness) => return record_blocked(ctx, desired, readiness).await,
    };
    ctx.memory.set_receipts(audience, parts.iter().map(|part| part.plan.receipt.clone()));
    ctx.memory.retain_parts(audience.uid(), |name| parts.iter().any(|part| part.part.name == name));

    let after = pursue_parts(ctx, desired, &parts).await?;

    let result = |part: &PlannedPart| ctx.memory.part(audience.uid(), &part.part.name, &part.plan.receipt);
    let SplitState { readiness, existing, parts } = aggregate(audience, parts.iter().map(|part| (part, result(part))));
    let outcome = labels::outcome(readiness.phase);
    let recorded = AudienceState { readiness, list: Some(&desired.list), receipt: None, existing, parts: Some(parts) };
    record::record(ctx, audience, recorded).await?;
    Ok(Next { after, outcome })
}

/// Records what blocks all parts. The status continues to report the list that it reported before.
async fn record_blocked(ctx: &Context, desired: &Desired, readiness: Readiness) -> Result<Next, CallError> {
    let outcome = labels::outcome(readiness.phase);
    record::record(ctx, &desired.audience, AudienceState::of(readiness)).await?;
    Ok(Next::done(outcome))
}

/// The plans of the parts of a list.
enum PartPlans {
    /// The plan of each part.
    Parts(Vec<PlannedPart>),
    /// What blocks all of them.
    Blocked(Readiness),
}

async fn plan_parts(
    ctx: &Context,
    desired: &Desired,
    workspace: Option<&PropensityWorkspace>,
) -> Result<PartPlans, CallError> {
    let mut alone = without_other_parts(desired);
    let mut parts = vec![];
    for part in &desired.list.parts {
        alone.part = Some(part.clone());
        match gather::assess_variant(ctx, &mut alone, workspace).await? {
            Assessment::Identified(plan) => {
                parts.push(PlannedPart { part: part.clone(), plan, variant: alone.variant.clone() });
            }
            Assessment::Blocked(readiness) => return Ok(PartPlans::Blocked(readiness)),
        }
    }
    Ok(PartPlans::Parts(parts))
}

/// The audience as a part is pursued: with the counts of the whole list, and without the other parts.
fn without_other_parts(desired: &Desired) -> Desired {
    let mut alone = desired.clone();
    alone.list.parts = vec![];
    alone
}

/// Pursues each part that isn't created yet; when to continue.
async fn pursue_parts(
    ctx: &Arc<Context>,
    desired: &Desired,
    parts: &[PlannedPart],
) -> Result<Option<Duration>, CallError> {
    let audience = &desired.audience;
    let mut alone = without_other_parts(desired);
    let mut after: Option<Duration> = None;
    let is_open = |part: &PlannedPart| ctx.caches.receipts.get(audience.namespace(), &part.plan.receipt).is_some();
    for part in parts.iter().filter(|part| is_open(part) || !is_created(audience, part)) {
        (alone.part, alone.variant) = (Some(part.part.clone()), part.variant.clone());
        let wait = match pursue::pursue(ctx, &alone, &part.plan).await? {
            Progress::Wait(wait) | Progress::Published(_, wait) => wait,
            Progress::Publish(report) => {
                let wait = report.wait;
                record::publish(ctx, &alone, &part.plan, report).await?;
                wait
            }
        };
        after = [after, wait.after].into_iter().flatten().min();
        // The other parts would wait for the same.
        if wait.is_queued {
            return Ok(after);
        }
    }
    pursue::leave_queue(ctx, audience);
    Ok(after)
}

/// Why a list may not be split, or not in this way, before a person allows it.
async fn guard(ctx: &Context, desired: &Desired, whole: &Plan) -> Result<Option<Readiness>, CallError> {
    match split_guard(desired) {
        SplitGuard::Pass => return Ok(None),
        SplitGuard::Blocked(readiness) => return Ok(Some(readiness)),
        SplitGuard::CheckLedger => {}
    }
    // With other members suppressed it is still this list.
    let whole = whole.identity.clone().with_variant(None);
    let stored = gather::read_receipt(ctx, &desired.audience, &whole.receipt_name()).await?;
    let is_created = matches!(stored, KnownReceipt::Stored(stored) if stored.state() == State::Created);
    if !is_created || is_split_already(ctx, desired, &whole).await? {
        return Ok(None);
    }
    Ok(Some(splits_existing(desired)))
}

/// Whether the ledger has a part of just this list, which the status no longer reports.
async fn is_split_already(ctx: &Context, desired: &Desired, whole: &Identity) -> Result<bool, CallError> {
    for part in &desired.list.parts {
        let identity = Identity { list_hash: Some(part.hash.as_str().to_owned()), ..whole.clone() };
        let stored = gather::read_receipt(ctx, &desired.audience, &identity.receipt_name()).await?;
        if let KnownReceipt::Stored(_) = stored {
            return Ok(true);
        }
    }
    Ok(false)
}
