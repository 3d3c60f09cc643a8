//! The status of both kinds of audience. It never contains a value of a list.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::report::MetricValue;
use super::{LocalRef, condition};

/// The observed state of an audience.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AudienceStatus {
    /// The generation of the spec that this status describes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready` always; `Reconciling`, `Stalled` and `SuppressedMembersSent` only while they are true.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "condition::schema")]
    pub conditions: Vec<Condition>,
    /// SHA-256 of the normalised list. Lists with the same members have the same hash, whatever their order and
    /// notation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub list_hash: Option<String>,
    /// The first 12 characters of `listHash`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 12))]
    pub short_list_hash: Option<String>,
    /// How many rows were read, are invalid, are duplicates, are excluded and will be sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<Funnel>,
    /// The first ten invalid rows, without their values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub problems: Vec<RowProblem>,
    /// The number of columns or fields in the sources that this kind of audience doesn't use. They are ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignored_columns: Option<u64>,
    /// Numbers of members that are sent but look unsuitable. Warnings block nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warnings: Option<Warnings>,
    /// The receipt of the current list. It is the authoritative record of what was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt_ref: Option<LocalRef>,
    /// The audiences of a split list, each with its own receipt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    pub parts: Vec<PartStatus>,
    /// The API's last answer for this audience.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_result: Option<LastResult>,
    /// The last audience created from this resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_created: Option<CreatedAudience>,
    /// The last five audiences created from this resource, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5))]
    pub recent_creates: Vec<CreatedAudience>,
    /// The minimum number of members of created audiences that were suppressed later. Remove them manually in
    /// Propensity.
    #[serde(default, skip_serializing_if = "is_none")]
    pub suppressed_members_sent: u64,
    /// The number of older audiences of this resource that remain in the workspace. The API can't delete them: remove
    /// them in Propensity.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub superseded: u32,
    /// How the reports in `spec.engagement` match the members, as of each report's `status.lastSuccess`. Written only
    /// if a number changes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4))]
    pub engagement: Vec<EngagementStatus>,
    /// Attempts for older lists of this resource whose outcome is unknown. They don't block the current list.
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

/// The numbers of rows of a list, by result.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Funnel {
    /// Rows read.
    pub read: u64,
    /// Rows that can't be sent; `problems` lists the first ten.
    pub invalid: u64,
    /// Rows that repeat a member of the list.
    pub duplicate: u64,
    /// Members that are suppressed and must not be sent.
    pub excluded: u64,
    /// Members to send.
    pub to_send: u64,
}

/// The number of members to send for each kind of warning.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Warnings {
    /// Members whose email or website belongs to a free mail provider, which doesn't identify a company.
    #[serde(default, skip_serializing_if = "is_none")]
    pub free_mail_domains: u64,
    /// Members whose email belongs to a role, such as `info@`, and not to a person.
    #[serde(default, skip_serializing_if = "is_none")]
    pub role_addresses: u64,
}

/// A row that can't be sent. It never contains the row's values.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RowProblem {
    /// The source of the row, such as `spec.contacts`.
    #[schemars(length(max = 512))]
    pub source: String,
    /// The number of the row in its source, starting at 1.
    pub row: u64,
    /// What is wrong and how to correct it.
    #[schemars(length(max = 512))]
    pub reason: String,
}

/// One of the audiences of a split list.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PartStatus {
    /// Name of the part. It stays the same unless the part is divided further or merged with another.
    #[schemars(length(max = 63))]
    pub name: String,
    /// Name of its receipt.
    #[schemars(length(max = 253))]
    pub receipt: String,
    /// The number of members to send.
    pub members: u64,
    /// The state of the part, as a condition reason.
    #[schemars(length(max = 63))]
    pub reason: String,
    /// When it was created and with how many members.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<CreatedPart>,
}

/// A part that was created.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatedPart {
    /// When it was created.
    #[schemars(with = "condition::Time")]
    pub time: Timestamp,
    /// The number of members that were sent.
    pub members: u64,
}

/// The API's answer to a create.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LastResult {
    /// When the answer arrived or the request was abandoned.
    #[schemars(with = "condition::Time")]
    pub time: Timestamp,
    /// The class of the answer, such as `created`, `rate_limited` or `timeout`.
    #[schemars(length(max = 64))]
    pub class: String,
    /// The HTTP status. Absent if there was no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// `results.error` of the answer. Absent if it couldn't be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<bool>,
    /// The API's message, shortened. Keys, addresses and values of the list are masked.
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
    /// The number of members that were sent.
    pub members: u64,
}

/// How a report matches the members of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EngagementStatus {
    /// Name of the `PropensityReport`.
    #[schemars(length(max = 253))]
    pub report: String,
    /// The number of members to send that have at least one row in the report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members_matched: Option<u64>,
    /// The number of rows that match a member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// The report's metrics and ratios, computed over these rows only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 600))]
    pub values: Vec<MetricValue>,
    /// Why the numbers are missing or older than the report's, and what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub problem: Option<String>,
}

/// An attempt whose outcome is unknown.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OpenUnknown {
    /// Name of the receipt on which to resolve the attempt.
    #[schemars(length(max = 253))]
    pub receipt: String,
    /// ID of the attempt.
    #[schemars(length(max = 63))]
    pub attempt: String,
    /// When the attempt was claimed.
    #[schemars(with = "condition::Time")]
    pub time: Timestamp,
    /// The number of members of the attempt.
    pub members: u64,
}
