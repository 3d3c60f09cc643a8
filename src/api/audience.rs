//! `ContactAudience` and `AccountAudience`: a list from git that is created as an audience in a Propensity workspace.

use kube::core::Duration;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Account, AudienceStatus, ColumnNames, Contact, InvalidMembers, ListSource, LocalRef, schema};

/// An audience of contacts (people). The operator creates it in the Propensity workspace only if its members are new:
/// reordering, repeating or reformatting members sends nothing.
#[derive(CustomResource, KubeSchema, Clone, Debug, Deserialize, Serialize)]
#[kube(
    group = "abm.propensity.com",
    version = "v1alpha1",
    kind = "ContactAudience",
    plural = "contactaudiences",
    shortname = "caud",
    category = "propensity",
    namespaced,
    status = "AudienceStatus",
    doc = "A list of contacts (people) to create as an audience in a Propensity workspace. \
           The API can only create: changed members create a new audience next to the old one, and deleting this \
           object deletes nothing in Propensity.",
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Reason", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].reason"#),
    printcolumn(
        name = "Members",
        type_ = "integer",
        json_path = ".status.members.toSend",
        description = "Members after normalisation and deduplication."
    ),
    printcolumn(name = "Workspace", type_ = "string", json_path = ".spec.workspaceRef.name"),
    printcolumn(name = "Last created", type_ = "date", json_path = ".status.lastCreated.time"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "List",
        type_ = "string",
        json_path = ".status.shortListHash",
        priority = "1",
        description = "Short hash of the list."
    ),
    printcolumn(name = "Receipt", type_ = "string", json_path = ".status.receiptRef.name", priority = "1"),
    printcolumn(
        name = "Superseded",
        type_ = "integer",
        json_path = ".status.superseded",
        priority = "1",
        description = "Older audiences of this resource that remain in the workspace."
    ),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].message"#,
        priority = "1"
    )
)]
#[x_kube(validation = Rule::new(schema::duration_rule!("stabilizationWindow", "0s", "1h"))
    .message("stabilizationWindow must be a duration such as 10s or 1m, at most 1h"))]
#[x_kube(validation = Rule::new("self.minMembers <= self.maxMembers")
    .message("minMembers must not be greater than maxMembers"))]
#[serde(rename_all = "camelCase")]
pub struct ContactAudienceSpec {
    /// The contacts, at most 1,000. Each needs `linkedinUrl`, or `firstName` and `lastName` with `companyName` or
    /// `website`. Order, repeated rows and different notations of the same value don't matter. Adding, removing or
    /// changing a contact creates a new audience.
    #[serde(default)]
    #[schemars(length(max = 1000))]
    #[x_kube(validation = Rule::new("self.all(c, (has(c.linkedinUrl) && c.linkedinUrl != '') || (has(c.firstName) && \
        c.firstName != '' && has(c.lastName) && c.lastName != '' && ((has(c.companyName) && c.companyName != '') || \
        (has(c.website) && c.website != ''))))")
        .message("every contact needs linkedinUrl, or firstName and lastName with companyName or website; an email \
            alone is not enough"))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub contacts: Vec<Contact>,
    /// Fields that both kinds of audience have.
    #[serde(flatten)]
    pub options: AudienceOptions,
}

/// An audience of accounts (companies, by their websites).
#[derive(CustomResource, KubeSchema, Clone, Debug, Deserialize, Serialize)]
#[kube(
    group = "abm.propensity.com",
    version = "v1alpha1",
    kind = "AccountAudience",
    plural = "accountaudiences",
    shortname = "aaud",
    category = "propensity",
    namespaced,
    status = "AudienceStatus",
    doc = "A list of accounts (companies, by their websites) to create as an audience in a Propensity workspace. \
           The API can only create: changed members create a new audience next to the old one, and deleting this \
           object deletes nothing in Propensity.",
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Reason", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].reason"#),
    printcolumn(
        name = "Members",
        type_ = "integer",
        json_path = ".status.members.toSend",
        description = "Members after normalisation and deduplication."
    ),
    printcolumn(name = "Workspace", type_ = "string", json_path = ".spec.workspaceRef.name"),
    printcolumn(name = "Last created", type_ = "date", json_path = ".status.lastCreated.time"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "List",
        type_ = "string",
        json_path = ".status.shortListHash",
        priority = "1",
        description = "Short hash of the list."
    ),
    printcolumn(name = "Receipt", type_ = "string", json_path = ".status.receiptRef.name", priority = "1"),
    printcolumn(
        name = "Superseded",
        type_ = "integer",
        json_path = ".status.superseded",
        priority = "1",
        description = "Older audiences of this resource that remain in the workspace."
    ),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].message"#,
        priority = "1"
    )
)]
#[x_kube(validation = Rule::new(schema::duration_rule!("stabilizationWindow", "0s", "1h"))
    .message("stabilizationWindow must be a duration such as 10s or 1m, at most 1h"))]
