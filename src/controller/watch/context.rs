//! What the watches need.

use std::sync::Arc;

use crate::controller::context::caches::Caches;
use crate::controller::context::creates::Creates;
use crate::controller::context::process::Process;
use crate::controller::context::queues::Queues;
use crate::controller::kube::cluster::Cluster;
use crate::controller::lists::access::ListAccess;
use crate::controller::state::audiences::AudienceMemory;
use crate::controller::state::reports::ReportMemory;
use crate::controller::state::workspaces::WorkspaceMemory;

/// What the watches need.
pub struct Context {
    /// The API server.
    pub cluster: Arc<Cluster>,
    /// The namespaces to watch; all if empty.
    pub namespaces: Vec<String>,
    /// What the watches show.
    pub caches: Arc<Caches>,
    /// What is kept of audiences, which goes with them.
    pub audiences: Arc<AudienceMemory>,
    /// What is kept of workspaces, which goes with them.
    pub workspaces: Arc<WorkspaceMemory>,
    /// What is kept of reports, which goes with them.
    pub reports: Arc<ReportMemory>,
    /// Reads lists; knows which audiences depend on which sources.
    pub lists: Arc<ListAccess>,
    /// The gates, which an audience or workspace leaves when it goes.
    pub creates: Arc<Creates>,
    /// Which objects are reconciled next.
    pub queues: Arc<Queues>,
    /// Clock and metrics.
    pub process: Arc<Process>,
}
