//! One attempt, from the live snapshot to its recorded outcome. The order of its steps is the promise:
//!
//! ```text
//! permit ─► snapshot (live) ─► claim (one write) ─► send-by check ─► POST (once) ─► outcome (repeated until it is stored)
//! ```
//!
//! What follows what, from the claim on, is decided by the ledger's [`AttemptMachine`]; this file executes it. It runs
//! as a task of its own, so that nothing that is dropped elsewhere interrupts it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use serde_json::Map;

use super::context::Context;
use super::receipt_writer::ReceiptWriter;
use super::snapshot::{Snapshot, snapshot};
use crate::api::audience_status::LastResult;
use crate::audience;
use crate::clock::Stopwatch;
use crate::controller::decide::assess::{Clearance, Plan};
use crate::controller::decide::events;
use crate::controller::kube::cluster::CallError;
use crate::controller::kube::events::reference;
use crate::controller::model::audience::kind_name;
use crate::controller::model::desired::Desired;
use crate::controller::model::labels;
use crate::controller::model::receipt::StoredReceipt;
use crate::ledger::{
    self, AttemptEnd, AttemptMachine, AudienceRef, Decision, Instruction, Outcome, OutcomeResult, Record, ResolvedBy,
    Step, StepResult,
};
use crate::propensity::{Answer, AnswerClass, ApiKey, Create, Effect, KeyId, Permit};
use crate::telemetry::metrics::CreateClass;

/// How an attempt ended.
pub enum AttemptResult {
    /// Its outcome is recorded.
    Recorded(Box<FinishedAttempt>),
    /// The live objects differ from what the attempt was made for; nothing was claimed.
    Changed,
    /// Another process has the claim, or had it: the receipt as it is.
    Taken(Arc<StoredReceipt>),
    /// The API server didn't accept the claim; nothing was sent.
    Failed(CallError),
}

/// An attempt whose outcome is recorded.
pub struct FinishedAttempt {
    /// The audience as it was sent.
    pub desired: Desired,
    /// The receipt as it is.
    pub stored: Arc<StoredReceipt>,
    /// The result.
    pub result: OutcomeResult,
    /// How many members were sent.
    pub members: u64,
}

/// What an attempt is made for.
pub struct Attempt {
    /// The audience as it was evaluated.
    pub desired: Desired,
    /// The plan that followed.
    pub plan: Plan,
    /// The key that gave the permit.
    pub key: ApiKey,
    /// The receipt that the claim is based on; none for the first.
    pub base: Option<Arc<StoredReceipt>>,
}

/// Makes one attempt, and gives the permit back as soon as the result is known, also after a panic: then nothing here
/// holds the attempt any more, and whoever sees it past its time to live records it as unknown.
pub async fn run(ctx: Arc<Context>, attempt: Attempt, permit: Permit) -> AttemptResult {
    let id = ctx.process.clock.random_id();
    let mut guard = PermitGuard { key: attempt.key.id(), permit: Some(permit) };
    let receipt = (attempt.desired.audience.namespace().to_owned(), attempt.plan.receipt.clone());
    let ended = AssertUnwindSafe(steps(&ctx, attempt, &id, &mut guard)).catch_unwind().await;
    let end = ended.unwrap_or_else(|_| {
        guard.give_back(&ctx, Effect::Unclear { retry_after: None });
        ctx.creates.attempts.end(&id);
        ctx.queues.enqueue(receipt);
        AttemptResult::Failed(CallError::Unclear)
    });
    guard.give_back(&ctx, Effect::Unused);
    end
}

/// The permit to send one request with a key.
struct PermitGuard {
    key: KeyId,
    permit: Option<Permit>,
}

