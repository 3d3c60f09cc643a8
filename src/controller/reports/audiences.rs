//! The audiences that are matched with a report: their members are read for a fetch, kept as hashes while it runs, and let go.

use std::sync::Arc;

use futures::{StreamExt, stream};
use kube::runtime::reflector::ObjectRef;

use super::record;
use crate::api::audience_status::EngagementStatus;
use crate::api::{ColumnNames, Engagement, PropensityReport};
use crate::audience::{Field, Kind};
use crate::controller::cluster::CallError;
use crate::controller::context::Context;
use crate::controller::tracked::{Tracked, Whole};
use crate::controller::{lists, live, status};
use crate::report::{AudienceMatcher, Binding, Columns, EngagementResult, MAX_MATCHED_MEMBERS, RowView};

/// Audiences that are written at once.
const AT_ONCE: usize = 8;

/// Characters of a problem, as the status bounds them.
const MAX_PROBLEM: usize = 512;

/// The audiences of a report, by kind and the columns that they are matched on.
#[derive(Default)]
pub(super) struct Audiences(Vec<Group>);

struct Group {
    kind: Kind,
    columns: Columns,
    matching: AudienceMatcher,
    /// In the order of the matching.
    matched: Vec<Arc<Tracked>>,
    /// Whose members aren't known, and why.
    unread: Vec<(Arc<Tracked>, String)>,
}

/// What an audience comes to, or why that isn't known.
pub(super) type Found = (Arc<Tracked>, Result<EngagementResult, String>);

/// The columns to match a kind on.
fn columns(kind: Kind, names: &ColumnNames) -> Columns {
    lists::named(names).filter(|(field, _)| kind == Kind::Contacts || *field == Field::Website).collect()
}

/// Why nobody could be matched by these columns.
fn unmatchable(kind: Kind, columns: &Columns) -> Option<&'static str> {
    let has = |field| columns.iter().any(|(named, _)| *named == field);
    let named = has(Field::FirstName) && has(Field::LastName) && (has(Field::Website) || has(Field::CompanyName));
    match kind {
        Kind::Accounts if !has(Field::Website) => {
            Some("accounts are matched by their website: name its column in spec.engagement")
        }
        Kind::Contacts if !(has(Field::LinkedinUrl) || has(Field::Email) || named) => Some(
            "contacts are matched by linkedinUrl, email, or firstName and lastName with website or companyName: name their columns in spec.engagement",
        ),
        _ => None,
    }
}

/// The audiences that name a report, each with how.
fn naming(ctx: &Context, report: &PropensityReport) -> Vec<(Arc<Tracked>, Engagement)> {
    let name = report.metadata.name.as_deref().unwrap_or_default();
    let mut naming = vec![];
    for kind in [Kind::Contacts, Kind::Accounts] {
        for audience in ctx.audiences(kind).state() {
            let here = Some(audience.namespace()) == report.metadata.namespace.as_deref() && !audience.is_deleting();
            if let Some(engagement) = audience.options.engagement.iter().find(|e| here && e.report == name) {
                let engagement = engagement.clone();
                naming.push((audience, engagement));
            }
        }
    }
    naming
}

/// Whether an audience names a report and has nothing from it yet.
pub(super) fn waiting(ctx: &Context, report: &PropensityReport) -> bool {
    naming(ctx, report).iter().any(|(audience, engagement)| {
        let told = audience.status.engagement.iter().find(|told| told.report == engagement.report);
        told.is_none_or(|told| told.rows.is_none() && told.problem.is_none())
    })
}

impl Audiences {
    /// The audiences that name a report, without members yet. Their columns become needed ones of the report.
    pub(super) fn of(ctx: &Context, report: &PropensityReport, binding: &mut Binding) -> Self {
        let mut groups: Vec<Group> = vec![];
        for (audience, engagement) in naming(ctx, report) {
            let (kind, columns) = (audience.kind, columns(audience.kind, &engagement.columns));
            let at =
                groups.iter().position(|group| group.kind == kind && group.columns == columns).unwrap_or_else(|| {
                    let matching = AudienceMatcher::new(kind, columns.clone(), binding);
                    groups.push(Group { kind, columns, matching, matched: vec![], unread: vec![] });
                    groups.len() - 1
                });
            groups[at].matched.push(audience);
        }
        Self(groups)
    }

    /// Reads the members.
    ///
    /// # Errors
    /// When the API server doesn't answer.
    pub(super) async fn read(&mut self, ctx: &Context, binding: &Binding, room: &mut usize) -> Result<(), CallError> {
        for group in &mut self.0 {
            let audiences = std::mem::take(&mut group.matched);
            if let Some(why) = unmatchable(group.kind, &group.columns) {
                group.unread.extend(audiences.into_iter().map(|audience| (audience, why.to_owned())));
                continue;
            }
            // One after the other: creates read their lists by the same ways.
            for audience in audiences {
                match members(ctx, &audience).await? {
                    // It is gone.
                    None => {}
                    Some(Err(why)) => group.unread.push((audience, why)),
                    Some(Ok(whole)) => {
                        let lists = [&whole.list].into_iter().chain(whole.parts.iter().map(|part| &part.list));
                        let many = lists.clone().map(|list| list.len() as usize).sum::<usize>();
                        let Some(left) = room.checked_sub(many) else {
                            let why = format!(
                                "the audiences of this report have more than {MAX_MATCHED_MEMBERS} members together: match fewer of them with it"
                            );
                            group.unread.push((audience, why));
                            continue;
                        };
                        *room = left;
                        // A large list takes a second that others need not wait for.
                        tokio::task::block_in_place(|| {
                            group.matching.add(binding, lists.flat_map(|list| list.members()));
                        });
                        group.matched.push(audience);
                    }
                }
            }
            tokio::task::block_in_place(|| group.matching.build_index());
        }
        Ok(())
    }

