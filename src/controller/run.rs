//! Start, lead, drain, end.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kube::runtime::reflector::store::Writer;
use tokio::sync::{mpsc::UnboundedReceiver, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::cluster::{Cluster, ConnectError, connect};
use super::context::{Api, Budgets, Context, Switches, Wake};
use super::events::Publisher;
use super::flights::Flights;
use super::gates::Gates;
use super::leader::{Elector, Leadership, LeaseSettings};
use super::lists::Lists;
use super::memory::Memory;
use super::open_receipts::OpenReceipts;
use super::sources::Named;
use super::tracked::Tracked;
use super::{anchor::Ledgers, lead, queue, reports, sources, watches, workspace};
use crate::api::{AccountAudience, ContactAudience, PropensityReport, PropensityWorkspace, SuppressionList};
use crate::audience::Kind;
use crate::clock::Clock;
use crate::propensity::{AllowedHosts, BaseUrl, Client, ClientError, ClientSettings, EndpointError, ReportClient};
use crate::settings::Settings;
use crate::sources::networks::PrivateNetworks;
use crate::sources::remote::{FetchPolicy, SourceClient};
use crate::sources::{Secrets, secrets::Scope, versions::Versions};
use crate::telemetry::http::{self, Health, ListenError};
use crate::telemetry::metrics::Metrics;

/// Why the operator ended otherwise than by being told to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// No way to the API server.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// No client of the Propensity API.
    #[error("no client of the Propensity API: {0}")]
    Client(#[from] ClientError),
    /// The allow-list of hosts can't be read.
    #[error("--allowed-hosts: {0}")]
    AllowedHosts(EndpointError),
    /// The list of hosts that lists may be fetched from can't be read.
    #[error("--source-hosts: {0}")]
    SourceHosts(EndpointError),
    /// A network that isn't one.
    #[error("--source-networks: {0:?} isn't a network: write it as in 10.1.0.0/16")]
    SourceNetworks(String),
    /// The base URL can't be used at all.
    #[error("--api-url: {0}")]
    ApiUrl(EndpointError),
    /// The file of extra authorities can't be read.
    #[error("--ca-file {path} can't be read: {source}")]
    CaFile {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The address for probes and metrics is taken.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// Signals can't be listened for.
    #[error("signals can't be listened for: {0}")]
    Signals(std::io::Error),
    /// Another process leads now.
    #[error(
        "leadership is lost: this process has stopped claiming, has let its requests end, and ends so that it can start anew"
    )]
    LeadershipLost,
    /// A part ended that should never end.
    #[error("a part of the operator ended by itself, which none should; the process ends so that it can start anew")]
    PartEnded,
}

/// How long a drain may take beside the longest request.
const DRAIN_MARGIN: Duration = Duration::from_secs(60);

/// The longest request that a workspace may ask for.
const LONGEST_REQUEST: Duration = Duration::from_secs(120);

/// Runs the operator until SIGTERM, SIGINT or a lost lease, and drains before it ends: nothing is claimed any more, and what is in flight is recorded.
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

    let parts = build(&settings, clock, &metrics).await?;
    let ended = work(&settings, parts, &health).await;

    stop_http.cancel();
    let _ = tokio::time::timeout(Duration::from_secs(5), server).await;
    ended
}

/// The context, and the writers that its watches fill.
struct Parts {
    ctx: Arc<Context>,
    workspaces: Writer<PropensityWorkspace>,
    contacts: Writer<Tracked>,
    accounts: Writer<Tracked>,
    suppression_lists: Writer<SuppressionList>,
    preports: Writer<PropensityReport>,
    named_secrets: UnboundedReceiver<Scope>,
    named_sources: UnboundedReceiver<Named>,
}

async fn build(settings: &Settings, clock: Clock, metrics: &Metrics) -> Result<Parts, RunError> {
    let client = connect().await?;
    let identity = settings.identity_or_random(&clock);
    let allowed = AllowedHosts::parse(settings.allowed_hosts.iter()).map_err(RunError::AllowedHosts)?;
    let api = match BaseUrl::parse(settings.api_url.as_str(), &allowed) {
        Ok(base) => Ok(Api { client: Client::new(base.clone(), &client_settings(settings)?)?, base }),
        // A wrong setting, but one that each workspace can tell: what is created already stays visible.
        Err(error @ EndpointError::NotAllowed { .. }) => Err(error.to_string()),
        Err(error) => return Err(RunError::ApiUrl(error)),
    };
    let workspaces = watches::empty(());
    let contacts = watches::empty(Kind::Contacts);
    let accounts = watches::empty(Kind::Accounts);
    let suppression_lists = watches::empty(());
    let preports = watches::empty(());
    let (names, named_secrets) = queue::channel();
    let (sources, named_sources) = queue::channel();
    let ctx = Context {
        cluster: Cluster::new(client.clone(), metrics.clone()),
        api,
        clock,
        switches: Switches {
            suspend: settings.suspend,
            send_by: settings.send_by,
            identity: identity.clone(),
            namespaces: settings.watch_namespaces.to_vec(),
        },
        workspaces: workspaces.as_reader(),
        contacts: contacts.as_reader(),
        accounts: accounts.as_reader(),
        suppression_lists: suppression_lists.as_reader(),
        preports: preports.as_reader(),
        receipts: OpenReceipts::default(),
        secrets: Secrets::default(),
        named_secrets: names,
        versions: Versions::default(),
        named_sources: sources,
        remote: remote(settings)?,
        lists: Lists::default(),
        report_client: report_client(settings, allowed)?,
        reports: reports::State::default(),
        gates: Gates::default(),
        ledgers: Ledgers::default(),
        budgets: Budgets::default(),
        feeds: watch::Sender::new(0),
        memory: Memory::default(),
        seen: workspace::Seen::default(),
        flights: Flights::default(),
        wake: Wake::default(),
        events: Publisher::new(client, &identity, Clock::new()),
        metrics: metrics.clone(),
        claims: AtomicBool::new(false),
        epoch: (clock.wall(), clock.boottime()),
    };
    Ok(Parts {
        ctx: Arc::new(ctx),
        workspaces,
        contacts,
        accounts,
        suppression_lists,
        preports,
        named_secrets,
        named_sources,
    })
}

