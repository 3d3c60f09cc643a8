//! The watch of suppression lists.

use std::collections::BTreeMap;
use std::sync::Arc;

use kube::runtime::reflector::ObjectRef;
use kube::runtime::reflector::store::Writer;
use kube::runtime::watcher;

use super::context::Context;
use super::feed::{Change, follow};
use super::store::PAGE;
use crate::api::SuppressionList;
use crate::api::suppression::SuppressionListSpec;
use crate::controller::state::sync::SyncHandle;
use crate::sources::versions::{NamespacedName, ObjectVersion, SourceKind};

/// Keeps the suppression lists current, without their entries, and enqueues each that changed with the audiences that
/// it may apply to.
pub async fn watch(ctx: Arc<Context>, mut writer: Writer<SuppressionList>, sync: SyncHandle) {
    let trim = |mut list: SuppressionList| {
        list.metadata.managed_fields = None;
        list.metadata.annotations = None;
        list.spec = SuppressionListSpec { from: list.spec.from, ..SuppressionListSpec::default() };
        list
    };
    let store = writer.as_reader();
    let versions = &ctx.caches.versions;
    let enqueue_audiences = |namespace: &str| ctx.queues.enqueue_all(ctx.lists.memory.dependents(namespace));
    let forget = |list: &SuppressionList| {
        ctx.lists.memory.suppression_lists.forget(list.metadata.uid.as_deref().unwrap_or_default());
    };
    let on_change = |change: Change<SuppressionList>| match change {
        Change::Applied(list) => {
            let key: ObjectRef<SuppressionList> = ObjectRef::from_obj(&list);
            let place: NamespacedName = (key.namespace.clone().unwrap_or_default(), key.name.clone());
            if let Some(replaced) = store.get(&key).filter(|old| old.metadata.uid != list.metadata.uid) {
                forget(&replaced);
            }
            // Its status doesn't matter, and each write of it is a new resource version.
            let (uid, generation) = (list.metadata.uid.clone().unwrap_or_default(), list.metadata.generation);
            let seen =
                ObjectVersion { version: format!("{uid} {}", generation.unwrap_or_default()), labels: BTreeMap::new() };
            writer.apply_watcher_event(&watcher::Event::Apply(list));
            if versions.upsert(SourceKind::SuppressionList, place.clone(), seen, ctx.process.clock.boottime()) {
                enqueue_audiences(&place.0);
            }
            ctx.queues.enqueue(key);
        }
        Change::Gone(place) => {
            if let Some(list) = store.get(&ObjectRef::new(&place.1).within(&place.0)) {
                writer.apply_watcher_event(&watcher::Event::Delete((*list).clone()));
                forget(&list);
            }
            versions.remove(SourceKind::SuppressionList, &place, ctx.process.clock.boottime());
            enqueue_audiences(&place.0);
        }
        Change::Synced => {
            versions.mark_listed(SourceKind::SuppressionList);
            sync.synced();
        }
    };
    let config = watcher::Config::default().page_size(PAGE);
    follow(&ctx.cluster, &ctx.namespaces, config, trim, on_change).await;
}
