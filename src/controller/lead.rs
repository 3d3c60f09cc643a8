//! Leading: count the day's creates, then make passes over everything until leadership is lost.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use kube::Api;
use kube::api::ListParams;
use kube::runtime::reflector::ObjectRef;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::cluster::CallError;
use super::context::Context;
use super::leader::Leadership;
use super::open_receipts::Entry;
use super::run::RunError;
use super::tracked::Tracked;
use super::{audience, gates, gather, ledger_store, queue, receipts, reports, suppression, watches, workspace};
use crate::api::{AudienceReceipt, DAY_LABEL, PropensityReport, PropensityWorkspace, SuppressionList};
use crate::audience::Kind;
use crate::clock::Clock;
use crate::sources::secrets::Scope;
use crate::telemetry::http::Health;
use crate::telemetry::metrics::{self, Outcome};

/// Waits until the caches are filled and this process leads, and works until it doesn't any more; why it ended. Standbys keep their caches warm too,
/// and answer ready.
pub async fn lead(
    ctx: &Arc<Context>,
    health: &Health,
    leadership: &mut watch::Receiver<Leadership>,
    working: &mut JoinSet<()>,
) -> RunError {
    let _ = ctx.feeds.subscribe().wait_for(|listed| *listed == watches::FEEDS).await;
    health.set_ready("caches", true);
    tracing::info!("caches are filled");
    let _ = leadership.wait_for(|l| *l != Leadership::Standby).await;
    ctx.metrics.set_leader(true);
    let mut lost = leadership.clone();
    let lost = async move { drop(lost.wait_for(|l| *l == Leadership::Lost).await) };
    tokio::select! {
        () = lost => RunError::LeadershipLost,
        _ = async { count_day(ctx).await; begin(ctx, working); working.join_next().await } => RunError::PartEnded,
    }
}

/// Looks at everything, and from now on at whatever changes.
fn begin(ctx: &Arc<Context>, working: &mut JoinSet<()>) {
    let (contacts, contacts_named) = queue::channel();
    let (accounts, accounts_named) = queue::channel();
    let (workspaces, workspaces_named) = queue::channel();
    let (suppression_lists, suppression_lists_named) = queue::channel();
    let (reports, reports_named) = queue::channel();
    let (kept, kept_named) = queue::channel();
    ctx.wake.open(contacts, accounts, workspaces, suppression_lists, reports, kept);
    ctx.claims.store(true, Ordering::SeqCst);

    let pass = |object: Arc<PropensityWorkspace>, ctx: Arc<Context>| async move { workspace_pass(&ctx, &object).await };
    working.spawn(queue::passes(Arc::clone(ctx), ctx.workspaces.clone(), workspaces_named, pass));
    let pass = |object: Arc<Tracked>, ctx: Arc<Context>| async move { audience_pass(&ctx, &object).await };
    working.spawn(queue::passes(Arc::clone(ctx), ctx.contacts.clone(), contacts_named, pass));
    working.spawn(queue::passes(Arc::clone(ctx), ctx.accounts.clone(), accounts_named, pass));
    let pass = |object: Arc<SuppressionList>, ctx: Arc<Context>| async move { suppression_pass(&ctx, &object).await };
    working.spawn(queue::passes(Arc::clone(ctx), ctx.suppression_lists.clone(), suppression_lists_named, pass));
    let pass = |object: Arc<PropensityReport>, ctx: Arc<Context>| async move { report_pass(&ctx, &object).await };
    working.spawn(queue::passes(Arc::clone(ctx), ctx.preports.clone(), reports_named, pass));
    working.spawn(receipts::keep(Arc::clone(ctx), kept_named));
    working.spawn(gates::pass_on(Arc::clone(ctx)));

    ctx.workspaces.state().iter().for_each(|w| ctx.wake.workspace(ObjectRef::from_obj(w.as_ref())));
    ctx.suppression_lists.state().iter().for_each(|l| ctx.wake.suppression_list(ObjectRef::from_obj(l.as_ref())));
    ctx.preports.state().iter().for_each(|r| ctx.wake.report(ObjectRef::from_obj(r.as_ref())));
    ctx.receipts.select(|key, _| Some(key.clone())).into_iter().for_each(|key| ctx.wake.receipt(key));
    for kind in [Kind::Contacts, Kind::Accounts] {
        ctx.audiences(kind).state().iter().for_each(|audience| ctx.wake.audience(audience.key()));
    }
}

