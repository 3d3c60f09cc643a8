//! What is kept in memory of workspaces between reconciles.

use super::record::Records;
use crate::api::workspace::WorkspaceStatus;
use crate::api::{PropensityWorkspace, Reason};
use crate::controller::model::ledger::LedgerState;
use crate::propensity::KeyId;

/// What is kept of all workspaces.
#[derive(Default)]
pub struct WorkspaceMemory {
    /// The record of each.
    pub records: Records<WorkspaceStatus, WorkspaceDetails>,
}

/// What is kept of one workspace beside what is kept of every object.
#[derive(Default)]
pub struct WorkspaceDetails {
    ledger: LedgerState,
    aspects: Option<Aspects>,
    requested: Option<String>,
}

/// What the audiences and reports of a workspace depend on: when it changes, they are enqueued.
#[derive(Clone, Debug, PartialEq)]
pub struct Aspects {
    /// Generation of the workspace.
    pub generation: Option<i64>,
    /// The key in use.
    pub key: Option<KeyId>,
    /// Reason of its state.
    pub ready: Reason,
    /// Whether today's creates are used up.
    pub spent: bool,
    /// The value of the `requestedAt` annotation.
    pub requested: Option<String>,
}

fn uid(workspace: &PropensityWorkspace) -> &str {
    workspace.metadata.uid.as_deref().unwrap_or_default()
}

impl WorkspaceMemory {
    /// What is known of a workspace's ledger.
    #[must_use]
    pub fn ledger(&self, workspace: &PropensityWorkspace) -> LedgerState {
        self.records.with_known(uid(workspace), |record| record.details.ledger.clone())
    }

    /// Keeps what was found of a workspace's ledger.
    pub fn set_ledger(&self, workspace: &PropensityWorkspace, state: LedgerState) {
        self.records.with_known(uid(workspace), |record| record.details.ledger = state);
    }

    /// Keeps what audiences depend on; whether it changed.
    #[must_use]
    pub fn changed(&self, workspace: &PropensityWorkspace, aspects: Aspects) -> bool {
        self.records
            .with_known(uid(workspace), |record| record.details.aspects.replace(aspects.clone()) != Some(aspects))
    }

    /// Whether a person asks to try again and this process hasn't done so for this request. A status that can't be
    /// written must not make it try for ever.
    #[must_use]
    pub fn is_new_request(
        &self,
        workspace: &PropensityWorkspace,
        requested: Option<&String>,
        handled: Option<&String>,
    ) -> bool {
        requested.is_some()
            && requested != handled
            && self.records.with_known(uid(workspace), |record| {
                let is_new = record.details.requested.as_ref() != requested;
                record.details.requested = requested.cloned();
                is_new
            })
    }

    /// The workspace with the newest status that is known: the one of the watch, or one that was written and that the
    /// watch hasn't shown yet.
    #[must_use]
    pub fn newest(&self, workspace: &PropensityWorkspace) -> PropensityWorkspace {
        let mut workspace = workspace.clone();
        let shown = workspace.metadata.resource_version.as_deref();
        if let Some((version, status)) = self.records.newer_than(uid(&workspace), shown) {
            (workspace.metadata.resource_version, workspace.status) = (Some(version), Some(status));
        }
        workspace
    }
}

#[cfg(test)]
mod tests;
