//! One attempt, from the live snapshot to its recorded outcome. The order of its steps is the promise:
//!
//! ```text
//! permit ─► snapshot (live) ─► claim (one write) ─► send-by check ─► POST (once) ─► outcome (kept up until it lands)
//! ```
//!
//! What follows what, from the claim on, is the ledger's [`AttemptMachine`]; this file does what it asks for. It runs as a task of its own, so that nothing that is dropped elsewhere interrupts it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use jiff::Timestamp;
use serde_json::Map;

use super::cluster::CallError;
use super::context::Context;
use super::ledger_store::LedgerStore;
use super::live;
use super::open_receipts::Entry;
use super::scene::{Clearance, Course, Plan, assess};
use super::tracked::{Tracked, Whole, kind_name};
use super::{announce, gather, lists};
use crate::api::PropensityWorkspace;
use crate::api::audience_status::LastResult;
use crate::audience;
use crate::clock::{Moment, Stopwatch};
use crate::ledger::{
    self, Attempt, AttemptEnd, AttemptMachine, AudienceRef, Decision, Identity, Instruction, Outcome, OutcomeResult,
    Record, ResolvedBy, Step, StepResult,
};
use crate::propensity::{Answer, AnswerClass, Create, Effect, KeyId, Permit, WorkspaceKey};
use crate::telemetry::metrics::CreateClass;

/// How an attempt ended.
pub enum End {
    /// Its outcome is recorded; the receipt as it stands.
    Recorded(Box<Landed>),
    /// The live objects say something else than what the attempt was made for; nothing was claimed.
    Changed,
    /// Another has the claim, or had it: the receipt as it stands.
    Taken(Arc<Entry>),
    /// The API server didn't let it be claimed; nothing was sent.
    Failed(CallError),
}

/// An attempt whose outcome is recorded.
pub struct Landed {
    /// The audience as it was sent.
    pub audience: Tracked,
    /// The receipt as it stands.
    pub entry: Arc<Entry>,
    /// What came of it.
    pub result: OutcomeResult,
    /// How many members were sent.
    pub members: u64,
}

/// What an attempt starts from.
pub struct Start {
    /// The audience as it was looked at.
    pub audience: Tracked,
    /// What that came to.
    pub plan: Plan,
    /// The key that gave the permit.
    pub key: WorkspaceKey,
    /// The receipt that the claim goes into; none for the first.
    pub base: Option<Arc<Entry>>,
}

/// Makes one attempt, and gives the permit back with what came of it as soon as that is known, even of a panic: then nobody here holds the attempt any more, and whoever
/// sees it past its time to live records it as unknown.
pub async fn fly(ctx: Arc<Context>, start: Start, permit: Permit) -> End {
    let id = ctx.clock.random_id();
    let mut leave = Leave { key: start.key.id(), permit: Some(permit) };
    let (namespace, receipt) = (start.audience.namespace().to_owned(), start.plan.receipt.clone());
    let flown = AssertUnwindSafe(attempt(&ctx, start, &id, &mut leave)).catch_unwind().await;
    let end = flown.unwrap_or_else(|_| {
        leave.give_back(&ctx, Effect::Unclear { retry_after: None });
        ctx.flights.end(&id);
        ctx.wake.receipt((namespace, receipt));
        End::Failed(CallError::Unclear)
    });
    leave.give_back(&ctx, Effect::Unused);
    end
}

/// Leave to send one request with a key.
struct Leave {
    key: KeyId,
    permit: Option<Permit>,
}

impl Leave {
    /// Gives the permit back, once, and wakes whoever may go now and whoever shows the key's health.
    fn give_back(&mut self, ctx: &Context, effect: Effect) {
        if let Some(permit) = self.permit.take() {
            let (waiting, workspaces) =
                ctx.gates.settled(self.key, ctx.clock.boottime(), permit, effect, ctx.clock.jitter());
            ctx.wake.audiences(waiting);
            if effect != Effect::Unused {
                workspaces.into_iter().for_each(|workspace| ctx.wake.workspace(workspace));
            }
        }
    }
}

