//! The next status of a report, from the result of a fetch or from what prevents one.

use jiff::Timestamp;

use super::conditions;
pub use super::fault_meaning::{Meaning, meaning};
use super::report_messages as messages;
use crate::api::condition::{self, ConditionType, DesiredCondition, Verdict};
use crate::api::report::{MetricValue, ObservedColumn, ReportStatus};
use crate::api::{PropensityReport, requested_at};
use crate::controller::model::event::{EventType, NewEvent};
use crate::controller::model::fetch::Fault;
use crate::controller::model::readiness::{Phase, Readiness};
use crate::report::{Column, Kinds, Summary, Value, Values, looks_like_value};

/// Numbers as a status has them.
#[must_use]
pub fn values(values: &Values) -> Vec<MetricValue> {
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

/// A number in fifteen digits, which are the same for any order of rows.
fn digits(number: f64) -> String {
    // Adding 0 makes 0 of -0.
    let rounded = format!("{number:.14e}").parse().unwrap_or(number) + 0.0;
    let plain = f64::to_string(&rounded);
    if plain.len() <= 40 { plain } else { format!("{rounded:e}") }
}

/// The name of a column as it may be shown.
fn shown(name: &str) -> String {
    if looks_like_value(name) { "(hidden)".to_owned() } else { name.chars().take(100).collect() }
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

/// Why a report that was read completely has no usable numbers.
#[must_use]
pub fn problem(report: &PropensityReport, summary: &Summary) -> Option<Verdict> {
    let which = &report.spec.report;
    if !summary.missing.is_empty() {
        return Some(messages::columns_missing(which, &summary.missing));
    }
    if !summary.unreadable.is_empty() {
        return Some(messages::format_mismatch(which, &summary.unreadable));
    }
    (!summary.uncounted.is_empty()).then(|| messages::uncounted(which, &summary.uncounted))
}

/// The result of reconciling a report.
pub enum ReportResult {
    /// Something prevents the fetch.
    Blocked(Readiness),
    /// The fetch failed.
    Failed(Fault),
    /// It was read to its end.
    Read(Box<ReportRead>),
}

/// A report that was read to its end.
pub struct ReportRead {
    /// Its numbers.
    pub summary: Summary,
    /// How many bytes it had.
    pub bytes: u64,
    /// What makes its numbers useless; the last ones then remain.
    pub problem: Option<Verdict>,
    /// When it was read.
    pub at: Timestamp,
}

/// The state that follows from a result. Where numbers of an earlier fetch remain, the message says of when.
#[must_use]
pub fn readiness(report: &PropensityReport, result: &ReportResult) -> Readiness {
    let which = &report.spec.report;
    let prevented = match result {
        ReportResult::Blocked(readiness) => readiness.clone(),
        ReportResult::Failed(fault) => messages::failed(which, &report.spec.workspace_ref.name, fault),
        ReportResult::Read(read) => match &read.problem {
            Some(verdict) => Readiness { verdict: verdict.clone(), phase: Phase::Stalled },
            None => return messages::fetched(which, read.summary.possibly_truncated),
        },
    };
    messages::with_age(prevented, report.status.as_ref().and_then(|status| status.last_success))
}

/// The next status of a report.
#[must_use]
pub fn next(report: &PropensityReport, result: &ReportResult, now: Timestamp) -> ReportStatus {
    let old = report.status.clone().unwrap_or_default();
    let mut status = old.clone();
    let readiness = readiness(report, result);
    let mut wanted = conditions::ready(&readiness);
    if !matches!(result, ReportResult::Blocked(_)) {
        status.last_handled_requested_at = requested_at(&report.metadata).or(status.last_handled_requested_at);
    }
    if let ReportResult::Read(read) = result {
        let summary = &read.summary;
        // A report without rows has no columns, which is no change of them.
        if summary.rows > 0 {
            status.columns = columns(summary);
            status.columns_fingerprint = Some(summary.fingerprint.clone());
        }
        if read.problem.is_none() {
            status.last_success = Some(read.at);
            status.rows = Some(summary.rows);
            status.bytes = Some(read.bytes);
            status.values = values(&summary.values);
            status.newest_row.clone_from(&summary.newest);
            status.possibly_truncated = summary.possibly_truncated;
            wanted.extend(unparsed(&status.columns));
        }
    }
    let generation = report.metadata.generation;
    status.observed_generation = generation;
    status.conditions = condition::update(&old.conditions, &wanted, generation, now);
    if readiness.phase != Phase::Ready {
        // It is about the numbers that remain.
        status.conditions.extend(condition::find(&old.conditions, ConditionType::CellsUnparsed).cloned());
    }
    status
}

/// The next status of a report whose object may have changed since it was reconciled: `base` is the object as it is
/// now, `reconciled` the one that the result belongs to. A status never reports a generation or a request that wasn't
/// reconciled.
#[must_use]
pub fn next_of(
    base: &PropensityReport,
    reconciled: &PropensityReport,
    result: &ReportResult,
    now: Timestamp,
) -> ReportStatus {
    let status = base.status.clone().unwrap_or_default();
    if status.observed_generation > reconciled.metadata.generation {
        return status;
    }
    let metadata = reconciled.metadata.clone();
    next(&PropensityReport { metadata, ..base.clone() }, result, now)
}

/// The event for columns that changed.
#[must_use]
pub fn columns_changed(report: &PropensityReport, old: &ReportStatus, new: &ReportStatus) -> Option<NewEvent> {
    let changed = old.columns_fingerprint.is_some() && old.columns_fingerprint != new.columns_fingerprint;
    changed.then(|| NewEvent {
        type_: EventType::Warning,
        reason: "ColumnsChanged",
        action: "Fetch",
        note: columns_note(&report.spec.report, &old.columns, &new.columns),
    })
}

/// Cells that aren't what is expected of them, while others of their column are.
fn unparsed(columns: &[ObservedColumn]) -> Option<DesiredCondition> {
    let wrong: Vec<_> = columns.iter().filter(|column| column.unparsed > 0).collect();
    let named: Vec<_> = wrong.iter().map(|column| (column.name.as_str(), column.unparsed)).collect();
    let condition = |verdict| DesiredCondition { type_: ConditionType::CellsUnparsed, status: true, verdict };
    (!wrong.is_empty()).then(|| condition(messages::cells_unparsed(&named)))
}

/// How columns differ.
fn columns_note(report: &str, before: &[ObservedColumn], after: &[ObservedColumn]) -> String {
    let lacking = |of: &[ObservedColumn], other: &[ObservedColumn]| {
        let names = of.iter().filter(|column| !other.iter().any(|o| o.name == column.name)).map(|c| c.name.clone());
        names.collect::<Vec<_>>()
    };
    let other_types = after.iter().filter(|c| before.iter().any(|b| b.name == c.name && b.types != c.types));
    let other_types: Vec<_> = other_types.map(|column| column.name.clone()).collect();
    messages::columns_changed(report, &lacking(after, before), &lacking(before, after), &other_types)
}

#[cfg(test)]
mod tests;
