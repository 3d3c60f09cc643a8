//! Receipts on the API server: read, create, replace. Each write is one request under a precondition.

use jiff::Timestamp;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::cluster::{CallError, Cluster, Lane};
use crate::api::receipt::{AudienceReceiptFields, RawIdentity, RawRecord};
use crate::api::{AudienceReceipt, DAY_LABEL, RESOLVE_ANNOTATION};
use crate::controller::model::receipt::StoredReceipt;
use crate::ledger::{DayBudget, Identity, Record};

/// The receipts of a namespace.
pub struct LedgerStore<'a> {
    cluster: &'a Cluster,
    namespace: &'a str,
    lane: Lane,
}

impl<'a> LedgerStore<'a> {
    /// The receipts of a namespace.
    #[must_use]
    pub fn new(cluster: &'a Cluster, namespace: &'a str) -> Self {
        Self { cluster, namespace, lane: Lane::Ordinary }
    }

    /// The same for an attempt, which has a deadline.
    #[must_use]
    pub fn of_attempt(cluster: &'a Cluster, namespace: &'a str) -> Self {
        Self { cluster, namespace, lane: Lane::Attempt }
    }

    /// A receipt by its name, from the API server itself.
    ///
    /// # Errors
    /// When the API server doesn't answer; an absent receipt is no error.
    pub async fn read(&self, name: &str) -> Result<Option<StoredReceipt>, CallError> {
        let api = self.cluster.api::<AudienceReceipt>(self.namespace);
        Ok(self.cluster.call_in(self.lane, api.get_opt(name)).await?.as_ref().map(StoredReceipt::of))
    }

    /// Creates the receipt of an identity: the lock on it. The API server accepts one create of a name.
    ///
    /// # Errors
    /// [`CallError::AlreadyExists`] where another process was first.
    pub async fn create(
        &self,
        identity: &Identity,
        record: &Record,
        claimed_at: Option<Timestamp>,
    ) -> Result<StoredReceipt, CallError> {
        let identity_json = serde_json::to_value(identity).expect("an identity is plain JSON");
        let record_json = serde_json::to_value(record).expect("a record is plain JSON");
        let fields =
            AudienceReceiptFields { identity: RawIdentity(identity_json), record: Some(RawRecord(record_json)) };
        let mut receipt = AudienceReceipt::new(&identity.receipt_name(), fields);
        receipt.metadata.labels = claimed_at.map(|at| [(DAY_LABEL.to_owned(), day_label(at))].into());
        let api = self.cluster.api::<AudienceReceipt>(self.namespace);
        let stored = self.cluster.call_in(self.lane, api.create(&PostParams::default(), &receipt)).await?;
        Ok(StoredReceipt::of(&stored))
    }

    /// Replaces the record of a receipt as it was read, and nothing else of it; moves the day label where this write is
    /// a claim, and drops the resolve annotation where this write follows it.
    ///
    /// # Errors
    /// [`CallError::Conflict`] where the receipt changed since it was read.
    pub async fn replace(
        &self,
        name: &str,
        base: &StoredReceipt,
        record: &Record,
        claimed_at: Option<Timestamp>,
        drop_annotation: bool,
    ) -> Result<StoredReceipt, CallError> {
        // A `replace` of the version, not a `test`: a stale one is then a conflict instead of an invalid patch.
        let mut patch = vec![
            json!({"op": "replace", "path": "/metadata/resourceVersion", "value": base.resource_version}),
            json!({"op": "add", "path": "/record", "value": record}),
        ];
        if let Some(at) = claimed_at {
            patch.push(if base.labelled {
                json!({"op": "add", "path": pointer(&["metadata", "labels", DAY_LABEL]), "value": day_label(at)})
            } else {
                json!({"op": "add", "path": "/metadata/labels", "value": {DAY_LABEL: day_label(at)}})
            });
        }
        if drop_annotation && base.annotation.is_some() {
            patch.push(json!({"op": "remove", "path": pointer(&["metadata", "annotations", RESOLVE_ANNOTATION])}));
        }
        let patch: json_patch::Patch =
            serde_json::from_value(Value::Array(patch)).expect("the operations above are a JSON Patch");
        let api = self.cluster.api::<AudienceReceipt>(self.namespace);
        let stored = self
            .cluster
            .call_in(self.lane, api.patch(name, &PatchParams::default(), &Patch::Json::<()>(patch)))
            .await?;
        Ok(StoredReceipt::of(&stored))
    }
}

/// The UTC day of a claim, as the value of the label.
#[must_use]
pub fn day_label(at: Timestamp) -> String {
    DayBudget::day_of(at).to_string()
}

/// A JSON Pointer to a field.
fn pointer(parts: &[&str]) -> String {
    parts.iter().fold(String::new(), |path, part| format!("{path}/{}", part.replace('~', "~0").replace('/', "~1")))
}
