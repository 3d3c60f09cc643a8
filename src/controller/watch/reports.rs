//! The watch of reports.

use std::sync::Arc;

use kube::runtime::reflector::ObjectRef;
use kube::runtime::reflector::store::Writer;
use kube::runtime::watcher;

use super::context::Context;
use super::dependents;
use super::feed::{Change, follow};
use super::store::PAGE;
use super::workspaces::trim_metadata;
use crate::api::PropensityReport;
use crate::controller::model::keys::WorkspaceRef;
use crate::controller::state::sync::SyncHandle;

/// Keeps the reports current, and enqueues each that changed, its workspace, and the audiences that name one that came
/// or went.
pub async fn watch(ctx: Arc<Context>, mut writer: Writer<PropensityReport>, sync: SyncHandle) {
    let trim = |mut report: PropensityReport| {
        trim_metadata(&mut report.metadata);
        report
    };
    let store = writer.as_reader();
    let enqueue_workspace = |report: &PropensityReport| {
        let namespace = report.metadata.namespace.as_deref().unwrap_or_default();
        let key: WorkspaceRef = ObjectRef::new(&report.spec.workspace_ref.name).within(namespace);
        ctx.queues.enqueue(key);
    };
    let forget = |report: &PropensityReport| {
        ctx.reports.records.forget(report.metadata.uid.as_deref().unwrap_or_default());
    };
    let on_change = |change: Change<PropensityReport>| match change {
        Change::Applied(report) => {
            let key: ObjectRef<PropensityReport> = ObjectRef::from_obj(&report);
            let old = store.get(&key);
            if let Some(replaced) = old.as_ref().filter(|old| old.metadata.uid != report.metadata.uid) {
                forget(replaced);
            }
            writer.apply_watcher_event(&watcher::Event::Apply(report.clone()));
            match &old {
                None => dependents::audiences_of_report(&ctx.caches, &ctx.queues, &key),
                // The workspace that it belonged to before may have to remove it from its status.
                Some(old) => enqueue_workspace(old),
            }
            enqueue_workspace(&report);
            ctx.queues.enqueue(key);
        }
        Change::Gone((namespace, name)) => {
            let key = ObjectRef::new(&name).within(&namespace);
            if let Some(report) = store.get(&key) {
                writer.apply_watcher_event(&watcher::Event::Delete((*report).clone()));
                forget(&report);
                enqueue_workspace(&report);
            }
            ctx.process.metrics.remove_report(&namespace, &name);
            dependents::audiences_of_report(&ctx.caches, &ctx.queues, &key);
        }
        Change::Synced => sync.synced(),
    };
    let config = watcher::Config::default().page_size(PAGE);
    follow(&ctx.cluster, &ctx.namespaces, config, trim, on_change).await;
}
