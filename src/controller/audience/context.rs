//! What reconciling an audience needs.

use std::sync::Arc;

use crate::controller::context::caches::Caches;
use crate::controller::context::creates::Creates;
use crate::controller::context::process::Process;
use crate::controller::context::queues::Queues;
use crate::controller::kube::cluster::Cluster;
use crate::controller::kube::events::Publisher;
use crate::controller::lists::access::ListAccess;
use crate::controller::state::audiences::AudienceMemory;
use crate::controller::state::workspaces::WorkspaceMemory;

/// What reconciling an audience needs.
pub struct Context {
    /// The API server.
    pub cluster: Arc<Cluster>,
    /// Events.
    pub events: Publisher,
    /// What the watches show.
    pub caches: Arc<Caches>,
    /// The Propensity API, gates, budgets and attempts.
    pub creates: Arc<Creates>,
    /// Reads lists.
    pub lists: Arc<ListAccess>,
    /// What is kept of audiences.
    pub memory: Arc<AudienceMemory>,
    /// What is kept of workspaces: the state of their ledgers.
    pub workspaces: Arc<WorkspaceMemory>,
    /// Which objects are reconciled next.
    pub queues: Arc<Queues>,
    /// Clock, metrics, name and switches.
    pub process: Arc<Process>,
}
