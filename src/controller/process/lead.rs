//! Leading: count the day's creates, then reconcile everything until leadership is lost.

use std::sync::Arc;
use std::time::Duration;

use kube::Api;
use kube::api::ListParams;
use kube::runtime::reflector::ObjectRef;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch::Receiver;
use tokio::task::JoinSet;

use super::contexts::Contexts;
use super::error::RunError;
use super::leader::Leadership;
use super::reconcilers::{audience, report, suppression_list, workspace};
use crate::api::{AudienceReceipt, DAY_LABEL, PropensityReport, PropensityWorkspace, SuppressionList};
use crate::audience::Kind;
use crate::controller::audience::context::Context;
use crate::controller::kube::cluster::CallError;
use crate::controller::kube::ledger_store::day_label;
use crate::controller::model::audience::AudienceKey;
use crate::controller::model::keys::{ObjectKey, ReceiptKey};
use crate::controller::model::receipt::StoredReceipt;
use crate::controller::watch::queue::reconcile_all;
use crate::controller::{receipts, watch};
use crate::telemetry::http::Health;

/// Waits until the caches are filled and this process leads, and works until it doesn't any more; why it ended.
/// Standbys keep their caches filled too, and answer ready.
pub async fn lead(
    contexts: &Contexts,
    health: &Health,
    leadership: &mut Receiver<Leadership>,
    working: &mut JoinSet<()>,
) -> RunError {
    contexts.sync.synced().await;
    health.set_ready("caches", true);
    tracing::info!("caches are filled");
    let _ = leadership.wait_for(|l| *l != Leadership::Standby).await;
    contexts.process.metrics.set_leader(true);
    let mut lost = leadership.clone();
    let lost = async move { drop(lost.wait_for(|l| *l == Leadership::Lost).await) };
    tokio::select! {
        () = lost => RunError::LeadershipLost,
        _ = async { count_day(contexts).await; begin(contexts, working); working.join_next().await } => {
            RunError::PartEnded
        }
    }
}

/// Reconciles everything, and from now on whatever changes.
fn begin(contexts: &Contexts, working: &mut JoinSet<()>) {
    let keys = contexts.watch.queues.open();
    contexts.process.set_may_claim(true);
    let (senders, receivers) = channels();
    working.spawn(dispatch(keys, senders));

    let (caches, clock) = (&contexts.watch.caches, contexts.process.clock);
    let ctx = Arc::clone(&contexts.workspace);
    let reconcile = move |object: Arc<PropensityWorkspace>| workspace(Arc::clone(&ctx), object);
    working.spawn(reconcile_all(caches.workspaces.clone(), receivers.workspaces, clock, reconcile));
    let ctx = Arc::clone(&contexts.audience);
    let reconcile = move |object| audience(Arc::clone(&ctx), object);
    working.spawn(reconcile_all(caches.contacts.clone(), receivers.contacts, clock, reconcile.clone()));
    working.spawn(reconcile_all(caches.accounts.clone(), receivers.accounts, clock, reconcile));
    let (lists, process) = (Arc::clone(&contexts.lists), Arc::clone(&contexts.process));
    let reconcile = move |object| suppression_list(Arc::clone(&lists), Arc::clone(&process), object);
    working.spawn(reconcile_all(caches.suppression_lists.clone(), receivers.suppression_lists, clock, reconcile));
    let ctx = Arc::clone(&contexts.reports);
    let reconcile = move |object| report(Arc::clone(&ctx), object);
    working.spawn(reconcile_all(caches.reports.clone(), receivers.reports, clock, reconcile));
    working.spawn(receipts::run(Arc::clone(&contexts.receipts), receivers.receipts));
    working.spawn(pass_on_turns(Arc::clone(&contexts.audience)));

    enqueue_everything(contexts);
}

/// How often a turn that wasn't taken is passed on.
const PASS_ON_INTERVAL: Duration = Duration::from_secs(1);

/// Enqueues the audiences whose turn to send comes as time goes by.
async fn pass_on_turns(ctx: Arc<Context>) {
    let clock = ctx.process.clock;
    loop {
        clock.sleep(PASS_ON_INTERVAL).await;
        ctx.queues.enqueue_all(ctx.creates.gates.ready(clock.boottime()));
    }
}

