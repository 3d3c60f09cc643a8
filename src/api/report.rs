//! `PropensityReport`: a report of a workspace, fetched on an interval and made into numbers.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::core::Duration;
use kube::{CustomResource, KubeSchema};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::{LocalRef, condition, schema};

/// A report of a Propensity workspace. What its columns are is documented nowhere, so nothing is guessed: the columns that are there are shown, and what is wanted of them
/// is declared.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Deserialize, Serialize)]
#[kube(
    group = "abm.propensity.com",
    version = "v1alpha1",
    kind = "PropensityReport",
    plural = "propensityreports",
    shortname = "preport",
    category = "propensity",
    namespaced,
    status = "ReportStatus",
    derive = "PartialEq",
    doc = "A report of a Propensity workspace, fetched on an interval and made into numbers for status, metrics and dashboards. Its rows are never kept.",
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Reason", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].reason"#),
    printcolumn(name = "Report", type_ = "string", json_path = ".spec.report"),
    printcolumn(name = "Rows", type_ = "integer", json_path = ".status.rows"),
    printcolumn(
        name = "Last success",
        type_ = "date",
        json_path = ".status.lastSuccess",
        description = "How old the numbers are."
    ),
    printcolumn(
        name = "Newest row",
        type_ = "date",
        json_path = ".status.newestRow",
        description = "How old the newest row is, by spec.newestColumn."
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Truncated",
        type_ = "boolean",
        json_path = ".status.possiblyTruncated",
        priority = "1",
        description = "So suspiciously round a number of rows that some may be missing."
    ),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].message"#,
        priority = "1"
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new(schema::duration_rule!("interval", "5m", "168h")).message("interval must be a duration such as 1h, from 5m to 168h"))]
#[x_kube(validation = Rule::new("!has(self.rows) || self.rows == '' || !has(self.format) || self.format == 'JSON'").message("rows is a place in a JSON body: leave it out with CSV and NDJSON"))]
pub struct PropensityReportSpec {
    /// The `PropensityWorkspace` of this namespace that the report belongs to. Its Secret holds the report's URL, and its rate limit holds for the report too.
    #[serde(default = "default_workspace_ref")]
    #[schemars(default = "default_workspace_ref")]
    pub workspace_ref: LocalRef,
    /// The entry of the workspace's Secret that holds the report's endpoint URL. Known reports are `abm_campaign_summary`, `abm_roi_analytics`, `account_engagement`,
    /// `asset_analytics`, `campaign_pacing`, `contact_engagement`, `daily_abm_activities`, `daily_propensity_display_network_spend` and `website_analytics`; any other
    /// entry can be named too.
    #[schemars(length(min = 1, max = 253), regex(pattern = "^[A-Za-z0-9._-]+$"))]
    #[x_kube(validation = Rule::new("self != 'workspace_api_key'").message("workspace_api_key is the workspace's key and no report: name the entry that holds the report's URL"))]
    pub report: String,
    /// Query parameters, added to those that the URL has.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "query")]
    pub query: BTreeMap<String, String>,
    /// How often to fetch the report, from 5m to 168h; each time up to a twentieth later. Reports with the same workspace, report, query and layout are fetched together.
    #[serde(default = "default_interval")]
    #[schemars(default = "default_interval", length(max = 32))]
    pub interval: Duration,
    /// How the report is laid out.
    #[serde(default)]
    #[schemars(default)]
    pub format: ReportFormat,
    /// Where the rows stand in a JSON body that isn't an array of them: a JSON pointer (RFC 6901) to the array, such as `/results/data`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 256), regex(pattern = "^(/.*)?$"))]
    pub rows: String,
    /// Fetches the report page by page. Absent: one request has it all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paging: Option<Paging>,
    /// A report with more MiB than this isn't read to its end, and its last numbers stay.
    #[serde(rename = "maxMiB", default = "default_max_mib")]
    #[schemars(default = "default_max_mib", range(min = 1, max = 4096))]
    pub max_mib: u32,
    /// What the text of columns means. Numbers of a JSON body need nothing; text is a number or a date only where its form is declared here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".to_owned()]))]
    pub columns: Vec<ColumnFormat>,
    /// The column that tells how new a row is: a date that is declared in `columns`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub newest_column: Option<String>,
    /// The numbers to make of the report.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".to_owned()]))]
    pub metrics: Vec<Metric>,
    /// Metrics divided by one another, group by group where both have the same groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".to_owned()]))]
    pub ratios: Vec<Ratio>,
    /// True: the report isn't fetched. Its last numbers stay.
    #[serde(default)]
    #[schemars(default)]
    pub suspend: bool,
}

/// How a report is laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
pub enum ReportFormat {
    /// An array of objects, as the body or at `rows` in it.
    #[default]
    #[serde(rename = "JSON")]
    Json,
    /// An object on each line.
    #[serde(rename = "NDJSON")]
    Ndjson,
    /// Cells between commas under a row of headings.
    #[serde(rename = "CSV")]
    Csv,
}

/// How the pages of a report are asked for. Nothing of this is documented by Propensity: it must be known from elsewhere. The report ends with the first page that has no
/// rows, or fewer than `pageRows`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Paging {
    /// The query parameter that says which page, or how many rows to pass over.
    #[schemars(length(min = 1, max = 64))]
    pub parameter: String,
    /// Its value for the first page.
    #[serde(default = "one")]
    #[schemars(default = "one")]
    pub first: u32,
    /// By how much it grows from page to page: 1 for numbers of pages, the rows of a page for offsets.
    #[serde(default = "one")]
    #[schemars(default = "one", range(min = 1))]
    pub step: u32,
    /// How many rows a full page has. With it the last page is known by having fewer, which saves a request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub page_rows: Option<u64>,
    /// At most this many pages: a report with more isn't read to its end, and its last numbers stay. Each page is a request under the rate limit.
    #[serde(default = "default_max_pages")]
    #[schemars(default = "default_max_pages", range(min = 1, max = 1000))]
    pub max_pages: u32,
}

