//! The anchor of a ledger: a receipt that shows that this is the ledger that a workspace was first used with.
//!
//! A rebuilt namespace or a second cluster on the same git would send everything again. The anchor's random ID, pinned
//! in the workspace's spec, stops that; without a pin the status still remembers it.

use crate::api::PropensityWorkspace;
use crate::clock::Clock;
use crate::controller::decide::workspace_messages as messages;
use crate::controller::kube::cluster::{CallError, Cluster};
use crate::controller::kube::ledger_store::LedgerStore;
use crate::controller::model::ledger::LedgerState;
use crate::ledger::{Identity, Record};

/// Reads the anchor, and creates it where the workspace has none and never had one.
///
/// # Errors
/// When the API server doesn't answer.
pub async fn look_up(
    cluster: &Cluster,
    clock: &Clock,
    workspace: &PropensityWorkspace,
    host: &str,
) -> Result<LedgerState, CallError> {
    let namespace = workspace.metadata.namespace.as_deref().unwrap_or_default();
    let remembered = workspace.status.as_ref().and_then(|s| s.ledger_id.as_deref()).unwrap_or_default();
    let pinned = workspace.spec.ledger_id.as_str();
    let fresh = Identity::anchor(&workspace.spec.workspace_id, host, &clock.random_id());
    let store = LedgerStore::new(cluster, namespace);
    let name = fresh.receipt_name();
    let entry = match store.read(&name).await? {
        Some(entry) => entry,
        None if !pinned.is_empty() => {
            return Ok(LedgerState::Missing(messages::pinned_anchor_missing(pinned, &name)));
        }
        None if !remembered.is_empty() => {
            return Ok(LedgerState::Missing(messages::remembered_anchor_missing(remembered, &name)));
        }
        None => match store.create(&fresh, &Record::anchor(), None).await {
            Ok(entry) => entry,
            // If another process created it first, that one is read.
            Err(CallError::AlreadyExists) => store.read(&name).await?.ok_or(CallError::Unclear)?,
            Err(error) => return Err(error),
        },
    };
    let found = match entry.receipt {
        Ok(receipt) => receipt.identity.ledger_id.unwrap_or_default(),
        Err(why) => return Ok(LedgerState::Missing(messages::anchor_unreadable(&name, why))),
    };
    let expected = if pinned.is_empty() { remembered } else { pinned };
    if !expected.is_empty() && expected != found {
        let field = if pinned.is_empty() { "status.ledgerID" } else { "spec.ledgerID" };
        return Ok(LedgerState::Missing(messages::anchor_of_other_ledger(field, expected, &found)));
    }
    Ok(LedgerState::Present(found))
}
