//! What is kept in memory of audiences between reconciles.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::record::Records;
use crate::api::audience_status::LastResult;
use crate::api::{AudienceStatus, Reason};
use crate::audience::Kind;
use crate::clock::Moment;
use crate::controller::model::audience::{AudienceKey, Tracked};
use crate::controller::model::keys::ReceiptKey;
use crate::controller::model::labels;
use crate::controller::model::receipt::PartResult;
use crate::telemetry::metrics;

/// What is kept of all audiences.
#[derive(Default)]
pub struct AudienceMemory {
    /// The record of each.
    pub records: Records<AudienceStatus, AudienceDetails>,
    /// Which audiences a receipt is the current one of.
    by_receipt: Mutex<HashMap<ReceiptKey, HashSet<AudienceKey>>>,
}

/// What is kept of one audience beside what is kept of every object.
#[derive(Default)]
pub struct AudienceDetails {
    kind: Option<Kind>,
    /// Its current receipts: one, or one for each part of its list.
    receipts: Vec<ReceiptKey>,
    /// Receipts that were looked up and don't exist.
    absent: HashSet<String>,
    parts: HashMap<String, PartResult>,
    queued_since: Option<Moment>,
    last_result: Option<LastResult>,
    reason: Option<Reason>,
}

impl AudienceMemory {
    fn index(&self) -> MutexGuard<'_, HashMap<ReceiptKey, HashSet<AudienceKey>>> {
        self.by_receipt.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<R: Default>(&self, uid: &str, change: impl FnOnce(&mut AudienceDetails) -> R) -> R {
        self.records.with_known(uid, |record| change(&mut record.details))
    }

    /// The audience with the newest status that is known: the one of the watch, or one that was written and that the
    /// watch hasn't shown yet.
    #[must_use]
    pub fn newest(&self, audience: &Tracked) -> Tracked {
        let mut audience = audience.clone();
        let shown = audience.meta.resource_version.as_deref();
        if let Some((version, status)) = self.records.newer_than(audience.uid(), shown) {
            (audience.meta.resource_version, audience.status) = (Some(version), status);
        }
        audience
    }

    /// Keeps the current receipts of an audience: one, or one for each part of its list.
    pub fn set_receipts(&self, audience: &Tracked, receipts: impl IntoIterator<Item = String>) {
        let key = audience.key();
        let new: Vec<_> = receipts.into_iter().map(|name| (audience.namespace().to_owned(), name)).collect();
        // Locked around both steps, so that no entry is left of an audience that goes meanwhile.
        let mut index = self.index();
        let old = self.with(audience.uid(), |details| {
            details.kind = Some(audience.kind);
            (details.receipts != new).then(|| {
                details.absent.clear();
                std::mem::replace(&mut details.receipts, new.clone())
            })
        });
        let Some(old) = old else { return };
        old.iter().for_each(|receipt| remove(&mut index, receipt, &key));
        for receipt in new {
            index.entry(receipt).or_default().insert(key.clone());
        }
    }

    /// The audiences whose current receipt this is.
    #[must_use]
    pub fn of_receipt(&self, receipt: &ReceiptKey) -> Vec<AudienceKey> {
        self.index().get(receipt).into_iter().flatten().cloned().collect()
    }

    /// Keeps the result of a part.
    pub fn set_part(&self, uid: &str, part: &str, result: PartResult) {
        self.with(uid, |details| {
            details.parts.insert(part.to_owned(), result);
        });
    }

    /// The last result of a part, if it had this receipt then.
    #[must_use]
    pub fn part(&self, uid: &str, part: &str, receipt: &str) -> Option<PartResult> {
        self.with(uid, |details| details.parts.get(part).filter(|result| result.receipt == receipt).cloned())
    }

    /// Keeps only the results of created parts that the list still has.
    pub fn retain_parts(&self, uid: &str, is_present: impl Fn(&str) -> bool) {
        self.with(uid, |details| details.parts.retain(|name, result| result.existing.is_some() && is_present(name)));
    }

    /// A receipt was looked up and doesn't exist.
    pub fn set_absent(&self, uid: &str, receipt: &str) {
        self.with(uid, |details| {
            details.absent.insert(receipt.to_owned());
        });
    }

    /// Whether a receipt was looked up and didn't exist.
    #[must_use]
    pub fn is_absent(&self, uid: &str, receipt: &str) -> bool {
        self.with(uid, |details| details.absent.contains(receipt))
    }

    /// A claim is about to be made, so the receipt may exist from now on.
    pub fn may_exist(&self, uid: &str, receipt: &str) {
        self.with(uid, |details| {
            details.absent.remove(receipt);
        });
    }

    /// The audience waits for its turn to send; since when.
    pub fn queued(&self, uid: &str, now: Moment) -> Moment {
        self.with(uid, |details| Some(*details.queued_since.get_or_insert(now))).unwrap_or(now)
    }

    /// The audience no longer waits for its turn; whether it did.
    pub fn left_queue(&self, uid: &str) -> bool {
        self.with(uid, |details| details.queued_since.take().is_some())
    }

    /// Keeps the API's answer for the next status.
    pub fn set_last_result(&self, uid: &str, result: LastResult) {
        self.with(uid, |details| details.last_result = Some(result));
    }

    /// The API's last answer to this process.
    #[must_use]
    pub fn last_result(&self, uid: &str) -> Option<LastResult> {
        self.with(uid, |details| details.last_result.clone())
    }

    /// Keeps the reason of the audience's state; the one before.
    pub fn set_reason(&self, audience: &Tracked, reason: Reason) -> Option<Reason> {
        self.with(audience.uid(), |details| {
            details.kind = Some(audience.kind);
            details.reason.replace(reason)
        })
    }

    /// Removes what is kept of an audience that is gone.
    pub fn forget(&self, audience: &Tracked) {
        let mut index = self.index();
        let Some(details) = self.records.forget(audience.uid()) else { return };
        details.receipts.iter().for_each(|receipt| remove(&mut index, receipt, &audience.key()));
    }

    /// How many audiences have each reason, by kind.
    #[must_use]
    pub fn count_reasons(&self) -> BTreeMap<(metrics::Kind, &'static str), u64> {
        let mut counts = BTreeMap::new();
        self.records.for_each(|details| {
            if let (Some(kind), Some(reason)) = (details.kind, details.reason) {
                *counts.entry((labels::kind(kind), reason.as_str())).or_default() += 1;
            }
        });
        counts
    }

    /// How many audiences wait for their turn, by reason.
    #[must_use]
    pub fn count_queued(&self) -> BTreeMap<&'static str, u64> {
        let mut counts = BTreeMap::new();
        self.records.for_each(|details| {
            if let (Some(_), Some(reason)) = (details.queued_since, details.reason) {
                *counts.entry(reason.as_str()).or_default() += 1;
            }
        });
        counts
    }
}

fn remove(index: &mut HashMap<ReceiptKey, HashSet<AudienceKey>>, receipt: &ReceiptKey, key: &AudienceKey) {
    if let Some(keys) = index.get_mut(receipt) {
        keys.remove(key);
        if keys.is_empty() {
            index.remove(receipt);
        }
    }
}

#[cfg(test)]
mod tests;
