//! The receipts that may still change. One watch keeps these few in memory: all but the created and dismissed ones.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Moment;
use crate::controller::model::keys::ReceiptKey;
use crate::controller::model::receipt::StoredReceipt;

/// The open receipts, and when this process first saw each attempt.
#[derive(Default)]
pub struct OpenReceipts {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    entries: HashMap<ReceiptKey, Arc<StoredReceipt>>,
    first_seen: HashMap<String, Moment>,
}

impl OpenReceipts {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A receipt was added or changed.
    pub fn upsert(&self, key: ReceiptKey, entry: StoredReceipt, now: Moment) {
        let mut inner = self.lock();
        inner.see(&entry, now);
        if let Some(old) = inner.entries.insert(key, Arc::new(entry.clone())) {
            inner.forget_replaced(&old, &entry);
        }
    }

    /// A receipt was closed or deleted. Returns it as it was.
    pub fn remove(&self, key: &ReceiptKey) -> Option<Arc<StoredReceipt>> {
        let mut inner = self.lock();
        let entry = inner.entries.remove(key)?;
        for attempt in entry.receipt.iter().flat_map(|receipt| &receipt.record.attempts) {
            inner.first_seen.remove(&attempt.id);
        }
        Some(entry)
    }

    /// One receipt, if it is open.
    #[must_use]
    pub fn get(&self, namespace: &str, name: &str) -> Option<Arc<StoredReceipt>> {
        self.lock().entries.get(&(namespace.to_owned(), name.to_owned())).cloned()
    }

    /// The results of `make` for each of them.
    pub fn select<T>(&self, make: impl Fn(&ReceiptKey, &StoredReceipt) -> Option<T>) -> Vec<T> {
        self.lock().entries.iter().filter_map(|(key, entry)| make(key, entry)).collect()
    }

    /// How long this process has seen an attempt.
    #[must_use]
    pub fn seen_for(&self, attempt: &str, now: Moment) -> Duration {
        self.lock().first_seen.get(attempt).map_or(Duration::ZERO, |first| now.since(*first))
    }
}

impl Inner {
    /// Drops attempts that were replaced by a later one.
    fn forget_replaced(&mut self, old: &StoredReceipt, new: &StoredReceipt) {
        let Ok(new) = &new.receipt else { return };
        for attempt in old.receipt.iter().flat_map(|receipt| &receipt.record.attempts) {
            if new.record.attempt(&attempt.id).is_none() {
                self.first_seen.remove(&attempt.id);
            }
        }
    }

    fn see(&mut self, entry: &StoredReceipt, now: Moment) {
        if let Ok(receipt) = &entry.receipt {
            for attempt in &receipt.record.attempts {
                self.first_seen.entry(attempt.id.clone()).or_insert(now);
            }
        }
    }
}

#[cfg(test)]
mod tests;
