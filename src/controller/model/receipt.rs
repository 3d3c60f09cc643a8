//! A receipt as the API server has it.

use super::readiness::Readiness;
use crate::api::audience_status::CreatedAudience;
use crate::api::{AudienceReceipt, RESOLVE_ANNOTATION};
use crate::ledger::{self, AudienceRef, State, Unreadable};

/// A receipt as the API server has it, read as far as this version can.
#[derive(Clone, Debug)]
pub struct StoredReceipt {
    /// The version that a write must name.
    pub resource_version: String,
    /// The receipt, or why it can't be trusted.
    pub receipt: Result<ledger::Receipt, Unreadable>,
    /// The value of the resolve annotation.
    pub annotation: Option<String>,
    /// Whether it has any labels.
    pub labelled: bool,
}

impl StoredReceipt {
    /// Reads a receipt.
    #[must_use]
    pub fn of(object: &AudienceReceipt) -> Self {
        let annotations = object.metadata.annotations.as_ref();
        Self {
            resource_version: object.metadata.resource_version.clone().unwrap_or_default(),
            receipt: object.read(),
            annotation: annotations.and_then(|a| a.get(RESOLVE_ANNOTATION)).cloned(),
            labelled: object.metadata.labels.as_ref().is_some_and(|labels| !labels.is_empty()),
        }
    }

    /// The receipt as [`ledger::decide`] takes it.
    ///
    /// # Errors
    /// Why it can't be trusted.
    pub fn as_read(&self) -> Result<&ledger::Receipt, Unreadable> {
        self.receipt.as_ref().map_err(|why| *why)
    }

    /// Its state. A receipt that can't be trusted counts as unknown.
    #[must_use]
    pub fn state(&self) -> State {
        self.receipt.as_ref().map_or(State::Unknown, |r| r.summary.state)
    }

    /// The audience that an attempt was made for.
    #[must_use]
    pub fn audience_of(&self, attempt: &str) -> Option<&AudienceRef> {
        self.receipt.as_ref().ok()?.record.attempt(attempt).map(|attempt| &attempt.audience)
    }

    /// The audiences that its attempts were made for.
    #[must_use]
    pub fn audiences(&self) -> Vec<AudienceRef> {
        let attempts = self.receipt.as_ref().map(|r| r.record.attempts.as_slice()).unwrap_or_default();
        let mut audiences: Vec<_> = attempts.iter().map(|a| a.audience.clone()).collect();
        audiences.dedup();
        audiences
    }
}

/// An audience that exists in the workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExistingAudience {
    /// What the ledger records of it.
    pub audience: CreatedAudience,
    /// Whether it was created for this very resource, by its UID.
    pub own: bool,
}

/// The result of reconciling one part of a split list.
#[derive(Clone, Debug)]
pub struct PartResult {
    /// Its state.
    pub readiness: Readiness,
    /// Its receipt.
    pub receipt: String,
    /// The audience that it is in the workspace.
    pub existing: Option<ExistingAudience>,
}
