//! Pursues a list, or a part of it: reports what its receipt records, waits for its turn, or makes an attempt.

use std::sync::Arc;
use std::time::Duration;

use super::attempt::{self, Attempt, AttemptResult};
use super::context::Context;
use super::gather::{self, KnownReceipt};
use super::grace::grace;
use super::record;
use crate::api::Reason;
use crate::api::audience_status::CreatedAudience;
use crate::controller::decide::assess::{Clearance, Plan, until_tomorrow};
use crate::controller::decide::messages;
use crate::controller::decide::progress::{
    LASTING, NewState, Progress, QUEUE_LASTING, ReceiptFacts, Wait, of_decision,
};
use crate::controller::kube::cluster::CallError;
use crate::controller::model::audience::Tracked;
use crate::controller::model::desired::Desired;
use crate::controller::model::receipt::{ExistingAudience, StoredReceipt};
use crate::ledger::{self, Decision, HeldBy, OutcomeResult, ReceiptAction};
use crate::propensity::{Grant, Permit, WaitReason};

/// How long a reconcile waits for its attempt. One that takes longer goes on alone, so that a changed list needn't
/// wait.
const PATIENCE: Duration = Duration::from_secs(6);

/// How often one reconcile decides again after it lost a claim or sent nothing.
const ROUNDS: usize = 4;

/// When a reconcile starts again that decided too often, or whose object changed meanwhile.
const RESTART: Duration = Duration::from_secs(1);

/// Pursues a list, or a part of it.
///
/// # Errors
/// When the API server doesn't answer; it is pursued again later.
pub async fn pursue(ctx: &Arc<Context>, desired: &Desired, plan: &Plan) -> Result<Progress, CallError> {
    let audience = &desired.audience;
    let mut known = gather::known_receipt(ctx, audience, &plan.receipt).await?;
    for _ in 0..ROUNDS {
        let (clearance, permit) = match take_next_step(ctx, desired, plan, &known) {
            Step::End(progress) => return Ok(progress),
            Step::ReadReceipt => {
                known = gather::read_receipt(ctx, audience, &plan.receipt).await?;
                continue;
            }
            Step::Attempt(clearance, permit) => (clearance, permit),
        };
        let base = match &known {
            KnownReceipt::Stored(stored) => Some(Arc::clone(stored)),
            KnownReceipt::Unread | KnownReceipt::Absent => None,
        };
        ctx.memory.may_exist(audience.uid(), &plan.receipt);
        let attempt = Attempt { desired: desired.clone(), plan: plan.clone(), key: clearance.key.clone(), base };
        let mut task = ctx.creates.attempts.spawn(run_and_publish(Arc::clone(ctx), attempt, permit));
        let Ok(ended) = tokio::time::timeout(PATIENCE, &mut task).await else {
            // It goes on by itself; meanwhile this audience may have got another list.
            let (ctx, key) = (Arc::clone(ctx), audience.key());
            tokio::spawn(async move {
                let _ = task.await;
                ctx.queues.enqueue(key);
            });
            return Ok(Progress::Wait(Wait::FOR_CHANGE));
        };
        match ended.map_err(|_| CallError::Unclear)? {
            RunEnd::Ended(progress) => return progress,
            RunEnd::Again(stored) => known = KnownReceipt::Stored(stored),
            RunEnd::Changed => return Ok(Progress::Wait(Wait::after(RESTART))),
        }
    }
    Ok(Progress::Wait(Wait::after(RESTART)))
}

/// What to do next for a list.
enum Step<'a> {
    /// Nothing more in this reconcile.
    End(Progress),
    /// Read the receipt, and decide again.
    ReadReceipt,
    /// Make an attempt.
    Attempt(&'a Clearance, Permit),
}

