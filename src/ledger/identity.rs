//! Which audience a receipt belongs to. The hash of this identity is the name of the receipt, so its format never
//! changes.

use data_encoding::Specification;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// What a receipt belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum IdentityKind {
    /// An audience of contacts.
    ContactAudience,
    /// An audience of accounts.
    AccountAudience,
    /// The anchor of a ledger.
    Anchor,
}

/// The parts of an identity. Two audiences are the same if and only if all of these are equal. Absent parts are left
/// out of the hashed form.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// `ContactAudience`, `AccountAudience` or `Anchor`.
    #[schemars(with = "String", length(max = 63))]
    pub kind: IdentityKind,
    /// The workspace's `workspaceID`.
    #[serde(rename = "workspaceID")]
    #[schemars(length(max = 63))]
    pub workspace_id: String,
    /// Host of the API's base URL, with its port if that isn't the default port of the scheme.
    #[schemars(length(max = 260))]
    pub host: String,
    /// The API endpoint of the create request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub endpoint: Option<String>,
    /// The audience's `revision`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub revision: Option<String>,
    /// SHA-256 of the normalised list, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub list_hash: Option<String>,
    /// Distinguishes audiences of the same list that must be sent separately.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub variant: Option<String>,
    /// Only of an anchor: the random ID of its ledger. It isn't part of the anchor's name.
    #[serde(rename = "ledgerID", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub ledger_id: Option<String>,
}

impl Identity {
    /// The identity of an audience.
    #[must_use]
    pub fn audience(
        kind: IdentityKind,
        workspace_id: &str,
        host: &str,
        endpoint: &str,
        revision: &str,
        list_hash: &str,
    ) -> Self {
        Self {
            kind,
            workspace_id: workspace_id.into(),
            host: host.into(),
            endpoint: Some(endpoint.into()),
            revision: (!revision.is_empty()).then(|| revision.into()),
            list_hash: Some(list_hash.into()),
            variant: None,
            ledger_id: None,
        }
    }

    /// The same identity with another variant.
    #[must_use]
    pub fn with_variant(self, variant: Option<String>) -> Self {
        Self { variant, ..self }
    }

    /// The identity of the anchor of a remote workspace's ledger.
    #[must_use]
    pub fn anchor(workspace_id: &str, host: &str, ledger_id: &str) -> Self {
        Self {
            kind: IdentityKind::Anchor,
            workspace_id: workspace_id.into(),
            host: host.into(),
            endpoint: None,
            revision: None,
            list_hash: None,
            variant: None,
            ledger_id: Some(ledger_id.into()),
        }
    }

    /// The name of this identity's receipt.
    #[must_use]
    pub fn receipt_name(&self) -> String {
        receipt_name(&serde_json::to_value(self).expect("an identity is plain JSON"))
    }
}

/// The name of the receipt of an identity as stored on the API server, including fields of newer versions.
pub(super) fn receipt_name(identity: &Value) -> String {
    let anchor = identity.get("kind").and_then(Value::as_str) == Some("Anchor");
    if anchor {
        let mut parts = identity.clone();
        if let Some(parts) = parts.as_object_mut() {
            parts.remove("ledgerID");
        }
        format!("anchor-{}", hash(&parts))
    } else {
        format!("ar-{}", hash(identity))
    }
}

/// Lower-case base32 of the SHA-256 of the RFC 8785 (JCS) form.
fn hash(value: &Value) -> String {
    let form = serde_json_canonicalizer::to_vec(value).expect("a JSON value has a canonical form");
    base32(&Sha256::digest(form))
}

/// Lower-case base32 (RFC 4648 alphabet) without padding, which is valid in names of Kubernetes objects.
fn base32(bytes: &[u8]) -> String {
    let mut spec = Specification::new();
    spec.symbols.push_str("abcdefghijklmnopqrstuvwxyz234567");
    spec.encoding().expect("32 different symbols").encode(bytes)
}

#[cfg(test)]
mod tests;