impl PermitGuard {
    /// Gives the permit back, once, and enqueues whoever may go now and the workspaces that report the key's health.
    fn give_back(&mut self, ctx: &Context, effect: Effect) {
        if let Some(permit) = self.permit.take() {
            let clock = &ctx.process.clock;
            let (waiting, workspaces) =
                ctx.creates.gates.give_back(self.key, clock.boottime(), permit, effect, clock.jitter());
            ctx.queues.enqueue_all(waiting);
            if effect != Effect::Unused {
                ctx.queues.enqueue_all(workspaces);
            }
        }
    }
}

async fn steps(ctx: &Context, attempt: Attempt, id: &str, guard: &mut PermitGuard) -> AttemptResult {
    let Attempt { desired, plan, key, base } = attempt;
    let Snapshot { desired, list, plan: now, clearance } = match snapshot(ctx, &desired, &plan, &key).await {
        Ok(Some(snapshot)) => snapshot,
        Ok(None) => return AttemptResult::Changed,
        Err(error) => return AttemptResult::Failed(error),
    };
    let Some(prior) = claimable(ctx, base.as_deref(), &now) else { return AttemptResult::Changed };
    let body = list.to_wire_body();
    let attempt = new_attempt(ctx, id, &desired, &now, &clearance, &body);
    let workspace_id = plan.identity.workspace_id.clone();
    let clock = ctx.process.clock;
    let budgets = &ctx.creates.budgets;
    if !budgets.try_spend(&workspace_id, clearance.daily_budget, clock.wall(), &attempt.id) {
        return AttemptResult::Changed;
    }

    // The holder's own deadline counts from before the claim is issued.
    let issued = clock.boottime();
    ctx.creates.attempts.begin(id);
    let namespace = desired.audience.namespace();
    let mut writer = ReceiptWriter::new(&ctx.cluster, clock, namespace, &plan, base, attempt.claimed_at);
    let (mut machine, mut step) = AttemptMachine::begin(prior.record.as_ref(), attempt);
    let mut body = Some(body);
    let mut result = OutcomeResult::NotSent;
    let end = loop {
        let result_of_step = match step {
            Step::Done(end) => break end,
            Step::Claim(record) => writer.claim(&record).await,
            Step::Read => writer.read().await,
            Step::Record(record) => writer.record(&record, id, result).await,
            Step::Send | Step::GiveUp => {
                // The body goes with the request, so there is no second one.
                let answer = match body.take().filter(|_| step == Step::Send) {
                    Some(body) => send(ctx, &desired, &clearance, body).await,
                    None => Answer::without_reply(AnswerClass::SendByPassed, Duration::ZERO),
                };
                result = machine.classify(answer.class.evidence());
                guard.give_back(ctx, effect(&answer, result));
                let outcome = outcome(ctx, result, answer);
                remember(ctx, &desired, result, &outcome);
                StepResult::Answered(outcome)
            }
        };
        step = machine.next(result_of_step, ctx.process.elapsed(issued));
    };
    if result == OutcomeResult::NotSent {
        budgets.refund(&workspace_id, id);
    }
    match end {
        AttemptEnd::ClaimLost { abandoned: true, .. } => ctx.creates.attempts.abandon(id),
        _ => ctx.creates.attempts.end(id),
    }
    match (end, writer.last.take()) {
        (AttemptEnd::Recorded, Some(stored)) => {
            if let Some(instruction) = &prior.authorised
                && let Some(audience) = stored.audience_of(&instruction.attempt)
            {
                let subject = reference(&audience.kind, namespace, &audience.name, &audience.uid);
                let event = events::of_resolution(&plan.receipt, instruction, ResolvedBy::Policy);
                ctx.events.publish(&subject, event).await;
            }
            let members = machine.attempt().members;
            AttemptResult::Recorded(Box::new(FinishedAttempt { desired, stored, result, members }))
        }
        (AttemptEnd::ClaimLost { read: true, .. }, Some(stored)) => AttemptResult::Taken(stored),
        _ => AttemptResult::Failed(writer.error),
    }
}

