//! The watches of both kinds of audience.

use std::fmt::Debug;
use std::sync::Arc;

use kube::core::{NamespaceResourceScope, Resource};
use kube::runtime::reflector::ObjectRef;
use kube::runtime::reflector::store::Writer;
use kube::runtime::watcher;
use serde::de::DeserializeOwned;

use super::context::Context;
use super::feed::{Change, follow};
use super::store::PAGE;
use crate::audience::Kind;
use crate::controller::model::audience::{AudienceResource, Tracked};
use crate::controller::state::sync::SyncHandle;

/// Keeps the audiences of a kind current, without their members, and enqueues each that changed.
pub async fn watch<K>(ctx: Arc<Context>, mut writer: Writer<Tracked>, kind: Kind, sync: SyncHandle)
where
    K: AudienceResource + Resource<Scope = NamespaceResourceScope>,
    K: Clone + DeserializeOwned + Debug + Send + 'static,
    K::DynamicType: Default,
{
    let store = writer.as_reader();
    let on_change = |change: Change<Tracked>| match change {
        Change::Applied(audience) => {
            let key = audience.key();
            let before = store.get(&key);
            if let Some(replaced) = before.as_ref().filter(|old| old.uid() != audience.uid()) {
                ctx.audiences.forget(replaced);
            }
            writer.apply_watcher_event(&watcher::Event::Apply(audience.clone()));
            enqueue_reports(&ctx, &audience, before.as_deref());
            ctx.queues.enqueue(key);
        }
        Change::Gone((namespace, name)) => {
            let key = ObjectRef::new_with(&name, kind).within(&namespace);
            if let Some(audience) = store.get(&key) {
                writer.apply_watcher_event(&watcher::Event::Delete((*audience).clone()));
                ctx.audiences.forget(&audience);
            }
            ctx.lists.memory.forget(&key);
            ctx.queues.enqueue_all(ctx.creates.gates.forget(ctx.process.clock.boottime(), &key));
        }
        Change::Synced => sync.synced(),
    };
    let config = watcher::Config::default().page_size(PAGE);
    let observe = |object: K| object.into_object().observe();
    follow(&ctx.cluster, &ctx.namespaces, config, observe, on_change).await;
}

/// Enqueues the reports that an audience names and has nothing from yet, or is matched with in another way than before.
fn enqueue_reports(ctx: &Context, audience: &Tracked, before: Option<&Tracked>) {
    for engagement in &audience.options.engagement {
        let is_new = !audience.status.engagement.iter().any(|status| status.report == engagement.report);
        let is_changed = before.is_some_and(|before| !before.options.engagement.contains(engagement));
        let report = ctx.caches.report(audience.namespace(), &engagement.report);
        if let Some(report) = report.filter(|_| is_new || is_changed) {
            if is_changed {
                ctx.reports.expect_audience(&report);
            }
            ctx.queues.enqueue(ObjectRef::from_obj(report.as_ref()));
        }
    }
}
