//! The `engagement` that an audience's status reports: how its members match the rows of reports.

use super::report;
use crate::api::audience_status::EngagementStatus;
use crate::api::{ColumnNames, Engagement};
use crate::audience::{Field, Kind};
use crate::controller::model::audience::Tracked;
use crate::report::{Columns, EngagementResult};

/// Characters of a problem, as the status bounds them.
const MAX_PROBLEM: usize = 512;

/// The fields that are given names of columns.
pub fn column_names(names: &ColumnNames) -> impl Iterator<Item = (Field, String)> {
    let ColumnNames { first_name, last_name, company_name, website, email, linkedin_url } = names;
    [
        (Field::FirstName, first_name),
        (Field::LastName, last_name),
        (Field::CompanyName, company_name),
        (Field::Website, website),
        (Field::Email, email),
        (Field::LinkedinUrl, linkedin_url),
    ]
    .into_iter()
    .filter_map(|(field, name)| Some((field, name.clone()?)))
}

/// The columns on which a kind of audience is matched.
#[must_use]
pub fn columns(kind: Kind, names: &ColumnNames) -> Columns {
    column_names(names).filter(|(field, _)| kind == Kind::Contacts || *field == Field::Website).collect()
}

/// Why these columns can match no member of this kind.
#[must_use]
pub fn unmatchable(kind: Kind, columns: &Columns) -> Option<&'static str> {
    let has = |field| columns.iter().any(|(named, _)| *named == field);
    let by_name = has(Field::FirstName) && has(Field::LastName) && (has(Field::Website) || has(Field::CompanyName));
    match kind {
        Kind::Accounts if !has(Field::Website) => {
            Some("accounts are matched by website. Name the column of the website in spec.engagement.")
        }
        Kind::Contacts if !(has(Field::LinkedinUrl) || has(Field::Email) || by_name) => Some(
            "contacts are matched by linkedinUrl, by email, or by firstName and lastName with website or companyName. \
             Name the columns of one of these in spec.engagement.",
        ),
        _ => None,
    }
}

/// The problem of an audience whose list can't be read for a report.
#[must_use]
pub fn unreadable_list() -> String {
    "the list can't be read, so these numbers are older than the report's. The condition Ready shows the cause."
        .to_owned()
}

/// The problem of an audience that is too much for one report.
#[must_use]
pub fn too_many_members(max: usize) -> String {
    format!(
        "the audiences that name this report have more than {max} members in total. Remove the report from \
         spec.engagement of some of them."
    )
}

/// Whether an audience has no numbers and no problem from this report yet.
#[must_use]
pub fn is_waiting(audience: &Tracked, report: &str) -> bool {
    let status = audience.status.engagement.iter().find(|status| status.report == report);
    status.is_none_or(|status| status.rows.is_none() && status.problem.is_none())
}

/// The engagement of an audience, with the result of one report.
#[must_use]
pub fn with_result(
    audience: &Tracked,
    report: &str,
    result: &Result<EngagementResult, String>,
) -> Vec<EngagementStatus> {
    let next = |engagement: &Engagement| {
        let old = audience.status.engagement.iter().find(|old| old.report == engagement.report);
        if engagement.report == report { Some(of_result(report, result, old)) } else { old.cloned() }
    };
    audience.options.engagement.iter().filter_map(next).collect()
}

fn of_result(
    report: &str,
    result: &Result<EngagementResult, String>,
    old: Option<&EngagementStatus>,
) -> EngagementStatus {
    match result {
        Err(why) => {
            let old = old.cloned().unwrap_or_else(|| empty(report));
            EngagementStatus { problem: Some(why.clone()), ..old }
        }
        Ok(EngagementResult { members, rows, values, missing, uncounted }) => EngagementStatus {
            report: report.to_owned(),
            members_matched: Some(*members),
            rows: Some(*rows),
            values: report::values(values),
            problem: problem(missing, uncounted),
        },
    }
}

fn empty(report: &str) -> EngagementStatus {
    EngagementStatus { report: report.to_owned(), ..EngagementStatus::default() }
}

fn problem(missing: &[String], uncounted: &[String]) -> Option<String> {
    let problem = if !missing.is_empty() {
        let columns = if missing.len() == 1 { "a column" } else { "any of the columns" };
        let names = missing.join(", ");
        format!(
            "no row of the report has {columns} {names}. Correct spec.engagement: the report's status.columns lists \
             its columns."
        )
    } else if !uncounted.is_empty() {
        format!(
            "these metrics have too many different values to be counted for this audience: {}",
            uncounted.join(", ")
        )
    } else {
        return None;
    };
    Some(problem.chars().take(MAX_PROBLEM).collect())
}

/// The engagement of an audience without the reports that its spec no longer names, and with a problem where one of
/// them doesn't exist. `existing` are the names of those that do.
#[must_use]
pub fn tidy(audience: &Tracked, existing: &[String]) -> Vec<EngagementStatus> {
    let missing = |name: &str| {
        format!(
            "there is no PropensityReport {name} in namespace {}. Create it, or correct spec.engagement.",
            audience.namespace()
        )
    };
    let next = |engagement: &Engagement| {
        let name = &engagement.report;
        let old = audience.status.engagement.iter().find(|old| old.report == *name).cloned();
        if !existing.contains(name) {
            return Some(EngagementStatus { problem: Some(missing(name)), ..old.unwrap_or_else(|| empty(name)) });
        }
        match old {
            Some(old) if old.problem.as_ref() == Some(&missing(name)) => {
                Some(EngagementStatus { problem: None, ..old }).filter(|status| status.rows.is_some())
            }
            old => old,
        }
    };
    audience.options.engagement.iter().filter_map(next).collect()
}

#[cfg(test)]
mod tests;
