//! Tends the open receipts, whether or not their audiences still exist: follows a person's resolution, marks a claim whose holder is gone as unknown, and one
//! that this process gave up as not sent.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;

use super::announce;
use super::cluster::CallError;
use super::context::Context;
use super::ledger_store::LedgerStore;
use super::open_receipts::ReceiptKey;
use crate::clock::Moment;
use crate::ledger::{HeldBy, ReceiptAction, ResolvedBy, receipt_action};
use crate::telemetry::metrics::{Kind, Outcome};

/// When to try again what the API server didn't take.
const AGAIN: Duration = Duration::from_secs(5);

/// Tends receipts until nobody names one any more.
pub async fn keep(ctx: Arc<Context>, mut named: UnboundedReceiver<ReceiptKey>) {
    let mut due: HashMap<ReceiptKey, Moment> = HashMap::new();
    loop {
        let next = due.iter().min_by_key(|(_, at)| **at).map(|(key, at)| (key.clone(), *at));
        let key = tokio::select! {
            key = named.recv() => match key {
                Some(key) => key,
                None => return,
            },
            key = wait_for(&ctx, next) => key,
        };
        due.remove(&key);
        let pass = ctx.metrics.reconcile(Kind::Receipt);
        match look(&ctx, &key).await {
            Ok(None) => pass.finish(Outcome::Done),
            Ok(Some(after)) => {
                due.insert(key, ctx.clock.boottime() + after);
                pass.finish(Outcome::Waiting);
            }
            Err(error) => {
                tracing::warn!(receipt = key.1, namespace = key.0, %error, "the receipt isn't tended yet");
                due.insert(key, ctx.clock.boottime() + AGAIN);
                pass.finish(Outcome::Error);
            }
        }
    }
}

async fn wait_for(ctx: &Context, next: Option<(ReceiptKey, Moment)>) -> ReceiptKey {
    match next {
        Some((key, at)) => {
            ctx.clock.sleep_until(at).await;
            key
        }
        None => std::future::pending().await,
    }
}

/// Looks at one receipt; when to look again.
async fn look(ctx: &Context, (namespace, name): &ReceiptKey) -> Result<Option<Duration>, CallError> {
    let Some(entry) = ctx.receipts.get(namespace, name) else { return Ok(None) };
    let Ok(receipt) = &entry.receipt else { return Ok(None) };
    let open = receipt.record.open_attempt();
    let held = open.map_or(HeldBy::OtherProcess, |attempt| ctx.flights.held(&attempt.id));
    let seen_for = open.map_or(Duration::ZERO, |attempt| ctx.receipts.seen_for(&attempt.id, ctx.clock.boottime()));
    let store = LedgerStore::new(&ctx.cluster, namespace);
    let (record, instruction) =
        match receipt_action(receipt, entry.annotation.as_deref(), held, seen_for, ctx.clock.wall()) {
            ReceiptAction::Nothing => return Ok(None),
            ReceiptAction::RequeueAfter(after) => return Ok(Some(after)),
            ReceiptAction::InvalidResolution(error) => {
                announce::refused(ctx, namespace, name, &error).await;
                return Ok(None);
            }
            ReceiptAction::Resolved(record, instruction) => (record, Some(instruction)),
            ReceiptAction::Expired(record) | ReceiptAction::Abandoned(record) => (record, None),
        };
    match store.replace(name, &entry, &record, None, instruction.is_some()).await {
        Ok(entry) => {
            if let Some(attempt) = open {
                ctx.flights.disowned(&attempt.id);
            }
            tracing::info!(receipt = name, namespace, state = entry.state().as_str(), "receipt tended");
            if let Some(instruction) = instruction {
                announce::resolved(ctx, namespace, name, &entry, &instruction, ResolvedBy::Person).await;
            }
            Ok(None)
        }
        // It changed since the watch showed it; the watch shows the change too.
        Err(CallError::Conflict | CallError::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}