fn client_settings(settings: &Settings) -> Result<ClientSettings, RunError> {
    Ok(ClientSettings { extra_roots: extra_roots(settings)?, ..ClientSettings::default() })
}

fn extra_roots(settings: &Settings) -> Result<Option<Vec<u8>>, RunError> {
    let read = |path: &PathBuf| {
        std::fs::read(path).map_err(|source| RunError::CaFile { path: path.display().to_string(), source })
    };
    settings.ca_file.as_ref().map(read).transpose()
}

fn report_client(settings: &Settings, allowed: AllowedHosts) -> Result<ReportClient, RunError> {
    // As for creates, the environment's proxy isn't asked on the way to this machine itself.
    let direct = settings.api_url.host_str().is_some_and(|host| ["localhost", "127.0.0.1", "[::1]"].contains(&host));
    Ok(ReportClient::new(allowed, &client_settings(settings)?, direct)?)
}

fn remote(settings: &Settings) -> Result<SourceClient, RunError> {
    let hosts = AllowedHosts::parse(settings.source_hosts.iter()).map_err(RunError::SourceHosts)?;
    let networks = settings.source_networks.iter().map(String::as_str);
    let networks = PrivateNetworks::parse(networks).map_err(RunError::SourceNetworks)?;
    let roots = extra_roots(settings)?;
    SourceClient::new(FetchPolicy { hosts, networks }, roots.as_deref())
        .map_err(|_| RunError::Client(ClientError::Setup))
}

/// Watches, leads, drains.
async fn work(settings: &Settings, parts: Parts, health: &Health) -> Result<(), RunError> {
    let Parts { ctx, workspaces, contacts, accounts, suppression_lists, preports, named_secrets, named_sources } =
        parts;
    let mut signals = Signals::new().map_err(RunError::Signals)?;
    let mut tasks = JoinSet::new();
    tasks.spawn(watches::workspaces(Arc::clone(&ctx), workspaces));
    tasks.spawn(watches::audiences::<ContactAudience>(Arc::clone(&ctx), contacts, Kind::Contacts));
    tasks.spawn(watches::audiences::<AccountAudience>(Arc::clone(&ctx), accounts, Kind::Accounts));
    tasks.spawn(sources::suppression_lists(Arc::clone(&ctx), suppression_lists));
    tasks.spawn(watches::reports(Arc::clone(&ctx), preports));
    tasks.spawn(watches::receipts(Arc::clone(&ctx)));
    for scope in scopes(settings) {
        ctx.secrets.add_watch(&scope);
        tasks.spawn(watches::secrets(Arc::clone(&ctx), scope));
    }
    tasks.spawn(watches::named_secrets(Arc::clone(&ctx), named_secrets));
    tasks.spawn(sources::named(Arc::clone(&ctx), named_sources));
    tasks.spawn(sources::config_maps(Arc::clone(&ctx)));
    tasks.spawn(watches::metrics(Arc::clone(&ctx)));
    tasks.spawn(heartbeat(health.clone()));

    let stop_lease = CancellationToken::new();
    let (mut leadership, lease) = elect(settings, &ctx, stop_lease.clone());

    let mut working = JoinSet::new();
    let ended = tokio::select! {
        why = lead::lead(&ctx, health, &mut leadership, &mut working) => Err(why),
        _ = tasks.join_next() => Err(RunError::PartEnded),
        signal = signals.next() => {
            tracing::info!(signal, "ending: nothing is claimed any more, requests in flight come to their end");
            Ok(())
        }
    };
    drain(&ctx).await;
    stop_lease.cancel();
    if let Some(lease) = lease {
        let _ = lease.await;
    }
    working.shutdown().await;
    tasks.shutdown().await;
    ended
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
    ctx: &Context,
    stop: CancellationToken,
) -> (watch::Receiver<Leadership>, Option<tokio::task::JoinHandle<()>>) {
    if !settings.leader_elect {
        let (sender, receiver) = watch::channel(Leadership::Leading { since: ctx.clock.boottime() });
        // Kept until the end, so that the channel stays open.
        let held = tokio::spawn(async move {
            stop.cancelled().await;
            drop(sender);
        });
        return (receiver, Some(held));
    }
    let client = ctx.cluster.client().clone();
    let lease = LeaseSettings {
        namespace: settings.lease_namespace_or(client.default_namespace()),
        name: settings.lease_name.clone(),
        identity: ctx.switches.identity.clone(),
        duration: settings.lease_duration,
        renew_deadline: settings.renew_deadline,
        retry_period: settings.retry_period,
    };
    let elector = Elector::new(client, lease, Clock::new());
    let leadership = elector.leadership();
    (leadership, Some(tokio::spawn(elector.run(stop))))
}

/// Stops claiming, lets passes end, and waits until every outcome is recorded.
async fn drain(ctx: &Context) {
    ctx.claims.store(false, Ordering::SeqCst);
    ctx.metrics.set_leader(false);
    ctx.wake.close();
    let in_flight = ctx.flights.count();
    if tokio::time::timeout(LONGEST_REQUEST + DRAIN_MARGIN, ctx.flights.drained()).await.is_err() {
        tracing::error!(
            in_flight = ctx.flights.count(),
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

/// The signals that end the process.
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
