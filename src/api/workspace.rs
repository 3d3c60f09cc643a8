//! `PropensityWorkspace`: the connection to one remote workspace, its pace, budget and policy, and its health.

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
    doc = "The connection to one Propensity workspace: which one it is, which Secret holds its key, and how fast and how much may be created there. Its status shows the health of the connection.",
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Reason", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].reason"#),
    printcolumn(name = "Workspace ID", type_ = "string", json_path = ".spec.workspaceID"),
    printcolumn(
        name = "Unknown",
        type_ = "integer",
        json_path = ".status.openUnknowns",
        description = "Attempts whose outcome nobody knows and that wait for a person."
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
#[x_kube(validation = Rule::new("self.workspaceID == oldSelf.workspaceID").message("workspaceID is immutable: it is part of the identity of every audience created there. Create another PropensityWorkspace for another remote workspace"))]
#[x_kube(validation = Rule::new(schema::duration_rule!("requestTimeout", "1s", "120s")).message("requestTimeout must be a duration such as 60s, from 1s to 120s"))]
pub struct PropensityWorkspaceSpec {
    /// A name for the remote workspace, chosen once and kept: it is part of the identity of every audience, so the same ID must always mean
    /// the same remote workspace. Immutable.
    #[serde(rename = "workspaceID")]
    #[schemars(length(min = 1, max = 63))]
    pub workspace_id: String,
    /// Pins the ledger. Copy it from `status.ledgerID` into git: should the receipts be lost, or a second cluster start from the same git,
    /// nothing is sent until it matches. Empty: not pinned.
    #[serde(rename = "ledgerID", default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 63))]
    pub ledger_id: String,
    /// The Secret of this namespace that holds `workspace_api_key`.
    #[serde(default = "default_secret_ref")]
    #[schemars(default = "default_secret_ref")]
    pub secret_ref: LocalRef,
    /// How many requests a minute may be sent with this key.
    #[serde(default)]
    #[schemars(default)]
    pub rate_limit: RateLimit,
    /// How long to wait for an answer to a create, from 1s to 120s. When it is over, the outcome is unknown.
    #[serde(default = "default_request_timeout")]
    #[schemars(default = "default_request_timeout", length(max = 32))]
    pub request_timeout: Duration,
    /// How many creates may be in flight at once with this key.
    #[serde(default = "default_concurrent_creates")]
    #[schemars(default = "default_concurrent_creates", range(min = 1, max = 100))]
    pub concurrent_creates: u32,
    /// HTTP statuses that prove that nothing was stored, so that the create is tried again. Only 429 and 503 may be listed. Don't list 503 unless you know
    /// that no proxy answers it after passing a request on.
    #[serde(default = "default_refused_statuses")]
    #[schemars(default = "default_refused_statuses", length(max = 2))]
    #[x_kube(validation = Rule::new("self.all(s, s == 429 || s == 503)").message("refusedStatuses may list only 429 and 503"))]
    pub refused_statuses: Vec<u16>,
    /// At most this many creates a UTC day for this workspaceID; the rest waits for the next day. A soft limit: it also bounds what a lost ledger can cost.
    #[serde(default = "default_daily_create_budget")]
    #[schemars(default = "default_daily_create_budget", range(min = 0, max = 100_000))]
    pub daily_create_budget: u32,
    /// The `SuppressionList`s of this namespace that hold for all audiences of this workspace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub suppression_refs: Vec<LocalRef>,
    /// Bounds for the audiences of this workspace. An audience can only tighten them.
    #[serde(default)]
    #[schemars(default)]
    pub policy: WorkspacePolicy,
    /// Whether audiences may choose `unknownOutcome.policy: SendAgain`, which can make duplicates.
    #[serde(default)]
    #[schemars(default)]
    pub allow_send_again: bool,
    /// True: no audience is created in this workspace. Lists are still read, counted and hashed, and reports fetched.
    #[serde(default)]
    #[schemars(default)]
    pub suspend: bool,
}

/// Bounds for the audiences of a workspace. What is created already is never held by them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.minMembers) || !has(self.maxMembers) || self.minMembers <= self.maxMembers").message("policy.minMembers must not be greater than policy.maxMembers"))]
pub struct WorkspacePolicy {
    /// Whether contacts may stand in the audience itself, where everybody can read them who may read audiences.
    #[serde(default = "yes")]
    #[schemars(default = "yes")]
    pub inline_contacts: bool,
    /// A list with fewer members isn't sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub min_members: Option<u64>,
    /// A list with more members isn't sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_members: Option<u64>,
    /// A list isn't sent whose number of members differs by more than this many percent from that of the last audience that its resource created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 100_000))]
    pub max_size_change_percent: Option<u32>,
    /// The `status.shortListHash` of each list that may pass these bounds.
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

/// How many requests a minute may be sent with a key. Workspaces that share a key share the lowest limit.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RateLimit {
    /// Requests a minute, in the long run.
    #[serde(default = "default_requests_per_minute")]
    #[schemars(default = "default_requests_per_minute", range(min = 1, max = 100_000))]
    pub requests_per_minute: u32,
    /// Requests that may go at once after a quiet time.
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

/// What the operator knows of the connection.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkspaceStatus {
    /// The generation of the spec that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`, and while they are true: `Reconciling`, `Stalled`, `BreakerOpen`, `Paused`, `CreatesSerialized`, `BudgetLow`, `OutcomesUnknown`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "condition::schema")]
    pub conditions: Vec<Condition>,
    /// The ledger's own ID, from its anchor receipt. Pin it in `spec.ledgerID`.
    #[serde(rename = "ledgerID", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub ledger_id: Option<String>,
    /// How many attempts have an outcome that nobody knows and wait for a person.
    #[serde(default)]
    pub open_unknowns: u32,
    /// The reports of this workspace, and whether their numbers are current.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub reports: Vec<ReportFreshness>,
    /// Today's create budget: `Available`, `NearlySpent` (80% or more used) or `Spent`. The metric
    /// `propensity_operator_workspace_budget_used` has the number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub budget: Option<String>,
    /// The value of the annotation `abm.propensity.com/requestedAt` that was last acted on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub last_handled_requested_at: Option<String>,
}

/// Whether a report's numbers are current.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReportFreshness {
    /// The `PropensityReport`. Its `status.lastSuccess` has the time.
    #[schemars(length(max = 253))]
    pub name: String,
    /// Which report it is: the entry of the Secret.
    #[schemars(length(max = 253))]
    pub report: String,
    /// How current its numbers are.
    pub freshness: Freshness,
}

/// How current a report's numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum Freshness {
    /// It was read to its end within its last two intervals.
    Fresh,
    /// It wasn't: the numbers are older.
    Stale,
    /// It was never read to its end.
    Never,
    /// It is suspended; its numbers stay as they are.
    Suspended,
}