/// Decides what to do next. Enters or leaves the queue of the key, and takes a permit when it is the audience's turn.
fn take_next_step<'a>(ctx: &Context, desired: &Desired, plan: &'a Plan, known: &KnownReceipt) -> Step<'a> {
    let audience = &desired.audience;
    if let KnownReceipt::Stored(stored) = known {
        let now = ctx.process.clock.boottime();
        match ledger::decide(Some(stored.as_read()), &plan.policy, |id| ctx.caches.receipts.seen_for(id, now)) {
            // A policy's decision is recorded with the claim that it allows, under the live snapshot.
            Decision::Claim | Decision::Authorise(..) => {}
            decision => {
                leave_queue_as(ctx, desired);
                return Step::End(of_decision(&decision, desired, plan, stored, facts(ctx, stored)));
            }
        }
    }
    let is_unread = matches!(known, KnownReceipt::Unread);
    let clearance = match &plan.clearance {
        Ok(clearance) => {
            ctx.memory.records.unblocked(audience.uid());
            clearance
        }
        Err(blocked) => {
            if let Some(left) = grace(ctx, audience, blocked) {
                return Step::End(Progress::Wait(Wait::after(left)));
            }
            // A list that is created already is reported as such, whatever prevents a claim.
            if is_unread {
                return Step::ReadReceipt;
            }
            leave_queue_as(ctx, desired);
            let wait = match blocked.reason() {
                Reason::BudgetSpent => Wait::queued(until_tomorrow(ctx.process.clock.wall())),
                _ => Wait::FOR_CHANGE,
            };
            return Step::End(Progress::Publish(NewState { readiness: blocked.clone(), existing: None, wait }));
        }
    };
    match ask_for_turn(ctx, audience, clearance) {
        Turn::Now(permit) => {
            if ctx.memory.left_queue(audience.uid()) {
                tracing::debug!(audience = %audience.key(), "its turn came");
            }
            Step::Attempt(clearance, permit)
        }
        Turn::Later { why, left, is_known } => {
            let now = ctx.process.clock.boottime();
            let waited = now.since(ctx.memory.queued(audience.uid(), now));
            let lasts = if is_known { waited + left >= LASTING } else { waited >= QUEUE_LASTING };
            match (lasts, is_unread) {
                (true, true) => Step::ReadReceipt,
                (true, false) => {
                    let readiness = messages::waiting(why, &audience.options.workspace_ref.name);
                    Step::End(Progress::Publish(NewState { readiness, existing: None, wait: Wait::queued(left) }))
                }
                (false, _) => Step::End(Progress::Wait(Wait::queued(left))),
            }
        }
    }
}

/// What else is known of a receipt that decides.
fn facts(ctx: &Context, stored: &StoredReceipt) -> ReceiptFacts {
    let clock = &ctx.process.clock;
    let open = stored.receipt.as_ref().ok().and_then(|receipt| receipt.record.open_attempt());
    let holder = open.map_or(HeldBy::OtherProcess, |attempt| ctx.creates.attempts.held(&attempt.id));
    let seen_for = open.map(|attempt| ctx.caches.receipts.seen_for(&attempt.id, clock.boottime()));
    ReceiptFacts { holder, seen_for: clock.real(seen_for.unwrap_or_default()), refused: refused(ctx, stored) }
}

/// Why the annotation on a receipt can't be followed, where that is so.
fn refused(ctx: &Context, stored: &StoredReceipt) -> Option<ledger::ResolveError> {
    let receipt = stored.receipt.as_ref().ok()?;
    let annotation = stored.annotation.as_deref()?;
    let now = ctx.process.clock.wall();
    match ledger::receipt_action(receipt, Some(annotation), HeldBy::OtherProcess, Duration::ZERO, now) {
        ReceiptAction::InvalidResolution(error) => Some(error),
        _ => None,
    }
}

/// Whether an audience may send now.
enum Turn {
    /// It may.
    Now(Permit),
    /// It may not.
    Later {
        /// Why not.
        why: WaitReason,
        /// Until it asks again.
        left: Duration,
        /// Whether its turn comes then, as far as is known.
        is_known: bool,
    },
}

