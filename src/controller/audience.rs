//! One pass over an audience: gather, assess, decide, execute, record.

use std::sync::Arc;
use std::time::Duration;

use super::cluster::CallError;
use super::context::Context;
use super::flight::{self, End, Landed, Start};
use super::ledger_store::LedgerStore;
use super::memory::Standing;
use super::open_receipts::Entry;
use super::scene::{Clearance, Course, Phase, Plan, assess, until_tomorrow};
use super::status::{self, Facts, Found};
use super::tracked::Tracked;
use super::verdicts::{self, Said};
use super::{announce, gather, lists, parts, reports};
use crate::api::audience_status::{CreatedAudience, OpenUnknown};
use crate::api::condition::{self, ConditionType, Verdict};
use crate::api::{AudienceStatus, PropensityWorkspace, Reason};
use crate::audience::ListHash;
use crate::ledger::{self, Decision, HeldBy, OutcomeResult, Receipt, ReceiptAction, State};
use crate::propensity::{Grant, Permit, WaitReason};
use crate::telemetry::metrics::Outcome;

/// When to look at an audience again, and how the pass counts.
pub struct Next {
    /// How long to wait on this process's clock; `None`: until something changes.
    pub after: Option<Duration>,
    /// For the metrics.
    pub outcome: Outcome,
    /// Whether it waits for what all audiences of its key wait for.
    pub queues: bool,
}

impl Next {
    const fn after(after: Duration) -> Self {
        Self { after: Some(after), outcome: Outcome::Waiting, queues: false }
    }

    pub(super) const fn change(outcome: Outcome) -> Self {
        Self { after: None, outcome, queues: false }
    }
}

/// A wait shorter than this is told to nobody.
const LASTING: Duration = Duration::from_secs(5);

/// In a queue that moves, nobody knows how long it takes: it is told from here on.
const QUEUE_LASTING: Duration = Duration::from_secs(20);

/// How long a pass waits for its flight. A longer one goes on alone, so that a changed list needn't wait for it.
const PATIENT: Duration = Duration::from_secs(6);

/// How often a lost claim is decided anew within one pass.
const ROUNDS: usize = 4;

/// How often a receipt that can't be trusted is looked at.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// What is known of the receipt of a list.
#[derive(Clone)]
pub(super) enum Known {
    /// It isn't open; it may be closed or absent.
    Unread,
    /// There is none.
    Absent,
    /// There is one.
    Entry(Arc<Entry>),
}

/// One pass over an audience.
///
/// # Errors
/// When the API server doesn't do its part; the pass is repeated later.
pub async fn pass(ctx: &Arc<Context>, audience: &Tracked) -> Result<Next, CallError> {
    let mut audience = audience.clone();
    ctx.memory.newest(&mut audience);
    match look(ctx, &mut audience).await {
        Err(CallError::Forbidden) => {
            tell(ctx, &audience, None, verdicts::forbidden(), None).await?;
            Err(CallError::Forbidden)
        }
        looked => {
            if !audience.is_deleting() {
                ctx.memory.newest(&mut audience);
                reports::tidy(ctx, &audience).await?;
            }
            looked
        }
    }
}

async fn look(ctx: &Arc<Context>, audience: &mut Tracked) -> Result<Next, CallError> {
    if audience.is_deleting() {
        leave_queues(ctx, audience);
        return Ok(Next::change(Outcome::Done));
    }
    let workspace = ctx.workspace_of(audience);
    let wait = lists::read(ctx, audience, workspace.as_deref()).await?;
    let course = plan(ctx, audience, workspace.as_deref()).await?;
    let audience = &*audience;
    let mut plan = match course {
        Course::Stop(verdict, phase) => {
            leave_queues(ctx, audience);
            if let Some(left) = may_pass(ctx, audience, &verdict, phase) {
                return Ok(Next::after(left));
            }
            let mut next = tell(ctx, audience, None, (verdict, phase), None).await?;
            next.after = wait;
            return Ok(next);
        }
        Course::Known(plan) => plan,
    };
    if !audience.digest.parts.is_empty() {
        return parts::pass(ctx, audience, workspace.as_deref(), &plan).await;
    }
    if let Some(verdict) = parts::joined(audience) {
        plan.clearance = Err((verdict, Phase::Stalled));
    }
    ctx.memory.index(audience, [plan.receipt.clone()]);
    if is_settled(ctx, audience, &plan) {
        leave_queues(ctx, audience);
        return Ok(Next::change(Outcome::Done));
    }
    pursue(ctx, audience, &plan).await
}

