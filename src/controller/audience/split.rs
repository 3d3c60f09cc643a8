//! One pass over a split list: each of its parts like an audience of its own, and what they add up to.

use std::sync::Arc;
use std::time::Duration;

use crate::api::audience_status::{CreatedAudience, CreatedPart, PartStatus};
use crate::api::condition::{Reason, Verdict};
use crate::api::{AudienceStatus, PropensityWorkspace};
use crate::controller::audience::reconcile::{self, Known, Next, leave_queues, open_unknowns, pursue};
use crate::controller::context::shared::Context;
use crate::controller::decide::assess::{Course, Phase, Plan};
use crate::controller::decide::messages::Said;
use crate::controller::decide::status::{Facts, Found, MOST_PARTS};
use crate::controller::kube::cluster::CallError;
use crate::controller::model::audience::{Share, Tracked};
use crate::controller::state::memory::Standing;
use crate::ledger::{Identity, State};
use crate::telemetry::metrics::Outcome;

/// A part with what it comes to.
struct Part {
    share: Share,
    plan: Box<Plan>,
    variant: Option<String>,
}

/// One pass over a split list; `whole` is what it would come to as one audience.
///
/// # Errors
/// When the API server doesn't do its part; the pass is repeated later.
pub async fn pass(
    ctx: &Arc<Context>,
    audience: &Tracked,
    workspace: Option<&PropensityWorkspace>,
    whole: &Plan,
) -> Result<Next, CallError> {
    if let Some(verdict) = held(ctx, audience, whole).await? {
        leave_queues(ctx, audience);
        tell(ctx, audience, None, (verdict, Phase::Stalled), None).await?;
        return Ok(Next::change(Outcome::Stalled));
    }
    // The audience as a part is looked at: with the counts of the whole list, and without the other parts.
    let mut alone = audience.clone();
    alone.digest.parts = vec![];
    let mut parts = vec![];
    for share in &audience.digest.parts {
        alone.part = Some(share.clone());
        match audience::plan(ctx, &mut alone, workspace).await? {
            Course::Known(plan) => parts.push(Part { share: share.clone(), plan, variant: alone.variant.clone() }),
            Course::Stop(verdict, phase) => {
                tell(ctx, audience, None, (verdict, phase), None).await?;
                return Ok(Next::change(Outcome::Waiting));
            }
        }
    }
    ctx.memory.index(audience, parts.iter().map(|part| part.plan.receipt.clone()));
    ctx.memory.keep_parts(audience.uid(), |name| parts.iter().any(|part| part.share.name == name));
    let mut after: Option<Duration> = None;
    let mut queues = false;
    for part in parts.iter().filter(|part| !is_settled(ctx, audience, part)) {
        (alone.part, alone.variant) = (Some(part.share.clone()), part.variant.clone());
        let next = pursue(ctx, &alone, &part.plan).await?;
        after = [after, next.after].into_iter().flatten().min();
        queues = next.queues;
        // The others would wait for the same.
        if queues {
            break;
        }
    }
    if !queues {
        leave_queues(ctx, audience);
    }
    let (said, found, parts) = sum(ctx, audience, &parts);
    let outcome = if said.1 == Phase::Ready { Outcome::Done } else { Outcome::Waiting };
    tell(ctx, audience, Some(parts), said, found).await?;
    Ok(Next { after, outcome, queues })
}

/// Whether the status shows a part as an audience in the workspace. Needs no request.
fn is_settled(ctx: &Context, audience: &Tracked, part: &Part) -> bool {
    let Part { share, plan, .. } = part;
    let told = of_status(&audience.status, &share.name, &plan.receipt);
    audience.status.observed_generation == audience.meta.generation
        && told.is_some_and(|told| told.created.is_some() && told.members == share.to_send)
        && ctx.receipts.get(audience.namespace(), &plan.receipt).is_none()
}

fn of_status<'a>(status: &'a AudienceStatus, name: &str, receipt: &str) -> Option<&'a PartStatus> {
    status.parts.iter().find(|part| part.name == name && part.receipt == receipt)
}

/// Why a list isn't split, or isn't split otherwise, before a person said so: what is in the workspace already would be sent anew.
async fn held(ctx: &Context, audience: &Tracked, whole: &Plan) -> Result<Option<Verdict>, CallError> {
    let (many, status) = (audience.digest.parts.len(), &audience.status);
    let split = |message: String| Some(Verdict::new(Reason::GuardTripped, message));
    if many > MOST_PARTS {
        return Ok(split(format!(
            "nothing is sent: the list would be {many} audiences, more than the {MOST_PARTS} that one may be. Raise spec.split.maxMembers"
        )));
    }
    let short = audience.digest.hash.short();
    if audience.options.bypass_guards_for_hash == short {
        return Ok(None);
    }
    let there = status.parts.iter().filter(|part| part.created.is_some()).count();
    let is_new = |share: &&Share| !status.parts.iter().any(|part| part.name == share.name);
    let anew = audience.digest.parts.iter().filter(is_new).count();
    let pass = format!("Set spec.split back, or let it happen with spec.bypassGuardsForHash: {short:?}");
    if there > 0 {
        let message = || {
            format!(
                "nothing is sent: this list is in the workspace in {there} parts, and as split now, {anew} of {many} would be sent anew beside them. {pass}"
            )
        };
        return Ok((anew > 0 && is_same_list(audience)).then(message).and_then(split));
    }
    // Also where the status is lost or speaks of another list. With other people suppressed it is still this list.
    let identity = whole.identity.clone().with_variant(None);
    let whole = Plan { receipt: identity.receipt_name(), identity, ..whole.clone() };
    let is_there =
        matches!(audience::read(ctx, audience, &whole).await?, Known::Entry(entry) if entry.state() == State::Created);
    if !is_there || is_split_already(ctx, audience, &whole).await? {
        return Ok(None);
    }
    Ok(split(format!(
        "nothing is sent: this list is in the workspace as one audience, and split, it would be sent anew as {many} beside that one. {pass}"
    )))
}

