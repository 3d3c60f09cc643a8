//! What a report's status says, and its write. A status that says nothing new isn't written.

use super::fetch::Fault;
use crate::api::condition::{self, ConditionType, DesiredCondition, Reason, Verdict};
use crate::api::report::{
    self as api, MetricValue, ObservedColumn, Operation as ApiOperation, PropensityReportSpec, ReportStatus,
};
use crate::api::{PropensityReport, requested_at};
use crate::controller::announce;
use crate::controller::cluster::CallError;
use crate::controller::context::Context;
use crate::controller::events::EventType;
use crate::controller::scene::Phase;
use crate::controller::status;
use crate::controller::verdicts::{Said, when};
use crate::propensity::ReportFault;
use crate::report::{
    Column, DateFormat, Filter, Group, Kinds, Meaning, Metric, NumberFormat, Operation, Plan, Ratio, Summary, Value,
    Values, is_value,
};

/// A report that was read to its end.
pub struct Success {
    pub(super) summary: Summary,
    pub(super) bytes: u64,
}

/// Columns that a message names.
const NAMED: usize = 5;

/// What a spec declares.
pub(super) fn plan(spec: &PropensityReportSpec) -> Plan {
    let first = |text: &String, otherwise| text.chars().next().unwrap_or(otherwise);
    let meaning = |format: &api::ColumnFormat| match (&format.number, &format.date) {
        (_, Some(date)) => Some(Meaning::Date(DateFormat(date.clone()))),
        (Some(api::NumberFormat { decimal, group, prefix, suffix }), None) => Some(Meaning::Number(NumberFormat {
            decimal: first(decimal, '.'),
            group: group.as_ref().map(|group| first(group, ',')),
            prefix: prefix.clone(),
            suffix: suffix.clone(),
        })),
        (None, None) => None,
    };
    let metric = |metric: &api::Metric| Metric {
        name: metric.name.clone(),
        operation: match metric.operation {
            ApiOperation::Count => Operation::Count,
            ApiOperation::Distinct => Operation::Distinct,
            ApiOperation::Sum => Operation::Sum,
            ApiOperation::Min => Operation::Min,
            ApiOperation::Max => Operation::Max,
            ApiOperation::Last => Operation::Last,
        },
        column: metric.column.clone(),
        filters: metric.filters.iter().map(|f| Filter { column: f.column.clone(), values: f.values.clone() }).collect(),
        group_by: metric.group_by.as_ref().map(|g| Group { column: g.column.clone(), values: g.values.clone() }),
    };
    let ratio = |ratio: &api::Ratio| Ratio {
        name: ratio.name.clone(),
        of: ratio.numerator.clone(),
        to: ratio.denominator.clone(),
    };
    Plan {
        meanings: spec.columns.iter().filter_map(|c| Some((c.name.clone(), meaning(c)?))).collect(),
        metrics: spec.metrics.iter().map(metric).collect(),
        ratios: spec.ratios.iter().map(ratio).collect(),
        newest: spec.newest_column.clone(),
    }
}

/// Numbers as a status has them.
pub(super) fn values(values: &Values) -> Vec<MetricValue> {
    let text = |value: &Value| match value {
        Value::Number(number) => digits(*number),
        Value::Date(date) => date.to_string(),
    };
    let value = |((name, group), value): (&(String, String), &Value)| MetricValue {
        name: name.clone(),
        group: group.clone(),
        value: text(value),
    };
    values.iter().map(value).collect()
}

/// A number in fifteen digits, which is what survives any order of adding up.
fn digits(number: f64) -> String {
    let rounded = format!("{number:.14e}").parse().unwrap_or(number);
    let plain = f64::to_string(&rounded);
    if plain.len() <= 40 { plain } else { format!("{rounded:e}") }
}

/// The name of a column as it may be shown.
fn shown(name: &str) -> String {
    if is_value(name) { "(hidden)".to_owned() } else { name.chars().take(100).collect() }
}

fn columns(summary: &Summary) -> Vec<ObservedColumn> {
    let seen = |(name, column): (&String, &Column)| {
        let Kinds { bool, nested, number, text } = column.kinds;
        let types = [(bool, "bool"), (nested, "nested"), (number, "number"), (text, "text")];
        ObservedColumn {
            name: shown(name),
            types: types.into_iter().filter(|(is, _)| *is).map(|(_, name)| name.to_owned()).collect(),
            unparsed: column.unparsed,
        }
    };
    summary.columns.iter().map(seen).collect()
}

