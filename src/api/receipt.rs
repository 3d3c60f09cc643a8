//! `AudienceReceipt`: one entry of the ledger, as the API server stores it.
//!
//! Identity and record are kept as raw JSON: fields that a newer version wrote survive, one receipt that can't be read
//! doesn't fail a list of them, and a receipt's name is checked against the identity as it stands, known fields or not.
//! There is no field named `status`, since backup tools drop one.

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
    doc = "One entry of the ledger: an audience that was created or attempted. Written by the operator before each request is sent. Never delete receipts: they are the only list of what exists in the workspace, and what keeps an audience from being created twice.",
    validation = Rule::new("self.identity == oldSelf.identity").message("identity is immutable: it says which audience this receipt is about"),
    printcolumn(name = "State", type_ = "string", json_path = ".record.state"),
    printcolumn(name = "Kind", type_ = "string", json_path = ".identity.kind"),
    printcolumn(name = "Audience", type_ = "string", json_path = ".record.attempts[-1:].audience.name"),
    printcolumn(name = "Members", type_ = "integer", json_path = ".record.attempts[-1:].members"),
    printcolumn(name = "Workspace ID", type_ = "string", json_path = ".identity.workspaceID"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Attempt", type_ = "string", json_path = ".record.attempts[-1:].id", priority = "1"),
    printcolumn(name = "Claimed", type_ = "date", json_path = ".record.attempts[-1:].claimedAt", priority = "1"),
    printcolumn(name = "Answer", type_ = "string", json_path = ".record.attempts[-1:].outcome.class", priority = "1"),
    printcolumn(name = "Extras", type_ = "integer", json_path = ".record.possibleExtras", priority = "1", description = "Further audiences that earlier attempts may have left in the workspace.")
)]
#[serde(rename_all = "camelCase")]
pub struct AudienceReceiptFields {
    /// Which audience this is about. Its hash is the receipt's name.
    pub identity: RawIdentity,
    /// What was attempted and what came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<RawRecord>,
}

/// The identity as it stands on the API server.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct RawIdentity(pub Value);

/// The record as it stands on the API server.
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

/// Lets fields of newer versions live on.
fn open(mut schema: Schema) -> Schema {
    schema.insert("x-kubernetes-preserve-unknown-fields".into(), Value::Bool(true));
    schema
}

impl AudienceReceipt {
    /// The record and identity read as far as this version can, or why they can't be trusted.
    ///
    /// # Errors
    /// When the name isn't the hash of the identity, or the record is missing, unreadable or of a newer format.
    pub fn read(&self) -> Result<ledger::Receipt, ledger::Unreadable> {
        let name = self.metadata.name.as_deref().unwrap_or_default();
        ledger::Receipt::read(name, &self.spec.identity.0, self.spec.record.as_ref().map(|r| &r.0))
    }
}
