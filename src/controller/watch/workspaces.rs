//! The watch of workspaces.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::runtime::reflector::ObjectRef;
use kube::runtime::reflector::store::Writer;
use kube::runtime::watcher;

use super::context::Context;
use super::dependents;
use super::feed::{Change, follow};
use crate::api::{PropensityWorkspace, REQUESTED_AT_ANNOTATION};
use crate::controller::state::sync::SyncHandle;

/// Keeps the workspaces current, and enqueues each that changed.
pub async fn watch(ctx: Arc<Context>, mut writer: Writer<PropensityWorkspace>, sync: SyncHandle) {
    let trim = |mut workspace: PropensityWorkspace| {
        trim_metadata(&mut workspace.metadata);
        workspace
    };
    let store = writer.as_reader();
    let on_change = |change| match change {
        Change::Applied(workspace) => {
            let key: ObjectRef<PropensityWorkspace> = ObjectRef::from_obj(&workspace);
            if let Some(old) = store.get(&key).filter(|old| old.metadata.uid != workspace.metadata.uid) {
                ctx.workspaces.records.forget(old.metadata.uid.as_deref().unwrap_or_default());
            }
            writer.apply_watcher_event(&watcher::Event::Apply(workspace));
            ctx.queues.enqueue(key);
        }
        Change::Gone((namespace, name)) => {
            if let Some(workspace) = store.get(&ObjectRef::new(&name).within(&namespace)) {
                writer.apply_watcher_event(&watcher::Event::Delete((*workspace).clone()));
                ctx.workspaces.records.forget(workspace.metadata.uid.as_deref().unwrap_or_default());
            }
            gone(&ctx, &namespace, &name);
        }
        Change::Synced => sync.synced(),
    };
    follow(&ctx.cluster, &ctx.namespaces, watcher::Config::default(), trim, on_change).await;
}

/// Removes what the operator doesn't use of the metadata of an object that takes requests by annotation.
pub fn trim_metadata(metadata: &mut ObjectMeta) {
    metadata.managed_fields = None;
    if let Some(annotations) = &mut metadata.annotations {
        annotations.retain(|name, _| name == REQUESTED_AT_ANNOTATION);
    }
}

/// A workspace is gone: it leaves its gate and the metrics, and its audiences and reports are enqueued.
fn gone(ctx: &Context, namespace: &str, name: &str) {
    ctx.creates.gates.unregister(&format!("{namespace}/{name}"), ctx.process.clock.boottime());
    ctx.process.metrics.remove_workspace(namespace, name);
    dependents::audiences_of_workspace(&ctx.caches, &ctx.queues, namespace, name);
    dependents::reports_of_workspace(&ctx.caches, &ctx.queues, namespace, name);
}
