//! What the operator remembers between passes. All of it can be lost: the API server has the truth.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::api::audience_status::LastResult;
use crate::api::{AudienceStatus, Reason};
use crate::audience::Kind;
use crate::clock::Moment;
use crate::controller::decide::messages::Said;
use crate::controller::decide::status::Found;
use crate::controller::model::audience::{AudienceKey, Tracked};
use crate::controller::state::written::Written;
use crate::telemetry::metrics as labels;

/// What is remembered of all audiences.
#[derive(Default)]
pub struct Memory {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    audiences: HashMap<String, Remembered>,
    /// Which audiences a receipt is the present one of.
    by_receipt: HashMap<(String, String), HashSet<AudienceKey>>,
}

/// Where a part of a split list stands.
#[derive(Clone, Debug)]
pub struct Standing {
    /// What is to say about it.
    pub said: Said,
    /// Its receipt.
    pub receipt: String,
    /// Its audience in the workspace.
    pub found: Option<Found>,
}

#[derive(Default)]
struct Remembered {
    kind: Option<Kind>,
    written: Written<AudienceStatus>,
    receipts: Vec<(String, String)>,
    absent: HashSet<String>,
    /// Where the parts of a split list stand.
    parts: HashMap<String, Standing>,
    waiting_since: Option<Moment>,
    held: Option<(Reason, Moment)>,
    result: Option<LastResult>,
    reason: Option<Reason>,
    failures: u32,
}

impl Memory {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what is remembered of an audience; nothing where it is gone, so that a pass that outlives it doesn't bring it back.
    fn with<R: Default>(&self, uid: &str, change: impl FnOnce(&mut Remembered) -> R) -> R {
        self.lock().audiences.get_mut(uid).map(change).unwrap_or_default()
    }

    /// Remembers a status that was written, until the watch shows it.
    pub fn wrote(&self, uid: &str, version: String, status: AudienceStatus) {
        self.with(uid, |r| r.written.note(version, status));
    }

    /// The audience with the newest status that is known: the watch's, or one that was written and that the watch hasn't shown yet.
    pub fn newest(&self, audience: &mut Tracked) {
        let uid = audience.uid().to_owned();
        let shown = audience.meta.resource_version.as_deref();
        let newer = self.lock().audiences.entry(uid).or_default().written.newer_than(shown);
        if let Some((version, status)) = newer {
            (audience.meta.resource_version, audience.status) = (Some(version), status);
        }
    }

    /// Notes which receipts are an audience's present ones: one, or as many as its list has parts.
    pub fn index(&self, audience: &Tracked, receipts: impl IntoIterator<Item = String>) {
        let key = audience.key();
        let places: Vec<_> = receipts.into_iter().map(|name| (audience.namespace().to_owned(), name)).collect();
        let mut inner = self.lock();
        let remembered = inner.audiences.entry(audience.uid().to_owned()).or_default();
        remembered.kind = Some(audience.kind);
        if remembered.receipts == places {
            return;
        }
        remembered.absent.clear();
        for old in std::mem::replace(&mut remembered.receipts, places.clone()) {
            inner.unindex(&old, &key);
        }
        for place in places {
            inner.by_receipt.entry(place).or_default().insert(key.clone());
        }
    }

    /// Notes where a part of a split list stands.
    pub fn part_stands(&self, uid: &str, part: &str, standing: Standing) {
        self.with(uid, |r| r.parts.insert(part.to_owned(), standing));
    }

    /// Where a part of a split list stood when it was looked at last, if it had this receipt then.
    #[must_use]
    pub fn part(&self, uid: &str, part: &str, receipt: &str) -> Option<Standing> {
        self.with(uid, |r| r.parts.get(part).filter(|standing| standing.receipt == receipt).cloned())
    }

    /// Forgets the parts that a list no longer has, and how those stood that weren't created.
    pub fn keep_parts(&self, uid: &str, is_present: impl Fn(&str) -> bool) {
        self.with(uid, |r| r.parts.retain(|name, standing| standing.found.is_some() && is_present(name)));
    }