#[x_kube(validation = Rule::new("self.minMembers <= self.maxMembers")
    .message("minMembers must not be greater than maxMembers"))]
#[serde(rename_all = "camelCase")]
pub struct AccountAudienceSpec {
    /// The accounts, by website, at most 1,000. Order, repeated rows and different notations of the same website
    /// don't matter. Adding, removing or changing a website creates a new audience.
    #[serde(default)]
    #[schemars(length(max = 1000))]
    #[x_kube(validation = Rule::new("self.all(a, a.website != '')").message("every account needs a website"))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub accounts: Vec<Account>,
    /// Fields that both kinds of audience have.
    #[serde(flatten)]
    pub options: AudienceOptions,
}

/// Spec fields that both kinds of audience have.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AudienceOptions {
    /// The `PropensityWorkspace` in this namespace in which to create the audience. Default: `default`. Changing it
    /// to a workspace with another `workspaceID` creates a new audience there; the old audience remains.
    #[serde(default = "default_workspace_ref")]
    #[schemars(default = "default_workspace_ref")]
    pub workspace_ref: LocalRef,
    /// Part of the audience's identity; any text of up to 63 characters. Default: empty. Changing it creates a new
    /// audience: use it to create the same list again, or to let two resources with the same members create an
    /// audience each.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 63))]
    pub revision: String,
    /// Lists that are stored elsewhere, in addition to the members above. Default: none. If any of them can't be read
    /// completely, nothing is sent. A change of their members creates a new audience.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub from: Vec<ListSource>,
    /// How long the sources in `from` must be unchanged before the list is sent, so that an apply of several objects
    /// creates one audience. A duration of at most 1h. Default: 10s. Changing it creates no audience.
    #[serde(default = "default_stabilization_window")]
    #[schemars(default = "default_stabilization_window", length(max = 32))]
    pub stabilization_window: Duration,
    /// What to do with rows that can't be sent. `Fail` (the default): nothing is sent while the list has such a row.
    /// `Skip`: such rows are left out, up to `maxInvalidPercent`. Changing it creates no audience, but a list that
    /// was blocked may be sent.
    #[serde(default)]
    #[schemars(default)]
    pub invalid_members: InvalidMembers,
    /// With `Skip`: the maximum percentage of rows that may be left out. If it is exceeded, nothing is sent. Default:
    /// 5. Changing it creates no audience, but a list that was blocked may be sent.
    #[serde(default = "default_max_invalid_percent")]
    #[schemars(default = "default_max_invalid_percent", range(max = 100))]
    pub max_invalid_percent: u32,
    /// The minimum number of members. A smaller list isn't sent. Default: 1. Changing it creates no audience, but a
    /// list that was blocked may be sent.
    #[serde(default = "default_min_members")]
    #[schemars(default = "default_min_members", range(min = 1))]
    pub min_members: u64,
    /// The maximum number of members. A larger list isn't sent. Default: 100000. Changing it creates no audience, but
    /// a list that was blocked may be sent.
    #[serde(default = "default_max_members")]
    #[schemars(default = "default_max_members", range(min = 1))]
    pub max_members: u64,
    /// The maximum change of the number of members, in percent of the last audience that this resource created. A
    /// list that changed more isn't sent. Only the numbers are compared, not the members. Default: 50. Changing it
    /// creates no audience, but a list that was blocked may be sent.
    #[serde(default = "default_max_size_change")]
    #[schemars(default = "default_max_size_change", range(max = 100_000))]
    pub max_size_change_percent: u32,
    /// The `status.shortListHash` of one list that is sent in spite of `minMembers`, `maxMembers`,
    /// `maxSizeChangePercent` and a changed `split`. Default: empty. Other lists are checked as before.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 12))]
    pub bypass_guards_for_hash: String,
    /// Divides a large list into several audiences. Default: absent, which creates one audience. Adding, removing or
    /// changing it for a list that was already created sends all members again in new audiences; this is blocked
    /// until `bypassGuardsForHash` names the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<Split>,
    /// The `SuppressionList`s in this namespace whose entries must not be sent, in addition to those of the
    /// workspace. Default: none. They are read again right before each create; if one can't be read, nothing is sent.
    /// Changing it creates a new audience only with `resendOnSuppression`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub suppression_refs: Vec<LocalRef>,
    /// `true`: when the suppressed members change, a new audience without them is created next to the existing one.
    /// `false` (the default): a new suppression applies to later creates only, and the condition
    /// `SuppressedMembersSent` counts the members to remove manually in Propensity.
    #[serde(default)]
    #[schemars(default)]
    pub resend_on_suppression: bool,
    /// Reports in this namespace to match with the list. The status shows how many members have rows in each report,
    /// and the report's metrics for these rows. Default: none. It never changes what is sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["report"]))]
    pub engagement: Vec<Engagement>,
    /// What to do if the outcome of a create is unknown: the audience may or may not have been created. Changing it
    /// creates an audience only if the new policy allows another attempt.
    #[serde(default)]
    #[schemars(default)]
    pub unknown_outcome: UnknownOutcome,
    /// `true`: nothing is sent for this resource. Existing audiences remain, and the list is still checked. Default:
    /// `false`.
    #[serde(default)]
    #[schemars(default)]
    pub suspend: bool,
}

