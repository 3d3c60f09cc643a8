//! The watches that feed memory and wake what depends on a change. Each is a task of its own with its own backoff, so that one that fails slows no other.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use kube::core::{NamespaceResourceScope, Resource};
use kube::runtime::reflector::ObjectRef;
use kube::runtime::reflector::store::Writer;
use kube::runtime::watcher;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::{AbortHandle, JoinSet};

use super::context::Context;
use super::feed::{Change, follow};
use super::live;
use super::open_receipts::{Entry, OpenReceipts, ReceiptKey};
use super::tracked::{Listed, Tracked};
use super::{gather, workspace};
use crate::api::audience_status::Funnel;
use crate::api::{AudienceReceipt, PropensityReport, PropensityWorkspace, REQUESTED_AT_ANNOTATION};
use crate::audience::Kind;
use crate::sources::secrets::Scope;

/// Open receipts only: all but the closed ones. A receipt without a record matches too.
const OPEN: &str = "record.state!=Created,record.state!=Dismissed";

/// Objects of one page of a list; lists of members are long, and a page stands in memory whole.
pub const PAGE: u32 = 50;

/// Keeps the workspaces current, and wakes each that changed.
pub async fn workspaces(ctx: Arc<Context>, mut writer: Writer<PropensityWorkspace>) {
    let trim = |mut workspace: PropensityWorkspace| {
        workspace.metadata.managed_fields = None;
        if let Some(annotations) = &mut workspace.metadata.annotations {
            annotations.retain(|name, _| name == REQUESTED_AT_ANNOTATION);
        }
        workspace
    };
    let store = writer.as_reader();
    let told = |change| match change {
        Change::Applied(workspace) => {
            let key = ObjectRef::from_obj(&workspace);
            writer.apply_watcher_event(&watcher::Event::Apply(workspace));
            ctx.wake.workspace(key);
        }
        Change::Gone((namespace, name)) => {
            let workspace = store.get(&ObjectRef::new(&name).within(&namespace));
            if let Some(workspace) = &workspace {
                writer.apply_watcher_event(&watcher::Event::Delete((**workspace).clone()));
            }
            let uid = workspace.as_ref().and_then(|workspace| workspace.metadata.uid.as_deref());
            workspace::gone(&ctx, &namespace, &name, uid);
        }
        Change::Ready => ctx.feeds.send_modify(|count| *count += 1),
    };
    follow(ctx.cluster.client().clone(), &ctx.switches.namespaces, watcher::Config::default(), trim, told).await;
}

/// Keeps the reports current, and wakes each that changed, its workspace, and the audiences that name one which came or went.
pub async fn reports(ctx: Arc<Context>, mut writer: Writer<PropensityReport>) {
    let trim = |mut report: PropensityReport| {
        report.metadata.managed_fields = None;
        if let Some(annotations) = &mut report.metadata.annotations {
            annotations.retain(|name, _| name == REQUESTED_AT_ANNOTATION);
        }
        report
    };
    let store = writer.as_reader();
    let told = |change| match change {
        Change::Applied(report) => {
            let key: ObjectRef<PropensityReport> = ObjectRef::from_obj(&report);
            let old = store.get(&key);
            let namespace = key.namespace.clone().unwrap_or_default();
            let workspace = ObjectRef::new(&report.spec.workspace_ref.name).within(&namespace);
            if let Some(gone) = old.as_ref().filter(|old| old.metadata.uid != report.metadata.uid) {
                ctx.reports.forget(gone.metadata.uid.as_deref().unwrap_or_default());
            }
            writer.apply_watcher_event(&watcher::Event::Apply(report));
            match &old {
                None => wake_naming(&ctx, &key),
                // The one that it belonged to before may have to forget it.
                Some(old) => ctx.wake.workspace(ObjectRef::new(&old.spec.workspace_ref.name).within(&namespace)),
            }
            ctx.wake.workspace(workspace);
            ctx.wake.report(key);
        }
        Change::Gone((namespace, name)) => {
            let key = ObjectRef::new(&name).within(&namespace);
            if let Some(report) = store.get(&key) {
                writer.apply_watcher_event(&watcher::Event::Delete((*report).clone()));
                ctx.reports.forget(report.metadata.uid.as_deref().unwrap_or_default());
                ctx.wake.workspace(ObjectRef::new(&report.spec.workspace_ref.name).within(&namespace));
            }
            ctx.metrics.remove_report(&namespace, &name);
            wake_naming(&ctx, &key);
        }
        Change::Ready => ctx.feeds.send_modify(|count| *count += 1),
    };
    let config = watcher::Config::default().page_size(PAGE);
    follow(ctx.cluster.client().clone(), &ctx.switches.namespaces, config, trim, told).await;
}

