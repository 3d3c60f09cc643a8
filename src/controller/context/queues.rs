//! Which objects are reconciled next, and what is watched on demand.
//!
//! Before a process leads nothing listens; when it begins to lead, it enqueues every object itself.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::controller::model::keys::ObjectKey;
use crate::controller::model::source::OnDemand;

/// The queue of objects to reconcile, and the requests for watches on demand.
pub struct Queues {
    objects: Mutex<Option<UnboundedSender<ObjectKey>>>,
    on_demand: UnboundedSender<OnDemand>,
}

impl Queues {
    /// Queues that nothing listens to yet, and the requests for watches.
    #[must_use]
    pub fn new() -> (Self, UnboundedReceiver<OnDemand>) {
        let (on_demand, requests) = unbounded_channel();
        (Self { objects: Mutex::default(), on_demand }, requests)
    }

    fn objects(&self) -> MutexGuard<'_, Option<UnboundedSender<ObjectKey>>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Listens from now on.
    #[must_use]
    pub fn open(&self) -> UnboundedReceiver<ObjectKey> {
        let (sender, receiver) = unbounded_channel();
        *self.objects() = Some(sender);
        receiver
    }

    /// Listens no longer; reconciles that run come to their end.
    pub fn close(&self) {
        *self.objects() = None;
    }

    /// Reconciles an object soon.
    pub fn enqueue(&self, key: impl Into<ObjectKey>) {
        if let Some(queue) = &*self.objects() {
            // The listener may be ending; then nothing needs to be reconciled.
            let _ = queue.send(key.into());
        }
    }

    /// Reconciles objects soon.
    pub fn enqueue_all<K: Into<ObjectKey>>(&self, keys: impl IntoIterator<Item = K>) {
        keys.into_iter().for_each(|key| self.enqueue(key));
    }

    /// Watches something that an object in the cluster names, for as long as one does.
    pub fn watch(&self, what: OnDemand) {
        // The listener may be ending; then nothing needs to be watched.
        let _ = self.on_demand.send(what);
    }
}