impl Default for AudienceOptions {
    fn default() -> Self {
        Self {
            workspace_ref: LocalRef::default(),
            revision: String::new(),
            from: vec![],
            stabilization_window: default_stabilization_window(),
            invalid_members: InvalidMembers::Fail,
            max_invalid_percent: default_max_invalid_percent(),
            min_members: default_min_members(),
            max_members: default_max_members(),
            max_size_change_percent: default_max_size_change(),
            bypass_guards_for_hash: String::new(),
            split: None,
            suppression_refs: vec![],
            resend_on_suppression: false,
            engagement: vec![],
            unknown_outcome: UnknownOutcome::default(),
            suspend: false,
        }
    }
}

fn default_stabilization_window() -> Duration {
    schema::duration_of_secs(10)
}

fn default_max_invalid_percent() -> u32 {
    5
}

fn default_min_members() -> u64 {
    1
}

fn default_max_members() -> u64 {
    100_000
}

fn default_max_size_change() -> u32 {
    50
}

fn default_workspace_ref() -> LocalRef {
    LocalRef { name: "default".into() }
}

impl Default for LocalRef {
    fn default() -> Self {
        default_workspace_ref()
    }
}

/// A report to match with a list.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.columns.website) || has(self.columns.linkedinUrl) || \
    has(self.columns.email) || (has(self.columns.firstName) && has(self.columns.lastName) && \
    has(self.columns.companyName))")
    .message("columns must name what to match on: website for accounts; for contacts linkedinUrl, email, or firstName \
        and lastName with website or companyName"))]
pub struct Engagement {
    /// The `PropensityReport` of this namespace.
    #[schemars(length(min = 1, max = 253))]
    pub report: String,
    /// The report's columns, by exact name, that identify members. If a row and a member have several of them in
    /// common, the most specific one decides: LinkedIn URL, email, name with website, name with company. Accounts are
    /// matched by website.
    pub columns: ColumnNames,
}

/// How a list is divided into several audiences. The part of a member depends on the members only, so that changing a
/// few members changes few parts. Parts are therefore smaller than the maximum: three quarters full on average.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Split {
    /// The maximum number of members in one audience. Changing it for a list that was already created sends all
    /// members again in new audiences; this is blocked until `bypassGuardsForHash` names the list.
    #[schemars(range(min = 1))]
    pub max_members: u64,
}

/// What to do if the outcome of a create is unknown (a timeout, a lost connection, a server error).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new(schema::duration_rule!("after", "15m", "168h"))
    .message("after must be a duration such as 15m or 2h, from 15m to 168h"))]
pub struct UnknownOutcome {
    /// `Hold` (the default): wait until a person checks the workspace and resolves the attempt. `SendAgain`: send
    /// again after a delay, which may create a duplicate. `SendAgain` works only if the workspace sets
    /// `allowSendAgain`.
    #[serde(default)]
    #[schemars(default)]
    pub policy: UnknownPolicy,
    /// With `SendAgain`: the maximum number of requests that may have created the audience, including the first one.
    /// Default: 2.
    #[serde(default = "default_max_sends")]
    #[schemars(default = "default_max_sends", range(min = 1, max = 5))]
    pub max_sends: u32,
    /// With `SendAgain`: the delay before sending again, from 15m to 168h. Never shorter than the attempt's time to
    /// live plus 10 minutes. Default: 15m.
    #[serde(default = "default_after")]
    #[schemars(default = "default_after", length(max = 32))]
    pub after: Duration,
}

impl Default for UnknownOutcome {
    fn default() -> Self {
        Self { policy: UnknownPolicy::Hold, max_sends: default_max_sends(), after: default_after() }
    }
}

fn default_max_sends() -> u32 {
    2
}

fn default_after() -> Duration {
    schema::duration_of_secs(15 * 60)
}

/// The policy for an unknown outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum UnknownPolicy {
    /// Wait until a person resolves the attempt.
    #[default]
    Hold,
    /// Send again, up to `maxSends` requests.
    SendAgain,
}
