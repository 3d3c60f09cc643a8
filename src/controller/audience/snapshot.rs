//! The live snapshot right before a claim: audience, workspace, sources and suppression lists come from the API server and
//! not from a cache. The key and the state of the ledger come from memory; the key must be the one that gave the permit.

use std::time::Duration;

use super::context::Context;
use super::gather;
use crate::api::PropensityWorkspace;
use crate::audience::List;
use crate::controller::decide::assess::{Assessment, Clearance, Plan, assess};
use crate::controller::kube::cluster::CallError;
use crate::controller::kube::live;
use crate::controller::lists::error::ReadError;
use crate::controller::lists::load;
use crate::controller::model::desired::{Desired, LoadedList};
use crate::propensity::ApiKey;

/// How old a snapshot may be when its last part is read.
const MAX_AGE: Duration = Duration::from_secs(2);

/// What is claimed and sent.
pub struct Snapshot {
    /// The audience as it is.
    pub desired: Desired,
    /// The members to send.
    pub list: List,
    /// The plan as it follows from the live objects.
    pub plan: Plan,
    /// What the claim needs.
    pub clearance: Clearance,
}

/// Reads audience, workspace, sources and suppression lists live. `None` unless the same plan follows from them with
/// the same key, and nothing forbids the claim.
///
/// # Errors
/// When the API server doesn't answer.
pub async fn snapshot(ctx: &Context, seen: &Desired, plan: &Plan, key: &ApiKey) -> Result<Option<Snapshot>, CallError> {
    let audience = &seen.audience;
    let live = live::audience(&ctx.cluster, audience.kind, audience.namespace(), audience.name()).await?;
    let Some(object) = live.filter(|object| object.meta.uid == audience.meta.uid) else { return Ok(None) };
    if object.meta.deletion_timestamp.is_some() {
        return Ok(None);
    }
    let began = ctx.process.clock.boottime();
    let generation = object.meta.generation;
    let workspace_name = object.options.workspace_ref.name.clone();
    let workspace = live::workspace(&ctx.cluster, audience.namespace(), &workspace_name).await?;
    let versions = load::versions(&ctx.lists, audience, workspace.as_ref());
    let loaded = match load::load(&ctx.lists, object, workspace.as_ref()).await {
        Ok(loaded) => loaded,
        Err(ReadError::Api(error)) => return Err(error),
        Err(ReadError::Blocked(_)) => return Ok(changed(ctx, seen)),
    };
    // If reading took long, or waited for a turn, check that nothing changed meanwhile.
    let is_stale = load::versions(&ctx.lists, audience, workspace.as_ref()) != versions
        || ctx.process.elapsed(began) > MAX_AGE && !is_unchanged(ctx, seen, generation, workspace.as_ref()).await?;
    if is_stale {
        return Ok(None);
    }
    let Some((mut desired, list)) = part_of(seen, loaded) else { return Ok(changed(ctx, seen)) };
    if plan.identity.variant.is_some() && desired.audience.options.resend_on_suppression {
        desired.variant = Some(desired.to_send().variant());
    }
    let assessment = assess(&gather::input(ctx, &desired, workspace.as_ref()));
    if let Assessment::Identified(now) = assessment
        && let Ok(clearance) = now.clearance.clone()
        && now.receipt == plan.receipt
    {
        let is_same_key = clearance.key.id() == key.id();
        return Ok(is_same_key.then_some(Snapshot { desired, list, plan: *now, clearance }));
    }
    // No watch may report this for a while, as of a file behind a URL.
    Ok(changed(ctx, seen))
}

/// The list differs from what was evaluated, so it is read again.
fn changed(ctx: &Context, seen: &Desired) -> Option<Snapshot> {
    ctx.lists.memory.forget_result(&seen.key());
    None
}

/// The members to send: the whole list, or the part of it that has the same rows as the one that was evaluated.
fn part_of(seen: &Desired, loaded: LoadedList) -> Option<(Desired, List)> {
    let LoadedList { mut desired, list, mut parts } = loaded;
    let Some(part) = &seen.part else { return parts.is_empty().then_some((desired, list)) };
    let index = desired.list.parts.iter().position(|other| other.hash == part.hash)?;
    desired.part = Some(desired.list.parts[index].clone());
    Some((desired, parts.swap_remove(index).list))
}

/// Whether audience, workspace and suppression lists are still what they were at the beginning of a snapshot.
async fn is_unchanged(
    ctx: &Context,
    seen: &Desired,
    generation: Option<i64>,
    workspace: Option<&PropensityWorkspace>,
) -> Result<bool, CallError> {
    let audience = &seen.audience;
    let now = live::audience(&ctx.cluster, audience.kind, audience.namespace(), audience.name()).await?;
    let name = &audience.options.workspace_ref.name;
    let workspace_now = live::workspace(&ctx.cluster, audience.namespace(), name).await?;
    let meta = |workspace: Option<&PropensityWorkspace>| {
        workspace.map(|workspace| (workspace.metadata.uid.clone(), workspace.metadata.generation))
    };
    let is_same_audience = now.is_some_and(|now| {
        now.meta.uid == audience.meta.uid && now.meta.generation == generation && now.meta.deletion_timestamp.is_none()
    });
    Ok(is_same_audience
        && meta(workspace_now.as_ref()) == meta(workspace)
        && load::is_suppression_current(&ctx.lists, audience, workspace).await?)
}
