//! Writes the receipt of one attempt: each write is one request under the version that was seen last.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::clock::Clock;
use crate::controller::decide::assess::Plan;
use crate::controller::kube::cluster::{CallError, Cluster};
use crate::controller::kube::ledger_store::LedgerStore;
use crate::controller::model::receipt::StoredReceipt;
use crate::ledger::{Identity, OutcomeResult, Record, StepResult};

/// The longest pause between two tries to reach the API server.
const SLOWEST: Duration = Duration::from_secs(5);

/// The receipt of an attempt as it was last seen, and how it is written: each write is one request under the version
/// that was last seen.
pub struct ReceiptWriter<'a> {
    clock: Clock,
    store: LedgerStore<'a>,
    identity: &'a Identity,
    name: &'a str,
    claimed_at: Timestamp,
    /// The receipt as it was last seen.
    pub last: Option<Arc<StoredReceipt>>,
    /// What the last call failed with.
    pub error: CallError,
    /// How long to wait before the next read; not at all after a conflict, whose cause is stored already.
    pause: Duration,
    skip_pause: bool,
}

impl<'a> ReceiptWriter<'a> {
    /// Writes the receipt of a plan in the audience's namespace. `base` is the receipt that the claim is based on; `at`
    /// is when the claim is made.
    pub fn new(
        cluster: &'a Cluster,
        clock: Clock,
        namespace: &'a str,
        plan: &'a Plan,
        base: Option<Arc<StoredReceipt>>,
        at: Timestamp,
    ) -> Self {
        Self {
            clock,
            store: LedgerStore::of_attempt(cluster, namespace),
            identity: &plan.identity,
            name: &plan.receipt,
            claimed_at: at,
            last: base,
            error: CallError::Unclear,
            pause: Duration::from_millis(100),
            skip_pause: false,
        }
    }

    /// Writes the record with the claim: creates the receipt, or replaces its record.
    pub async fn claim(&mut self, record: &Record) -> StepResult {
        let written = match &self.last {
            None => self.store.create(self.identity, record, Some(self.claimed_at)).await,
            Some(base) => self.store.replace(self.name, base, record, Some(self.claimed_at), false).await,
        };
        self.written(written)
    }

    /// Writes the record with the outcome of the attempt.
    pub async fn record(&mut self, record: &Record, attempt: &str, result: OutcomeResult) -> StepResult {
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

    fn written(&mut self, written: Result<StoredReceipt, CallError>) -> StepResult {
        let error = match written {
            Ok(entry) => {
                let receipt = entry.receipt.clone();
                self.last = Some(Arc::new(entry));
                return StepResult::Written(receipt);
            }
            Err(error) => error,
        };
        self.error = error;
        self.skip_pause = matches!(error, CallError::Conflict | CallError::AlreadyExists);
        match error {
            CallError::Conflict | CallError::AlreadyExists => StepResult::Conflict,
            error if error.is_unclear() => StepResult::Unclear,
            _ => StepResult::Refused,
        }
    }

    /// Reads the receipt after a write whose result is unclear or a conflict.
    pub async fn read(&mut self) -> StepResult {
        if !std::mem::take(&mut self.skip_pause) {
            tokio::time::sleep(self.clock.jittered(self.pause, 0.3)).await;
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
