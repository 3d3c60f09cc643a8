//! `PropensityWorkspace`: the connection to one Propensity workspace: its rate limit, budget, policy and health.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::core::Duration;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{LocalRef, condition, schema};

/// The connection to one Propensity workspace.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Deserialize, Serialize)]
#[kube(
    group = "abm.propensity.com",
    version = "v1alpha1",
    kind = "PropensityWorkspace",
    plural = "propensityworkspaces",
    shortname = "pws",
    category = "propensity",
    namespaced,
    status = "WorkspaceStatus",
    derive = "PartialEq",
    doc = "The connection to one Propensity workspace: its ID, the Secret with its key, and the limits for creates. \
        The status shows the health of the connection.",
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Reason", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].reason"#),
    printcolumn(name = "Workspace ID", type_ = "string", json_path = ".spec.workspaceID"),
    printcolumn(
        name = "Unknown",
        type_ = "integer",
        json_path = ".status.openUnknowns",
        description = "Attempts whose outcome is unknown and that a person must resolve."
    ),
    printcolumn(
        name = "Budget",
        type_ = "string",
        json_path = ".status.budget",
        description = "Today's create budget: Available, NearlySpent or Spent."
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Breaker",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="BreakerOpen")].reason"#,
        priority = "1"
    ),
    printcolumn(
        name = "Paused",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Paused")].reason"#,
        priority = "1"
    ),
    printcolumn(
        name = "Serialized",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="CreatesSerialized")].reason"#,
        priority = "1"
    ),
    printcolumn(name = "Ledger", type_ = "string", json_path = ".status.ledgerID", priority = "1"),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].message"#,
        priority = "1"
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.workspaceID == oldSelf.workspaceID")
    .message("workspaceID is immutable: it is part of the identity of every audience created there. Create another \
        PropensityWorkspace for another remote workspace"))]
#[x_kube(validation = Rule::new(schema::duration_rule!("requestTimeout", "1s", "120s"))
    .message("requestTimeout must be a duration such as 60s, from 1s to 120s"))]
pub struct PropensityWorkspaceSpec {
    /// ID of the Propensity workspace, chosen by you. It is part of the identity of every audience: the same ID must
    /// always refer to the same Propensity workspace. Immutable.
    #[serde(rename = "workspaceID")]
    #[schemars(length(min = 1, max = 63))]
    pub workspace_id: String,
    /// Pins the ledger. Copy it from `status.ledgerID` into git: if the receipts are lost, or a second cluster is
    /// started from the same git repository, nothing is sent until the IDs match. Default: empty, not pinned.
    /// Changing it creates no audience.
    #[serde(rename = "ledgerID", default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 63))]
    pub ledger_id: String,
    /// The Secret in this namespace with the entry `workspace_api_key`. Default: `propensity`. Changing it creates no
    /// audience.
    #[serde(default = "default_secret_ref")]
    #[schemars(default = "default_secret_ref")]
    pub secret_ref: LocalRef,
    /// The maximum rate of requests with this key.
    #[serde(default)]
    #[schemars(default)]
    pub rate_limit: RateLimit,
    /// How long to wait for the answer to a create, from 1s to 120s. Default: 60s. After the timeout, the outcome is
    /// unknown.
    #[serde(default = "default_request_timeout")]
    #[schemars(default = "default_request_timeout", length(max = 32))]
    pub request_timeout: Duration,
    /// The maximum number of creates in flight with this key. Default: 3.
    #[serde(default = "default_concurrent_creates")]
    #[schemars(default = "default_concurrent_creates", range(min = 1, max = 100))]
    pub concurrent_creates: u32,
    /// HTTP statuses which prove that nothing was stored, so that the create is sent again. Only 429 and 503 are
    /// allowed. Default: 429. List 503 only if no proxy can return it after forwarding a request.
    #[serde(default = "default_refused_statuses")]
    #[schemars(default = "default_refused_statuses", length(max = 2))]
    #[x_kube(validation = Rule::new("self.all(s, s == 429 || s == 503)")
        .message("refusedStatuses may list only 429 and 503"))]
    pub refused_statuses: Vec<u16>,
    /// The maximum number of creates per UTC day for this workspaceID; further creates wait for the next day.
    /// Default: 100. A soft limit, which also bounds the duplicates that a lost ledger can cause.
    #[serde(default = "default_daily_create_budget")]
    #[schemars(default = "default_daily_create_budget", range(min = 0, max = 100_000))]
    pub daily_create_budget: u32,
    /// The `SuppressionList`s in this namespace that apply to all audiences of this workspace. Default: none.
    /// Changing it creates new audiences only for audiences with `resendOnSuppression`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub suppression_refs: Vec<LocalRef>,
    /// Limits for the audiences of this workspace. An audience can set stricter limits, but not looser ones. Changing
    /// it creates no audience, but a list that was blocked may be sent.
    #[serde(default)]
    #[schemars(default)]
    pub policy: WorkspacePolicy,
    /// Whether audiences may use `unknownOutcome.policy: SendAgain`, which can create duplicates. Default: `false`.
    #[serde(default)]
    #[schemars(default)]
    pub allow_send_again: bool,
    /// `true`: no audience is created in this workspace. Lists are still read, counted and hashed, and reports are
    /// still fetched. Default: `false`.
    #[serde(default)]
    #[schemars(default)]
    pub suspend: bool,
}

