//! The status of both kinds of audience. No value of a list ever stands in it.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::report::MetricValue;
use super::{LocalRef, condition};

/// What the operator knows of an audience.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AudienceStatus {
    /// The generation of the spec that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`; while they are true, also `Reconciling`, `Stalled` and `SuppressedMembersSent`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "condition::schema")]
    pub conditions: Vec<Condition>,
    /// SHA-256 of the normalised list. The same hash means the same audience, however the list is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub list_hash: Option<String>,
    /// The first 12 characters of `listHash`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 12))]
    pub short_list_hash: Option<String>,
    /// What became of each row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<Funnel>,
    /// The first ten invalid rows, without their values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub problems: Vec<RowProblem>,
    /// Columns of the sources, or names of fields, that mean nothing to this kind of audience and were ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignored_columns: Option<u64>,
    /// Members that are sent, and perhaps shouldn't be. They block nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warnings: Option<Warnings>,
    /// The receipt of the present list, which is the truth of what was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt_ref: Option<LocalRef>,
    /// The audiences that a split list is, each with its own receipt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    pub parts: Vec<PartStatus>,
    /// The API's last answer for this audience.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_result: Option<LastResult>,
    /// The last audience created from this resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_created: Option<CreatedAudience>,
    /// The last five audiences created from this resource, the newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5))]
    pub recent_creates: Vec<CreatedAudience>,
    /// How many members, at least, of the audience in the workspace are suppressed now and must be removed in Propensity by hand.
    #[serde(default, skip_serializing_if = "is_none")]
    pub suppressed_members_sent: u64,
    /// How many older audiences of this resource stay in the workspace. Nothing can delete them by API: remove them in Propensity.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub superseded: u32,
    /// What the reports in `spec.engagement` say of the members, as of each report's `status.lastSuccess`. Written only when a number changes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4))]
    pub engagement: Vec<EngagementStatus>,
    /// Attempts for older lists of this resource whose outcome nobody knows. They don't block the present list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub open_unknowns: Vec<OpenUnknown>,
}

fn is_none(n: &u64) -> bool {
    *n == 0
}

fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// What became of the rows of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Funnel {
    /// Rows read.
    pub read: u64,
    /// Rows that can't be sent; `problems` names the first ten.
    pub invalid: u64,
    /// Rows that mean a member who is already in the list.
    pub duplicate: u64,
    /// Members who must not be sent.
    pub excluded: u64,
    /// Members to send.
    pub to_send: u64,
}

/// How many members, of those to send, a warning is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Warnings {
    /// Those whose email or website is that of a provider of free mail, which says nothing about a company.
    #[serde(default, skip_serializing_if = "is_none")]
    pub free_mail_domains: u64,
    /// Those whose email is that of a role, such as `info@`, and no person's.
    #[serde(default, skip_serializing_if = "is_none")]
    pub role_addresses: u64,
}

/// A row that can't be sent. Never its value.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RowProblem {
    /// Where the row stands, such as `spec.contacts`.
    #[schemars(length(max = 512))]
    pub source: String,
    /// Its number there, the first is 1.
    pub row: u64,
    /// What is wrong and what to do.
    #[schemars(length(max = 512))]
    pub reason: String,
}

/// One of the audiences that a split list is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PartStatus {
    /// Its name, which stays as long as the part isn't divided further or joined with another.
    #[schemars(length(max = 63))]
    pub name: String,
    /// Name of its receipt.
    #[schemars(length(max = 253))]
    pub receipt: String,
    /// Members to send.
    pub members: u64,
    /// Where it stands, as the reason of a condition.
    #[schemars(length(max = 63))]
    pub reason: String,
    /// When it was created, with how many members.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<CreatedPart>,
}

/// A part that was created.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatedPart {
    /// When.
    #[schemars(with = "condition::Time")]
    pub time: Timestamp,
    /// How many members were sent.
    pub members: u64,
}

/// The API's answer to a create.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LastResult {
    /// When the answer was there, or when it was given up.
    #[schemars(with = "condition::Time")]
    pub time: Timestamp,
    /// What kind of answer it was, such as `created`, `rate_limited` or `timeout`.
    #[schemars(length(max = 64))]
    pub class: String,
    /// The HTTP status, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// `results.error` of the answer, if it could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<bool>,
    /// The API's message, shortened, with keys, addresses and values of the list masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub message: Option<String>,
}

/// An audience that was created.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatedAudience {
    /// Name of its receipt.
    #[schemars(length(max = 253))]
    pub receipt: String,
    /// When it was created.
    #[schemars(with = "condition::Time")]
    pub time: Timestamp,
    /// How many members were sent.
    pub members: u64,
}

/// What a report says of the members of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EngagementStatus {
    /// The `PropensityReport`.
    #[schemars(length(max = 253))]
    pub report: String,
    /// Members to send that at least one row is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members_matched: Option<u64>,
    /// Rows about any of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// The report's metrics and ratios over just those rows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 600))]
    pub values: Vec<MetricValue>,
    /// Why the numbers are missing or older than the report's, and what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub problem: Option<String>,
}

/// An attempt whose outcome nobody knows.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OpenUnknown {
    /// Name of the receipt on which it can be settled.
    #[schemars(length(max = 253))]
    pub receipt: String,
    /// The attempt's ID.
    #[schemars(length(max = 63))]
    pub attempt: String,
    /// When the attempt was claimed.
    #[schemars(with = "condition::Time")]
    pub time: Timestamp,
    /// How many members it was about.
    pub members: u64,
}