/// Wakes the audiences that name a report.
fn wake_naming(ctx: &Context, report: &ObjectRef<PropensityReport>) {
    for kind in [Kind::Contacts, Kind::Accounts] {
        for audience in ctx.audiences(kind).state() {
            let here = Some(audience.namespace()) == report.namespace.as_deref();
            if here && audience.options.engagement.iter().any(|engagement| engagement.report == report.name) {
                ctx.wake.audience(audience.key());
            }
        }
    }
}

/// Wakes the reports that an audience names and has nothing from yet, or is matched with in another way than before.
fn wake_named(ctx: &Context, audience: &Tracked, before: Option<&Tracked>) {
    for engagement in &audience.options.engagement {
        let key = ObjectRef::new(&engagement.report).within(audience.namespace());
        let is_new = !audience.status.engagement.iter().any(|told| told.report == engagement.report);
        let is_other = before.is_some_and(|before| !before.options.engagement.contains(engagement));
        if let Some(report) = ctx.preports.get(&key).filter(|_| is_new || is_other) {
            if is_other {
                ctx.reports.expect(&report);
            }
            ctx.wake.report(key);
        }
    }
}

/// Keeps the audiences of a kind current without their members, and wakes each that changed.
pub async fn audiences<K>(ctx: Arc<Context>, mut writer: Writer<Tracked>, kind: Kind)
where
    K: Listed + Resource<Scope = NamespaceResourceScope> + Clone + DeserializeOwned + std::fmt::Debug + Send + 'static,
    K::DynamicType: Default,
{
    let store = writer.as_reader();
    let told = |change: Change<Tracked>| match change {
        Change::Applied(audience) => {
            let key = audience.key();
            let before = store.get(&key);
            if let Some(other) = before.as_ref().filter(|old| old.uid() != audience.uid()) {
                ctx.memory.forget(other);
            }
            writer.apply_watcher_event(&watcher::Event::Apply(audience.clone()));
            wake_named(&ctx, &audience, before.as_deref());
            ctx.wake.audience(key);
        }
        Change::Gone((namespace, name)) => {
            let key = ObjectRef::new_with(&name, kind).within(&namespace);
            if let Some(audience) = store.get(&key) {
                writer.apply_watcher_event(&watcher::Event::Delete((*audience).clone()));
                ctx.memory.forget(&audience);
            }
            ctx.lists.forget(&key);
            ctx.wake.audiences(ctx.gates.forget(ctx.clock.boottime(), &key));
        }
        Change::Ready => ctx.feeds.send_modify(|count| *count += 1),
    };
    let config = watcher::Config::default().page_size(PAGE);
    let digest = |object: K| object.parts().inline().tracked;
    follow(ctx.cluster.client().clone(), &ctx.switches.namespaces, config, digest, told).await;
}

/// Keeps the open receipts current, and wakes each that changed, its audiences and their workspaces.
pub async fn receipts(ctx: Arc<Context>) {
    let read = |receipt: AudienceReceipt| {
        let key =
            (receipt.metadata.namespace.clone().unwrap_or_default(), receipt.metadata.name.clone().unwrap_or_default());
        (key, Entry::of(&receipt))
    };
    let told = |change: Change<(ReceiptKey, Entry)>| match change {
        Change::Applied((key, entry)) => {
            ctx.receipts.upsert(key.clone(), entry.clone(), ctx.clock.boottime());
            touched(&ctx, &key, Some(&entry));
        }
        Change::Gone(key) => {
            let entry = ctx.receipts.remove(&key);
            touched(&ctx, &key, entry.as_deref());
        }
        Change::Ready => ctx.feeds.send_modify(|count| *count += 1),
    };
    let config = watcher::Config::default().fields(OPEN);
    follow(ctx.cluster.client().clone(), &ctx.switches.namespaces, config, read, told).await;
}

/// Wakes what depends on a receipt: its keeper, its audiences, and the workspaces of its namespace.
fn touched(ctx: &Context, key: &ReceiptKey, entry: Option<&Entry>) {
    ctx.wake.receipt(key.clone());
    let (namespace, name) = key;
    ctx.wake.audiences(ctx.memory.audiences_of(namespace, name));
    let named = entry.map(OpenReceipts::audiences).unwrap_or_default();
    ctx.wake.audiences(named.iter().filter_map(|audience| live::key_of(namespace, audience)));
    for workspace in ctx.workspaces.state() {
        if workspace.metadata.namespace.as_ref() == Some(namespace) {
            ctx.wake.workspace(ObjectRef::from_obj(workspace.as_ref()));
        }
    }
}

/// Keeps the keys of a scope current, and wakes the workspaces that use them, and their reports.
pub async fn secrets(ctx: Arc<Context>, scope: Scope) {
    let name = scope.name.clone();
    let changed = |(namespace, _): &(String, String)| {
        for workspace in ctx.workspaces.state() {
            let here = namespace.is_empty() || workspace.metadata.namespace.as_ref() == Some(namespace);
            if here && workspace.spec.secret_ref.name == name {
                ctx.wake.workspace(ObjectRef::from_obj(workspace.as_ref()));
                let meta = &workspace.metadata;
                let place = (meta.namespace.as_deref().unwrap_or_default(), meta.name.as_deref().unwrap_or_default());
                workspace::wake_reports(&ctx, place.0, place.1);
            }
        }
    };
    ctx.secrets.watch(ctx.cluster.client().clone(), scope, changed).await;
}

