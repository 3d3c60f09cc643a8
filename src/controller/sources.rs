//! The watches of what lists are read from: ConfigMaps as a whole, by their metadata; Secrets, Flux sources and URLs each by its name, as long as somebody names it. What changes
//! wakes whoever may depend on it.

use std::collections::BTreeMap;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::Api;
use kube::core::{ApiResource, DynamicObject, GroupVersionKind, PartialObjectMeta, Resource};
use kube::runtime::reflector::ObjectRef;
use kube::runtime::reflector::store::Writer;
use kube::runtime::{WatchStreamExt, watcher};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc::UnboundedReceiver;

use super::context::Context;
use super::feed::{Change, follow};
use super::lists;
use super::tracked::AudienceKey;
use super::watches::{PAGE, while_named};
use crate::api::suppression::SuppressionListSpec;
use crate::api::{EntryRef, FluxKind, HttpFile, ListSource, SuppressionList};
use crate::sources::secrets::refused_with;
use crate::sources::versions::{NamespacedName, ObjectVersion, SourceKind, SourceWatchState};

/// Something that is watched by its name.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Named {
    /// A Secret or a Flux source.
    Object(SourceKind, NamespacedName),
    /// A file behind a URL.
    Url(Poll),
}

/// A file behind a URL that is asked for news.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Poll {
    /// In which namespace it is named.
    pub namespace: String,
    /// Its URL.
    pub url: Address,
    interval: Duration,
}

/// A URL, or where it is.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// The URL.
    Plain(String),
    /// An entry of a Secret: its name and key.
    Secret(String, String),
}

impl Address {
    /// Where a file is.
    #[must_use]
    pub fn of(file: &HttpFile) -> Self {
        match &file.url_from {
            Some(EntryRef { name, key }) => Self::Secret(name.clone(), key.clone()),
            None => Self::Plain(file.url.clone().unwrap_or_default()),
        }
    }
}

impl Poll {
    /// How a file is asked for news; `None` for one whose content is fixed by its hash.
    #[must_use]
    pub fn of(namespace: &str, file: &HttpFile) -> Option<Self> {
        let poll =
            Self { namespace: namespace.to_owned(), url: Address::of(file), interval: Duration::from(file.interval) };
        file.sha256.is_none().then_some(poll)
    }

    /// What its versions are kept under.
    #[must_use]
    pub fn place(&self) -> NamespacedName {
        let address = match &self.url {
            Address::Plain(url) => url.clone(),
            Address::Secret(name, key) => format!("{name} {key}"),
        };
        (self.namespace.clone(), format!("{address} {}", self.interval.as_secs()))
    }
}

impl Named {
    fn held(&self) -> (SourceKind, NamespacedName) {
        match self {
            Self::Object(holder, place) => (*holder, place.clone()),
            Self::Url(poll) => (SourceKind::Http, poll.place()),
        }
    }

    /// Whether a source is this, or needs it.
    fn is_in(&self, source: &ListSource, namespace: &str) -> bool {
        match (self, source) {
            (Self::Url(poll), ListSource { http: Some(file), .. }) => {
                Poll::of(namespace, file).is_some_and(|other| other == *poll)
            }
            (Self::Object(SourceKind::Secret, (_, name)), ListSource { http: Some(file), .. }) => {
                file.url_from.as_ref().is_some_and(|entry| entry.name == *name)
            }
            (Self::Object(SourceKind::Secret, (_, name)), ListSource { secret: Some(entry), .. }) => {
                entry.name == *name
            }
            (Self::Object(SourceKind::Flux(kind), (_, name)), ListSource { flux_source: Some(file), .. }) => {
                file.kind == *kind && file.name == *name
            }
            _ => false,
        }
    }
}

/// Watches what is named, as long as an audience or a suppression list names it.
pub async fn named(ctx: Arc<Context>, named: UnboundedReceiver<Named>) {
    let is_named = |named: &Named| {
        let (_, (namespace, _)) = named.held();
        let names = |from: &[ListSource]| from.iter().any(|source| named.is_in(source, &namespace));
        let by_audience =
            |key: AudienceKey| ctx.audiences(key.dyntype).get(&key).is_some_and(|a| names(&a.options.from));
        let mut lists = ctx.suppression_lists.state().into_iter();
        ctx.lists.dependent(&namespace).into_iter().any(by_audience)
            || lists.any(|l| l.metadata.namespace.as_deref() == Some(&*namespace) && names(&l.spec.from))
    };
    let announce = |named: &Named| {
        let (holder, place) = named.held();
        ctx.versions.add_watch(holder, &place)
    };
    let forget = |named: &Named| {
        let (holder, place) = named.held();
        ctx.versions.forget(holder, &place);
    };
    while_named(named, announce, |named| watch(Arc::clone(&ctx), named), is_named, forget).await;
}