async fn attempt(ctx: &Context, start: Start, id: &str, leave: &mut Leave) -> End {
    let Start { audience, plan, key, base } = start;
    let (live, now, clearance) = match snapshot(ctx, &audience, &plan, &key).await {
        Ok(Some(live)) => live,
        Ok(None) => return End::Changed,
        Err(error) => return End::Failed(error),
    };
    let Some(prior) = claimable(ctx, base.as_deref(), &now) else { return End::Changed };
    let body = live.list.to_wire_body();
    let attempt = new_attempt(ctx, id, &live.tracked, &now, &clearance, &body);
    let workspace_id = plan.identity.workspace_id.clone();
    if !ctx.budgets.try_spend(&workspace_id, clearance.daily_budget, ctx.clock.wall(), &attempt.id) {
        return End::Changed;
    }

    // The holder's own deadline counts from before the claim is issued.
    let issued = ctx.clock.boottime();
    ctx.flights.begin(id);
    let mut paper = Paper::new(ctx, &live.tracked, &plan, base, attempt.claimed_at);
    let (mut flight, mut ask) = AttemptMachine::begin(prior.record.as_ref(), attempt);
    let mut body = Some(body);
    let mut result = OutcomeResult::NotSent;
    let landing = loop {
        let reply = match ask {
            Step::Done(landing) => break landing,
            Step::Claim(record) => paper.claim(&record).await,
            Step::Read => paper.read().await,
            Step::Record(record) => paper.record(&record, id, result).await,
            Step::Send | Step::GiveUp => {
                // The body goes with the request, so there is no second one.
                let answer = match body.take().filter(|_| ask == Step::Send) {
                    Some(body) => send(ctx, &live.tracked, &clearance, body).await,
                    None => Answer::without_reply(AnswerClass::SendByPassed, Duration::ZERO),
                };
                result = flight.classify(answer.class.evidence());
                leave.give_back(ctx, effect(&answer, result));
                let outcome = outcome(ctx, result, answer);
                remember(ctx, &live.tracked, result, &outcome);
                StepResult::Answered(outcome)
            }
        };
        ask = flight.next(reply, elapsed(ctx, issued));
    };
    if result == OutcomeResult::NotSent {
        ctx.budgets.refund(&workspace_id, id);
    }
    match landing {
        AttemptEnd::ClaimLost { abandoned: true, .. } => ctx.flights.abandon(id),
        _ => ctx.flights.end(id),
    }
    match (landing, paper.last) {
        (AttemptEnd::Recorded, Some(entry)) => {
            if let Some(instruction) = &prior.authorised {
                announce::resolved(
                    ctx,
                    live.tracked.namespace(),
                    &plan.receipt,
                    &entry,
                    instruction,
                    ResolvedBy::Policy,
                )
                .await;
            }
            let members = flight.attempt().members;
            End::Recorded(Box::new(Landed { audience: live.tracked, entry, result, members }))
        }
        (AttemptEnd::ClaimLost { read: true, .. }, Some(entry)) => End::Taken(entry),
        _ => End::Failed(paper.error),
    }
}

/// What the answer does to the key. Whatever ends in an unknown outcome calls for caution, such as a 503 that is no longer believed.
fn effect(answer: &Answer, result: OutcomeResult) -> Effect {
    match result {
        OutcomeResult::Unknown => Effect::Unclear { retry_after: answer.retry_after },
        _ => answer.effect(),
    }
}

/// The record that a claim goes into.
struct Prior {
    record: Option<Record>,
    /// The policy's resolution that allows the claim, recorded in the same write.
    authorised: Option<Instruction>,
}

/// Whether the receipt may be claimed under what the live audience and workspace say, and the record to claim in.
fn claimable(ctx: &Context, base: Option<&Entry>, now: &Plan) -> Option<Prior> {
    let moment = ctx.clock.boottime();
    match ledger::decide(base.map(Entry::as_read), &now.policy, |id| ctx.receipts.seen_for(id, moment)) {
        Decision::Claim => {
            let record = base.and_then(|entry| entry.receipt.as_ref().ok()).map(|receipt| receipt.record.clone());
            Some(Prior { record, authorised: None })
        }
        Decision::Authorise(instruction, by) => {
            let receipt = base?.receipt.as_ref().ok()?;
            let record = ledger::resolve(&receipt.record, &instruction, by, ctx.clock.wall()).ok()?;
            Some(Prior { record: Some(record), authorised: Some(instruction) })
        }
        _ => None,
    }
}

