//! The watches of Secrets with keys and report URLs, each by its name.

use std::sync::Arc;

use kube::runtime::reflector::ObjectRef;

use super::context::Context;
use super::dependents;
use crate::sources::secrets::Scope;

/// Keeps the keys of a scope current, and enqueues the workspaces that use them, with their reports.
pub async fn watch(ctx: Arc<Context>, scope: Scope) {
    let secret = scope.name.clone();
    let changed = |(namespace, _): &(String, String)| {
        for workspace in ctx.caches.workspaces.state() {
            let here = workspace.metadata.namespace.as_deref().unwrap_or_default();
            if (namespace.is_empty() || here == namespace) && workspace.spec.secret_ref.name == secret {
                ctx.queues.enqueue(ObjectRef::from_obj(workspace.as_ref()));
                let name = workspace.metadata.name.as_deref().unwrap_or_default();
                dependents::reports_of_workspace(&ctx.caches, &ctx.queues, here, name);
            }
        }
    };
    ctx.caches.secrets.watch(ctx.cluster.client().clone(), scope, changed).await;
}
