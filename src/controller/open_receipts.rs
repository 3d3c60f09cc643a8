//! The receipts that something may still happen to. One watch keeps these few in memory: all but the created and dismissed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::api::{AudienceReceipt, RESOLVE_ANNOTATION};
use crate::clock::Moment;
use crate::ledger::{self, AudienceRef, State, Unreadable};

/// A receipt by namespace and name.
pub type ReceiptKey = (String, String);

/// A receipt as the API server has it, read as far as this version can.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The version to put under a write.
    pub resource_version: String,
    /// The receipt, or why it can't be trusted.
    pub receipt: Result<ledger::Receipt, Unreadable>,
    /// The value of the resolve annotation.
    pub annotation: Option<String>,
    /// Whether it has any labels.
    pub labelled: bool,
}

impl Entry {
    /// Reads a receipt.
    #[must_use]
    pub fn of(object: &AudienceReceipt) -> Self {
        let annotations = object.metadata.annotations.as_ref();
        Self {
            resource_version: object.metadata.resource_version.clone().unwrap_or_default(),
            receipt: object.read(),
            annotation: annotations.and_then(|a| a.get(RESOLVE_ANNOTATION)).cloned(),
            labelled: object.metadata.labels.as_ref().is_some_and(|labels| !labels.is_empty()),
        }
    }

    /// The receipt as a decision takes it.
    pub fn as_read(&self) -> Result<&ledger::Receipt, Unreadable> {
        self.receipt.as_ref().map_err(|why| *why)
    }

    /// Its state; what can't be trusted counts as unknown.
    #[must_use]
    pub fn state(&self) -> State {
        self.receipt.as_ref().map_or(State::Unknown, |r| r.summary.state)
    }
}

/// The open receipts, and when this process first saw each attempt.
#[derive(Default)]
pub struct OpenReceipts {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    entries: HashMap<ReceiptKey, Arc<Entry>>,
    first_seen: HashMap<String, Moment>,
}

impl OpenReceipts {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A receipt came or changed.
    pub fn upsert(&self, key: ReceiptKey, entry: Entry, now: Moment) {
        let mut inner = self.lock();
        inner.see(&entry, now);
        if let Some(old) = inner.entries.insert(key, Arc::new(entry.clone())) {
            inner.forget_replaced(&old, &entry);
        }
    }

    /// A receipt was closed or deleted. Returns it as it was.
    pub fn remove(&self, key: &ReceiptKey) -> Option<Arc<Entry>> {
        let mut inner = self.lock();
        let entry = inner.entries.remove(key)?;
        for attempt in entry.receipt.iter().flat_map(|receipt| &receipt.record.attempts) {
            inner.first_seen.remove(&attempt.id);
        }
        Some(entry)
    }

    /// One receipt, if it is open.
    #[must_use]
    pub fn get(&self, namespace: &str, name: &str) -> Option<Arc<Entry>> {
        self.lock().entries.get(&(namespace.to_owned(), name.to_owned())).cloned()
    }

    /// What is made of each of them.
    pub fn select<T>(&self, make: impl Fn(&ReceiptKey, &Entry) -> Option<T>) -> Vec<T> {
        self.lock().entries.iter().filter_map(|(key, entry)| make(key, entry)).collect()
    }

    /// How long this process has seen an attempt.
    #[must_use]
    pub fn seen_for(&self, attempt: &str, now: Moment) -> Duration {
        self.lock().first_seen.get(attempt).map_or(Duration::ZERO, |first| now.since(*first))
    }

    /// The audiences that the attempts of a receipt were made for.
    #[must_use]
    pub fn audiences(entry: &Entry) -> Vec<AudienceRef> {
        let attempts = entry.receipt.as_ref().map(|r| r.record.attempts.as_slice()).unwrap_or_default();
        let mut audiences: Vec<_> = attempts.iter().map(|a| a.audience.clone()).collect();
        audiences.dedup();
        audiences
    }
}

impl Inner {
    /// Attempts that gave way to a later one.
    fn forget_replaced(&mut self, old: &Entry, new: &Entry) {
        let Ok(new) = &new.receipt else { return };
        for attempt in old.receipt.iter().flat_map(|receipt| &receipt.record.attempts) {
            if new.record.attempt(&attempt.id).is_none() {
                self.first_seen.remove(&attempt.id);
            }
        }
    }

    fn see(&mut self, entry: &Entry, now: Moment) {
        if let Ok(receipt) = &entry.receipt {
            for attempt in &receipt.record.attempts {
                self.first_seen.entry(attempt.id.clone()).or_insert(now);
            }
        }
    }
}

#[cfg(test)]
mod tests;
