//! One attempt, from the live snapshot to its recorded outcome. The order of its steps is the promise:
//!
//! ```text
//! permit ─► snapshot (live) ─► claim (one write) ─► send-by check ─► POST (once) ─► outcome (kept up until it lands)
//! ```
//!
//! It runs as a task of its own, so that nothing that is dropped elsewhere interrupts it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use serde_json::Map;

use super::cluster::CallError;
use super::context::Context;
use super::ledger_store::LedgerStore;
use super::live;
use super::open_receipts::Entry;
use super::scene::{Clearance, Course, Plan, assess};
use super::tracked::{Tracked, Whole, kind_name};
use super::{announce, gather};
use crate::api::audience_status::LastResult;
use crate::audience;
use crate::clock::{Moment, Stopwatch};
use crate::ledger::{self, Attempt, AudienceRef, By, Decision, Instruction, Outcome, OutcomeResult, Record};
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
    ctx.flights.begin(&attempt.id);
    let claimed = claim(ctx, &live.tracked, &plan, base.as_deref(), &prior, &attempt, issued).await;
    let entry = match claimed {
        Ok(entry) => entry,
        Err(end) => {
            ctx.budgets.refund(&workspace_id, &attempt.id);
            return end;
        }
    };
    let answer = send(ctx, &live.tracked, &clearance, body, issued).await;
    let class = answer.class;
    let result =
        entry.receipt.as_ref().map_or(OutcomeResult::Unknown, |r| ledger::verdict(&r.record, class.evidence()));
    leave.give_back(ctx, effect(&answer, result));
    let outcome = outcome(ctx, result, answer);
    remember(ctx, &live.tracked, result, &outcome);
    if result == OutcomeResult::NotSent {
        ctx.budgets.refund(&workspace_id, &attempt.id);
    }
    let members = attempt.members;
    let entry = record(ctx, &live.tracked, &plan, entry, &attempt, outcome).await;
    ctx.flights.end(&attempt.id);
    if let Some(instruction) = &prior.authorised {
        announce::resolved(ctx, live.tracked.namespace(), &plan.receipt, &entry, instruction, By::Policy).await;
    }
    End::Recorded(Box::new(Landed { audience: live.tracked, entry: Arc::new(entry), result, members }))
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

/// Reads audience and workspace live. `None` unless they still come to the same plan with the same key and nothing forbids it.
async fn snapshot(
    ctx: &Context,
    seen: &Tracked,
    plan: &Plan,
    key: &WorkspaceKey,
) -> Result<Option<(Whole, Plan, Clearance)>, CallError> {
    let Some(live) = live::audience(ctx, seen.kind, seen.namespace(), seen.name()).await? else { return Ok(None) };
    if live.tracked.uid() != seen.uid() || live.tracked.is_deleting() {
        return Ok(None);
    }
    let name = &live.tracked.options.workspace_ref.name;
    let workspace = live::workspace(ctx, live.tracked.namespace(), name).await?;
    let scene = gather::scene(ctx, &live.tracked, workspace.as_ref());
    let Course::Known(now) = assess(&scene) else { return Ok(None) };
    let Ok(clearance) = now.clearance.clone() else { return Ok(None) };
    let same = now.receipt == plan.receipt && clearance.key.id() == key.id();
    Ok(same.then_some((live, *now, clearance)))
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
        members: audience.digest.funnel.to_send,
        excluded: audience.digest.funnel.excluded,
        payload_hash: audience::payload_hash(body),
        policy: plan.policy.audience.clone(),
        outcome: None,
        unknown: Map::new(),
    }
}