/// What of a report that was read to its end makes its numbers useless.
pub(super) fn lack(report: &PropensityReport, summary: &Summary) -> Option<Verdict> {
    let which = &report.spec.report;
    let list = |names: &[String]| names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    if !summary.missing.is_empty() {
        let message = format!(
            "report {which} has no column {}, which its spec names: correct the spec by status.columns",
            list(&summary.missing)
        );
        return Some(Verdict::new(Reason::ColumnsMissing, message));
    }
    if !summary.unreadable.is_empty() {
        let message = format!(
            "not one cell of column {} of report {which} is a number or date of the declared form: correct spec.columns. A number in text needs a form too",
            list(&summary.unreadable)
        );
        return Some(Verdict::new(Reason::ColumnFormatMismatch, message));
    }
    if !summary.uncounted.is_empty() {
        let message = format!(
            "metric {} of report {which} can't be counted, for too many different values or too large a sum: narrow it with filters or spec.query",
            list(&summary.uncounted)
        );
        return Some(Verdict::new(Reason::ReportUnreadable, message));
    }
    None
}

/// Something holds the fetch back.
///
/// # Errors
/// When the API server doesn't take the status.
pub(super) async fn obstacle(ctx: &Context, report: &PropensityReport, said: Said) -> Result<(), CallError> {
    let said = aged(report, said);
    tell(ctx, report, said, report.status.clone().unwrap_or_default(), vec![]).await
}

/// The report couldn't be read to its end.
pub(super) async fn failure(ctx: &Context, report: &PropensityReport, fault: &Fault) -> Result<Phase, CallError> {
    let (secret, which) = (&report.spec.workspace_ref.name, &report.spec.report);
    let message = match fault {
        Fault::Report(ReportFault::Rejected(_)) => format!(
            "report {which}: {fault}. Put the new URL, as Propensity shows it, into the entry {which} of the Secret of PropensityWorkspace {secret}; it is used within seconds. Creates aren't held up by this"
        ),
        _ => format!("report {which}: {fault}"),
    };
    let (_, _, reason, phase) = fault.meaning();
    let mut status = report.status.clone().unwrap_or_default();
    status.last_handled_requested_at = requested_at(&report.metadata).or(status.last_handled_requested_at);
    let said = aged(report, (Verdict::new(reason, message), phase));
    tell(ctx, report, said, status, vec![]).await?;
    Ok(phase)
}

/// The report was read to its end. Where something makes its numbers useless, the last ones stay, and only the columns are told.
pub(super) async fn success(
    ctx: &Context,
    report: &PropensityReport,
    success: Success,
    lack: Option<Verdict>,
) -> Result<Phase, CallError> {
    let Success { summary, bytes } = success;
    let mut status = report.status.clone().unwrap_or_default();
    let before = std::mem::replace(&mut status.columns, columns(&summary));
    let fingerprint = status.columns_fingerprint.replace(summary.fingerprint.clone());
    // No rows have no columns, which is no change of those.
    if summary.rows == 0 {
        (status.columns, status.columns_fingerprint) = (before.clone(), fingerprint.clone());
    }
    status.last_handled_requested_at = requested_at(&report.metadata).or(status.last_handled_requested_at);
    let changed = (fingerprint.is_some() && fingerprint != status.columns_fingerprint)
        .then(|| difference(&before, &status.columns));
    let mut also = vec![];
    let said = match lack {
        Some(verdict) => aged(report, (verdict, Phase::Stalled)),
        None => {
            status.last_success = Some(ctx.clock.wall());
            status.rows = Some(summary.rows);
            status.bytes = Some(bytes);
            status.values = values(&summary.values);
            status.newest_row = summary.newest;
            status.possibly_truncated = summary.possibly_truncated;
            also.extend(unparsed(&status.columns));
            (fetched(report, &summary), Phase::Ready)
        }
    };
    let phase = said.1;
    tell(ctx, report, said, status, also).await?;
    if let Some(difference) = changed {
        let note = format!("the columns of report {} changed: {difference}", report.spec.report);
        publish(ctx, report, EventType::Warning, "ColumnsChanged", note).await;
    }
    Ok(phase)
}

