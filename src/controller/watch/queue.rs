//! Passes over what was woken: never two at once for one object, many objects at once, each with a backoff of its own.

use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::{FutureExt, StreamExt};
use kube::core::Resource;
use kube::runtime::controller::{Action, Config, applier};
use kube::runtime::reflector::{ObjectRef, Store};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::controller::context::shared::Context;

/// Whom to look at.
pub type Named<K> = UnboundedReceiver<ObjectRef<K>>;

/// Makes passes until nobody names an object any more, and then lets the ones that run come to their end.
pub async fn passes<K, F>(
    ctx: Arc<Context>,
    store: Store<K>,
    named: Named<K>,
    pass: impl Fn(Arc<K>, Arc<Context>) -> F + Clone + Send + 'static,
) where
    K: Resource + Clone + Send + Sync + 'static,
    K::DynamicType: std::fmt::Debug + Eq + std::hash::Hash + Clone + Unpin + Send + Sync,
    F: Future<Output = Option<Duration>> + Send + 'static,
{
    let queue = futures::stream::unfold(named, |mut named| async move {
        named.recv().await.map(|key| (Ok::<_, Infallible>(key), named))
    });
    let reconcile = move |object: Arc<K>, ctx: Arc<Context>| {
        let pass = pass.clone();
        let clock = ctx.clock;
        async move {
            let after = AssertUnwindSafe(pass(object, ctx)).catch_unwind().await;
            // A pass that panicked was logged by the panic hook; it must not end the others.
            let after = after.unwrap_or(Some(AFTER_PANIC));
            Ok::<_, Infallible>(after.map_or_else(Action::await_change, |after| Action::requeue(clock.real(after))))
        }
        .boxed()
    };
    let policy = |_: Arc<K>, error: &Infallible, _: Arc<Context>| match *error {};
    let mut passes = std::pin::pin!(applier(reconcile, policy, ctx, store, queue, Config::default()));
    while passes.next().await.is_some() {}
}

const AFTER_PANIC: Duration = Duration::from_secs(60);

/// A channel for names.
#[must_use]
pub fn channel<K>() -> (UnboundedSender<K>, UnboundedReceiver<K>) {
    unbounded_channel()
}
