//! `PropensityReport`: a report of a workspace, fetched at an interval and evaluated as metrics.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::core::Duration;
use kube::{CustomResource, KubeSchema};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::{LocalRef, condition, schema};

/// A report of a Propensity workspace. Propensity doesn't document the columns, so the operator assumes nothing: the
/// status lists the columns, and the spec declares how to evaluate them.
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
    doc = "A report of a Propensity workspace. The operator fetches it at an interval and computes numbers for its \
        status, for metrics and for dashboards. Rows are never stored.",
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Reason", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].reason"#),
    printcolumn(name = "Report", type_ = "string", json_path = ".spec.report"),
    printcolumn(name = "Rows", type_ = "integer", json_path = ".status.rows"),
    printcolumn(
        name = "Last success",
        type_ = "date",
        json_path = ".status.lastSuccess",
        description = "When the report was last read completely."
    ),
    printcolumn(
        name = "Newest row",
        type_ = "date",
        json_path = ".status.newestRow",
        description = "The latest date in spec.newestColumn."
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Truncated",
        type_ = "boolean",
        json_path = ".status.possiblyTruncated",
        priority = "1",
        description = "The number of rows is suspiciously round: rows may be missing."
    ),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].message"#,
        priority = "1"
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new(schema::duration_rule!("interval", "5m", "168h"))
    .message("interval must be a duration such as 1h, from 5m to 168h"))]
#[x_kube(validation = Rule::new("!has(self.rows) || self.rows == '' || !has(self.format) || self.format == 'JSON'")
    .message("rows is a place in a JSON body: leave it out with CSV and NDJSON"))]
pub struct PropensityReportSpec {
    /// The `PropensityWorkspace` in this namespace that the report belongs to. Its Secret contains the report's URL,
    /// and its rate limit applies to the report too. Default: `default`.
    #[serde(default = "default_workspace_ref")]
    #[schemars(default = "default_workspace_ref")]
    pub workspace_ref: LocalRef,
    /// The key of the entry in the workspace's Secret that contains the report's endpoint URL. Known reports are
    /// `abm_campaign_summary`, `abm_roi_analytics`, `account_engagement`, `asset_analytics`, `campaign_pacing`,
    /// `contact_engagement`, `daily_abm_activities`, `daily_propensity_display_network_spend` and
    /// `website_analytics`; other keys are allowed.
    #[schemars(length(min = 1, max = 253), regex(pattern = "^[A-Za-z0-9._-]+$"))]
    #[x_kube(validation = Rule::new("self != 'workspace_api_key'")
        .message("workspace_api_key is the workspace's key and no report: name the entry that holds the report's URL"))]
    pub report: String,
    /// Query parameters to add to those of the URL. Default: none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "query")]
    pub query: BTreeMap<String, String>,
    /// How often to fetch the report, from 5m to 168h; each fetch is delayed by up to 5% at random. Default: 1h.
    /// Reports with the same workspace, report, query and format are fetched together.
    #[serde(default = "default_interval")]
    #[schemars(default = "default_interval", length(max = 32))]
    pub interval: Duration,
    /// The format of the report. Default: `JSON`.
    #[serde(default)]
    #[schemars(default)]
    pub format: ReportFormat,
    /// If the JSON body isn't an array of rows: the JSON pointer (RFC 6901) to that array, such as `/results/data`.
    /// Default: empty, the body itself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 256), regex(pattern = "^(/.*)?$"))]
    pub rows: String,
    /// Fetches the report page by page. Default: absent, one request returns all rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paging: Option<Paging>,
    /// The maximum size of the report in MiB. A larger report is rejected, and the last numbers remain. Default: 512.
    #[serde(rename = "maxMiB", default = "default_max_mib")]
    #[schemars(default = "default_max_mib", range(min = 1, max = 4096))]
    pub max_mib: u32,
    /// The formats of text columns. JSON numbers need none; text is a number or a date only if its format is declared
    /// here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".to_owned()]))]
    pub columns: Vec<ColumnFormat>,
    /// The column with the date of a row, used to find the newest row. It must be declared as a date in `columns`.
    /// Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub newest_column: Option<String>,
    /// The numbers to compute from the report. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".to_owned()]))]
    pub metrics: Vec<Metric>,
    /// Metrics divided by other metrics. If both have the same groups, they are divided group by group. Default:
    /// none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".to_owned()]))]
    pub ratios: Vec<Ratio>,
    /// `true`: the report isn't fetched, and its last numbers remain. Default: `false`.
    #[serde(default)]
    #[schemars(default)]
    pub suspend: bool,
}

/// The format of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
pub enum ReportFormat {
    /// A JSON array of objects: the body, or the array at `rows`.
    #[default]
    #[serde(rename = "JSON")]
    Json,
    /// One JSON object per line.
    #[serde(rename = "NDJSON")]
    Ndjson,
    /// Comma-separated values. The first row has the headings.
    #[serde(rename = "CSV")]
    Csv,
}

/// How to request the pages of a report. Propensity doesn't document paging. The report ends with the first page that
/// has no rows, or fewer than `pageRows`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Paging {
    /// The query parameter with the page number or the number of rows to skip.
    #[schemars(length(min = 1, max = 64))]
    pub parameter: String,
    /// Value of the parameter for the first page. Default: 1.
    #[serde(default = "one")]
    #[schemars(default = "one")]
    pub first: u32,
    /// By how much the value grows with each page: 1 for page numbers, the rows per page for offsets. Default: 1.
    #[serde(default = "one")]
    #[schemars(default = "one", range(min = 1))]
    pub step: u32,
    /// The number of rows of a full page. If set, a page with fewer rows is the last one, which saves a request.
    /// Default: absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub page_rows: Option<u64>,
    /// The maximum number of pages. A report with more pages is rejected, and the last numbers remain. Each page is a
    /// request under the rate limit. Default: 100.
    #[serde(default = "default_max_pages")]
    #[schemars(default = "default_max_pages", range(min = 1, max = 1000))]
    pub max_pages: u32,
}