/// How often watches of Secrets that nobody names any more are ended.
const PRUNED_EVERY: std::time::Duration = std::time::Duration::from_secs(60);

/// Watches Secrets beside the operator's own names, for workspaces that name them, as long as one does.
pub async fn named_secrets(ctx: Arc<Context>, named: UnboundedReceiver<Scope>) {
    let is_named = |scope: &Scope| {
        ctx.workspaces.state().iter().any(|workspace| {
            workspace.metadata.namespace == scope.namespace && workspace.spec.secret_ref.name == scope.name
        })
    };
    let watch = |scope| secrets(Arc::clone(&ctx), scope);
    while_named(named, |scope| ctx.secrets.add_watch(scope), watch, is_named, |scope| ctx.secrets.forget(scope)).await;
}

/// Starts a watch for each that is named, unless there is one already, and ends it when nobody names it any more.
pub async fn while_named<K, W>(
    mut named: UnboundedReceiver<K>,
    announce: impl Fn(&K) -> bool,
    watch: impl Fn(K) -> W,
    is_named: impl Fn(&K) -> bool,
    forget: impl Fn(&K),
) where
    K: Clone + Eq + Hash,
    W: Future<Output = ()> + Send + 'static,
{
    let mut tasks = JoinSet::new();
    let mut running = HashMap::new();
    let mut prune = tokio::time::interval(PRUNED_EVERY);
    loop {
        tokio::select! {
            name = named.recv() => {
                let Some(name) = name else { return };
                if announce(&name) {
                    running.insert(name.clone(), tasks.spawn(watch(name)));
                }
            }
            _ = prune.tick() => running.retain(|name, task: &mut AbortHandle| {
                let stays = is_named(name);
                if !stays {
                    task.abort();
                    forget(name);
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

/// Kinds that are watched: when all are listed, what is in memory is what there is.
pub const FEEDS: usize = 7;

/// A store that counts as ready while it is still empty: it is filled one by one, and [`FEEDS`] tells when it is whole.
pub fn empty<K>(kind: K::DynamicType) -> Writer<K>
where
    K: Resource + Clone,
    K::DynamicType: Eq + std::hash::Hash + Clone,
{
    let mut writer = Writer::new(kind);
    writer.apply_watcher_event(&watcher::Event::Init);
    writer.apply_watcher_event(&watcher::Event::InitDone);
    writer
}

/// How often gauges of states are counted anew.
const COUNTED_EVERY: std::time::Duration = std::time::Duration::from_secs(5);

/// Keeps the gauges of states current.
pub async fn metrics(ctx: Arc<Context>) {
    loop {
        let mut receipts = std::collections::BTreeMap::new();
        for state in ctx.receipts.select(|_, entry| Some(entry.state().as_str())) {
            *receipts.entry(state).or_default() += 1;
        }
        ctx.metrics.set_open_receipts(&receipts);
        ctx.metrics.set_audiences(&ctx.memory.standings());
        ctx.metrics.set_waiting(&ctx.memory.waiting());
        for kind in [Kind::Contacts, Kind::Accounts] {
            count_members(&ctx, kind);
        }
        // A standby would show them once more.
        let leads = ctx.may_claim();
        ctx.metrics.set_reports(ctx.preports.state().iter().filter(|_| leads).map(AsRef::as_ref));
        let engaged = [Kind::Contacts, Kind::Accounts].map(|kind| ctx.audiences(kind).state());
        ctx.metrics.set_engagement(engaged.iter().flatten().filter(|_| leads).flat_map(|audience| {
            let kind = gather::kind_label(audience.kind);
            audience.status.engagement.iter().map(move |told| (kind, audience.namespace(), audience.name(), told))
        }));
        tokio::time::sleep(COUNTED_EVERY).await;
    }
}

/// Adds up what the statuses of a kind say about members.
fn count_members(ctx: &Context, kind: Kind) {
    let (mut suppressed, mut rows) = (0, Funnel::default());
    for audience in ctx.audiences(kind).state() {
        suppressed += audience.status.suppressed_members_sent;
        let Some(funnel) = &audience.status.members else { continue };
        rows.invalid += funnel.invalid;
        rows.duplicate += funnel.duplicate;
        rows.excluded += funnel.excluded;
        rows.to_send += funnel.to_send;
    }
    let label = gather::kind_label(kind);
    ctx.metrics.set_suppressed_members_sent([(label, suppressed)]);
    let Funnel { invalid, duplicate, excluded, to_send, .. } = rows;
    let classes = [("invalid", invalid), ("duplicate", duplicate), ("excluded", excluded), ("to_send", to_send)];
    ctx.metrics.set_list_rows(classes.map(|(class, many)| (label, class, many)));
}
