//! What reconciling a report needs.

use std::sync::Arc;

use crate::controller::context::caches::Caches;
use crate::controller::context::creates::Creates;
use crate::controller::context::process::Process;
use crate::controller::context::queues::Queues;
use crate::controller::kube::cluster::Cluster;
use crate::controller::kube::events::Publisher;
use crate::controller::lists::access::ListAccess;
use crate::controller::state::audiences::AudienceMemory;
use crate::controller::state::reports::ReportMemory;
use crate::propensity::ReportClient;

/// What reconciling a report needs.
pub struct Context {
    /// The API server.
    pub cluster: Arc<Cluster>,
    /// Events.
    pub events: Publisher,
    /// What the watches show.
    pub caches: Arc<Caches>,
    /// Fetches reports from the Propensity API.
    pub client: ReportClient,
    /// The gates, which reports pass behind all creates.
    pub creates: Arc<Creates>,
    /// Reads the lists of audiences that are matched.
    pub lists: Arc<ListAccess>,
    /// What is kept of reports.
    pub memory: Arc<ReportMemory>,
    /// What is kept of audiences: their newest statuses.
    pub audiences: Arc<AudienceMemory>,
    /// Which objects are reconciled next.
    pub queues: Arc<Queues>,
    /// Clock and metrics.
    pub process: Arc<Process>,
}