/// The format of a text column. Set either `number` or `date`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.number) != has(self.date)").message("give either number or date"))]
pub struct ColumnFormat {
    /// The exact name of the column.
    #[schemars(length(min = 1, max = 256))]
    pub name: String,
    /// The column contains numbers in this format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<NumberFormat>,
    /// The column contains dates in this strftime format, such as `%Y-%m-%d` or `%m/%d/%Y %H:%M`. Dates without an
    /// offset are in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub date: Option<String>,
}

/// The format of numbers in text. `{decimal: ".", group: ",", prefix: "$"}` reads `$1,234.50`; `{suffix: "%"}` reads
/// `12.5%` as 12.5.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NumberFormat {
    /// The decimal separator. Default: `.`.
    #[serde(default = "default_decimal")]
    #[schemars(default = "default_decimal", length(min = 1, max = 1))]
    pub decimal: String,
    /// The optional separator of groups of three digits. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1))]
    pub group: Option<String>,
    /// Text before the digits. Default: none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 16))]
    pub prefix: String,
    /// Text after the digits. Default: none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 16))]
    pub suffix: String,
}

/// A number to compute from a report.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.column) || self.operation == 'count'")
    .message("column is needed for every operation but count"))]
pub struct Metric {
    /// Name of the metric in the status, and its label `metric` in Prometheus.
    #[schemars(length(min = 1, max = 63), regex(pattern = "^[A-Za-z_][A-Za-z0-9_-]*$"))]
    pub name: String,
    /// `count`: the number of rows; with a column, of rows with a value in it. `distinct`: the number of different
    /// values of a column. `sum`: the sum of numbers. `min`, `max` and `last`: of numbers or declared dates; `last`
    /// takes the last row with a value.
    pub operation: Operation,
    /// The exact name of the column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub column: Option<String>,
    /// Counts only rows that match all of these. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub filters: Vec<ColumnValues>,
    /// Computes a number for each of some values of a column. Only these values appear in the status and as the label
    /// `group`; all others are combined as `other`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_by: Option<ColumnValues>,
}

/// Values of a column.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ColumnValues {
    /// The exact name of the column.
    #[schemars(length(min = 1, max = 256))]
    pub column: String,
    /// The values as written in the report, without surrounding white space.
    #[schemars(length(min = 1, max = 100), inner(length(max = 128)))]
    pub values: Vec<String>,
}

/// How a metric is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// The number of rows.
    Count,
    /// The number of different values.
    Distinct,
    /// The sum of numbers.
    Sum,
    /// The smallest number or earliest date.
    Min,
    /// The largest number or latest date.
    Max,
    /// The number or date of the last row with a value.
    Last,
}

/// One metric divided by another.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ratio {
    /// Name of the ratio in the status, and its label `metric` in Prometheus.
    #[schemars(length(min = 1, max = 63), regex(pattern = "^[A-Za-z_][A-Za-z0-9_-]*$"))]
    pub name: String,
    /// The metric to divide.
    #[schemars(length(min = 1, max = 63))]
    pub numerator: String,
    /// The metric to divide by. If it is zero, there is no ratio.
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

/// The observed state of a report. All numbers are from the last successful fetch.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReportStatus {
    /// The generation of the spec that this status describes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready` always; `Reconciling`, `Stalled` and `CellsUnparsed` only while they are true.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "condition::schema")]
    pub conditions: Vec<Condition>,
    /// When the report was last read completely. The numbers are from this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<condition::Time>")]
    pub last_success: Option<Timestamp>,
    /// The number of rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// The size in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// The values of the metrics and ratios.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 600))]
    pub values: Vec<MetricValue>,
    /// The latest date in `spec.newestColumn`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<condition::Time>")]
    pub newest_row: Option<Timestamp>,
    /// `true`: the number of rows is suspiciously round, so that an undocumented limit may have truncated the report.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub possibly_truncated: bool,
    /// The first 200 columns of the last report that was read, even if it couldn't be used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 200))]
    pub columns: Vec<ObservedColumn>,
    /// A hash of the columns and their types. If it changes, an event is published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 12))]
    pub columns_fingerprint: Option<String>,
    /// The last value of the annotation `abm.propensity.com/requestedAt` that was handled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub last_handled_requested_at: Option<String>,
}

/// The value of a metric or a ratio.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricValue {
    /// Name of the metric or ratio.
    #[schemars(length(max = 63))]
    pub name: String,
    /// The group, if the metric has groups.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 128))]
    pub group: String,
    /// The number in decimal digits, or the date in RFC 3339.
    #[schemars(length(max = 64))]
    pub value: String,
}

/// A column of the report.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObservedColumn {
    /// Name of the column; `(hidden)` if the name looks like a value.
    #[schemars(length(max = 256))]
    pub name: String,
    /// Types of the values: `bool`, `nested`, `number`, `text`. Empty if all values were empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4), inner(length(max = 16)))]
    pub types: Vec<String>,
    /// The number of cells that can't be parsed, in a column with a declared format.
    #[serde(default, skip_serializing_if = "is_none")]
    pub unparsed: u64,
}

fn is_none(n: &u64) -> bool {
    *n == 0
}