/// Whether the ledger shows a part of just this list, which the status no longer does.
async fn is_split_already(ctx: &Context, audience: &Tracked, whole: &Plan) -> Result<bool, CallError> {
    for share in &audience.digest.parts {
        let identity = Identity { list_hash: Some(share.hash.as_str().to_owned()), ..whole.identity.clone() };
        let part = Plan { receipt: identity.receipt_name(), identity, ..whole.clone() };
        if let Known::Entry(_) = audience::read(ctx, audience, &part).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Why a list that is in the workspace in parts isn't sent as one audience before a person said so.
#[must_use]
pub fn joined(audience: &Tracked) -> Option<Verdict> {
    let created = audience.status.parts.iter().filter(|part| part.created.is_some());
    let (short, parts) = (audience.digest.hash.short(), created.count());
    if parts == 0 || audience.options.bypass_guards_for_hash == short || !is_same_list(audience) {
        return None;
    }
    let message = format!(
        "nothing is sent: this list is in the workspace in {parts} parts, and it would be sent anew as one audience beside them. Set spec.split back, or let it happen with spec.bypassGuardsForHash: {short:?}"
    );
    Some(Verdict::new(Reason::GuardTripped, message))
}

/// Whether the list is the one that the status is about.
fn is_same_list(audience: &Tracked) -> bool {
    audience.status.list_hash.as_deref() == Some(audience.digest.hash.as_str())
}

/// What the parts add up to: what to say, the audience that they are together once all of them are, and where each stands.
fn sum(ctx: &Context, audience: &Tracked, parts: &[Part]) -> (Said, Option<Found>, Vec<PartStatus>) {
    let mut worst: Option<(usize, Said)> = None;
    let mut statuses = vec![];
    let (mut any_new, mut own) = (false, false);
    for (number, Part { share, plan, .. }) in parts.iter().enumerate() {
        let told = of_status(&audience.status, &share.name, &plan.receipt);
        let standing = ctx.memory.part(audience.uid(), &share.name, &plan.receipt);
        let created = match &standing {
            Some(Standing { found: Some(found), .. }) => {
                own |= found.own;
                Some(CreatedPart { time: found.audience.time, members: found.audience.members })
            }
            _ => told.and_then(|told| told.created.clone()),
        };
        let reason = match (&standing, told) {
            (Some(standing), _) => {
                let (verdict, phase) = &standing.said;
                let is_bad = *phase != Phase::Ready && verdict.reason != Reason::EmptyList;
                if is_bad && worst.as_ref().is_none_or(|(_, (_, w))| rank(*phase) > rank(*w)) {
                    worst = Some((number, standing.said.clone()));
                }
                verdict.reason.as_str().to_owned()
            }
            (None, Some(told)) if told.created.is_some() => told.reason.clone(),
            (None, _) => {
                if worst.is_none() {
                    let message = "it hasn't been its turn yet";
                    worst = Some((number, (Verdict::new(Reason::Queued, message), Phase::Reconciling)));
                }
                Reason::Queued.as_str().to_owned()
            }
        };
        any_new |= reason == Reason::Created.as_str();
        let (name, receipt, members) = (share.name.clone(), plan.receipt.clone(), share.to_send);
        statuses.push(PartStatus { name, receipt, members, reason, created });
    }
    let done: Vec<_> = statuses.iter().filter_map(|part| part.created.as_ref()).collect();
    let sent: u64 = done.iter().map(|part| part.members).sum();
    let Some((number, (verdict, phase))) = worst else {
        let message = format!(
            "the list is {} audiences in the workspace, with {sent} members in all: status.parts lists them",
            done.len()
        );
        let reason = if any_new { Reason::Created } else { Reason::AlreadyCreated };
        let newest = statuses.iter().max_by_key(|part| part.created.as_ref().map(|created| created.time));
        let found = newest.and_then(|part| {
            let time = part.created.as_ref()?.time;
            let audience = CreatedAudience { receipt: part.receipt.clone(), time, members: sent };
            Some(Found { audience, own })
        });
        return ((Verdict::new(reason, message), Phase::Ready), found, statuses);
    };
    let message = format!(
        "{} of {} parts are in the workspace; part {}: {}",
        done.len(),
        parts.len(),
        parts[number].share.name,
        verdict.message
    );
    ((Verdict::new(verdict.reason, message), phase), None, statuses)
}

/// Which state of a part is told first.
fn rank(phase: Phase) -> u8 {
    match phase {
        Phase::Ready => 0,
        Phase::Idle => 1,
        Phase::Reconciling => 2,
        Phase::Stalled => 3,
    }
}

async fn tell(
    ctx: &Arc<Context>,
    audience: &Tracked,
    parts: Option<Vec<PartStatus>>,
    (verdict, phase): Said,
    created: Option<Found>,
) -> Result<(), CallError> {
    ctx.memory.stands(audience, verdict.reason);
    let present: Vec<_> = parts.iter().flatten().map(|part| part.receipt.as_str()).collect();
    let facts = Facts {
        generation: audience.meta.generation,
        // Without parts the status goes on to speak of the list that it spoke of.
        digest: parts.is_some().then(|| audience.digest.clone()),
        open_unknowns: open_unknowns(ctx, audience, &present),
        receipt: None,
        result: ctx.memory.answer(audience.uid()),
        created,
        parts: parts.clone(),
        verdict,
        phase,
    };
    audience::record(ctx, audience, &facts).await
}