async fn watch(ctx: Arc<Context>, named: Named) {
    match named {
        Named::Url(poll) => ask(ctx, poll).await,
        Named::Object(SourceKind::Flux(kind), place) => {
            let resource = flux_resource(kind);
            let api = Api::namespaced_with(ctx.cluster.client().clone(), &place.0, &resource);
            let version = |object: DynamicObject| {
                object.data.pointer("/status/artifact/digest").and_then(|d| d.as_str()).unwrap_or_default().to_owned()
            };
            object(ctx, api, SourceKind::Flux(kind), place, version).await;
        }
        Named::Object(holder, place) => {
            let api: Api<PartialObjectMeta<Secret>> = ctx.cluster.api(&place.0);
            let version = |secret: PartialObjectMeta<Secret>| secret.metadata.resource_version.unwrap_or_default();
            object(ctx, api, holder, place, version).await;
        }
    }
}

/// The resource of a kind of Flux sources.
#[must_use]
pub fn flux_resource(kind: FluxKind) -> ApiResource {
    let kind = GroupVersionKind::gvk("source.toolkit.fluxcd.io", "v1", kind.as_str());
    let plural = match kind.kind.as_str() {
        "GitRepository" => "gitrepositories",
        "OCIRepository" => "ocirepositories",
        "Bucket" => "buckets",
        _ => "externalartifacts",
    };
    ApiResource::from_gvk_with_plural(&kind, plural)
}

/// Keeps the version of one object current. Where the cluster doesn't know its kind, it is looked for again and again, so that one which comes later is found.
async fn object<K>(
    ctx: Arc<Context>,
    api: Api<K>,
    holder: SourceKind,
    place: NamespacedName,
    version: impl Fn(K) -> String,
) where
    K: Resource + Clone + DeserializeOwned + std::fmt::Debug + Send + 'static,
{
    let config = watcher::Config::default().fields(&format!("metadata.name={}", place.1));
    let mut events = watcher(api, config).default_backoff().boxed();
    let seen = |object| ObjectVersion { version: version(object), labels: BTreeMap::new() };
    let mut listed = false;
    while let Some(event) = events.next().await {
        let now = ctx.clock.boottime();
        let news = match event {
            Ok(watcher::Event::Init) => {
                listed = false;
                false
            }
            Ok(watcher::Event::InitApply(object)) => {
                listed = true;
                ctx.versions.upsert(holder, place.clone(), seen(object), now)
            }
            Ok(watcher::Event::InitDone) => {
                if !listed {
                    ctx.versions.remove(holder, &place, now);
                }
                ctx.versions.set_watch_state(holder, &place, SourceWatchState::Current)
            }
            Ok(watcher::Event::Apply(object)) => ctx.versions.upsert(holder, place.clone(), seen(object), now),
            Ok(watcher::Event::Delete(_)) => {
                ctx.versions.remove(holder, &place, now);
                true
            }
            Err(error) => match refused_with(&error) {
                Some(403) => ctx.versions.set_watch_state(holder, &place, SourceWatchState::Denied),
                Some(404) => ctx.versions.set_watch_state(holder, &place, SourceWatchState::NoKind),
                _ => false,
            },
        };
        if news {
            changed(&ctx, &place.0);
        }
    }
}

/// Failures in a row from which on a file that was there counts as one that can't be fetched.
const LASTING: u32 = 3;

/// How soon a failure is followed by the next try; doubled with each.
const SOON: Duration = Duration::from_secs(10);

/// Asks again and again whether a file behind a URL changed.
async fn ask(ctx: Arc<Context>, poll: Poll) {
    let place = poll.place();
    let (mut etag, mut is_known) = (None, false);
    let mut failures = 0_u32;
    loop {
        let news = match lists::fetch(&ctx, &poll.namespace, &poll.url, etag.as_ref()).await {
            Ok(fetched) => {
                (failures, is_known) = (0, true);
                let upserted = fetched.is_some_and(|fetched| {
                    etag = fetched.etag;
                    let seen = ObjectVersion { version: fetched.sha256, labels: BTreeMap::new() };
                    ctx.versions.upsert(SourceKind::Http, place.clone(), seen, ctx.clock.boottime())
                });
                ctx.versions.set_watch_state(SourceKind::Http, &place, SourceWatchState::Current) || upserted
            }
            Err(why) => {
                failures += 1;
                tracing::debug!(namespace = poll.namespace, %why, "a list isn't fetched");
                let told = !is_known || failures >= LASTING || !why.is_transient();
                told && ctx.versions.set_watch_state(SourceKind::Http, &place, SourceWatchState::Failed(why))
            }
        };
        if news {
            changed(&ctx, &place.0);
        }
        let wait = match failures {
            0 => poll.interval,
            many => poll.interval.min(SOON * 2_u32.pow(many.min(10) - 1)),
        };
        tokio::time::sleep(ctx.clock.real(ctx.clock.jittered(wait, 0.1))).await;
    }
}