/// What the text of a column means.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.number) != has(self.date)").message("give either number or date"))]
pub struct ColumnFormat {
    /// The column's name, exactly.
    #[schemars(length(min = 1, max = 256))]
    pub name: String,
    /// Numbers in this form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<NumberFormat>,
    /// Dates in this form, as strftime writes it, such as `%Y-%m-%d` or `%m/%d/%Y %H:%M`. Without an offset they are in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub date: Option<String>,
}

/// The form of numbers in text. `{decimal: ".", group: ",", prefix: "$"}` reads `$1,234.50`; `{suffix: "%"}` reads `12.5%` as 12.5.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NumberFormat {
    /// What separates the fraction.
    #[serde(default = "default_decimal")]
    #[schemars(default = "default_decimal", length(min = 1, max = 1))]
    pub decimal: String,
    /// What may separate groups of three digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1))]
    pub group: Option<String>,
    /// What stands before the digits.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 16))]
    pub prefix: String,
    /// What stands behind them.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 16))]
    pub suffix: String,
}

/// A number to make of a report.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.column) || self.operation == 'count'").message("column is needed for every operation but count"))]
pub struct Metric {
    /// Its name, in the status and as the label `metric`.
    #[schemars(length(min = 1, max = 63), regex(pattern = "^[A-Za-z_][A-Za-z0-9_-]*$"))]
    pub name: String,
    /// `count`: rows, with a column those where something is in it. `distinct`: different values of a column. `sum`: of numbers. `min`, `max` and `last`: of numbers or
    /// declared dates; `last` is that of the last row that has one.
    pub operation: Operation,
    /// The column, by its exact name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub column: Option<String>,
    /// Counts only rows that pass all of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub filters: Vec<ColumnValues>,
    /// Makes a number for each of some values of a column. Only these values are shown, in the status and as the label `group`; the rest is `other`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_by: Option<ColumnValues>,
}

/// Some values of a column.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ColumnValues {
    /// The column, by its exact name.
    #[schemars(length(min = 1, max = 256))]
    pub column: String,
    /// The values, as they stand in the report without white space around them.
    #[schemars(length(min = 1, max = 100), inner(length(max = 128)))]
    pub values: Vec<String>,
}

/// How a metric is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// Rows.
    Count,
    /// Different values.
    Distinct,
    /// Sum of numbers.
    Sum,
    /// Smallest number or earliest date.
    Min,
    /// Largest number or latest date.
    Max,
    /// Number or date of the last row that has one.
    Last,
}

/// One metric divided by another.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ratio {
    /// Its name, in the status and as the label `metric`.
    #[schemars(length(min = 1, max = 63), regex(pattern = "^[A-Za-z_][A-Za-z0-9_-]*$"))]
    pub name: String,
    /// The metric that is divided.
    #[schemars(length(min = 1, max = 63))]
    pub numerator: String,
    /// The metric that it is divided by. Where that is zero there is no ratio.
    #[schemars(length(min = 1, max = 63))]
    pub denominator: String,
}

/// Schema of query parameters.
fn query(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 16,
        "additionalProperties": {"type": "string", "maxLength": 256}
    })
}

fn default_workspace_ref() -> LocalRef {
    LocalRef::default()
}
fn default_interval() -> Duration {
    schema::duration_of_secs(60 * 60)
}
fn default_max_mib() -> u32 {
    512
}
fn one() -> u32 {
    1
}
fn default_max_pages() -> u32 {
    100
}
fn default_decimal() -> String {
    ".".to_owned()
}

/// What the operator knows of a report. All numbers are those of the last success.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReportStatus {
    /// The generation of the spec that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`; while they are true, also `Reconciling`, `Stalled` and `CellsUnparsed`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "condition::schema")]
    pub conditions: Vec<Condition>,
    /// When the report was last read to its end: how old the numbers are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<condition::Time>")]
    pub last_success: Option<Timestamp>,
    /// How many rows it had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// How many bytes it had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// The metrics and ratios.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 600))]
    pub values: Vec<MetricValue>,
    /// The latest date in `spec.newestColumn`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<condition::Time>")]
    pub newest_row: Option<Timestamp>,
    /// True: there were so suspiciously round a number of rows that the report may have been cut off by a limit that nobody knows.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub possibly_truncated: bool,
    /// The columns, the first 200, as they were last seen, also in a report that couldn't be used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 200))]
    pub columns: Vec<ColumnSeen>,
    /// Tells one set of columns and types from another. An event tells of a change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 12))]
    pub columns_fingerprint: Option<String>,
    /// The value of the annotation `abm.propensity.com/requestedAt` that was last acted on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub last_handled_requested_at: Option<String>,
}

/// A number that was made.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricValue {
    /// The metric or ratio.
    #[schemars(length(max = 63))]
    pub name: String,
    /// The group, where there are groups.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 128))]
    pub group: String,
    /// The number in decimal digits, or the date in RFC 3339.
    #[schemars(length(max = 64))]
    pub value: String,
}

/// A column that was seen.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ColumnSeen {
    /// Its name; `(hidden)` where that looks like a value.
    #[schemars(length(max = 256))]
    pub name: String,
    /// Types of its values: `bool`, `nested`, `number`, `text`. None where all were empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4), inner(length(max = 16)))]
    pub types: Vec<String>,
    /// Of a column in which numbers or dates are expected: how many cells hold something else.
    #[serde(default, skip_serializing_if = "is_none")]
    pub unparsed: u64,
}

fn is_none(n: &u64) -> bool {
    *n == 0
}
