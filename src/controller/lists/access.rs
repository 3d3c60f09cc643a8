//! What reading lists needs.

use std::sync::Arc;

use super::turns::Turns;
use crate::clock::Clock;
use crate::controller::context::caches::Caches;
use crate::controller::context::queues::Queues;
use crate::controller::kube::cluster::Cluster;
use crate::controller::state::lists::ListMemory;
use crate::sources::remote::SourceClient;

/// What reading lists needs.
pub struct ListAccess {
    /// The API server.
    pub cluster: Arc<Cluster>,
    /// Versions of sources, and suppression lists.
    pub caches: Arc<Caches>,
    /// Requests for watches of sources.
    pub queues: Arc<Queues>,
    /// Fetches files from other servers.
    pub remote: SourceClient,
    /// What is kept of lists that were read.
    pub memory: ListMemory,
    /// Bounds on what is read at once.
    pub turns: Turns,
    /// Time.
    pub clock: Clock,
}
