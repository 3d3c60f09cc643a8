//! Starts, leads, drains and ends.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch::{Receiver, channel};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use super::contexts::Contexts;
use super::error::RunError;
use super::leader::{Elector, Leadership, LeaseSettings};
use super::signals::Signals;
use super::wiring::{Watchers, Wiring};
use super::{gauges, lead};
use crate::api::{AccountAudience, ContactAudience};
use crate::audience::Kind;
use crate::clock::Clock;
use crate::controller::watch;
use crate::settings::Settings;
use crate::sources::secrets::Scope;
use crate::telemetry::http::{self, Health};
use crate::telemetry::metrics::Metrics;

/// How long a drain may take beside the longest request.
const DRAIN_MARGIN: Duration = Duration::from_secs(60);

/// The longest request that a workspace may ask for.
const LONGEST_REQUEST: Duration = Duration::from_secs(120);

/// Runs the operator until SIGTERM, SIGINT or a lost lease, and drains before it ends: nothing is claimed any more, and
/// what is in flight is recorded.
///
/// # Errors
/// Why it couldn't start or had to end.
pub async fn run(settings: Settings) -> Result<(), RunError> {
    let clock = settings.clock();
    let metrics = Metrics::new(env!("CARGO_PKG_VERSION"), clock.wall());
    let health = Health::new(&["caches"]);
    let listener = http::listen(settings.listen).await?;
    if let Ok(address) = listener.local_addr() {
        tracing::info!(%address, "probes and metrics are served");
    }
    let stop_http = CancellationToken::new();
    let server = tokio::spawn(http::serve(listener, health.clone(), metrics.clone(), stop_http.clone()));

    let wiring = Wiring::new(&settings, clock, &metrics).await?;
    let ended = work(&settings, wiring, &health).await;

    stop_http.cancel();
    let _ = tokio::time::timeout(Duration::from_secs(5), server).await;
    ended
}

/// Watches, leads, drains.
async fn work(settings: &Settings, wiring: Wiring, health: &Health) -> Result<(), RunError> {
    let Wiring { contexts, watchers } = wiring;
    let mut signals = Signals::new().map_err(RunError::Signals)?;
    let mut tasks = JoinSet::new();
    watch_all(settings, &contexts, watchers, &mut tasks);
    tasks.spawn(gauges::run(Arc::clone(&contexts.audience)));
    tasks.spawn(heartbeat(health.clone()));

    let stop_lease = CancellationToken::new();
    let (mut leadership, lease) = elect(settings, &contexts, stop_lease.clone());

    let mut working = JoinSet::new();
    let ended = tokio::select! {
        why = lead::lead(&contexts, health, &mut leadership, &mut working) => Err(why),
        _ = tasks.join_next() => Err(RunError::PartEnded),
        signal = signals.next() => {
            tracing::info!(signal, "ending: nothing is claimed any more, requests in flight come to their end");
            Ok(())
        }
    };
    drain(&contexts).await;
    stop_lease.cancel();
    if let Some(lease) = lease {
        let _ = lease.await;
    }
    working.shutdown().await;
    tasks.shutdown().await;
    ended
}

/// Starts the watches, each as a task of its own.
fn watch_all(settings: &Settings, contexts: &Contexts, watchers: Watchers, tasks: &mut JoinSet<()>) {
    let Watchers { workspaces, contacts, accounts, suppression_lists, reports, on_demand } = watchers;
    let ctx = || Arc::clone(&contexts.watch);
    let sync = |name| contexts.sync.handle(name);
    tasks.spawn(watch::workspaces::watch(ctx(), workspaces, sync("workspaces")));
    let handle = sync("contact audiences");
    tasks.spawn(watch::audiences::watch::<ContactAudience>(ctx(), contacts, Kind::Contacts, handle));
    let handle = sync("account audiences");
    tasks.spawn(watch::audiences::watch::<AccountAudience>(ctx(), accounts, Kind::Accounts, handle));
    tasks.spawn(watch::suppression_lists::watch(ctx(), suppression_lists, sync("suppression lists")));
    tasks.spawn(watch::reports::watch(ctx(), reports, sync("reports")));
    tasks.spawn(watch::receipts::watch(ctx(), sync("receipts")));
    tasks.spawn(watch::config_maps::watch(ctx(), sync("config maps")));
    for scope in scopes(settings) {
        contexts.watch.caches.secrets.add_watch(&scope);
        tasks.spawn(watch::secrets::watch(ctx(), scope));
    }
    tasks.spawn(watch::on_demand::run(ctx(), on_demand));
}

/// The Secrets to watch: each name, everywhere or in each namespace.
fn scopes(settings: &Settings) -> Vec<Scope> {
    let namespaces: Vec<Option<String>> = if settings.watch_namespaces.is_empty() {
        vec![None]
    } else {
        settings.watch_namespaces.iter().cloned().map(Some).collect()
    };
    let names = settings.secret_names.iter();
    names.flat_map(|name| namespaces.iter().map(move |n| Scope { namespace: n.clone(), name: name.clone() })).collect()
}

/// Competes for the Lease, or leads at once where election is off.
fn elect(
    settings: &Settings,
    contexts: &Contexts,
    stop: CancellationToken,
) -> (Receiver<Leadership>, Option<JoinHandle<()>>) {
    if !settings.leader_elect {
        let (sender, receiver) = channel(Leadership::Leading { since: contexts.process.clock.boottime() });
        // Kept until the end, so that the channel stays open.
        let held = tokio::spawn(async move {
            stop.cancelled().await;
            drop(sender);
        });
        return (receiver, Some(held));
    }
    let client = contexts.watch.cluster.client().clone();
    let lease = LeaseSettings {
        namespace: settings.lease_namespace_or(client.default_namespace()),
        name: settings.lease_name.clone(),
        identity: contexts.process.identity.clone(),
        duration: settings.lease_duration,
        renew_deadline: settings.renew_deadline,
        retry_period: settings.retry_period,
    };
    let elector = Elector::new(client, lease, Clock::new());
    let leadership = elector.leadership();
    (leadership, Some(tokio::spawn(elector.run(stop))))
}

/// Stops claiming, lets reconciles end, and waits until every outcome is recorded.
async fn drain(contexts: &Contexts) {
    let process = &contexts.process;
    process.set_may_claim(false);
    process.metrics.set_leader(false);
    contexts.watch.queues.close();
    let attempts = &contexts.watch.creates.attempts;
    let in_flight = attempts.count();
    if tokio::time::timeout(LONGEST_REQUEST + DRAIN_MARGIN, attempts.drained()).await.is_err() {
        tracing::error!(
            in_flight = attempts.count(),
            "some outcomes couldn't be recorded in time; they become unknown"
        );
    } else {
        tracing::info!(in_flight, "drained");
    }
}

async fn heartbeat(health: Health) {
    loop {
        health.beat();
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
}
