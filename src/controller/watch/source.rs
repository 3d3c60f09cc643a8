//! The watch of one object that a list is read from, by its name.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use futures::StreamExt;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::core::{DynamicObject, PartialObjectMeta, Resource};
use kube::runtime::{WatchStreamExt, watcher};
use serde::de::DeserializeOwned;

use super::context::Context;
use super::dependents;
use super::poll::poll;
use crate::controller::kube::resources::flux_resource;
use crate::controller::model::source::WatchedSource;
use crate::sources::secrets::refused_with;
use crate::sources::versions::{NamespacedName, ObjectVersion, SourceKind, SourceWatchState};

/// Keeps the version of a source current until the task is ended.
pub async fn watch(ctx: Arc<Context>, source: WatchedSource) {
    match source {
        WatchedSource::Url(url) => poll(ctx, url).await,
        WatchedSource::Object(SourceKind::Flux(kind), place) => {
            let resource = flux_resource(kind);
            let api = Api::namespaced_with(ctx.cluster.client().clone(), &place.0, &resource);
            let version = |object: DynamicObject| {
                object.data.pointer("/status/artifact/digest").and_then(|d| d.as_str()).unwrap_or_default().to_owned()
            };
            object(ctx, api, SourceKind::Flux(kind), place, version).await;
        }
        WatchedSource::Object(holder, place) => {
            let api: Api<PartialObjectMeta<Secret>> = ctx.cluster.api(&place.0);
            let version = |secret: PartialObjectMeta<Secret>| secret.metadata.resource_version.unwrap_or_default();
            object(ctx, api, holder, place, version).await;
        }
    }
}

/// Keeps the version of one object current. Where the cluster doesn't know its kind, it is tried again and again, so
/// that one that is installed later is found.
async fn object<K>(
    ctx: Arc<Context>,
    api: Api<K>,
    holder: SourceKind,
    place: NamespacedName,
    version: impl Fn(K) -> String,
) where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let versions = &ctx.caches.versions;
    let config = watcher::Config::default().fields(&format!("metadata.name={}", place.1));
    let mut events = watcher(api, config).default_backoff().boxed();
    let seen = |object| ObjectVersion { version: version(object), labels: BTreeMap::new() };
    let mut listed = false;
    while let Some(event) = events.next().await {
        let now = ctx.process.clock.boottime();
        let changed = match event {
            Ok(watcher::Event::Init) => {
                listed = false;
                false
            }
            Ok(watcher::Event::InitApply(object)) => {
                listed = true;
                versions.upsert(holder, place.clone(), seen(object), now)
            }
            Ok(watcher::Event::InitDone) => {
                if !listed {
                    versions.remove(holder, &place, now);
                }
                versions.set_watch_state(holder, &place, SourceWatchState::Current)
            }
            Ok(watcher::Event::Apply(object)) => versions.upsert(holder, place.clone(), seen(object), now),
            Ok(watcher::Event::Delete(_)) => {
                versions.remove(holder, &place, now);
                true
            }
            Err(error) => match refused_with(&error) {
                Some(403) => versions.set_watch_state(holder, &place, SourceWatchState::Denied),
                Some(404) => versions.set_watch_state(holder, &place, SourceWatchState::NoKind),
                _ => false,
            },
        };
        if changed {
            dependents::lists_of_namespace(&ctx.lists, &place.0);
        }
    }
}
