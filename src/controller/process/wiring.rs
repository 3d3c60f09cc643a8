//! Builds everything once and connects it.

use std::sync::Arc;

use kube::runtime::reflector::store::Writer;
use tokio::sync::mpsc::UnboundedReceiver;

use super::clients;
use super::contexts::Contexts;
use super::error::RunError;
use crate::api::{PropensityReport, PropensityWorkspace, SuppressionList};
use crate::audience::Kind;
use crate::clock::Clock;
use crate::controller::context::caches::Caches;
use crate::controller::context::creates::Creates;
use crate::controller::context::process::Process;
use crate::controller::context::queues::Queues;
use crate::controller::kube::cluster::{Cluster, connect};
use crate::controller::kube::events::Publisher;
use crate::controller::lists::access::ListAccess;
use crate::controller::lists::turns::Turns;
use crate::controller::model::audience::Tracked;
use crate::controller::model::source::OnDemand;
use crate::controller::state::attempts::Attempts;
use crate::controller::state::audiences::AudienceMemory;
use crate::controller::state::budgets::Budgets;
use crate::controller::state::gates::Gates;
use crate::controller::state::lists::ListMemory;
use crate::controller::state::open_receipts::OpenReceipts;
use crate::controller::state::reports::ReportMemory;
use crate::controller::state::sync::SyncTracker;
use crate::controller::state::workspaces::WorkspaceMemory;
use crate::controller::watch::store::empty;
use crate::controller::{audience, receipts, reports, watch, workspace};
use crate::propensity::ReportClient;
use crate::settings::Settings;
use crate::sources::Secrets;
use crate::sources::versions::Versions;
use crate::telemetry::metrics::Metrics;

/// The contexts, and what the watches fill.
pub struct Wiring {
    /// The context of every reconciler.
    pub contexts: Contexts,
    /// What the watches fill.
    pub watchers: Watchers,
}

/// What the watches fill.
pub struct Watchers {
    /// The workspaces.
    pub workspaces: Writer<PropensityWorkspace>,
    /// The contact audiences.
    pub contacts: Writer<Tracked>,
    /// The account audiences.
    pub accounts: Writer<Tracked>,
    /// The suppression lists.
    pub suppression_lists: Writer<SuppressionList>,
    /// The reports.
    pub reports: Writer<PropensityReport>,
    /// Requests for watches on demand.
    pub on_demand: UnboundedReceiver<OnDemand>,
}

impl Wiring {
    /// Builds everything.
    ///
    /// # Errors
    /// When the API server can't be reached by configuration, or a setting can't be used.
    pub async fn new(settings: &Settings, clock: Clock, metrics: &Metrics) -> Result<Self, RunError> {
        let client = connect().await?;
        let identity = settings.identity_or_random(&clock);
        let allowed = clients::allowed_hosts(settings)?;
        let (queues, on_demand) = Queues::new();
        let watchers = Watchers {
            workspaces: empty(()),
            contacts: empty(Kind::Contacts),
            accounts: empty(Kind::Accounts),
            suppression_lists: empty(()),
            reports: empty(()),
            on_demand,
        };
        let caches = Arc::new(Caches {
            workspaces: watchers.workspaces.as_reader(),
            contacts: watchers.contacts.as_reader(),
            accounts: watchers.accounts.as_reader(),
            suppression_lists: watchers.suppression_lists.as_reader(),
            reports: watchers.reports.as_reader(),
            receipts: OpenReceipts::default(),
            secrets: Secrets::default(),
            versions: Versions::default(),
        });
        let creates = Arc::new(Creates {
            api: clients::create_api(settings, &allowed)?,
            gates: Gates::default(),
            budgets: Budgets::default(),
            attempts: Attempts::default(),
        });
        let cluster = Arc::new(Cluster::new(client.clone(), metrics.clone()));
        let queues = Arc::new(queues);
        let lists = Arc::new(ListAccess {
            cluster: Arc::clone(&cluster),
            caches: Arc::clone(&caches),
            queues: Arc::clone(&queues),
            remote: clients::remote(settings)?,
            memory: ListMemory::default(),
            turns: Turns::default(),
            clock,
        });
        let shared = Shared {
            cluster,
            events: Publisher::new(client, &identity, Clock::new()),
            process: Arc::new(Process::new(clock, metrics.clone(), identity, settings.suspend, settings.send_by)),
            caches,
            creates,
            lists,
            queues,
        };
        let contexts = shared.contexts(settings, clients::report_client(settings, allowed)?);
        Ok(Self { contexts, watchers })
    }
}

/// What several contexts share.
struct Shared {
    cluster: Arc<Cluster>,
    events: Publisher,
    process: Arc<Process>,
    caches: Arc<Caches>,
    creates: Arc<Creates>,
    lists: Arc<ListAccess>,
    queues: Arc<Queues>,
}

impl Shared {
    fn contexts(self, settings: &Settings, client: ReportClient) -> Contexts {
        let Self { cluster, events, process, caches, creates, lists, queues } = self;
        let audiences = Arc::new(AudienceMemory::default());
        let workspaces = Arc::new(WorkspaceMemory::default());
        let report_memory = Arc::new(ReportMemory::default());
        Contexts {
            sync: SyncTracker::default(),
            watch: Arc::new(watch::context::Context {
                cluster: Arc::clone(&cluster),
                namespaces: settings.watch_namespaces.to_vec(),
                caches: Arc::clone(&caches),
                audiences: Arc::clone(&audiences),
                workspaces: Arc::clone(&workspaces),
                reports: Arc::clone(&report_memory),
                lists: Arc::clone(&lists),
                creates: Arc::clone(&creates),
                queues: Arc::clone(&queues),
                process: Arc::clone(&process),
            }),
            audience: Arc::new(audience::context::Context {
                cluster: Arc::clone(&cluster),
                events: events.clone(),
                caches: Arc::clone(&caches),
                creates: Arc::clone(&creates),
                lists: Arc::clone(&lists),
                memory: Arc::clone(&audiences),
                workspaces: Arc::clone(&workspaces),
                queues: Arc::clone(&queues),
                process: Arc::clone(&process),
            }),
            workspace: Arc::new(workspace::reconcile::Context {
                cluster: Arc::clone(&cluster),
                caches: Arc::clone(&caches),
                creates: Arc::clone(&creates),
                memory: workspaces,
                queues: Arc::clone(&queues),
                process: Arc::clone(&process),
            }),
            reports: Arc::new(reports::context::Context {
                cluster: Arc::clone(&cluster),
                events: events.clone(),
                caches: Arc::clone(&caches),
                client,
                creates: Arc::clone(&creates),
                lists: Arc::clone(&lists),
                memory: report_memory,
                audiences,
                queues,
                process: Arc::clone(&process),
            }),
            receipts: Arc::new(receipts::Context { cluster, events, caches, creates, process: Arc::clone(&process) }),
            lists,
            process,
        }
    }
}