/// Receipts of one page of a list.
const PAGE: u32 = 100;

/// Counts what the receipts say about today's creates. Until they are counted nothing is claimed.
async fn count_day(ctx: &Context) {
    let namespaces = &ctx.switches.namespaces;
    let apis: Vec<Api<AudienceReceipt>> = if namespaces.is_empty() {
        vec![Api::all(ctx.cluster.client().clone())]
    } else {
        namespaces.iter().map(|n| ctx.cluster.api(n)).collect()
    };
    let now = ctx.clock.wall();
    let label = format!("{DAY_LABEL}={}", ledger_store::day_label(now));
    for api in apis {
        let mut params = ListParams::default().labels(&label).limit(PAGE);
        loop {
            match ctx.cluster.call(api.list(&params)).await {
                Ok(page) => {
                    page.items
                        .iter()
                        .filter_map(|r| Entry::of(r).receipt.ok())
                        .for_each(|r| ctx.budgets.count(now, &r));
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

async fn workspace_pass(ctx: &Arc<Context>, object: &PropensityWorkspace) -> Option<Duration> {
    let namespace = object.metadata.namespace.clone().unwrap_or_default();
    let name = object.spec.secret_ref.name.clone();
    if !ctx.secrets.is_covered(&namespace, &name) {
        // Whoever listens may be ending; then nothing needs watching.
        let _ = ctx.named_secrets.send(Scope { namespace: Some(namespace), name });
    }
    let pass = async { workspace::pass(ctx, object).await.map(|after| (Outcome::Done, after)) };
    timed(ctx, metrics::Kind::Workspace, pass, |error| {
        tracing::warn!(workspace = %ObjectRef::from_obj(object), %error, "the workspace is looked at again later");
    })
    .await
}

async fn suppression_pass(ctx: &Arc<Context>, object: &SuppressionList) -> Option<Duration> {
    timed(ctx, metrics::Kind::SuppressionList, suppression::pass(ctx, object), |error| {
        tracing::warn!(list = %ObjectRef::from_obj(object), %error, "the suppression list is looked at again later");
    })
    .await
}

async fn report_pass(ctx: &Arc<Context>, object: &PropensityReport) -> Option<Duration> {
    timed(ctx, metrics::Kind::Report, reports::pass(ctx, object), |error| {
        tracing::warn!(report = %ObjectRef::from_obj(object), %error, "the report is looked at again later");
    })
    .await
}

/// Counts and times a pass. One that fails is told of and repeated soon.
async fn timed(
    ctx: &Context,
    kind: metrics::Kind,
    pass: impl Future<Output = Result<(Outcome, Option<Duration>), CallError>>,
    tell: impl FnOnce(CallError),
) -> Option<Duration> {
    let timing = ctx.metrics.reconcile(kind);
    match pass.await {
        Ok((outcome, after)) => {
            timing.finish(outcome);
            after
        }
        Err(error) => {
            tell(error);
            timing.finish(Outcome::Error);
            Some(ctx.clock.jittered(Duration::from_secs(5), 0.5))
        }
    }
}

async fn audience_pass(ctx: &Arc<Context>, object: &Tracked) -> Option<Duration> {
    let timing = ctx.metrics.reconcile(gather::kind_label(object.kind));
    match audience::pass(ctx, object).await {
        Ok(next) => {
            ctx.memory.succeeded(object.uid());
            timing.finish(next.outcome);
            next.after
        }
        Err(error) => {
            let failures = ctx.memory.failed(object.uid());
            tracing::warn!(audience = %object.key(), %error, failures, "the audience is looked at again later");
            timing.finish(Outcome::Error);
            Some(backoff(&ctx.clock, failures))
        }
    }
}

/// 1 s, doubling to 5 minutes, with jitter.
fn backoff(clock: &Clock, failures: u32) -> Duration {
    let base = Duration::from_secs(1_u64 << failures.saturating_sub(1).min(8)).min(Duration::from_secs(300));
    clock.jittered(base, 0.3)
}
