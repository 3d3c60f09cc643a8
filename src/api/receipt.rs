//! `AudienceReceipt`: one entry of the ledger as stored by the API server.
//!
//! Identity and record are kept as raw JSON: fields of newer versions are preserved, one unreadable receipt doesn't
//! fail a list request, and a receipt's name is checked against the complete identity, including unknown fields. No
//! field is named `status`, since backup tools drop it.

use std::borrow::Cow;

use kube::{CustomResource, KubeSchema};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ledger;

/// One entry of the ledger.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Deserialize, Serialize)]
#[kube(
    group = "abm.propensity.com",
    version = "v1alpha1",
    kind = "AudienceReceipt",
    plural = "audiencereceipts",
    shortname = "areceipt",
    namespaced,
    no_spec,
    derive = "PartialEq",
    selectable = ".record.state",
    doc = "One entry of the ledger: an audience that was created or attempted. The operator writes it before it sends \
        a request. Never delete receipts: they are the only record of what exists in the workspace, and they prevent \
        creating an audience twice.",
    validation = Rule::new("self.identity == oldSelf.identity").message("identity is immutable: it says which \
        audience this receipt is about"),
    printcolumn(name = "State", type_ = "string", json_path = ".record.state"),
    printcolumn(name = "Kind", type_ = "string", json_path = ".identity.kind"),
    printcolumn(name = "Audience", type_ = "string", json_path = ".record.attempts[-1:].audience.name"),
    printcolumn(name = "Members", type_ = "integer", json_path = ".record.attempts[-1:].members"),
    printcolumn(name = "Workspace ID", type_ = "string", json_path = ".identity.workspaceID"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Attempt", type_ = "string", json_path = ".record.attempts[-1:].id", priority = "1"),
    printcolumn(name = "Claimed", type_ = "date", json_path = ".record.attempts[-1:].claimedAt", priority = "1"),
    printcolumn(name = "Answer", type_ = "string", json_path = ".record.attempts[-1:].outcome.class", priority = "1"),
    printcolumn(
        name = "Extras",
        type_ = "integer",
        json_path = ".record.possibleExtras",
        priority = "1",
        description = "Additional audiences that earlier attempts may have created in the workspace."
    )
)]
#[serde(rename_all = "camelCase")]
pub struct AudienceReceiptFields {
    /// Which audience the receipt is about. The receipt's name is a hash of it.
    pub identity: RawIdentity,
    /// What was attempted, and with which result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<RawRecord>,
}

/// The identity as stored on the API server.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct RawIdentity(pub Value);

/// The record as stored on the API server.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct RawRecord(pub Value);

impl JsonSchema for RawIdentity {
    fn schema_name() -> Cow<'static, str> {
        "Identity".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        open(ledger::Identity::json_schema(generator))
    }
}

impl JsonSchema for RawRecord {
    fn schema_name() -> Cow<'static, str> {
        "Record".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        open(ledger::Record::json_schema(generator))
    }
}

/// Preserves fields of newer versions.
fn open(mut schema: Schema) -> Schema {
    schema.insert("x-kubernetes-preserve-unknown-fields".into(), Value::Bool(true));
    schema
}

impl AudienceReceipt {
    /// The identity and the record, as far as this version can read them.
    ///
    /// # Errors
    /// If the name isn't the hash of the identity, or the record is missing, unreadable or of a newer format.
    pub fn read(&self) -> Result<ledger::Receipt, ledger::Unreadable> {
        let name = self.metadata.name.as_deref().unwrap_or_default();
        ledger::Receipt::read(name, &self.spec.identity.0, self.spec.record.as_ref().map(|r| &r.0))
    }
}