/// Reads audience, workspace, sources and suppression lists live. `None` unless they still come to the same plan with the same key and nothing forbids it.
async fn snapshot(
    ctx: &Context,
    seen: &Tracked,
    plan: &Plan,
    key: &WorkspaceKey,
) -> Result<Option<(Whole, Plan, Clearance)>, CallError> {
    let Some(parts) = live::audience(ctx, seen.kind, seen.namespace(), seen.name()).await? else { return Ok(None) };
    if parts.meta.uid != seen.meta.uid || parts.meta.deletion_timestamp.is_some() {
        return Ok(None);
    }
    let began = ctx.clock.boottime();
    let generation = parts.meta.generation;
    let workspace = live::workspace(ctx, seen.namespace(), &parts.options.workspace_ref.name).await?;
    let versions = lists::versions(ctx, seen, workspace.as_ref());
    let Ok(mut live) = lists::whole(ctx, parts, workspace.as_ref()).await? else {
        ctx.lists.forget_digest(&seen.key());
        return Ok(None);
    };
    // What took long to read, or to get a turn for, was read too long ago to be called live.
    let stale = lists::versions(ctx, seen, workspace.as_ref()) != versions
        || elapsed(ctx, began) > FRESH && !is_still(ctx, seen, generation, workspace.as_ref()).await?;
    if stale {
        return Ok(None);
    }
    if let Some(share) = &seen.part {
        let Some(index) = live.tracked.digest.parts.iter().position(|part| part.hash == share.hash) else {
            ctx.lists.forget_digest(&seen.key());
            return Ok(None);
        };
        live.list = live.parts.swap_remove(index).list;
        live.tracked.part = Some(live.tracked.digest.parts[index].clone());
    } else if !live.parts.is_empty() {
        ctx.lists.forget_digest(&seen.key());
        return Ok(None);
    }
    live.parts.clear();
    if plan.identity.variant.is_some() && live.tracked.options.resend_on_suppression {
        live.tracked.variant = Some(live.tracked.share().variant());
    }
    if let Course::Known(now) = assess(&gather::scene(ctx, &live.tracked, workspace.as_ref()))
        && let Ok(clearance) = now.clearance.clone()
        && now.receipt == plan.receipt
    {
        return Ok((clearance.key.id() == key.id()).then_some((live, *now, clearance)));
    }
    // No watch may tell of it for a while, as of a file behind a URL.
    ctx.lists.forget_digest(&seen.key());
    Ok(None)
}

/// How old a snapshot may be when its last part is read.
const FRESH: Duration = Duration::from_secs(2);

/// Whether audience, workspace and suppression lists are still what they were at the beginning of a snapshot.
async fn is_still(
    ctx: &Context,
    seen: &Tracked,
    generation: Option<i64>,
    workspace: Option<&PropensityWorkspace>,
) -> Result<bool, CallError> {
    let now = live::audience(ctx, seen.kind, seen.namespace(), seen.name()).await?;
    let name = &seen.options.workspace_ref.name;
    let at_work = live::workspace(ctx, seen.namespace(), name).await?;
    let meta = |workspace: Option<&PropensityWorkspace>| {
        workspace.map(|workspace| (workspace.metadata.uid.clone(), workspace.metadata.generation))
    };
    let same_audience = now.is_some_and(|now| {
        now.meta.uid == seen.meta.uid && now.meta.generation == generation && now.meta.deletion_timestamp.is_none()
    });
    Ok(same_audience
        && meta(at_work.as_ref()) == meta(workspace)
        && lists::same_suppression(ctx, seen, workspace).await?)
}

/// What is added to the time to live beside the deadline to send and the request's own timeout.
const TTL_MARGIN: Duration = Duration::from_secs(60);

fn new_attempt(
    ctx: &Context,
    id: &str,
    audience: &Tracked,
    plan: &Plan,
    clearance: &Clearance,
    body: &[u8],
) -> Attempt {
    let send_by = ctx.switches.send_by;
    let share = audience.share();
    Attempt {
        id: id.to_owned(),
        audience: AudienceRef {
            kind: kind_name(audience.kind).to_owned(),
            name: audience.name().to_owned(),
            uid: audience.uid().to_owned(),
        },
        claimed_at: ctx.clock.wall(),
        claimed_by: ctx.switches.identity.clone(),
        send_by_seconds: send_by.as_secs(),
        ttl_seconds: (send_by + clearance.request_timeout + TTL_MARGIN).as_secs(),
        members: share.to_send,
        excluded: share.excluded,
        kept_hash: share.kept_hash.as_ref().map(ToString::to_string),
        payload_hash: audience::payload_hash(body),
        policy: plan.policy.audience.clone(),
        outcome: None,
        unknown: Map::new(),
    }
}

/// The longest pause between two tries to reach the API server.
const SLOWEST: Duration = Duration::from_secs(5);

/// The receipt of an attempt as it was last seen, and how it is written: each write is one request under the version that was last seen.
struct Paper<'a> {
    ctx: &'a Context,
    store: LedgerStore<'a>,
    identity: &'a Identity,
    name: &'a str,
    claimed_at: Timestamp,
    last: Option<Arc<Entry>>,
    /// What the last call failed with.
    error: CallError,
    /// How long to wait before the next read; nothing after a conflict, whose cause stands there already.
    pause: Duration,
    hurry: bool,
}

