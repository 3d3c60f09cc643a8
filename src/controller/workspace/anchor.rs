//! The anchor of a ledger: a receipt that shows that this is the ledger that a workspace was first used with.
//!
//! A rebuilt namespace or a second cluster on the same git would send everything again. The anchor's random ID, pinned in the workspace's spec, stops that; without a pin the
//! status still remembers it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::api::PropensityWorkspace;
use crate::controller::context::shared::Context;
use crate::controller::kube::cluster::CallError;
use crate::controller::kube::ledger_store::LedgerStore;
use crate::ledger::{Identity, Record};

/// What is known of a workspace's ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LedgerState {
    /// Not looked at yet.
    #[default]
    Unknown,
    /// It is the right one; its ID.
    Present(String),
    /// It isn't; why, as a sentence.
    Missing(String),
}

/// The ledgers of all workspaces, by the workspace's UID.
#[derive(Default)]
pub struct Ledgers {
    states: Mutex<HashMap<String, LedgerState>>,
}

impl Ledgers {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, LedgerState>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of a workspace's ledger.
    #[must_use]
    pub fn get(&self, workspace: &PropensityWorkspace) -> LedgerState {
        let uid = workspace.metadata.uid.as_deref().unwrap_or_default();
        self.lock().get(uid).cloned().unwrap_or_default()
    }

    /// Forgets a workspace that is gone.
    pub fn forget(&self, uid: &str) {
        self.lock().remove(uid);
    }

    /// Remembers what was found out.
    pub fn set(&self, workspace: &PropensityWorkspace, state: LedgerState) {
        let uid = workspace.metadata.uid.clone().unwrap_or_default();
        self.lock().insert(uid, state);
    }
}

/// Looks the anchor up and makes it where that is right.
///
/// # Errors
/// When the API server doesn't answer.
pub async fn look_up(ctx: &Context, workspace: &PropensityWorkspace, host: &str) -> Result<LedgerState, CallError> {
    let namespace = workspace.metadata.namespace.as_deref().unwrap_or_default();
    let remembered = workspace.status.as_ref().and_then(|s| s.ledger_id.as_deref()).unwrap_or_default();
    let pinned = workspace.spec.ledger_id.as_str();
    let fresh = Identity::anchor(&workspace.spec.workspace_id, host, &ctx.clock.random_id());
    let store = LedgerStore::new(&ctx.cluster, namespace);
    let name = fresh.receipt_name();
    let entry = match store.read(&name).await? {
        Some(entry) => entry,
        None if !pinned.is_empty() => {
            return Ok(LedgerState::Missing(format!(
                "spec.ledgerID pins ledger {pinned}, but its anchor, receipt {name}, isn't in this namespace."
            )));
        }
        None if !remembered.is_empty() => {
            return Ok(LedgerState::Missing(format!(
                "status.ledgerID remembers ledger {remembered}, but its anchor, receipt {name}, is gone."
            )));
        }
        None => match store.create(&fresh, &Record::anchor(), None).await {
            Ok(entry) => entry,
            // Of two that race the loser reads the winner's.
            Err(CallError::AlreadyExists) => store.read(&name).await?.ok_or(CallError::Unclear)?,
            Err(error) => return Err(error),
        },
    };
    let found = match entry.receipt {
        Ok(receipt) => receipt.identity.ledger_id.unwrap_or_default(),
        Err(why) => return Ok(LedgerState::Missing(format!("the anchor, receipt {name}, can't be trusted: {why}."))),
    };
    let expected = if pinned.is_empty() { remembered } else { pinned };
    if !expected.is_empty() && expected != found {
        let field = if pinned.is_empty() { "status.ledgerID" } else { "spec.ledgerID" };
        return Ok(LedgerState::Missing(format!(
            "{field} names ledger {expected}, but the anchor in this namespace is of ledger {found}."
        )));
    }
    Ok(LedgerState::Present(found))
}