fn enqueue_everything(contexts: &Contexts) {
    let (caches, queues) = (&contexts.watch.caches, &contexts.watch.queues);
    queues.enqueue_all(caches.workspaces.state().iter().map(|object| ObjectRef::from_obj(object.as_ref())));
    queues.enqueue_all(caches.suppression_lists.state().iter().map(|object| ObjectRef::from_obj(object.as_ref())));
    queues.enqueue_all(caches.reports.state().iter().map(|object| ObjectRef::from_obj(object.as_ref())));
    queues.enqueue_all(caches.receipts.select(|key, _| Some(key.clone())));
    queues.enqueue_all(caches.all_audiences().map(|audience| audience.key()));
}

/// The queue of each reconciler.
struct Senders {
    contacts: UnboundedSender<AudienceKey>,
    accounts: UnboundedSender<AudienceKey>,
    workspaces: UnboundedSender<ObjectRef<PropensityWorkspace>>,
    suppression_lists: UnboundedSender<ObjectRef<SuppressionList>>,
    reports: UnboundedSender<ObjectRef<PropensityReport>>,
    receipts: UnboundedSender<ReceiptKey>,
}

/// What each reconciler receives.
struct Receivers {
    contacts: UnboundedReceiver<AudienceKey>,
    accounts: UnboundedReceiver<AudienceKey>,
    workspaces: UnboundedReceiver<ObjectRef<PropensityWorkspace>>,
    suppression_lists: UnboundedReceiver<ObjectRef<SuppressionList>>,
    reports: UnboundedReceiver<ObjectRef<PropensityReport>>,
    receipts: UnboundedReceiver<ReceiptKey>,
}

fn channels() -> (Senders, Receivers) {
    let (contacts, contact_keys) = unbounded_channel();
    let (accounts, account_keys) = unbounded_channel();
    let (workspaces, workspace_keys) = unbounded_channel();
    let (suppression_lists, suppression_list_keys) = unbounded_channel();
    let (reports, report_keys) = unbounded_channel();
    let (receipts, receipt_keys) = unbounded_channel();
    let senders = Senders { contacts, accounts, workspaces, suppression_lists, reports, receipts };
    let receivers = Receivers {
        contacts: contact_keys,
        accounts: account_keys,
        workspaces: workspace_keys,
        suppression_lists: suppression_list_keys,
        reports: report_keys,
        receipts: receipt_keys,
    };
    (senders, receivers)
}

/// Passes each key to the reconciler of its kind, until nothing enqueues any more. A reconciler that no longer listens
/// is ending.
async fn dispatch(mut keys: UnboundedReceiver<ObjectKey>, to: Senders) {
    while let Some(key) = keys.recv().await {
        let _ = match key {
            ObjectKey::Audience(key) if key.dyntype == Kind::Contacts => to.contacts.send(key).is_ok(),
            ObjectKey::Audience(key) => to.accounts.send(key).is_ok(),
            ObjectKey::Workspace(key) => to.workspaces.send(key).is_ok(),
            ObjectKey::SuppressionList(key) => to.suppression_lists.send(key).is_ok(),
            ObjectKey::Report(key) => to.reports.send(key).is_ok(),
            ObjectKey::Receipt(key) => to.receipts.send(key).is_ok(),
        };
    }
}

/// Receipts of one page of a list.
const PAGE: u32 = 100;

/// Counts what the receipts say about today's creates. Until they are counted nothing is claimed.
async fn count_day(contexts: &Contexts) {
    let watch::context::Context { cluster, namespaces, creates, .. } = &*contexts.watch;
    let clock = contexts.process.clock;
    let apis: Vec<Api<AudienceReceipt>> = if namespaces.is_empty() {
        vec![Api::all(cluster.client().clone())]
    } else {
        namespaces.iter().map(|n| cluster.api(n)).collect()
    };
    let now = clock.wall();
    let label = format!("{DAY_LABEL}={}", day_label(now));
    for api in apis {
        let mut params = ListParams::default().labels(&label).limit(PAGE);
        loop {
            match cluster.call(api.list(&params)).await {
                Ok(page) => {
                    page.items
                        .iter()
                        .filter_map(|r| StoredReceipt::of(r).receipt.ok())
                        .for_each(|r| creates.budgets.count(now, &r));
                    params.continue_token = page.metadata.continue_.filter(|token| !token.is_empty());
                    if params.continue_token.is_none() {
                        break;
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "today's creates aren't counted yet; nothing is sent before they are");
                    if error == CallError::Invalid {
                        // The place in the list is too old.
                        params.continue_token = None;
                    }
                    tokio::time::sleep(Duration::from_secs(2)).await;
                }
            }
        }
    }
}
