//! Watches of one kind in one or several namespaces as one sequence of changes. An object that vanished during a relist
//! is reported like one that was deleted: a relist itself reports nothing of it.

use std::collections::HashSet;

use futures::stream::{BoxStream, select_all};
use futures::{StreamExt, TryStreamExt};
use kube::Api;
use kube::core::{NamespaceResourceScope, Resource};
use kube::runtime::{WatchStreamExt, watcher};
use serde::de::DeserializeOwned;

use crate::controller::kube::cluster::Cluster;
use crate::sources::versions::NamespacedName;
use crate::telemetry::metrics::kube_category;

/// A change of the objects of a kind.
pub enum Change<T> {
    /// This one came, changed, or was listed again.
    Applied(T),
    /// The one of this namespace and name is gone.
    Gone(NamespacedName),
    /// Every watch has listed what there is.
    Synced,
}

/// Watches a kind: `digest` trims each object, and `on_change` gets each change.
pub async fn follow<K, T>(
    cluster: &Cluster,
    namespaces: &[String],
    config: watcher::Config,
    digest: impl Fn(K) -> T + Clone + Send + Sync + 'static,
    mut on_change: impl FnMut(Change<T>),
) where
    K: Resource<Scope = NamespaceResourceScope> + Clone + DeserializeOwned + std::fmt::Debug + Send + 'static,
    K::DynamicType: Default,
    T: Send + 'static,
{
    let apis: Vec<Api<K>> = if namespaces.is_empty() {
        vec![Api::all(cluster.client().clone())]
    } else {
        namespaces.iter().map(|namespace| Api::namespaced(cluster.client().clone(), namespace)).collect()
    };
    let mut lists: Vec<List> = apis.iter().map(|_| List::default()).collect();
    let streams = apis.into_iter().enumerate().map(|(number, api)| -> BoxStream<'static, _> {
        let digest = digest.clone();
        let digested = watcher(api, config.clone()).default_backoff().map_ok(move |event| digested(event, &digest));
        digested.map(move |event| (number, event)).boxed()
    });
    let mut events = select_all(streams);
    let mut ready = false;
    while let Some((number, event)) = events.next().await {
        let list = &mut lists[number];
        match event {
            Err(error) => warn::<K>(&error),
            Ok(watcher::Event::Init) => list.fresh = Some(HashSet::new()),
            Ok(watcher::Event::InitApply((place, object))) => {
                list.fresh.get_or_insert_default().insert(place);
                on_change(Change::Applied(object));
            }
            Ok(watcher::Event::InitDone) => {
                let fresh = list.fresh.take().unwrap_or_default();
                list.known.difference(&fresh).for_each(|gone| on_change(Change::Gone(gone.clone())));
                list.known = fresh;
                list.listed = true;
                if !ready && lists.iter().all(|list| list.listed) {
                    ready = true;
                    on_change(Change::Synced);
                }
            }
            Ok(watcher::Event::Apply((place, object))) => {
                list.known.insert(place);
                on_change(Change::Applied(object));
            }
            Ok(watcher::Event::Delete((place, _))) => {
                list.known.remove(&place);
                on_change(Change::Gone(place));
            }
        }
    }
}

/// The objects that one watch has listed.
#[derive(Default)]
struct List {
    known: HashSet<NamespacedName>,
    fresh: Option<HashSet<NamespacedName>>,
    listed: bool,
}

/// The event with the digest of its object, by namespace and name.
fn digested<K: Resource, T>(event: watcher::Event<K>, digest: &impl Fn(K) -> T) -> watcher::Event<(NamespacedName, T)> {
    let both = |object: K| {
        let meta = object.meta();
        let place = (meta.namespace.clone().unwrap_or_default(), meta.name.clone().unwrap_or_default());
        (place, digest(object))
    };
    match event {
        watcher::Event::Apply(object) => watcher::Event::Apply(both(object)),
        watcher::Event::Delete(object) => watcher::Event::Delete(both(object)),
        watcher::Event::Init => watcher::Event::Init,
        watcher::Event::InitApply(object) => watcher::Event::InitApply(both(object)),
        watcher::Event::InitDone => watcher::Event::InitDone,
    }
}

/// Logs that a watch failed, without the text of the answer, which can repeat the content of an object.
fn warn<K: Resource>(error: &watcher::Error)
where
    K::DynamicType: Default,
{
    let category = match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => kube_category(error),
        // The version is too old: the watch lists again, as expected.
        watcher::Error::WatchError(status) if status.code == 410 => return,
        watcher::Error::WatchError(_) => "watch_error",
        watcher::Error::NoResourceVersion => "no_resource_version",
    };
    let kind = K::kind(&K::DynamicType::default()).into_owned();
    tracing::warn!(
        kind,
        category,
        "a watch failed and is tried again: check that the CRDs are installed and the operator's role"
    );
}