    /// The audiences whose present receipt this is.
    #[must_use]
    pub fn audiences_of(&self, namespace: &str, receipt: &str) -> Vec<AudienceKey> {
        let place = (namespace.to_owned(), receipt.to_owned());
        self.lock().by_receipt.get(&place).into_iter().flatten().cloned().collect()
    }

    /// Notes that a receipt was looked for and isn't there.
    pub fn is_absent(&self, uid: &str, receipt: &str) {
        self.with(uid, |r| r.absent.insert(receipt.to_owned()));
    }

    /// Whether a receipt was looked for and wasn't there.
    #[must_use]
    pub fn was_absent(&self, uid: &str, receipt: &str) -> bool {
        self.with(uid, |r| r.absent.contains(receipt))
    }

    /// Forgets that a receipt wasn't there.
    pub fn may_exist(&self, uid: &str, receipt: &str) {
        self.with(uid, |r| r.absent.remove(receipt));
    }

    /// Notes that an audience waits for its turn; since when.
    pub fn waits(&self, uid: &str, now: Moment) -> Moment {
        self.with(uid, |r| Some(*r.waiting_since.get_or_insert(now))).unwrap_or(now)
    }

    /// Notes that an audience no longer waits; whether it did.
    pub fn waits_no_more(&self, uid: &str) -> bool {
        self.with(uid, |r| r.waiting_since.take().is_some())
    }

    /// Notes that something holds an audience back; since when.
    pub fn held_since(&self, uid: &str, reason: Reason, now: Moment) -> Moment {
        let since = self.with(uid, |r| match r.held {
            Some((before, since)) if before == reason => Some(since),
            _ => {
                r.held = Some((reason, now));
                None
            }
        });
        since.unwrap_or(now)
    }

    /// Notes the API's answer, for the next status.
    pub fn answered(&self, uid: &str, result: LastResult) {
        self.with(uid, |r| r.result = Some(result));
    }

    /// The API's last answer to this process.
    #[must_use]
    pub fn answer(&self, uid: &str) -> Option<LastResult> {
        self.with(uid, |r| r.result.clone())
    }

    /// Notes where an audience stands; what was noted before.
    pub fn stands(&self, audience: &Tracked, reason: Reason) -> Option<Reason> {
        self.with(audience.uid(), |r| {
            r.kind = Some(audience.kind);
            r.reason.replace(reason)
        })
    }

    /// Notes a pass that failed; how many did in a row.
    pub fn failed(&self, uid: &str) -> u32 {
        self.with(uid, |r| {
            r.failures = r.failures.saturating_add(1);
            r.failures
        })
    }

    /// Notes a pass that didn't fail.
    pub fn succeeded(&self, uid: &str) {
        self.with(uid, |r| r.failures = 0);
    }

    /// Forgets an audience that is gone.
    pub fn forget(&self, audience: &Tracked) {
        let mut inner = self.lock();
        let remembered = inner.audiences.remove(audience.uid());
        for place in remembered.into_iter().flat_map(|remembered| remembered.receipts) {
            inner.unindex(&place, &audience.key());
        }
    }

    /// How many audiences stand where, by kind and reason.
    #[must_use]
    pub fn standings(&self) -> BTreeMap<(labels::Kind, &'static str), u64> {
        let mut counts = BTreeMap::new();
        for remembered in self.lock().audiences.values() {
            if let (Some(kind), Some(reason)) = (remembered.kind, remembered.reason) {
                *counts
                    .entry((crate::controller::audience::reconcile::gather::kind_label(kind), reason.as_str()))
                    .or_default() += 1;
            }
        }
        counts
    }

    /// How many audiences wait, by reason.
    #[must_use]
    pub fn waiting(&self) -> BTreeMap<&'static str, u64> {
        let mut counts = BTreeMap::new();
        for remembered in self.lock().audiences.values() {
            if let (Some(_), Some(reason)) = (remembered.waiting_since, remembered.reason) {
                *counts.entry(reason.as_str()).or_default() += 1;
            }
        }
        counts
    }
}

impl Inner {
    fn unindex(&mut self, place: &(String, String), key: &AudienceKey) {
        if let Some(keys) = self.by_receipt.get_mut(place) {
            keys.remove(key);
            if keys.is_empty() {
                self.by_receipt.remove(place);
            }
        }
    }
}

#[cfg(test)]
mod tests;
