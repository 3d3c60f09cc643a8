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
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn identity() -> Identity {
        Identity::audience(
            IdentityKind::AccountAudience,
            "acme-prod",
            "api.propensity.com",
            "create_account_audience",
            "",
            &"a".repeat(64),
        )
    }

    #[test]
    fn the_name_of_a_receipt_never_changes() {
        assert_eq!(identity().receipt_name(), "ar-vqjbsmxhhelp3cyg5ywgrfbkbunr2bzmmv66ascqcqqaeyev2w2q");
        assert_eq!(
            Identity::anchor("acme-prod", "api.propensity.com", "x").receipt_name(),
            "anchor-hewlemkzo4zq4k7rnx4ag4rdvjgiohnug4fie6vtbwuzgnh5d74q"
        );
    }

    /// The RFC 8785 forms. To check one manually: `printf %s '…' | sha256sum`, then base32.
    #[test]
    fn the_hashed_form_never_changes() {
        let form =
            |identity: &Identity| String::from_utf8(serde_json_canonicalizer::to_vec(identity).unwrap()).unwrap();
        let whole = Identity {
            variant: Some("v1".into()),
            ..Identity::audience(
                IdentityKind::ContactAudience,
                "acme-prod",
                "localhost:8443",
                "create_contact_audience",
                "2027 é \"x\"",
                &"0123456789abcdef".repeat(4),
            )
        };
        assert_eq!(
            form(&whole),
            r#"{"endpoint":"create_contact_audience","host":"localhost:8443","kind":"ContactAudience","listHash":"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef","revision":"2027 é \"x\"","variant":"v1","workspaceID":"acme-prod"}"#
        );
        assert_eq!(whole.receipt_name(), "ar-dst5jlhilo43kexv7s7yf35uq3ialsarziktly2i42lxqjny6kma");
        assert_eq!(
            form(&identity()),
            format!(
                r#"{{"endpoint":"create_account_audience","host":"api.propensity.com","kind":"AccountAudience","listHash":"{}","workspaceID":"acme-prod"}}"#,
                "a".repeat(64)
            )
        );
    }

    #[test]
    fn a_field_of_a_newer_version_is_part_of_the_name() {
        let mut identity = serde_json::to_value(identity()).unwrap();
        let before = receipt_name(&identity);
        identity["newer"] = "x".into();
        assert_ne!(receipt_name(&identity), before);
    }

    #[test]
    fn a_change_of_any_part_changes_the_name() {
        let base = identity();
        let changed = [
            Identity { kind: IdentityKind::ContactAudience, ..base.clone() },
            Identity { workspace_id: "other".into(), ..base.clone() },
            Identity { host: "eu.propensity.com".into(), ..base.clone() },
            Identity { endpoint: Some("create_contact_audience".into()), ..base.clone() },
            Identity { revision: Some("2".into()), ..base.clone() },
            Identity { list_hash: Some("b".repeat(64)), ..base.clone() },
            Identity { variant: Some("v".into()), ..base.clone() },
        ];
        let mut names: Vec<_> = changed.iter().map(Identity::receipt_name).collect();
        names.push(base.receipt_name());
        names.sort();
        names.dedup();
        assert_eq!(names.len(), changed.len() + 1);
    }

    #[test]
    fn two_ledgers_of_one_workspace_compete_for_the_same_anchor() {
        let names = ["one", "two"].map(|id| Identity::anchor("acme", "api.propensity.com", id).receipt_name());
        assert_eq!(names[0], names[1]);
    }
}
