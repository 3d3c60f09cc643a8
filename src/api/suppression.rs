//! `SuppressionList`: who must never be sent.

use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ListSource, condition};

/// Who must never be sent. It works where an audience or its workspace names it, and is read anew right before each create. An entry is plain, or `sha256:` with
/// the SHA-256, in hexadecimal, of its normal form, so that git need not hold the addresses of people who left.
#[derive(CustomResource, KubeSchema, Clone, Default, PartialEq, Deserialize, Serialize)]
#[kube(
    group = "abm.propensity.com",
    version = "v1alpha1",
    kind = "SuppressionList",
    plural = "suppressionlists",
    shortname = "suppress",
    category = "propensity",
    namespaced,
    status = "SuppressionStatus",
    derive = "Default",
    derive = "PartialEq",
    doc = "Who must never be sent: domains, email addresses and LinkedIn profiles. It works where spec.suppressionRefs of an audience or of its workspace names it. It stops what is sent from now on; who was sent before must be removed in Propensity by hand.",
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Reason", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].reason"#),
    printcolumn(name = "Domains", type_ = "integer", json_path = ".status.entries.domains"),
    printcolumn(name = "Emails", type_ = "integer", json_path = ".status.entries.emails"),
    printcolumn(name = "Profiles", type_ = "integer", json_path = ".status.entries.linkedinUrls"),
    printcolumn(name = "Hashed", type_ = "integer", json_path = ".status.entries.hashed"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].message"#,
        priority = "1"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct SuppressionListSpec {
    /// Domains such as `example.com`, each with all below it: accounts by their website, contacts by their website or the host of their email.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000), inner(length(max = 256)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub domains: Vec<String>,
    /// Email addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000), inner(length(max = 256)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub emails: Vec<String>,
    /// LinkedIn profiles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000), inner(length(max = 256)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub linkedin_urls: Vec<String>,
    /// Lists that live elsewhere in this namespace. Columns that mean a website, an email or a LinkedIn profile are read, and each cell of them is an entry; others are
    /// ignored. While one can't be read whole, nothing is sent to audiences that this list is for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub from: Vec<ListSource>,
}

/// What the operator knows of a suppression list.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SuppressionStatus {
    /// The generation of the spec that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`; while they are true, also `Reconciling` and `Stalled`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "condition::schema")]
    pub conditions: Vec<Condition>,
    /// How many entries there are, each once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entries: Option<Entries>,
}

/// How many entries a suppression list has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Entries {
    /// Plain domains.
    pub domains: u64,
    /// Plain email addresses.
    pub emails: u64,
    /// Plain LinkedIn profiles.
    pub linkedin_urls: u64,
    /// Hashes, of whatever they are.
    pub hashed: u64,
}

impl fmt::Debug for SuppressionListSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SuppressionListSpec(…)")
    }
}