    /// Adds a row of this number, counted from 1.
    pub(super) fn push(&mut self, binding: &Binding, number: u64, reading: &RowView<'_>) {
        self.0
            .iter_mut()
            .filter(|group| !group.matched.is_empty())
            .for_each(|group| group.matching.push(binding, number, reading));
    }

    /// What each comes to.
    pub(super) fn finish(self, binding: &Binding, has_seen: impl Fn(usize) -> bool) -> Vec<Found> {
        let mut found = vec![];
        for Group { matching, matched, unread, .. } in self.0 {
            let engaged = matching.finish(binding, &has_seen).into_iter().map(Ok);
            found.extend(matched.into_iter().zip(engaged));
            found.extend(unread.into_iter().map(|(audience, why)| (audience, Err(why))));
        }
        found
    }
}

/// The members of an audience that would be sent; `None` where it is gone, and why they aren't known where that can be said.
async fn members(ctx: &Context, audience: &Tracked) -> Result<Option<Result<Whole, String>>, CallError> {
    let Some(parts) = live::audience(ctx, audience.kind, audience.namespace(), audience.name()).await? else {
        return Ok(None);
    };
    let workspace = ctx.workspace_of(audience);
    let whole = lists::whole(ctx, parts, workspace.as_deref()).await?;
    Ok(Some(whole.map_err(|_| {
        "the list can't be read now, see its condition Ready: the numbers are older than the report's".to_owned()
    })))
}

/// Writes what audiences come to, where that changed.
///
/// # Errors
/// When the API server doesn't take it.
pub(super) async fn record(ctx: &Context, report: &PropensityReport, found: Vec<Found>) -> Result<(), CallError> {
    let name = report.metadata.name.clone().unwrap_or_default();
    let writes = found.into_iter().map(|(audience, engaged)| {
        let name = name.clone();
        async move {
            let write = |old: &[EngagementStatus], spec: &[Engagement]| {
                spec.iter()
                    .filter_map(|engagement| {
                        let told = old.iter().find(|told| told.report == engagement.report);
                        if engagement.report == name { Some(told_of(&name, &engaged, told)) } else { told.cloned() }
                    })
                    .collect()
            };
            change(ctx, &audience, write).await
        }
    });
    let mut writes = stream::iter(writes).buffer_unordered(AT_ONCE);
    let mut failed = Ok(());
    while let Some(written) = writes.next().await {
        failed = failed.and(written);
    }
    failed
}

fn told_of(
    report: &str,
    engaged: &Result<EngagementResult, String>,
    old: Option<&EngagementStatus>,
) -> EngagementStatus {
    let old = || {
        old.cloned().unwrap_or_else(|| EngagementStatus { report: report.to_owned(), ..EngagementStatus::default() })
    };
    match engaged {
        Err(why) => EngagementStatus { problem: Some(why.clone()), ..old() },
        Ok(EngagementResult { members, rows, values, missing, uncounted }) => EngagementStatus {
            report: report.to_owned(),
            members_matched: Some(*members),
            rows: Some(*rows),
            values: record::values(values),
            problem: problem(missing, uncounted),
        },
    }
}

fn problem(missing: &[String], uncounted: &[String]) -> Option<String> {
    let problem = if !missing.is_empty() {
        let columns = if missing.len() == 1 { "a column" } else { "any of the columns" };
        let names = missing.join(", ");
        format!("no row of the report has {columns} {names}: correct spec.engagement by the report's status.columns")
    } else if !uncounted.is_empty() {
        format!("these metrics can't be counted for this audience, for too many values: {}", uncounted.join(", "))
    } else {
        return None;
    };
    Some(problem.chars().take(MAX_PROBLEM).collect())
}

/// Takes away what is told of reports that an audience no longer names, and says so where one isn't there.
///
/// # Errors
/// When the API server doesn't take it.
pub async fn tidy(ctx: &Context, audience: &Tracked) -> Result<(), CallError> {
    let is_there = |name: &str| ctx.preports.get(&ObjectRef::new(name).within(audience.namespace())).is_some();
    let missing = |name: &str| {
        format!(
            "there is no PropensityReport {name} in namespace {}: create it, or correct spec.engagement",
            audience.namespace()
        )
    };
    let tidied = |old: &[EngagementStatus], spec: &[Engagement]| {
        let told = |engagement: &Engagement| {
            let name = &engagement.report;
            let told = old.iter().find(|told| told.report == *name).cloned();
            if !is_there(name) {
                let told =
                    told.unwrap_or_else(|| EngagementStatus { report: name.clone(), ..EngagementStatus::default() });
                return Some(EngagementStatus { problem: Some(missing(name)), ..told });
            }
            match told {
                Some(told) if told.problem.as_ref() == Some(&missing(name)) => {
                    Some(EngagementStatus { problem: None, ..told }).filter(|told| told.rows.is_some())
                }
                told => told,
            }
        };
        spec.iter().filter_map(told).collect()
    };
    if audience.options.engagement.is_empty() && audience.status.engagement.is_empty() {
        return Ok(());
    }
    change(ctx, audience, tidied).await
}

async fn change(
    ctx: &Context,
    audience: &Tracked,
    change: impl Fn(&[EngagementStatus], &[Engagement]) -> Vec<EngagementStatus>,
) -> Result<(), CallError> {
    let mut audience = audience.clone();
    ctx.memory.newest(&mut audience);
    status::amend(ctx, &audience, |base| {
        let mut status = base.status.clone();
        status.engagement = change(&status.engagement, &base.options.engagement);
        status
    })
    .await?;
    Ok(())
}
