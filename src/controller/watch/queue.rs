//! Reconciles what is enqueued: never twice at once for one object, many objects at once.

use std::convert::Infallible;
use std::future::Future;
use std::hash::Hash;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::{FutureExt, StreamExt};
use kube::core::Resource;
use kube::runtime::controller::{Action, Config, applier};
use kube::runtime::reflector::{ObjectRef, Store};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::clock::Clock;

/// When an object is reconciled again after a panic.
const AFTER_PANIC: Duration = Duration::from_secs(60);

/// Reconciles the objects of a kind until nothing enqueues any more, and then lets the reconciles that run come to
/// their end. `reconcile` returns when to reconcile the object again, on this process's clock.
pub async fn reconcile_all<K, F>(
    store: Store<K>,
    keys: UnboundedReceiver<ObjectRef<K>>,
    clock: Clock,
    reconcile: impl Fn(Arc<K>) -> F + Clone + Send + 'static,
) where
    K: Resource + Clone + Send + Sync + 'static,
    K::DynamicType: std::fmt::Debug + Eq + Hash + Clone + Unpin + Send + Sync,
    F: Future<Output = Option<Duration>> + Send + 'static,
{
    let queue = futures::stream::unfold(keys, |mut keys| async move {
        keys.recv().await.map(|key| (Ok::<_, Infallible>(key), keys))
    });
    let run = move |object: Arc<K>, _: Arc<()>| {
        let reconcile = reconcile.clone();
        async move {
            let after = AssertUnwindSafe(reconcile(object)).catch_unwind().await;
            // The panic hook logged it; it must not end the other reconciles.
            let after = after.unwrap_or(Some(AFTER_PANIC));
            Ok::<_, Infallible>(after.map_or_else(Action::await_change, |after| Action::requeue(clock.real(after))))
        }
        .boxed()
    };
    let policy = |_: Arc<K>, error: &Infallible, _: Arc<()>| match *error {};
    let mut reconciles = std::pin::pin!(applier(run, policy, Arc::new(()), store, queue, Config::default()));
    while reconciles.next().await.is_some() {}
}