/// The claim: one write, never repeated. After a conflict or an unclear answer the receipt is read back, and holding it means that our attempt
/// stands in it.
async fn claim(
    ctx: &Context,
    audience: &Tracked,
    plan: &Plan,
    base: Option<&Entry>,
    prior: &Prior,
    attempt: &Attempt,
    issued: Moment,
) -> Result<Entry, End> {
    let store = LedgerStore::of_flight(&ctx.cluster, audience.namespace());
    let record = ledger::claim(prior.record.as_ref(), attempt.clone());
    let written = match base {
        None => store.create(&plan.identity, &record, Some(attempt.claimed_at)).await,
        Some(base) => store.replace(&plan.receipt, base, &record, Some(attempt.claimed_at), false).await,
    };
    let error = match written {
        Ok(entry) => return Ok(entry),
        Err(error) => error,
    };
    let lost = matches!(error, CallError::AlreadyExists | CallError::Conflict);
    if !lost && !error.is_unclear() {
        ctx.flights.end(&attempt.id);
        return Err(End::Failed(error));
    }
    loop {
        match store.read(&plan.receipt).await {
            Ok(Some(entry)) if holds(&entry, attempt) => return Ok(entry),
            Ok(found) => {
                // A write that was answered with a conflict isn't stored; an unclear one may still be.
                if lost {
                    ctx.flights.end(&attempt.id);
                } else {
                    ctx.flights.abandon(&attempt.id);
                }
                return Err(found.map_or(End::Failed(error), |entry| End::Taken(Arc::new(entry))));
            }
            Err(_) if elapsed(ctx, issued) < ctx.switches.send_by => {
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            Err(error) => {
                ctx.flights.abandon(&attempt.id);
                return Err(End::Failed(error));
            }
        }
    }
}

fn holds(entry: &Entry, attempt: &Attempt) -> bool {
    let found = entry.receipt.as_ref().ok().and_then(|receipt| receipt.record.attempt(&attempt.id));
    found.is_some_and(|found| found.outcome.is_none())
}

/// Real time since a moment, suspension included.
fn elapsed(ctx: &Context, since: Moment) -> Duration {
    ctx.clock.real(ctx.clock.boottime().since(since))
}

/// Sends the request, once, unless the deadline to send has passed.
async fn send(ctx: &Context, audience: &Tracked, clearance: &Clearance, body: Vec<u8>, issued: Moment) -> Answer {
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
    if elapsed(ctx, issued) > ctx.switches.send_by {
        return Answer::without_reply(AnswerClass::SendByPassed, watch.elapsed());
    }
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

/// The longest pause between two tries to record an outcome.
const SLOWEST: Duration = Duration::from_secs(5);

/// Records an outcome in its own attempt's entry, whatever came since, and keeps at it until it lands.
async fn record(
    ctx: &Context,
    audience: &Tracked,
    plan: &Plan,
    claimed: Entry,
    attempt: &Attempt,
    outcome: Outcome,
) -> Entry {
    let store = LedgerStore::of_flight(&ctx.cluster, audience.namespace());
    let mut pause = Duration::from_millis(100);
    let mut base = Some(claimed);
    loop {
        let written = match &base {
            Some(entry) => match &entry.receipt {
                Ok(receipt) => match ledger::record_outcome(&receipt.record, attempt, outcome.clone()) {
                    None => return entry.clone(),
                    Some(next) => store.replace(&plan.receipt, entry, &next, None, false).await,
                },
                Err(why) => {
                    tracing::error!(receipt = plan.receipt, attempt = attempt.id, result = ?outcome.result, %why, "the outcome can't be recorded; it is tried again");
                    Err(CallError::Unreadable)
                }
            },
            // The receipt is gone: what was sent must not be forgotten with it.
            None => {
                let record: Record = ledger::claim(None, attempt.clone());
                let record = ledger::record_outcome(&record, attempt, outcome.clone()).unwrap_or(record);
                store.create(&plan.identity, &record, Some(attempt.claimed_at)).await
            }
        };
        match written {
            Ok(entry) => return entry,
            Err(CallError::Conflict | CallError::AlreadyExists) => {}
            Err(error) => {
                if error != CallError::NotFound {
                    tracing::warn!(receipt = plan.receipt, attempt = attempt.id, %error, "the outcome isn't recorded yet");
                }
                tokio::time::sleep(ctx.clock.jittered(pause, 0.3)).await;
                pause = (pause * 2).min(SLOWEST);
            }
        }
        // Read until the API server answers: what stands there decides what is written next.
        base = loop {
            match store.read(&plan.receipt).await {
                Ok(found) => break found,
                Err(_) => {
                    tokio::time::sleep(ctx.clock.jittered(pause, 0.3)).await;
                    pause = (pause * 2).min(SLOWEST);
                }
            }
        };
    }
}
