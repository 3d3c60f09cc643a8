//! The next status of a report, from the result of a fetch or from what prevents one.

use jiff::Timestamp;

use super::conditions;
use super::messages::when;
use crate::api::condition::{self, ConditionType, DesiredCondition, Reason, Verdict};
use crate::api::report::{MetricValue, ObservedColumn, ReportStatus};
use crate::api::{PropensityReport, requested_at};
use crate::controller::model::event::{EventType, NewEvent};
use crate::controller::model::fetch::{Fault, FetchEnd};
use crate::controller::model::readiness::{Phase, Readiness};
use crate::propensity::{EndpointError, ReportFault};
use crate::report::{Column, Kinds, Summary, Value, Values, looks_like_value};
use crate::sources::rows::RowsError;
use crate::telemetry::metrics::FetchOutcome;

/// Columns that a message names.
const MAX_NAMED: usize = 5;

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

/// A number in fifteen digits, which is what survives any order of adding up.
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

/// What makes the numbers of a report useless that was read to its end.
#[must_use]
pub fn problem(report: &PropensityReport, summary: &Summary) -> Option<Verdict> {
    let which = &report.spec.report;
    let list = |names: &[String]| names.iter().take(MAX_NAMED).cloned().collect::<Vec<_>>().join(", ");
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
    match result {
        ReportResult::Blocked(readiness) => with_age(report, readiness.clone()),
        ReportResult::Failed(fault) => {
            let (which, workspace) = (&report.spec.report, &report.spec.workspace_ref.name);
            let message = match fault {
                Fault::Report(ReportFault::Rejected(_)) => format!(
                    "report {which}: {fault}. Put the new URL, as Propensity shows it, into the entry {which} of the Secret of PropensityWorkspace {workspace}; it is used within seconds. Creates aren't held up by this"
                ),
                _ => format!("report {which}: {fault}"),
            };
            let Meaning { reason, phase, .. } = meaning(fault);
            with_age(report, Readiness::new(phase, reason, message))
        }
        ReportResult::Read(read) => match &read.problem {
            Some(verdict) => with_age(report, Readiness { verdict: verdict.clone(), phase: Phase::Stalled }),
            None => fetched(report, &read.summary),
        },
    }
}

/// What follows from a fault.
pub struct Meaning {
    /// When the next fetch is due.
    pub end: FetchEnd,
    /// How the fetch counts.
    pub outcome: FetchOutcome,
    /// The reason of the condition.
    pub reason: Reason,
    /// The phase of the report.
    pub phase: Phase,
}

/// What follows from a fault.
#[must_use]
pub fn meaning(fault: &Fault) -> Meaning {
    use FetchEnd::{FailedForNow, FailedUntilChanged};
    use Phase::{Reconciling, Stalled};
    let (end, outcome, reason, phase) = match fault {
        Fault::Report(ReportFault::Rejected(_)) => {
            (FailedUntilChanged, FetchOutcome::Credentials, Reason::CredentialsRejected, Reconciling)
        }
        Fault::Report(ReportFault::Endpoint(EndpointError::NotAllowed { .. })) => {
            (FailedUntilChanged, FetchOutcome::Refused, Reason::HostNotAllowed, Reconciling)
        }
        Fault::Report(ReportFault::Endpoint(_)) => {
            (FailedUntilChanged, FetchOutcome::Refused, Reason::UrlInvalid, Reconciling)
        }
        Fault::Report(ReportFault::RateLimited(_)) => {
            (FailedForNow, FetchOutcome::RateLimited, Reason::RateLimited, Reconciling)
        }
        Fault::Report(ReportFault::Unreachable | ReportFault::ConnectionLost | ReportFault::Server(_))
        | Fault::TooSlow
        | Fault::WorkspaceGone => (FailedForNow, FetchOutcome::Unreachable, Reason::ApiUnreachable, Reconciling),
        Fault::Rows(RowsError::Truncated) => {
            (FailedForNow, FetchOutcome::Unreadable, Reason::ReportUnreadable, Reconciling)
        }
        Fault::Report(ReportFault::Redirect(_) | ReportFault::Status(_))
        | Fault::Rows(_)
        | Fault::SamePage(..)
        | Fault::TooManyPages(_) => (FailedUntilChanged, FetchOutcome::Unreadable, Reason::ReportUnreadable, Stalled),
    };
    Meaning { end, outcome, reason, phase }
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

/// The event for columns that changed.
#[must_use]
pub fn columns_changed(report: &PropensityReport, old: &ReportStatus, new: &ReportStatus) -> Option<NewEvent> {
    let changed = old.columns_fingerprint.is_some() && old.columns_fingerprint != new.columns_fingerprint;
    changed.then(|| NewEvent {
        type_: EventType::Warning,
        reason: "ColumnsChanged",
        action: "Fetch",
        note: format!(
            "the columns of report {} changed: {}",
            report.spec.report,
            difference(&old.columns, &new.columns)
        ),
    })
}

fn fetched(report: &PropensityReport, summary: &Summary) -> Readiness {
    let mut message = format!("report {} was read to its end", report.spec.report);
    if summary.possibly_truncated {
        message += ". So round a number of rows may mean that a limit cut it off: compare with Propensity, narrow spec.query, or declare spec.paging";
    }
    Readiness::ready(Reason::Fetched, message)
}

/// Cells that aren't what is expected of them, while others of their column are.
fn unparsed(columns: &[ObservedColumn]) -> Option<DesiredCondition> {
    let wrong: Vec<_> = columns.iter().filter(|column| column.unparsed > 0).collect();
    let named = wrong.iter().take(MAX_NAMED).map(|c| format!("{} in {}", c.unparsed, c.name)).collect::<Vec<_>>();
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
    let differences =
        [("new", lacking(after, before)), ("gone", lacking(before, after)), ("of other types", other_types)];
    let differences =
        differences.into_iter().filter(|(_, names): &(_, Vec<String>)| !names.is_empty()).map(|(what, names)| {
            let more = names.len().saturating_sub(MAX_NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("{what}: {}{more}", names[..names.len().min(MAX_NAMED)].join(", "))
        });
    let differences = differences.collect::<Vec<_>>().join("; ");
    if differences.is_empty() { "only those whose names are hidden or cut off".to_owned() } else { differences }
}

/// The state with the age of the numbers that remain.
fn with_age(report: &PropensityReport, mut readiness: Readiness) -> Readiness {
    if let Some(last) = report.status.as_ref().and_then(|status| status.last_success) {
        readiness.verdict.message.to_mut().push_str(&format!(". The numbers are those of {}", when(last)));
    }
    readiness
}

#[cfg(test)]
mod tests;
