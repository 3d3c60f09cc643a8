//! The one record that is kept in memory of each object between reconciles, whatever its kind.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::api::Reason;
use crate::clock::Moment;
use crate::controller::decide::conditions::has_grace;
use crate::controller::model::readiness::Readiness;

/// How long something that may pass by itself can block an object before its status reports it: objects that are
/// applied together arrive in any order.
pub const GRACE: Duration = Duration::from_secs(2);

/// The records of all objects of a kind, by UID. `S` is the status of the kind, `D` what else is kept of it.
pub struct Records<S, D> {
    records: Mutex<HashMap<String, Record<S, D>>>,
}

/// What is kept in memory of one object.
pub struct Record<S, D> {
    /// The last status that was written, with the version that the write made.
    written: Option<(u64, String, S)>,
    /// What blocks the object, and since when.
    blocked: Option<(Reason, Moment)>,
    /// Reconciles that failed in a row.
    failures: u32,
    /// What else is kept of an object of this kind.
    pub details: D,
}

impl<S, D: Default> Default for Record<S, D> {
    fn default() -> Self {
        Self { written: None, blocked: None, failures: 0, details: D::default() }
    }
}

impl<S, D> Default for Records<S, D> {
    fn default() -> Self {
        Self { records: Mutex::default() }
    }
}

impl<S: Clone, D: Default> Records<S, D> {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Record<S, D>>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the record of an object, where there is none. A reconcile begins with this, while the object exists.
    pub fn begin(&self, uid: &str) {
        self.lock().entry(uid.to_owned()).or_default();
    }

    /// Reads or changes the record of an object that is known; a reconcile that outlives its object doesn't bring the
    /// record back.
    pub fn with_known<R: Default>(&self, uid: &str, change: impl FnOnce(&mut Record<S, D>) -> R) -> R {
        self.lock().get_mut(uid).map(change).unwrap_or_default()
    }

    /// Removes the record of an object that is gone.
    pub fn forget(&self, uid: &str) -> Option<D> {
        self.lock().remove(uid).map(|record| record.details)
    }

    /// Calls `each` with what is kept of every object.
    pub fn for_each(&self, mut each: impl FnMut(&D)) {
        self.lock().values().for_each(|record| each(&record.details));
    }

    /// Keeps a status that was written, until the watch shows it. Versions that aren't numbers can't be compared, so
    /// they are not kept.
    pub fn wrote(&self, uid: &str, version: String, status: S) {
        if let Ok(number) = version.parse() {
            self.with_known(uid, |record| {
                if record.written.as_ref().is_none_or(|(kept, ..)| *kept < number) {
                    record.written = Some((number, version, status));
                }
            });
        }
    }

    /// The status that was written after the version that the watch shows, with its own version. It is dropped as soon
    /// as the watch shows it.
    pub fn newer_than(&self, uid: &str, shown: Option<&str>) -> Option<(String, S)> {
        let shown = shown.and_then(|version| version.parse::<u64>().ok());
        self.with_known(uid, |record| {
            record.written.take_if(|(number, ..)| shown.is_none_or(|shown| *number <= shown));
            record.written.as_ref().map(|(_, version, status)| (version.clone(), status.clone()))
        })
    }

    /// How much longer something that blocks an object, and may pass by itself, has before the status reports it.
    /// Zero once it has lasted for [`GRACE`].
    pub fn grace_left(&self, uid: &str, reason: Reason, now: Moment) -> Duration {
        self.with_known(uid, |record| {
            let since = match record.blocked {
                Some((before, since)) if before == reason => since,
                _ => now,
            };
            record.blocked = Some((reason, since));
            GRACE.saturating_sub(now.since(since))
        })
    }

    /// How much longer a state may pass by itself before the status reports it. `published` is the reason of the `Ready`
    /// condition. A state that needs no grace period ends the one of the state before.
    pub fn grace(&self, uid: &str, readiness: &Readiness, published: Option<&str>, now: Moment) -> Option<Duration> {
        if !has_grace(readiness, published) {
            self.unblocked(uid);
            return None;
        }
        Some(self.grace_left(uid, readiness.reason(), now)).filter(|left| !left.is_zero())
    }

    /// Nothing blocks the object any more.
    pub fn unblocked(&self, uid: &str) {
        self.with_known(uid, |record| record.blocked = None);
    }

    /// Counts a reconcile that failed; how many did in a row.
    pub fn failed(&self, uid: &str) -> u32 {
        self.with_known(uid, |record| {
            record.failures = record.failures.saturating_add(1);
            record.failures
        })
    }

    /// A reconcile succeeded.
    pub fn succeeded(&self, uid: &str) {
        self.with_known(uid, |record| record.failures = 0);
    }
}

#[cfg(test)]
mod tests;