/// What an audience, or the part that it is about, comes to.
pub(super) async fn plan(
    ctx: &Context,
    audience: &mut Tracked,
    workspace: Option<&PropensityWorkspace>,
) -> Result<Course, CallError> {
    audience.variant = None;
    let course = assess(&gather::scene(ctx, audience, workspace));
    if let Course::Known(plan) = &course {
        audience.variant = variant(ctx, audience, plan).await?;
        if audience.variant.is_some() {
            return Ok(assess(&gather::scene(ctx, audience, workspace)));
        }
    }
    Ok(course)
}

/// What tells apart a list that is created already and must be created anew, since others are suppressed now and the audience asks for that.
async fn variant(ctx: &Context, audience: &Tracked, plan: &Plan) -> Result<Option<String>, CallError> {
    if !audience.options.resend_on_suppression || ctx.receipts.get(audience.namespace(), &plan.receipt).is_some() {
        return Ok(None);
    }
    let Known::Entry(entry) = read(ctx, audience, plan).await? else { return Ok(None) };
    let Ok(receipt) = &entry.receipt else { return Ok(None) };
    let created = verdicts::created_attempt(receipt);
    let share = audience.share();
    let kept = share.kept_hash.as_ref().map(ListHash::as_str);
    let differs = entry.state() == State::Created && created.is_some_and(|a| a.kept_hash.as_deref() != kept);
    Ok(differs.then(|| share.variant()))
}

/// Whether all is said and done: the status shows the present list as an audience in the workspace. Needs no request.
fn is_settled(ctx: &Context, audience: &Tracked, plan: &Plan) -> bool {
    let status = &audience.status;
    let ready = condition::find(&status.conditions, ConditionType::Ready).filter(|c| c.status == "True");
    let settled = ready
        .is_some_and(|c| [Reason::Created, Reason::AlreadyCreated].iter().any(|r| r.as_str() == c.reason))
        && status.observed_generation == audience.meta.generation
        && status.receipt_ref.as_ref().is_some_and(|r| r.name == plan.receipt)
        && status.members.as_ref() == Some(&status::funnel(&audience.digest.funnel))
        && status.parts.is_empty()
        && status.open_unknowns == open_unknowns(ctx, audience, &[&plan.receipt])
        && ctx.receipts.get(audience.namespace(), &plan.receipt).is_none();
    if settled {
        let reason = if ready.is_some_and(|c| c.reason == Reason::Created.as_str()) {
            Reason::Created
        } else {
            Reason::AlreadyCreated
        };
        ctx.memory.stands(audience, reason);
    }
    settled
}