impl<'a> Paper<'a> {
    fn new(ctx: &'a Context, audience: &'a Tracked, plan: &'a Plan, base: Option<Arc<Entry>>, at: Timestamp) -> Self {
        Self {
            ctx,
            store: LedgerStore::of_flight(&ctx.cluster, audience.namespace()),
            identity: &plan.identity,
            name: &plan.receipt,
            claimed_at: at,
            last: base,
            error: CallError::Unclear,
            pause: Duration::from_millis(100),
            hurry: false,
        }
    }

    async fn claim(&mut self, record: &Record) -> StepResult {
        let written = match &self.last {
            None => self.store.create(self.identity, record, Some(self.claimed_at)).await,
            Some(base) => self.store.replace(self.name, base, record, Some(self.claimed_at), false).await,
        };
        self.written(written)
    }

    async fn record(&mut self, record: &Record, attempt: &str, result: OutcomeResult) -> StepResult {
        let written = match &self.last {
            None => self.store.create(self.identity, record, Some(self.claimed_at)).await,
            Some(base) => self.store.replace(self.name, base, record, None, false).await,
        };
        if let Err(error) = &written
            && !matches!(error, CallError::Conflict | CallError::AlreadyExists | CallError::NotFound)
        {
            tracing::warn!(receipt = self.name, attempt, ?result, %error, "the outcome isn't recorded yet; it is tried again");
        }
        self.written(written)
    }

    fn written(&mut self, written: Result<Entry, CallError>) -> StepResult {
        let error = match written {
            Ok(entry) => {
                let receipt = entry.receipt.clone();
                self.last = Some(Arc::new(entry));
                return StepResult::Written(receipt);
            }
            Err(error) => error,
        };
        self.error = error;
        self.hurry = matches!(error, CallError::Conflict | CallError::AlreadyExists);
        match error {
            CallError::Conflict | CallError::AlreadyExists => StepResult::Conflict,
            error if error.is_unclear() => StepResult::Unclear,
            _ => StepResult::Refused,
        }
    }

    async fn read(&mut self) -> StepResult {
        if !std::mem::take(&mut self.hurry) {
            tokio::time::sleep(self.ctx.clock.jittered(self.pause, 0.3)).await;
            self.pause = (self.pause * 2).min(SLOWEST);
        }
        match self.store.read(self.name).await {
            Ok(found) => {
                self.last = found.map(Arc::new);
                let receipt = self.last.as_ref().map(|entry| entry.receipt.clone());
                if let Some(Err(why)) = &receipt {
                    tracing::error!(receipt = self.name, %why, "an attempt can't be followed up in its receipt");
                }
                StepResult::Found(receipt)
            }
            Err(error) => {
                self.error = error;
                StepResult::NoAnswer
            }
        }
    }
}

/// Real time since a moment, suspension included.
fn elapsed(ctx: &Context, since: Moment) -> Duration {
    ctx.clock.real(ctx.clock.boottime().since(since))
}

/// Sends the request.
async fn send(ctx: &Context, audience: &Tracked, clearance: &Clearance, body: Vec<u8>) -> Answer {
    let Ok(api) = &ctx.api else { return Answer::without_reply(AnswerClass::SendByPassed, Duration::ZERO) };
    let watch = Stopwatch::start();
    let create = Create {
        kind: audience.kind,
        key: &clearance.key,
        body,
        total: clearance.request_timeout,
        refused_statuses: &clearance.refused_statuses,
        now: ctx.clock.wall().into(),
    };
    let answer = api.client.create(create).await;
    ctx.metrics.api_request(gather::endpoint_label(audience.kind), answer.class.label(), watch.elapsed());
    answer
}

fn outcome(ctx: &Context, result: OutcomeResult, answer: Answer) -> Outcome {
    Outcome {
        result,
        class: answer.class.label().to_owned(),
        at: ctx.clock.wall(),
        http_status: answer.http_status,
        error: answer.api_error,
        message: answer.message,
        unknown: Map::new(),
    }
}

fn remember(ctx: &Context, audience: &Tracked, result: OutcomeResult, outcome: &Outcome) {
    let class = match result {
        OutcomeResult::Created => CreateClass::Created,
        OutcomeResult::Rejected => CreateClass::Rejected,
        OutcomeResult::NotSent => CreateClass::NotSent,
        OutcomeResult::Unknown => CreateClass::Unknown,
    };
    ctx.metrics.create_outcome(gather::kind_label(audience.kind), class);
    let last = LastResult {
        time: outcome.at,
        class: outcome.class.clone(),
        http_status: outcome.http_status,
        error: outcome.error,
        message: outcome.message.clone(),
    };
    ctx.memory.answered(audience.uid(), last);
}