/// What the answer does to the key. Whatever ends in an unknown outcome calls for caution, such as a 503 that is no
/// longer believed.
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
fn claimable(ctx: &Context, base: Option<&StoredReceipt>, now: &Plan) -> Option<Prior> {
    let moment = ctx.process.clock.boottime();
    match ledger::decide(base.map(StoredReceipt::as_read), &now.policy, |id| ctx.caches.receipts.seen_for(id, moment)) {
        Decision::Claim => {
            let record = base.and_then(|stored| stored.receipt.as_ref().ok()).map(|receipt| receipt.record.clone());
            Some(Prior { record, authorised: None })
        }
        Decision::Authorise(instruction, by) => {
            let receipt = base?.receipt.as_ref().ok()?;
            let record = ledger::resolve(&receipt.record, &instruction, by, ctx.process.clock.wall()).ok()?;
            Some(Prior { record: Some(record), authorised: Some(instruction) })
        }
        _ => None,
    }
}

/// What is added to the time to live beside the deadline to send and the request's own timeout.
const TTL_MARGIN: Duration = Duration::from_secs(60);

fn new_attempt(
    ctx: &Context,
    id: &str,
    desired: &Desired,
    plan: &Plan,
    clearance: &Clearance,
    body: &[u8],
) -> ledger::Attempt {
    let send_by = ctx.process.send_by;
    let part = desired.to_send();
    let audience = &desired.audience;
    ledger::Attempt {
        id: id.to_owned(),
        audience: AudienceRef {
            kind: kind_name(audience.kind).to_owned(),
            name: audience.name().to_owned(),
            uid: audience.uid().to_owned(),
        },
        claimed_at: ctx.process.clock.wall(),
        claimed_by: ctx.process.identity.clone(),
        send_by_seconds: send_by.as_secs(),
        ttl_seconds: (send_by + clearance.request_timeout + TTL_MARGIN).as_secs(),
        members: part.to_send,
        excluded: part.excluded,
        kept_hash: part.kept_hash.as_ref().map(ToString::to_string),
        payload_hash: audience::payload_hash(body),
        policy: plan.policy.audience.clone(),
        outcome: None,
        unknown: Map::new(),
    }
}

/// Sends the request.
async fn send(ctx: &Context, desired: &Desired, clearance: &Clearance, body: Vec<u8>) -> Answer {
    let Ok(api) = &ctx.creates.api else { return Answer::without_reply(AnswerClass::SendByPassed, Duration::ZERO) };
    let stopwatch = Stopwatch::start();
    let create = Create {
        kind: desired.audience.kind,
        key: &clearance.key,
        body,
        total: clearance.request_timeout,
        refused_statuses: &clearance.refused_statuses,
        now: ctx.process.clock.wall().into(),
    };
    let answer = api.client.create(create).await;
    ctx.process.metrics.api_request(labels::endpoint(desired.audience.kind), answer.class.label(), stopwatch.elapsed());
    answer
}

fn outcome(ctx: &Context, result: OutcomeResult, answer: Answer) -> Outcome {
    Outcome {
        result,
        class: answer.class.label().to_owned(),
        at: ctx.process.clock.wall(),
        http_status: answer.http_status,
        error: answer.api_error,
        message: answer.message,
        unknown: Map::new(),
    }
}

fn remember(ctx: &Context, desired: &Desired, result: OutcomeResult, outcome: &Outcome) {
    let class = match result {
        OutcomeResult::Created => CreateClass::Created,
        OutcomeResult::Rejected => CreateClass::Rejected,
        OutcomeResult::NotSent => CreateClass::NotSent,
        OutcomeResult::Unknown => CreateClass::Unknown,
    };
    ctx.process.metrics.create_outcome(labels::kind(desired.audience.kind), class);
    let last = LastResult {
        time: outcome.at,
        class: outcome.class.clone(),
        http_status: outcome.http_status,
        error: outcome.error,
        message: outcome.message.clone(),
    };
    ctx.memory.set_last_result(desired.audience.uid(), last);
}
