//! `SuppressionList`: members that must never be sent.

use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ListSource, condition};

/// Members that must never be sent. The list applies to audiences and workspaces that reference it, and is read again
/// right before each create. An entry is plain text, or `sha256:` and the hexadecimal SHA-256 of its normalised form,
/// so that git doesn't need to contain addresses of people who opted out.
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
    doc = "Members that must never be sent: domains, email addresses and LinkedIn profiles. The list applies to \
        audiences and workspaces that reference it in spec.suppressionRefs. It affects later creates only: remove \
        members that were already sent manually in Propensity.",
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
    /// Domains such as `example.com`, including their subdomains. They match accounts by website, and contacts by
    /// website or the domain of the email address. At most 1,000.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000), inner(length(max = 256)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub domains: Vec<String>,
    /// Email addresses. At most 1,000.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000), inner(length(max = 256)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub emails: Vec<String>,
    /// LinkedIn profiles. At most 1,000.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000), inner(length(max = 256)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub linkedin_urls: Vec<String>,
    /// Lists that are stored elsewhere. In columns for a website, an email address or a LinkedIn profile, each cell
    /// is an entry; other columns are ignored. While a list can't be read completely, nothing is sent for audiences
    /// that this suppression list applies to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub from: Vec<ListSource>,
}

/// The observed state of a suppression list.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SuppressionStatus {
    /// The generation of the spec that this status describes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready` always; `Reconciling` and `Stalled` only while they are true.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "condition::schema")]
    pub conditions: Vec<Condition>,
    /// The number of entries, without repetitions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entries: Option<Entries>,
}

/// The number of entries of a suppression list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Entries {
    /// Plain domains.
    pub domains: u64,
    /// Plain email addresses.
    pub emails: u64,
    /// Plain LinkedIn profiles.
    pub linkedin_urls: u64,
    /// Hashed entries of any kind.
    pub hashed: u64,
}

impl fmt::Debug for SuppressionListSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SuppressionListSpec(…)")
    }
}