/// Keeps the suppression lists current without their entries, and wakes each that changed and the audiences that it may be for.
pub async fn suppression_lists(ctx: Arc<Context>, mut writer: Writer<SuppressionList>) {
    let trim = |mut list: SuppressionList| {
        list.metadata.managed_fields = None;
        list.metadata.annotations = None;
        list.spec = SuppressionListSpec { from: list.spec.from, ..SuppressionListSpec::default() };
        list
    };
    let store = writer.as_reader();
    let told = |change: Change<SuppressionList>| match change {
        Change::Applied(list) => {
            let key = ObjectRef::from_obj(&list);
            let place: NamespacedName = (key.namespace.clone().unwrap_or_default(), key.name.clone());
            // Its status doesn't matter: each write of it is a new resource version.
            let (uid, generation) = (list.metadata.uid.clone().unwrap_or_default(), list.metadata.generation);
            let seen =
                ObjectVersion { version: format!("{uid} {}", generation.unwrap_or_default()), labels: BTreeMap::new() };
            writer.apply_watcher_event(&watcher::Event::Apply(list));
            if ctx.versions.upsert(SourceKind::SuppressionList, place.clone(), seen, ctx.clock.boottime()) {
                ctx.wake.audiences(ctx.lists.dependent(&place.0));
            }
            ctx.wake.suppression_list(key);
        }
        Change::Gone(place) => {
            if let Some(list) = store.get(&ObjectRef::new(&place.1).within(&place.0)) {
                writer.apply_watcher_event(&watcher::Event::Delete((*list).clone()));
            }
            ctx.versions.remove(SourceKind::SuppressionList, &place, ctx.clock.boottime());
            ctx.lists.forget_suppression(&place);
            ctx.wake.audiences(ctx.lists.dependent(&place.0));
        }
        Change::Ready => {
            ctx.versions.mark_listed(SourceKind::SuppressionList);
            ctx.feeds.send_modify(|count| *count += 1);
        }
    };
    let config = watcher::Config::default().page_size(PAGE);
    follow(ctx.cluster.client().clone(), &ctx.switches.namespaces, config, trim, told).await;
}

/// Wakes whose lists may be in an object of this namespace that changed.
fn changed(ctx: &Context, namespace: &str) {
    ctx.wake.audiences(ctx.lists.dependent(namespace));
    for list in ctx.suppression_lists.state() {
        if list.metadata.namespace.as_deref() == Some(namespace) && !list.spec.from.is_empty() {
            ctx.wake.suppression_list(ObjectRef::from_obj(list.as_ref()));
        }
    }
}

/// Keeps the versions of ConfigMaps current, and wakes the audiences whose lists may be in one that changed.
pub async fn config_maps(ctx: Arc<Context>) {
    let read = |map: PartialObjectMeta<ConfigMap>| {
        let place = (map.metadata.namespace.unwrap_or_default(), map.metadata.name.unwrap_or_default());
        let version = map.metadata.resource_version.unwrap_or_default();
        (place, ObjectVersion { version, labels: map.metadata.labels.unwrap_or_default() })
    };
    let told = |change: Change<(NamespacedName, ObjectVersion)>| match change {
        Change::Applied((place, seen)) => {
            let namespace = place.0.clone();
            if ctx.versions.upsert(SourceKind::ConfigMap, place, seen, ctx.clock.boottime()) {
                changed(&ctx, &namespace);
            }
        }
        Change::Gone(place) => {
            ctx.versions.remove(SourceKind::ConfigMap, &place, ctx.clock.boottime());
            changed(&ctx, &place.0);
        }
        Change::Ready => {
            ctx.versions.mark_listed(SourceKind::ConfigMap);
            ctx.feeds.send_modify(|count| *count += 1);
        }
    };
    let config = watcher::Config::default();
    follow(ctx.cluster.client().clone(), &ctx.switches.namespaces, config, read, told).await;
}