/// Limits for the audiences of a workspace. They never affect audiences that already exist.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.minMembers) || !has(self.maxMembers) || self.minMembers <= self.maxMembers")
    .message("policy.minMembers must not be greater than policy.maxMembers"))]
pub struct WorkspacePolicy {
    /// Whether contacts may be listed in the audience's spec, where everyone with read access to audiences can see
    /// them. Default: `true`.
    #[serde(default = "yes")]
    #[schemars(default = "yes")]
    pub inline_contacts: bool,
    /// The minimum number of members. A smaller list isn't sent. Default: absent, no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub min_members: Option<u64>,
    /// The maximum number of members. A larger list isn't sent. Default: absent, no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_members: Option<u64>,
    /// The maximum change of the number of members, in percent of the last audience that the resource created. A list
    /// that changed more isn't sent. Default: absent, no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 100_000))]
    pub max_size_change_percent: Option<u32>,
    /// The `status.shortListHash` of each list that is sent in spite of these limits. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(max = 12)))]
    pub bypass_guards_for_hashes: Vec<String>,
}

impl Default for WorkspacePolicy {
    fn default() -> Self {
        Self {
            inline_contacts: true,
            min_members: None,
            max_members: None,
            max_size_change_percent: None,
            bypass_guards_for_hashes: vec![],
        }
    }
}

fn yes() -> bool {
    true
}

/// The maximum rate of requests with a key. If workspaces share a key, the lowest limit applies.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RateLimit {
    /// Requests per minute on average. Default: 60.
    #[serde(default = "default_requests_per_minute")]
    #[schemars(default = "default_requests_per_minute", range(min = 1, max = 100_000))]
    pub requests_per_minute: u32,
    /// Requests that may be sent at once after a pause. Default: 10.
    #[serde(default = "default_burst")]
    #[schemars(default = "default_burst", range(min = 1, max = 10_000))]
    pub burst: u32,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self { requests_per_minute: default_requests_per_minute(), burst: default_burst() }
    }
}

fn default_secret_ref() -> LocalRef {
    LocalRef { name: "propensity".into() }
}
fn default_request_timeout() -> Duration {
    schema::duration_of_secs(60)
}
fn default_requests_per_minute() -> u32 {
    60
}
fn default_burst() -> u32 {
    10
}
fn default_concurrent_creates() -> u32 {
    3
}
fn default_refused_statuses() -> Vec<u16> {
    vec![429]
}
fn default_daily_create_budget() -> u32 {
    100
}

/// The observed state of the connection.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkspaceStatus {
    /// The generation of the spec that this status describes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready` always; `Reconciling`, `Stalled`, `BreakerOpen`, `Paused`, `CreatesSerialized`, `BudgetLow` and
    /// `OutcomesUnknown` only while they are true.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "condition::schema")]
    pub conditions: Vec<Condition>,
    /// ID of the ledger, from its anchor receipt. Pin it in `spec.ledgerID`.
    #[serde(rename = "ledgerID", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub ledger_id: Option<String>,
    /// The number of attempts whose outcome is unknown and that a person must resolve.
    #[serde(default)]
    pub open_unknowns: u32,
    /// The reports of this workspace, and whether their numbers are current.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub reports: Vec<ReportFreshness>,
    /// Today's create budget: `Available`, `NearlySpent` (80% or more used) or `Spent`. See the metric
    /// `propensity_operator_workspace_budget_used` for the number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub budget: Option<String>,
    /// The last value of the annotation `abm.propensity.com/requestedAt` that was handled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub last_handled_requested_at: Option<String>,
}

/// Whether a report's numbers are current.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReportFreshness {
    /// Name of the `PropensityReport`. Its `status.lastSuccess` shows the time.
    #[schemars(length(max = 253))]
    pub name: String,
    /// The report: the key of its entry in the Secret.
    #[schemars(length(max = 253))]
    pub report: String,
    /// How current its numbers are.
    pub freshness: Freshness,
}

/// How current the numbers of a report are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum Freshness {
    /// The report was read completely within its last two intervals.
    Fresh,
    /// The numbers are older than two intervals.
    Stale,
    /// The report was never read completely.
    Never,
    /// The report is suspended; its numbers remain unchanged.
    Suspended,
}