/// Follows the receipt: tells what it says, or claims where it may.
pub(super) async fn pursue(ctx: &Arc<Context>, audience: &Tracked, plan: &Plan) -> Result<Next, CallError> {
    let mut known = match ctx.receipts.get(audience.namespace(), &plan.receipt) {
        Some(entry) => Known::Entry(entry),
        None if ctx.memory.was_absent(audience.uid(), &plan.receipt) => Known::Absent,
        // A list that has a receipt is looked up; only for one that seems new the claim itself is the question.
        None if names(&audience.status, &plan.receipt) => read(ctx, audience, plan).await?,
        None => Known::Unread,
    };
    for _ in 0..ROUNDS {
        if let Known::Entry(entry) = &known {
            let now = ctx.clock.boottime();
            let seen_for = |id: &str| ctx.receipts.seen_for(id, now);
            match ledger::decide(Some(entry.as_read()), &plan.policy, seen_for) {
                // The policy's decision is recorded with the claim that it allows, under the live snapshot.
                Decision::Claim | Decision::Authorise(..) => {}
                decision => {
                    leave_queues(ctx, audience);
                    return settle(ctx, audience, plan, entry, &decision).await;
                }
            }
        }
        let clearance = match &plan.clearance {
            Ok(clearance) => clearance,
            Err(obstacle) => {
                if let Some(left) = may_pass(ctx, audience, &obstacle.0, obstacle.1) {
                    return Ok(Next::after(left));
                }
                if matches!(known, Known::Unread) {
                    known = read(ctx, audience, plan).await?;
                    continue;
                }
                leave_queues(ctx, audience);
                let tomorrow = obstacle.0.reason == Reason::BudgetSpent;
                let mut next = tell(ctx, audience, Some(plan), obstacle.clone(), None).await?;
                if tomorrow {
                    next.queues = true;
                    next.after = Some(until_tomorrow(ctx.clock.wall()));
                }
                return Ok(next);
            }
        };
        let permit = match turn(ctx, audience, clearance) {
            Turn::Now(permit) => permit,
            Turn::Wait(wait) => {
                let now = ctx.clock.boottime();
                let waited = now.since(ctx.memory.waits(audience.uid(), now));
                let lasts = if wait.known { waited + wait.left >= LASTING } else { waited >= QUEUE_LASTING };
                if lasts && matches!(known, Known::Unread) {
                    known = read(ctx, audience, plan).await?;
                    continue;
                }
                if lasts {
                    let said = verdicts::waiting(wait.why, &audience.options.workspace_ref.name);
                    tell(ctx, audience, Some(plan), said, None).await?;
                }
                return Ok(Next { queues: true, ..Next::after(wait.left) });
            }
        };
        if ctx.memory.waits_no_more(audience.uid()) {
            tracing::debug!(audience = %audience.key(), "its turn came");
        }
        let base = match &known {
            Known::Entry(entry) => Some(Arc::clone(entry)),
            Known::Unread | Known::Absent => None,
        };
        ctx.memory.may_exist(audience.uid(), &plan.receipt);
        let start = Start { audience: audience.clone(), plan: plan.clone(), key: clearance.key.clone(), base };
        let mut flight = ctx.flights.spawn(land(Arc::clone(ctx), start, permit));
        let Ok(landed) = tokio::time::timeout(PATIENT, &mut flight).await else {
            // It goes on by itself; meanwhile this audience may have got another list.
            let (ctx, key) = (Arc::clone(ctx), audience.key());
            tokio::spawn(async move {
                let _ = flight.await;
                ctx.wake.audience(key);
            });
            return Ok(Next::change(Outcome::Waiting));
        };
        match landed.map_err(|_| CallError::Unclear)? {
            Landing::Told(next) => return next,
            Landing::Again(entry) => known = Known::Entry(entry),
            Landing::Changed => return Ok(Next::after(Duration::from_secs(1))),
        }
    }
    Ok(Next::after(Duration::from_secs(1)))
}

/// How long something that holds an audience back may pass by itself before it is told: what is applied together comes in any order.
const PATIENCE: Duration = Duration::from_secs(2);

/// How much longer to wait before an obstacle is told, if it may pass by itself.
fn may_pass(ctx: &Context, audience: &Tracked, verdict: &Verdict, phase: Phase) -> Option<Duration> {
    let told = condition::find(&audience.status.conditions, ConditionType::Ready)
        .is_some_and(|c| c.reason == verdict.reason.as_str());
    if phase != Phase::Reconciling || verdict.reason == Reason::BudgetSpent || told {
        return None;
    }
    let now = ctx.clock.boottime();
    let since = ctx.memory.held_since(audience.uid(), verdict.reason, now);
    Some(PATIENCE.saturating_sub(now.since(since))).filter(|left| !left.is_zero())
}

/// What a flight leaves to do.
enum Landing {
    /// All is told.
    Told(Result<Next, CallError>),
    /// The receipt says something else now: decide anew.
    Again(Arc<Entry>),
    /// The audience is no longer what it was: it is looked at again.
    Changed,
}

/// Flies, and tells how it ended, within the flight's own task: an outcome is told even when this process is ending.
async fn land(ctx: Arc<Context>, start: Start, permit: Permit) -> Landing {
    let plan = start.plan.clone();
    let audience = start.audience.clone();
    let lasting = async {
        tokio::time::sleep(LASTING).await;
        if let Err(error) = tell(&ctx, &audience, Some(&plan), verdicts::sending(), None).await {
            tracing::debug!(audience = %audience.key(), %error, "that a create is in flight isn't told");
        }
        std::future::pending::<()>().await;
    };
    let end = tokio::select! {
        biased;
        end = flight::fly(Arc::clone(&ctx), start, permit) => end,
        () = lasting => return Landing::Changed,
    };
    match end {
        End::Recorded(landed) if landed.result == OutcomeResult::NotSent => Landing::Again(landed.entry),
        End::Recorded(landed) => Landing::Told(tell_landed(&ctx, &plan, &landed).await),
        End::Taken(entry) => Landing::Again(entry),
        End::Changed => Landing::Changed,
        End::Failed(error) => Landing::Told(Err(error)),
    }
}

