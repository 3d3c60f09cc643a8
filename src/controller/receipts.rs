//! Reconciles open receipts, whether or not their audiences still exist: records a person's resolution, records a claim
//! whose holder is gone as unknown, and one that this process abandoned as not sent.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;

use super::context::caches::Caches;
use super::context::creates::Creates;
use super::context::process::Process;
use super::decide::events;
use super::kube::cluster::{CallError, Cluster};
use super::kube::events::{Publisher, reference};
use super::kube::ledger_store::LedgerStore;
use super::model::keys::ReceiptKey;
use crate::clock::Moment;
use crate::ledger::{HeldBy, ReceiptAction, ResolvedBy, receipt_action};
use crate::telemetry::metrics::{Kind, Outcome};

/// When to try again after the API server didn't answer.
const RETRY: Duration = Duration::from_secs(5);

/// What reconciling receipts needs.
pub struct Context {
    /// The API server.
    pub cluster: Arc<Cluster>,
    /// Events.
    pub events: Publisher,
    /// The open receipts.
    pub caches: Arc<Caches>,
    /// The attempts of this process.
    pub creates: Arc<Creates>,
    /// Clock and metrics.
    pub process: Arc<Process>,
}

/// Reconciles receipts, one at a time, until nothing enqueues any more.
pub async fn run(ctx: Arc<Context>, mut keys: UnboundedReceiver<ReceiptKey>) {
    let clock = ctx.process.clock;
    let mut due: HashMap<ReceiptKey, Moment> = HashMap::new();
    loop {
        let next = due.iter().min_by_key(|(_, at)| **at).map(|(key, at)| (key.clone(), *at));
        let key = tokio::select! {
            key = keys.recv() => match key {
                Some(key) => key,
                None => return,
            },
            key = wait_for(&ctx, next) => key,
        };
        due.remove(&key);
        let timing = ctx.process.metrics.reconcile(Kind::Receipt);
        match reconcile(&ctx, &key).await {
            Ok(None) => timing.finish(Outcome::Done),
            Ok(Some(after)) => {
                due.insert(key, clock.boottime() + after);
                timing.finish(Outcome::Waiting);
            }
            Err(error) => {
                tracing::warn!(receipt = key.1, namespace = key.0, %error, "the receipt is reconciled again later");
                due.insert(key, clock.boottime() + RETRY);
                timing.finish(Outcome::Error);
            }
        }
    }
}

async fn wait_for(ctx: &Context, next: Option<(ReceiptKey, Moment)>) -> ReceiptKey {
    match next {
        Some((key, at)) => {
            ctx.process.clock.sleep_until(at).await;
            key
        }
        None => std::future::pending().await,
    }
}

/// Reconciles one receipt; when to reconcile it again.
async fn reconcile(ctx: &Context, key: &ReceiptKey) -> Result<Option<Duration>, CallError> {
    let (namespace, name) = key;
    let clock = &ctx.process.clock;
    let Some(stored) = ctx.caches.receipts.get(namespace, name) else { return Ok(None) };
    let Ok(receipt) = &stored.receipt else { return Ok(None) };
    let open = receipt.record.open_attempt();
    let held = open.map_or(HeldBy::OtherProcess, |attempt| ctx.creates.attempts.held(&attempt.id));
    let seen_for = open.map_or(Duration::ZERO, |attempt| ctx.caches.receipts.seen_for(&attempt.id, clock.boottime()));
    let (record, instruction) =
        match receipt_action(receipt, stored.annotation.as_deref(), held, seen_for, clock.wall()) {
            ReceiptAction::Nothing => return Ok(None),
            ReceiptAction::RequeueAfter(after) => return Ok(Some(after)),
            ReceiptAction::InvalidResolution(error) => {
                let event = events::of_invalid_resolution(error);
                ctx.events.publish(&reference("AudienceReceipt", namespace, name, ""), event).await;
                return Ok(None);
            }
            ReceiptAction::Resolved(record, instruction) => (record, Some(instruction)),
            ReceiptAction::Expired(record) | ReceiptAction::Abandoned(record) => (record, None),
        };
    let store = LedgerStore::new(&ctx.cluster, namespace);
    match store.replace(name, &stored, &record, None, instruction.is_some()).await {
        Ok(written) => {
            if let Some(attempt) = open {
                ctx.creates.attempts.forget_abandoned(&attempt.id);
            }
            tracing::info!(receipt = name, namespace, state = written.state().as_str(), "receipt reconciled");
            if let Some(instruction) = instruction
                && let Some(audience) = written.audience_of(&instruction.attempt)
            {
                let subject = reference(&audience.kind, namespace, &audience.name, &audience.uid);
                ctx.events.publish(&subject, events::of_resolution(name, &instruction, ResolvedBy::Person)).await;
            }
            Ok(None)
        }
        // It changed since the watch showed it; the watch shows that change too.
        Err(CallError::Conflict | CallError::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}
