//! The watch of ConfigMaps, by their metadata only.

use std::sync::Arc;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::core::PartialObjectMeta;
use kube::runtime::watcher;

use super::context::Context;
use super::dependents;
use super::feed::{Change, follow};
use crate::controller::state::sync::SyncHandle;
use crate::sources::versions::{NamespacedName, ObjectVersion, SourceKind};

/// Keeps the versions of ConfigMaps current, and enqueues the audiences whose lists may be in one that changed.
pub async fn watch(ctx: Arc<Context>, sync: SyncHandle) {
    let read = |map: PartialObjectMeta<ConfigMap>| {
        let place = (map.metadata.namespace.unwrap_or_default(), map.metadata.name.unwrap_or_default());
        let version = map.metadata.resource_version.unwrap_or_default();
        (place, ObjectVersion { version, labels: map.metadata.labels.unwrap_or_default() })
    };
    let versions = &ctx.caches.versions;
    let on_change = |change: Change<(NamespacedName, ObjectVersion)>| match change {
        Change::Applied((place, seen)) => {
            let namespace = place.0.clone();
            if versions.upsert(SourceKind::ConfigMap, place, seen, ctx.process.clock.boottime()) {
                dependents::lists_of_namespace(&ctx.lists, &namespace);
            }
        }
        Change::Gone(place) => {
            versions.remove(SourceKind::ConfigMap, &place, ctx.process.clock.boottime());
            dependents::lists_of_namespace(&ctx.lists, &place.0);
        }
        Change::Synced => {
            versions.mark_listed(SourceKind::ConfigMap);
            sync.synced();
        }
    };
    follow(&ctx.cluster, &ctx.namespaces, watcher::Config::default(), read, on_change).await;
}
