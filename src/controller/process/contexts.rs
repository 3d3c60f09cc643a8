//! The context of every reconciler.

use std::sync::Arc;

use crate::controller::context::process::Process;
use crate::controller::lists::access::ListAccess;
use crate::controller::state::sync::SyncTracker;
use crate::controller::{audience, receipts, reports, watch, workspace};

/// The context of every reconciler, and what the process itself needs.
pub struct Contexts {
    /// This process.
    pub process: Arc<Process>,
    /// Which watches have listed.
    pub sync: SyncTracker,
    /// For the watches.
    pub watch: Arc<watch::context::Context>,
    /// For audiences.
    pub audience: Arc<audience::context::Context>,
    /// For workspaces.
    pub workspace: Arc<workspace::reconcile::Context>,
    /// For reports.
    pub reports: Arc<reports::context::Context>,
    /// For receipts.
    pub receipts: Arc<receipts::Context>,
    /// For suppression lists.
    pub lists: Arc<ListAccess>,
}