/// Tells what came of a request.
async fn tell_landed(ctx: &Arc<Context>, plan: &Plan, landed: &Landed) -> Result<Next, CallError> {
    let audience = &landed.audience;
    let at = ctx.memory.answer(audience.uid()).map_or_else(|| ctx.clock.wall(), |result| result.time);
    if landed.result == OutcomeResult::Created {
        let created = CreatedAudience { receipt: plan.receipt.clone(), time: at, members: landed.members };
        let found = Found { audience: created, own: true };
        return tell(
            ctx,
            audience,
            Some(plan),
            verdicts::created(landed.members, &audience.digest.funnel),
            Some(found),
        )
        .await;
    }
    let decision = ledger::decide(Some(landed.entry.as_read()), &plan.policy, |_| Duration::ZERO);
    settle(ctx, audience, plan, &landed.entry, &decision).await
}

/// Tells what the receipt says.
async fn settle(
    ctx: &Arc<Context>,
    audience: &Tracked,
    plan: &Plan,
    entry: &Entry,
    decision: &Decision,
) -> Result<Next, CallError> {
    let receipt = entry.receipt.as_ref().ok();
    let (namespace, to_send) = (audience.namespace(), audience.share().to_send);
    let told = verdicts::of_decision(decision, plan, receipt, to_send, namespace);
    // What is about to be claimed is told when it is.
    let Some(mut said) = told else { return Ok(Next::after(Duration::ZERO)) };
    let settleable =
        matches!(decision, Decision::HoldUnknown { .. } | Decision::WaitToSendAgain { .. } | Decision::Rejected);
    if settleable && let (Some(receipt), Some(error)) = (receipt, refused_instruction(ctx, entry)) {
        said = verdicts::refused(error, plan, receipt, namespace);
    }
    let mut after = None;
    match decision {
        Decision::InFlight => {
            let open = receipt.and_then(|r| r.record.open_attempt());
            if open.is_some_and(|attempt| ctx.flights.held(&attempt.id) == HeldBy::ThisProcess) {
                // The flight tells it itself, and wakes this audience when it ends.
                return Ok(Next::change(Outcome::Waiting));
            }
            let now = ctx.clock.boottime();
            let seen = open.map(|attempt| ctx.receipts.seen_for(&attempt.id, now));
            let seen = ctx.clock.real(seen.unwrap_or_default());
            if seen < LASTING {
                return Ok(Next::after(LASTING));
            }
        }
        Decision::WaitToSendAgain { remaining, .. } => after = Some(*remaining),
        // A closed receipt that is put right is shown by no watch.
        Decision::Unreadable(_) => after = Some(LOOK_AGAIN),
        _ => {}
    }
    let found = receipt.filter(|_| *decision == Decision::Created).and_then(|r| found(r, plan, audience));
    let mut next = tell(ctx, audience, Some(plan), said, found).await?;
    next.after = after;
    Ok(next)
}

/// The error of an annotation that can't be followed.
fn refused_instruction(ctx: &Context, entry: &Entry) -> Option<ledger::ResolveError> {
    let receipt = entry.receipt.as_ref().ok()?;
    let annotation = entry.annotation.as_deref()?;
    match ledger::receipt_action(receipt, Some(annotation), HeldBy::OtherProcess, Duration::ZERO, ctx.clock.wall()) {
        ReceiptAction::InvalidResolution(error) => Some(error),
        _ => None,
    }
}

/// The audience that a receipt shows in the workspace.
fn found(receipt: &Receipt, plan: &Plan, seeker: &Tracked) -> Option<Found> {
    let attempt = verdicts::created_attempt(receipt)?;
    let time = attempt.outcome.as_ref().map_or(attempt.claimed_at, |o| o.at);
    let audience = CreatedAudience { receipt: plan.receipt.clone(), time, members: attempt.members };
    Some(Found { audience, own: attempt.audience.uid == seeker.uid() })
}

/// Reads the receipt by its name.
pub(super) async fn read(ctx: &Context, audience: &Tracked, plan: &Plan) -> Result<Known, CallError> {
    let entry = LedgerStore::new(&ctx.cluster, audience.namespace()).read(&plan.receipt).await?;
    Ok(match entry {
        Some(entry) => Known::Entry(Arc::new(entry)),
        None => {
            ctx.memory.is_absent(audience.uid(), &plan.receipt);
            Known::Absent
        }
    })
}

/// How an audience waits.
struct Wait {
    why: WaitReason,
    /// Until it asks again.
    left: Duration,
    /// Whether its turn comes then, as far as is known.
    known: bool,
}