fn fetched(report: &PropensityReport, summary: &Summary) -> Verdict {
    let mut message = format!("report {} was read to its end", report.spec.report);
    if summary.possibly_truncated {
        message += ". So round a number of rows may mean that a limit cut it off: compare with Propensity, narrow spec.query, or declare spec.paging";
    }
    Verdict::new(Reason::Fetched, message)
}

/// Cells that aren't what is expected of them, while others of their column are.
fn unparsed(columns: &[ObservedColumn]) -> Option<DesiredCondition> {
    let wrong: Vec<_> = columns.iter().filter(|column| column.unparsed > 0).collect();
    let named = wrong.iter().take(NAMED).map(|c| format!("{} in {}", c.unparsed, c.name)).collect::<Vec<_>>();
    let message = format!(
        "cells hold something else than a number or date of the declared form, and count for nothing: {}",
        named.join(", ")
    );
    let verdict = Verdict::new(Reason::ColumnFormatMismatch, message);
    (!wrong.is_empty()).then_some(DesiredCondition { type_: ConditionType::CellsUnparsed, status: true, verdict })
}

/// How columns differ.
fn difference(before: &[ObservedColumn], after: &[ObservedColumn]) -> String {
    let lacking = |of: &[ObservedColumn], other: &[ObservedColumn]| {
        let names = of.iter().filter(|column| !other.iter().any(|o| o.name == column.name)).map(|c| c.name.clone());
        names.collect::<Vec<_>>()
    };
    let other_types = after.iter().filter(|c| before.iter().any(|b| b.name == c.name && b.types != c.types));
    let other_types = other_types.map(|column| column.name.clone()).collect();
    let told = [("new", lacking(after, before)), ("gone", lacking(before, after)), ("of other types", other_types)];
    let told = told.into_iter().filter(|(_, names): &(_, Vec<String>)| !names.is_empty()).map(|(what, names)| {
        let more = names.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{what}: {}{more}", names[..names.len().min(NAMED)].join(", "))
    });
    told.collect::<Vec<_>>().join("; ")
}

/// With the age of the numbers that stay.
fn aged(report: &PropensityReport, (mut verdict, phase): Said) -> Said {
    if let Some(last) = report.status.as_ref().and_then(|status| status.last_success) {
        verdict.message.to_mut().push_str(&format!(". The numbers are those of {}", when(last)));
    }
    (verdict, phase)
}

async fn tell(
    ctx: &Context,
    report: &PropensityReport,
    (verdict, phase): Said,
    mut status: ReportStatus,
    also: Vec<DesiredCondition>,
) -> Result<(), CallError> {
    let old = report.status.clone().unwrap_or_default();
    let generation = report.metadata.generation;
    let mut wanted = status::readiness(&verdict, phase);
    wanted.extend(also);
    status.observed_generation = generation;
    status.conditions = condition::update(&old.conditions, &wanted, generation, ctx.clock.wall());
    if phase != Phase::Ready {
        // They are about the numbers that stay.
        status.conditions.extend(condition::find(&old.conditions, ConditionType::CellsUnparsed).cloned());
    }
    if report.status.as_ref() == Some(&status) {
        return Ok(());
    }
    if let Some(version) = ctx.cluster.replace_status(report, &status).await? {
        ctx.reports.wrote(report, version, status);
    }
    let before = condition::find(&old.conditions, ConditionType::Ready).map(|ready| ready.reason.clone());
    let is_news = before.as_deref() != Some(verdict.reason.as_str());
    if is_news && matches!(phase, Phase::Stalled | Phase::Reconciling) && verdict.reason != Reason::Pending {
        publish(ctx, report, EventType::Warning, verdict.reason.as_str(), verdict.message.to_string()).await;
    }
    tracing::info!(
        report = %format_args!("{}/{}", report.metadata.namespace.as_deref().unwrap_or_default(), report.metadata.name.as_deref().unwrap_or_default()),
        reason = verdict.reason.as_str(),
        "report"
    );
    Ok(())
}

async fn publish(ctx: &Context, report: &PropensityReport, type_: EventType, reason: &str, note: String) {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let meta = &report.metadata;
    let subject = announce::subject(&text(&meta.namespace), "PropensityReport", &text(&meta.name), &text(&meta.uid));
    ctx.events.publish(&subject, type_, reason, "Fetch", note).await;
}
