//! The states and events of a report. Never an endpoint URL, and never a value of a report.

use std::fmt::Display;

use jiff::Timestamp;

use super::fault_meaning::meaning;
use super::sentences::{self, when};
use crate::api::condition::{Reason, Verdict};
use crate::controller::model::fetch::Fault;
use crate::controller::model::readiness::Readiness;
use crate::propensity::{EndpointError, ReportFault, UrlError};
use crate::report::PlanError;

/// Columns that a message names.
const MAX_NAMED: usize = 5;

/// Where the URL of a report is stored.
#[derive(Clone, Copy, Debug)]
pub struct UrlEntry<'a> {
    /// The report, which is the name of the entry.
    pub report: &'a str,
    /// The Secret.
    pub secret: &'a str,
    /// Its namespace.
    pub namespace: &'a str,
}

impl Display for UrlEntry<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { report, secret, namespace } = self;
        write!(f, "the entry {report} of Secret {secret} in namespace {namespace}")
    }
}

/// The report is suspended.
#[must_use]
pub fn suspended() -> Readiness {
    Readiness::idle(Reason::Suspended, "the report isn't fetched, because spec.suspend is true")
}

/// The spec contradicts itself.
#[must_use]
pub fn invalid_spec(why: &PlanError) -> Readiness {
    let message =
        format!("the report isn't fetched, because its spec contradicts itself: {}", sentences::of_error(why));
    Readiness::stalled(Reason::InvalidSpec, message)
}

/// The workspace doesn't exist.
#[must_use]
pub fn no_workspace(workspace: &str, namespace: &str) -> Readiness {
    let message = format!(
        "there is no PropensityWorkspace {workspace} in namespace {namespace}. Create it, or correct spec.workspaceRef."
    );
    Readiness::reconciling(Reason::WorkspaceNotFound, message)
}

/// The Secret has no URL for the report.
#[must_use]
pub fn no_url(entry: UrlEntry<'_>) -> Readiness {
    let message = format!("{entry} doesn't exist. Add it, with the report's endpoint URL from Propensity.");
    Readiness::reconciling(Reason::UrlMissing, message)
}

/// The entry isn't a URL.
#[must_use]
pub fn invalid_url(entry: UrlEntry<'_>, why: &UrlError) -> Readiness {
    let message = sentences::with(unusable(entry, why), "Copy the URL again from Propensity.");
    Readiness::reconciling(Reason::UrlInvalid, message)
}

/// The URL can't be used.
#[must_use]
pub fn unusable_url(entry: UrlEntry<'_>, why: &EndpointError) -> Readiness {
    match why {
        EndpointError::NotAllowed { .. } => {
            let message =
                sentences::with(unusable(entry, why), "The flag is --allowed-hosts (chart value api.allowedHosts).");
            Readiness::reconciling(Reason::HostNotAllowed, message)
        }
        _ => Readiness::reconciling(Reason::UrlInvalid, unusable(entry, why)),
    }
}

fn unusable(entry: UrlEntry<'_>, why: &impl Display) -> String {
    format!("{entry} can't be used: {}", sentences::of_error(why))
}

/// The fetch failed.
#[must_use]
pub fn failed(report: &str, workspace: &str, fault: &Fault) -> Readiness {
    let mut message = format!("report {report} can't be read: {}", sentences::of_error(fault));
    if let Fault::Report(ReportFault::Rejected(_)) = fault {
        let what_to_do = format!(
            "Copy the current URL from Propensity into the entry {report} of the Secret of PropensityWorkspace \
             {workspace}; it is used within seconds. Creates aren't affected."
        );
        sentences::add(&mut message, &what_to_do);
    }
    let meaning = meaning(fault);
    Readiness::new(meaning.phase, meaning.reason, message)
}

/// The report was read completely.
#[must_use]
pub fn fetched(report: &str, possibly_truncated: bool) -> Readiness {
    let message = if possibly_truncated {
        format!(
            "report {report} was read completely, but its round number of rows may mean that a limit cut it off. \
             Compare it with Propensity; if rows are missing, narrow spec.query or set spec.paging."
        )
    } else {
        format!("report {report} was read completely")
    };
    Readiness::ready(Reason::Fetched, message)
}

/// The report lacks columns that its spec names.
#[must_use]
pub fn columns_missing(report: &str, columns: &[String]) -> Verdict {
    let message = format!(
        "report {report} has no column {}, which its spec names. Correct the spec: status.columns lists the report's \
         columns.",
        named(columns)
    );
    Verdict::new(Reason::ColumnsMissing, message)
}

/// No cell of these columns has the declared format.
#[must_use]
pub fn format_mismatch(report: &str, columns: &[String]) -> Verdict {
    let message = format!(
        "no cell of column {} of report {report} is a number or date in the declared format. Correct spec.columns; a \
         number in text needs a format too.",
        named(columns)
    );
    Verdict::new(Reason::ColumnFormatMismatch, message)
}

/// Metrics that can't be computed.
#[must_use]
pub fn uncounted(report: &str, metrics: &[String]) -> Verdict {
    let message = format!(
        "metric {} of report {report} can't be computed: it has too many different values, or its sum is too large. \
         Narrow it with filters or spec.query.",
        named(metrics)
    );
    Verdict::new(Reason::ReportUnreadable, message)
}

/// Cells without the declared format, by column.
#[must_use]
pub fn cells_unparsed(columns: &[(&str, u64)]) -> Verdict {
    let columns: Vec<_> = columns.iter().map(|(name, cells)| format!("{cells} in {name}")).collect();
    let message = format!("cells that aren't a number or date in the declared format are ignored: {}", named(&columns));
    Verdict::new(Reason::ColumnFormatMismatch, message)
}

/// The note of the event for columns that changed.
#[must_use]
pub fn columns_changed(report: &str, new: &[String], removed: &[String], other_types: &[String]) -> String {
    let of = |(what, names): (&str, &[String])| {
        let more = names.len().saturating_sub(MAX_NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        (!names.is_empty()).then(|| format!("{what}: {}{more}", named(names)))
    };
    let changes = [("new", new), ("removed", removed), ("with other types", other_types)];
    let mut changes = changes.into_iter().filter_map(of).collect::<Vec<_>>().join("; ");
    if changes.is_empty() {
        changes.push_str("only those whose names are hidden or cut off");
    }
    format!("the columns of report {report} changed: {changes}")
}

/// The state with the age of the numbers that remain.
#[must_use]
pub fn with_age(mut readiness: Readiness, last_success: Option<Timestamp>) -> Readiness {
    if let Some(last) = last_success {
        sentences::add(readiness.verdict.message.to_mut(), &format!("The reported numbers are from {}.", when(last)));
    }
    readiness
}

fn named(names: &[String]) -> String {
    names.iter().take(MAX_NAMED).cloned().collect::<Vec<_>>().join(", ")
}