/// Whether an audience may send now.
enum Turn {
    Now(Permit),
    Wait(Wait),
}

fn turn(ctx: &Context, audience: &Tracked, clearance: &Clearance) -> Turn {
    let now = ctx.clock.boottime();
    match ctx.gates.ask(clearance.key.id(), now, &audience.key()) {
        Some(Grant::Permit(permit)) => Turn::Now(permit),
        Some(Grant::Wait { until, why, known }) => Turn::Wait(Wait { why, left: until.since(now), known }),
        // The workspace's own pass makes the gate and wakes whoever waits for it.
        None => Turn::Wait(Wait { why: WaitReason::Pacing, left: Duration::from_secs(1), known: true }),
    }
}

/// Whether a status names a receipt as a present one.
fn names(status: &AudienceStatus, receipt: &str) -> bool {
    status.receipt_ref.as_ref().is_some_and(|r| r.name == receipt) || status.parts.iter().any(|p| p.receipt == receipt)
}

pub(super) fn leave_queues(ctx: &Context, audience: &Tracked) {
    if audience.part.is_some() {
        // Another part may be waiting in the audience's place.
        return;
    }
    if ctx.memory.waits_no_more(audience.uid()) {
        ctx.wake.audiences(ctx.gates.forget(ctx.clock.boottime(), &audience.key()));
    }
}

/// Records where an audience stands: status, event, metrics.
async fn tell(
    ctx: &Arc<Context>,
    audience: &Tracked,
    plan: Option<&Plan>,
    (verdict, phase): Said,
    created: Option<Found>,
) -> Result<Next, CallError> {
    let outcome = phase.outcome();
    if let (Some(part), Some(plan)) = (&audience.part, plan) {
        let standing = Standing { said: (verdict, phase), receipt: plan.receipt.clone(), found: created };
        ctx.memory.part_stands(audience.uid(), &part.name, standing);
        return Ok(Next::change(outcome));
    }
    let before = ctx.memory.stands(audience, verdict.reason);
    if phase == Phase::Reconciling && before != Some(verdict.reason) {
        ctx.metrics.wait(verdict.reason.as_str());
    }
    let receipt = plan.map(|plan| plan.receipt.clone());
    let facts = Facts {
        generation: audience.meta.generation,
        digest: audience.unread.is_none().then(|| audience.digest.clone()),
        open_unknowns: open_unknowns(ctx, audience, receipt.as_deref().as_slice()),
        // One audience has no parts; until it is there, those that were are kept in view.
        parts: created.is_some().then(Vec::new),
        receipt,
        result: ctx.memory.answer(audience.uid()),
        created,
        verdict,
        phase,
    };
    record(ctx, audience, &facts).await?;
    Ok(Next::change(outcome))
}

/// Writes the status, and says what is new in it.
pub(super) async fn record(ctx: &Context, audience: &Tracked, facts: &Facts) -> Result<(), CallError> {
    if status::write(ctx, audience, facts).await? {
        let receipt = facts.receipt.as_deref().unwrap_or_default();
        tracing::info!(audience = %audience.key(), reason = facts.verdict.reason.as_str(), receipt, "audience");
        announce::standing(ctx, audience, facts).await;
        announce::suppressed_later(ctx, audience, facts).await;
    }
    Ok(())
}

/// How many unknown attempts of older lists a status names.
const SHOWN_UNKNOWNS: usize = 10;

/// Unknown attempts that were made for this audience under other receipts than its present ones.
pub(super) fn open_unknowns(ctx: &Context, audience: &Tracked, present: &[&str]) -> Vec<OpenUnknown> {
    let mut unknowns = ctx.receipts.select(|(namespace, name), entry| {
        if namespace != audience.namespace() || present.contains(&name.as_str()) || entry.state() != State::Unknown {
            return None;
        }
        let receipt = entry.receipt.as_ref().ok()?;
        let attempt = receipt.record.attempts.iter().rfind(|a| {
            a.audience.uid == audience.uid()
                && a.outcome.as_ref().is_some_and(|o| o.result == OutcomeResult::Unknown)
                && receipt.record.resolution(&a.id).is_none()
        })?;
        Some(OpenUnknown {
            receipt: name.clone(),
            attempt: attempt.id.clone(),
            time: attempt.claimed_at,
            members: attempt.members,
        })
    });
    unknowns.sort_by(|a, b| a.receipt.cmp(&b.receipt));
    unknowns.truncate(SHOWN_UNKNOWNS);
    unknowns
}