fn ask_for_turn(ctx: &Context, audience: &Tracked, clearance: &Clearance) -> Turn {
    let now = ctx.process.clock.boottime();
    match ctx.creates.gates.ask(clearance.key.id(), now, &audience.key()) {
        Some(Grant::Permit(permit)) => Turn::Now(permit),
        Some(Grant::Wait { until, why, known }) => Turn::Later { why, left: until.since(now), is_known: known },
        // The workspace's own reconcile makes the gate and enqueues whoever waits for it.
        None => Turn::Later { why: WaitReason::Pacing, left: RESTART, is_known: true },
    }
}

/// The audience has nothing to send now: it leaves the queue of its key.
pub fn leave_queue(ctx: &Context, audience: &Tracked) {
    if ctx.memory.left_queue(audience.uid()) {
        ctx.queues.enqueue_all(ctx.creates.gates.forget(ctx.process.clock.boottime(), &audience.key()));
    }
}

/// The same for a list. Does nothing for a part: all parts share one place in the queue.
fn leave_queue_as(ctx: &Context, desired: &Desired) {
    if desired.part.is_none() {
        leave_queue(ctx, &desired.audience);
    }
}

/// What an attempt leaves to do.
enum RunEnd {
    /// Nothing more: its outcome is reported, or couldn't be.
    Ended(Result<Progress, CallError>),
    /// The receipt records something else now: decide again.
    Again(Arc<StoredReceipt>),
    /// The audience is no longer what it was: reconcile it again.
    Changed,
}

/// Makes an attempt and reports its outcome within the attempt's own task, so that the outcome is reported even when
/// this process is ending.
async fn run_and_publish(ctx: Arc<Context>, attempt: Attempt, permit: Permit) -> RunEnd {
    let (desired, plan) = (attempt.desired.clone(), attempt.plan.clone());
    let lasting = async {
        tokio::time::sleep(LASTING).await;
        let sending = NewState { readiness: messages::sending(), existing: None, wait: Wait::FOR_CHANGE };
        if let Err(error) = record::publish(&ctx, &desired, &plan, sending).await {
            tracing::debug!(audience = %desired.key(), %error, "that a create is in flight isn't reported");
        }
        std::future::pending::<()>().await;
    };
    let end = tokio::select! {
        biased;
        end = attempt::run(Arc::clone(&ctx), attempt, permit) => end,
        () = lasting => return RunEnd::Changed,
    };
    match end {
        AttemptResult::Recorded(recorded) if recorded.result == OutcomeResult::NotSent => {
            RunEnd::Again(recorded.stored)
        }
        AttemptResult::Recorded(recorded) => RunEnd::Ended(match of_attempt(&ctx, &plan, &recorded) {
            Progress::Publish(report) => {
                let reported = Progress::Published(report.readiness.phase, report.wait);
                record::publish(&ctx, &recorded.desired, &plan, report).await.map(|()| reported)
            }
            progress => Ok(progress),
        }),
        AttemptResult::Taken(stored) => RunEnd::Again(stored),
        AttemptResult::Changed => RunEnd::Changed,
        AttemptResult::Failed(error) => RunEnd::Ended(Err(error)),
    }
}

/// The progress that follows from the outcome of an attempt.
fn of_attempt(ctx: &Context, plan: &Plan, recorded: &attempt::FinishedAttempt) -> Progress {
    let attempt::FinishedAttempt { desired, stored, result, members } = recorded;
    if *result == OutcomeResult::Created {
        let last = ctx.memory.last_result(desired.audience.uid());
        let time = last.map_or_else(|| ctx.process.clock.wall(), |result| result.time);
        let audience = CreatedAudience { receipt: plan.receipt.clone(), time, members: *members };
        return Progress::Publish(NewState {
            readiness: messages::created(*members, &desired.list.funnel),
            existing: Some(ExistingAudience { audience, own: true }),
            wait: Wait::FOR_CHANGE,
        });
    }
    let decision = ledger::decide(Some(stored.as_read()), &plan.policy, |_| Duration::ZERO);
    of_decision(&decision, desired, plan, stored, facts(ctx, stored))
}
