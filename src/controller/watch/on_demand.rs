//! Watches that run only while an object in the cluster names what they watch.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::{AbortHandle, JoinSet};

use super::context::Context;
use super::{secrets, source};
use crate::api::ListSource;
use crate::controller::model::source::OnDemand;

/// How often watches end that nothing names any more.
const PRUNE_INTERVAL: Duration = Duration::from_secs(60);

/// Starts a watch for each request, unless there is one already, and ends it when nothing names it any more.
pub async fn run(ctx: Arc<Context>, mut requests: UnboundedReceiver<OnDemand>) {
    let mut tasks = JoinSet::new();
    let mut running: HashMap<OnDemand, AbortHandle> = HashMap::new();
    let mut prune = tokio::time::interval(PRUNE_INTERVAL);
    loop {
        tokio::select! {
            request = requests.recv() => {
                let Some(request) = request else { return };
                if begin(&ctx, &request) {
                    running.insert(request.clone(), tasks.spawn(watch(Arc::clone(&ctx), request)));
                }
            }
            _ = prune.tick() => running.retain(|request, task| {
                let stays = is_named(&ctx, request);
                if !stays {
                    task.abort();
                    forget(&ctx, request);
                }
                stays
            }),
            Some(ended) = tasks.join_next() => {
                if ended.is_err_and(|error| error.is_panic()) {
                    return;
                }
            }
        }
    }
}

/// Registers a watch; false if it exists.
fn begin(ctx: &Context, request: &OnDemand) -> bool {
    match request {
        OnDemand::Secret(scope) => ctx.caches.secrets.add_watch(scope),
        OnDemand::Source(source) => {
            let (holder, place) = source.place();
            ctx.caches.versions.add_watch(holder, &place)
        }
    }
}

async fn watch(ctx: Arc<Context>, request: OnDemand) {
    match request {
        OnDemand::Secret(scope) => secrets::watch(ctx, scope).await,
        OnDemand::Source(source) => source::watch(ctx, source).await,
    }
}

fn is_named(ctx: &Context, request: &OnDemand) -> bool {
    match request {
        OnDemand::Secret(scope) => ctx.caches.workspaces.state().iter().any(|workspace| {
            workspace.metadata.namespace == scope.namespace && workspace.spec.secret_ref.name == scope.name
        }),
        OnDemand::Source(source) => {
            let (_, (namespace, _)) = source.place();
            let is_used = |from: &[ListSource]| from.iter().any(|used| source.is_used_by(used, &namespace));
            let mut audiences = ctx.lists.memory.dependents(&namespace).into_iter();
            let mut suppression_lists = ctx.caches.suppression_lists.state().into_iter();
            audiences.any(|key| {
                ctx.caches.audiences(key.dyntype).get(&key).is_some_and(|audience| is_used(&audience.options.from))
            }) || suppression_lists
                .any(|list| list.metadata.namespace.as_deref() == Some(&*namespace) && is_used(&list.spec.from))
        }
    }
}

fn forget(ctx: &Context, request: &OnDemand) {
    match request {
        OnDemand::Secret(scope) => ctx.caches.secrets.forget(scope),
        OnDemand::Source(source) => {
            let (holder, place) = source.place();
            ctx.caches.versions.forget(holder, &place);
        }
    }
}
