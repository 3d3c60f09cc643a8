//! What is kept in memory of lists that are read from other objects: at which versions each was read, and its result.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::record::Records;
use crate::api::SuppressionList;
use crate::api::suppression::SuppressionStatus;
use crate::controller::model::audience::{AudienceKey, Tracked};
use crate::controller::model::list::ListSummary;
use crate::controller::model::readiness::Readiness;

/// What is kept of lists that are read from other objects.
#[derive(Default)]
pub struct ListMemory {
    inner: Mutex<Inner>,
    /// Suppression lists; the details are the versions at which each was read.
    pub suppression_lists: Records<SuppressionStatus, Vec<String>>,
}

#[derive(Default)]
struct Inner {
    results: HashMap<AudienceKey, ListResult>,
    /// Audiences that depend on other objects, by namespace.
    dependents: HashMap<String, HashSet<AudienceKey>>,
}

/// A list that was read.
struct ListResult {
    uid: String,
    generation: Option<i64>,
    versions: Vec<String>,
    list: Result<ListSummary, Readiness>,
}

impl ListMemory {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An audience depends on other objects.
    pub fn add_dependent(&self, key: AudienceKey) {
        self.lock().dependents.entry(key.namespace.clone().unwrap_or_default()).or_default().insert(key);
    }

    /// Removes what is kept of an audience that is gone, or depends on nothing.
    pub fn forget(&self, key: &AudienceKey) {
        let mut inner = self.lock();
        inner.results.remove(key);
        if let Some(here) = inner.dependents.get_mut(key.namespace.as_deref().unwrap_or_default()) {
            here.remove(key);
        }
    }

    /// The audiences of a namespace that depend on other objects.
    #[must_use]
    pub fn dependents(&self, namespace: &str) -> Vec<AudienceKey> {
        self.lock().dependents.get(namespace).into_iter().flatten().cloned().collect()
    }

    /// The result of a list, if it was read of this object at these versions.
    #[must_use]
    pub fn result(&self, audience: &Tracked, versions: &[String]) -> Option<Result<ListSummary, Readiness>> {
        let inner = self.lock();
        let result = inner.results.get(&audience.key())?;
        let current = result.uid == audience.uid() && result.generation == audience.meta.generation;
        (current && result.versions == versions).then(|| result.list.clone())
    }

    /// Keeps the result of a list.
    pub fn set_result(&self, audience: &Tracked, versions: Vec<String>, list: Result<ListSummary, Readiness>) {
        let result =
            ListResult { uid: audience.uid().to_owned(), generation: audience.meta.generation, versions, list };
        self.lock().results.insert(audience.key(), result);
    }

    /// Drops the result of a list, so that it is read again.
    pub fn forget_result(&self, key: &AudienceKey) {
        self.lock().results.remove(key);
    }

    /// The suppression list with the newest status that is known: the one of the watch, or one that was written and that the
    /// watch hasn't shown yet.
    #[must_use]
    pub fn newest_suppression(&self, list: &SuppressionList) -> SuppressionList {
        let mut list = list.clone();
        let shown = list.metadata.resource_version.as_deref();
        if let Some((version, status)) = self.suppression_lists.newer_than(suppression_uid(&list), shown) {
            (list.metadata.resource_version, list.status) = (Some(version), Some(status));
        }
        list
    }

    /// Keeps the versions at which a suppression list is read; whether they changed.
    #[must_use]
    pub fn reads_suppression(&self, list: &SuppressionList, versions: &[String]) -> bool {
        self.suppression_lists.with_known(suppression_uid(list), |record| {
            let changed = record.details != versions;
            record.details = versions.to_owned();
            changed
        })
    }

    /// Forgets the versions of a suppression list, so that it is read again.
    pub fn forget_suppression(&self, list: &SuppressionList) {
        self.suppression_lists.with_known(suppression_uid(list), |record| record.details.clear());
    }
}

fn suppression_uid(list: &SuppressionList) -> &str {
    list.metadata.uid.as_deref().unwrap_or_default()
}

#[cfg(test)]
mod tests;
