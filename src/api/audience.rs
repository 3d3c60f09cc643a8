//! `ContactAudience` and `AccountAudience`: a list that stands in git and is created in a Propensity workspace.

use kube::core::Duration;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Account, AudienceStatus, ColumnNames, Contact, InvalidMembers, ListSource, LocalRef, schema};

/// An audience of contacts (people). The operator creates it in the Propensity workspace when its content is new, and
/// only then: reordering, repeating or reformatting members sends nothing.
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
    doc = "A list of contacts (people) to create as an audience in a Propensity workspace. The API can only create: changed content makes a new audience beside the old one, and deleting this object deletes nothing there.",
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Reason", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].reason"#),
    printcolumn(
        name = "Members",
        type_ = "integer",
        json_path = ".status.members.toSend",
        description = "Members after normalising and removing duplicates."
    ),
    printcolumn(name = "Workspace", type_ = "string", json_path = ".spec.workspaceRef.name"),
    printcolumn(name = "Last created", type_ = "date", json_path = ".status.lastCreated.time"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "List",
        type_ = "string",
        json_path = ".status.shortListHash",
        priority = "1",
        description = "The list's short hash."
    ),
    printcolumn(name = "Receipt", type_ = "string", json_path = ".status.receiptRef.name", priority = "1"),
    printcolumn(
        name = "Superseded",
        type_ = "integer",
        json_path = ".status.superseded",
        priority = "1",
        description = "Older audiences of this resource that stay in the workspace."
    ),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].message"#,
        priority = "1"
    )
)]
#[x_kube(validation = Rule::new(schema::duration_rule!("stabilizationWindow", "0s", "1h")).message("stabilizationWindow must be a duration such as 10s or 1m, at most 1h"))]
#[x_kube(validation = Rule::new("self.minMembers <= self.maxMembers").message("minMembers must not be greater than maxMembers"))]
#[serde(rename_all = "camelCase")]
pub struct ContactAudienceSpec {
    /// The contacts. Each needs `linkedinUrl`, or `firstName` and `lastName` with `companyName` or `website`. Their order, their
    /// spelling and repeated rows don't matter. At most 1,000; changing who is in it creates a new audience.
    #[serde(default)]
    #[schemars(length(max = 1000))]
    #[x_kube(validation = Rule::new("self.all(c, (has(c.linkedinUrl) && c.linkedinUrl != '') || (has(c.firstName) && c.firstName != '' && has(c.lastName) && c.lastName != '' && ((has(c.companyName) && c.companyName != '') || (has(c.website) && c.website != ''))))").message("every contact needs linkedinUrl, or firstName and lastName with companyName or website; an email alone is not enough"))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub contacts: Vec<Contact>,
    /// What both kinds of audience share.
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
    doc = "A list of accounts (companies, by their websites) to create as an audience in a Propensity workspace. The API can only create: changed content makes a new audience beside the old one, and deleting this object deletes nothing there.",
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Reason", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].reason"#),
    printcolumn(
        name = "Members",
        type_ = "integer",
        json_path = ".status.members.toSend",
        description = "Members after normalising and removing duplicates."
    ),
    printcolumn(name = "Workspace", type_ = "string", json_path = ".spec.workspaceRef.name"),
    printcolumn(name = "Last created", type_ = "date", json_path = ".status.lastCreated.time"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "List",
        type_ = "string",
        json_path = ".status.shortListHash",
        priority = "1",
        description = "The list's short hash."
    ),
    printcolumn(name = "Receipt", type_ = "string", json_path = ".status.receiptRef.name", priority = "1"),
    printcolumn(
        name = "Superseded",
        type_ = "integer",
        json_path = ".status.superseded",
        priority = "1",
        description = "Older audiences of this resource that stay in the workspace."
    ),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].message"#,
        priority = "1"
    )
)]
#[x_kube(validation = Rule::new(schema::duration_rule!("stabilizationWindow", "0s", "1h")).message("stabilizationWindow must be a duration such as 10s or 1m, at most 1h"))]
#[x_kube(validation = Rule::new("self.minMembers <= self.maxMembers").message("minMembers must not be greater than maxMembers"))]
#[serde(rename_all = "camelCase")]
pub struct AccountAudienceSpec {
    /// The accounts, by website. Their order, their spelling and repeated rows don't matter. At most 1,000; changing which
    /// websites are in it creates a new audience.
    #[serde(default)]
    #[schemars(length(max = 1000))]
    #[x_kube(validation = Rule::new("self.all(a, a.website != '')").message("every account needs a website"))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub accounts: Vec<Account>,
    /// What both kinds of audience share.
    #[serde(flatten)]
    pub options: AudienceOptions,
}

