//! Which watches have listed all that there is. Until all have, the caches are incomplete and nothing is reconciled.

use std::collections::BTreeSet;

use tokio::sync::watch;

/// Tracks the first list of every watch.
#[derive(Debug)]
pub struct SyncTracker {
    pending: watch::Sender<BTreeSet<&'static str>>,
}

/// The right to report that one watch has listed all that there is.
#[derive(Debug)]
pub struct SyncHandle {
    name: &'static str,
    pending: watch::Sender<BTreeSet<&'static str>>,
}

impl Default for SyncTracker {
    fn default() -> Self {
        Self { pending: watch::Sender::new(BTreeSet::new()) }
    }
}

impl SyncTracker {
    /// Adds a watch that must list before [`SyncTracker::synced`] returns.
    #[must_use]
    pub fn handle(&self, name: &'static str) -> SyncHandle {
        self.pending.send_modify(|pending| {
            pending.insert(name);
        });
        SyncHandle { name, pending: self.pending.clone() }
    }

    /// Waits until every watch has listed.
    pub async fn synced(&self) {
        // The sender lives in `self`, so the channel can't close meanwhile.
        let _ = self.pending.subscribe().wait_for(BTreeSet::is_empty).await;
    }
}

impl SyncHandle {
    /// The watch has listed all that there is.
    pub fn synced(&self) {
        self.pending.send_modify(|pending| {
            pending.remove(self.name);
        });
    }
}

#[cfg(test)]
mod tests;
