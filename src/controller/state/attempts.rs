//! The attempts that this process holds, and those that it abandoned before it knew whether their claim was stored.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use crate::ledger::HeldBy;

/// The attempts of this process, and the tasks that make them: they continue when whatever started them is dropped.
#[derive(Default)]
pub struct Attempts {
    inner: Mutex<Inner>,
    tasks: TaskTracker,
}

#[derive(Default)]
struct Inner {
    here: HashSet<String>,
    abandoned: HashSet<String>,
}

impl Attempts {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// This process is about to claim this attempt.
    pub fn begin(&self, attempt: &str) {
        self.lock().here.insert(attempt.to_owned());
    }

    /// Its outcome is recorded, or nothing of it was ever stored.
    pub fn end(&self, attempt: &str) {
        self.lock().here.remove(attempt);
    }

    /// It isn't known whether its claim was stored; it is never sent.
    pub fn abandon(&self, attempt: &str) {
        let mut inner = self.lock();
        inner.here.remove(attempt);
        inner.abandoned.insert(attempt.to_owned());
    }

    /// The receipt records that an attempt was abandoned.
    pub fn forget_abandoned(&self, attempt: &str) {
        self.lock().abandoned.remove(attempt);
    }

    /// What this process knows of an attempt.
    #[must_use]
    pub fn held(&self, attempt: &str) -> HeldBy {
        let inner = self.lock();
        if inner.here.contains(attempt) {
            HeldBy::ThisProcess
        } else if inner.abandoned.contains(attempt) {
            HeldBy::Abandoned
        } else {
            HeldBy::OtherProcess
        }
    }

    /// How many attempts this process holds.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lock().here.len()
    }

    /// Runs a task that must run to its end.
    pub fn spawn<F>(&self, task: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.tasks.spawn(task)
    }

    /// Waits until every task is done.
    pub async fn drained(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

#[cfg(test)]
mod tests;