/// What both kinds of audience share.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AudienceOptions {
    /// The `PropensityWorkspace` of this namespace to create the audience in. Another workspace is another audience.
    #[serde(default = "default_workspace_ref")]
    #[schemars(default = "default_workspace_ref")]
    pub workspace_ref: LocalRef,
    /// Part of what makes this audience itself. Change it to create the same list once more, or give two resources with the
    /// same members different revisions where both audiences are wanted. Any text up to 63 characters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 63))]
    pub revision: String,
    /// Lists that live elsewhere in this namespace, in addition to the members above. All of them are read whole, or nothing is sent. A
    /// change of any is a change of the list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub from: Vec<ListSource>,
    /// How long the sources in `from` must be unchanged before their list is sent, so that an apply of several objects sends one list.
    #[serde(default = "default_stabilization_window")]
    #[schemars(default = "default_stabilization_window", length(max = 32))]
    pub stabilization_window: Duration,
    /// `Fail`: nothing is sent while a row can't be. `Skip`: such rows are left out, up to `maxInvalidPercent`.
    #[serde(default)]
    #[schemars(default)]
    pub invalid_members: InvalidMembers,
    /// With `Skip`: of a hundred rows, at most this many may be left out; with more, nothing is sent.
    #[serde(default = "default_max_invalid_percent")]
    #[schemars(default = "default_max_invalid_percent", range(max = 100))]
    pub max_invalid_percent: u32,
    /// A list with fewer members isn't sent.
    #[serde(default = "default_min_members")]
    #[schemars(default = "default_min_members", range(min = 1))]
    pub min_members: u64,
    /// A list with more members isn't sent.
    #[serde(default = "default_max_members")]
    #[schemars(default = "default_max_members", range(min = 1))]
    pub max_members: u64,
    /// A list isn't sent whose number of members differs by more than this many percent from that of the last audience that this resource created. Only the numbers
    /// are compared, not who is in it.
    #[serde(default = "default_max_size_change")]
    #[schemars(default = "default_max_size_change", range(max = 100_000))]
    pub max_size_change_percent: u32,
    /// The `status.shortListHash` of a list that may pass `minMembers`, `maxMembers`, `maxSizeChangePercent` and a changed `split` this once. Another list is held
    /// again.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 12))]
    pub bypass_guards_for_hash: String,
    /// Makes several audiences of a list that is larger than one shall be. Absent: one audience. Turning it on, off or changing it for a list that is in the
    /// workspace already sends that anew; it is held until `bypassGuardsForHash` says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<Split>,
    /// The `SuppressionList`s of this namespace whose entries must not be sent, beside those that the workspace names. They are read anew right before a create; while
    /// one can't be, nothing is sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub suppression_refs: Vec<LocalRef>,
    /// True: when who is suppressed changes, the list is created once more without them, beside the audience that is there already. False: a new suppression holds for
    /// what is sent from then on, and the condition `SuppressedMembersSent` counts who must be removed in Propensity by hand.
    #[serde(default)]
    #[schemars(default)]
    pub resend_on_suppression: bool,
    /// Reports of this namespace to match the list with: how many of its members they speak of, and what the reports' metrics come to over those rows, is told in the
    /// status. It never changes what is sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["report"]))]
    pub engagement: Vec<Engagement>,
    /// What to do when nobody can know whether a request created the audience.
    #[serde(default)]
    #[schemars(default)]
    pub unknown_outcome: UnknownOutcome,
    /// True: nothing new is sent for this resource. What was created stays, and the list is still checked.
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

/// A report to match a list with.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.columns.website) || has(self.columns.linkedinUrl) || has(self.columns.email) || (has(self.columns.firstName) && has(self.columns.lastName) && has(self.columns.companyName))").message("columns must name what to match on: website for accounts; for contacts linkedinUrl, email, or firstName and lastName with website or companyName"))]
pub struct Engagement {
    /// The `PropensityReport` of this namespace.
    #[schemars(length(min = 1, max = 253))]
    pub report: String,
    /// Which columns of the report, by their exact names, hold what members are known by. Of what a row and a member both have, the surest decides: the LinkedIn URL,
    /// else the email, else the name with the website, else the name with the company. Accounts are matched by website.
    pub columns: ColumnNames,
}

/// How a list becomes several audiences. Which members are in which part follows from the members alone, so that an edit of a few changes few parts; parts are
/// therefore smaller than they might be, three quarters full on average.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Split {
    /// At most this many members in one audience.
    #[schemars(range(min = 1))]
    pub max_members: u64,
}

/// What to do when the outcome of a create is unknown (a timeout, a lost connection, a server error).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new(schema::duration_rule!("after", "15m", "168h")).message("after must be a duration such as 15m or 2h, from 15m to 168h"))]
pub struct UnknownOutcome {
    /// `Hold`: wait for a person to look into the workspace and settle it. `SendAgain`: send once more after a while, knowing that this may
    /// make a duplicate; works only where the workspace sets `allowSendAgain`.
    #[serde(default)]
    #[schemars(default)]
    pub policy: UnknownPolicy,
    /// With `SendAgain`: at most this many requests that may have created the audience, the first one included.
    #[serde(default = "default_max_sends")]
    #[schemars(default = "default_max_sends", range(min = 1, max = 5))]
    pub max_sends: u32,
    /// With `SendAgain`: how long to wait before sending again. Never shorter than the attempt's own time to live plus 10 minutes.
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
    /// Wait for a person.
    #[default]
    Hold,
    /// Send again, bounded and counted.
    SendAgain,
}
