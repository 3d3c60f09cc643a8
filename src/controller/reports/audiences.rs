//! The audiences that are matched with a report: their members are read for a fetch, kept as hashes while it runs, and
//! dropped.

use std::sync::Arc;

use futures::{StreamExt, stream};

use super::context::Context;
use crate::api::{Engagement, PropensityReport};
use crate::audience::Kind;
use crate::controller::context::status_writer;
use crate::controller::decide::engagement;
use crate::controller::kube::cluster::CallError;
use crate::controller::kube::live;
use crate::controller::lists::error::ReadError;
use crate::controller::lists::load;
use crate::controller::model::audience::Tracked;
use crate::controller::model::desired::LoadedList;
use crate::report::{AudienceMatcher, Binding, Columns, EngagementResult, MAX_MATCHED_MEMBERS, RowView};

/// Audiences that are written at once.
const WRITES_AT_ONCE: usize = 8;

/// The audiences of a report, by kind and the columns that they are matched on.
#[derive(Default)]
pub struct Audiences(Vec<Group>);

struct Group {
    kind: Kind,
    columns: Columns,
    matching: AudienceMatcher,
    /// In the order of the matching.
    matched: Vec<Arc<Tracked>>,
    /// Whose members aren't known, and why.
    unread: Vec<(Arc<Tracked>, String)>,
}

/// An audience with its numbers, or why they aren't known.
pub type AudienceEngagement = (Arc<Tracked>, Result<EngagementResult, String>);

/// The audiences that name a report, each with how.
fn naming(ctx: &Context, report: &PropensityReport) -> Vec<(Arc<Tracked>, Engagement)> {
    let name = report.metadata.name.as_deref().unwrap_or_default();
    let mut naming = vec![];
    for audience in ctx.caches.all_audiences() {
        let here = Some(audience.namespace()) == report.metadata.namespace.as_deref() && !audience.is_deleting();
        if let Some(engagement) = audience.options.engagement.iter().find(|e| here && e.report == name) {
            let engagement = engagement.clone();
            naming.push((audience, engagement));
        }
    }
    naming
}

/// Whether an audience names a report and has nothing from it yet.
#[must_use]
pub fn any_waiting(ctx: &Context, report: &PropensityReport) -> bool {
    naming(ctx, report).iter().any(|(audience, engagement)| engagement::is_waiting(audience, &engagement.report))
}

impl Audiences {
    /// The audiences that name a report, without members yet. Their columns become needed ones of the report.
    pub fn of(ctx: &Context, report: &PropensityReport, binding: &mut Binding) -> Self {
        let mut groups: Vec<Group> = vec![];
        for (audience, engagement) in naming(ctx, report) {
            let (kind, columns) = (audience.kind, engagement::columns(audience.kind, &engagement.columns));
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
    pub async fn read(&mut self, ctx: &Context, binding: &Binding, room: &mut usize) -> Result<(), CallError> {
        for group in &mut self.0 {
            let audiences = std::mem::take(&mut group.matched);
            if let Some(why) = engagement::unmatchable(group.kind, &group.columns) {
                group.unread.extend(audiences.into_iter().map(|audience| (audience, why.to_owned())));
                continue;
            }
            // One after the other: creates read their lists by the same ways.
            for audience in audiences {
                match members(ctx, &audience).await? {
                    Members::Gone => {}
                    Members::Unreadable(why) => group.unread.push((audience, why)),
                    Members::Loaded(whole) => {
                        let lists = [&whole.list].into_iter().chain(whole.parts.iter().map(|part| &part.list));
                        let many = lists.clone().map(|list| list.len() as usize).sum::<usize>();
                        let Some(left) = room.checked_sub(many) else {
                            group.unread.push((audience, engagement::too_many_members(MAX_MATCHED_MEMBERS)));
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
    pub fn push(&mut self, binding: &Binding, number: u64, reading: &RowView<'_>) {
        self.0
            .iter_mut()
            .filter(|group| !group.matched.is_empty())
            .for_each(|group| group.matching.push(binding, number, reading));
    }

    /// The numbers of each.
    pub fn finish(self, binding: &Binding, has_seen: impl Fn(usize) -> bool) -> Vec<AudienceEngagement> {
        let mut found = vec![];
        for Group { matching, matched, unread, .. } in self.0 {
            let engaged = matching.finish(binding, &has_seen).into_iter().map(Ok);
            found.extend(matched.into_iter().zip(engaged));
            found.extend(unread.into_iter().map(|(audience, why)| (audience, Err(why))));
        }
        found
    }
}

/// The members of an audience that would be sent.
enum Members {
    /// The audience doesn't exist any more.
    Gone,
    /// Its list can't be read; what its status reports.
    Unreadable(String),
    /// Its list.
    Loaded(Box<LoadedList>),
}

async fn members(ctx: &Context, audience: &Tracked) -> Result<Members, CallError> {
    let (namespace, name) = (audience.namespace(), audience.name());
    let Some(object) = live::audience(&ctx.cluster, audience.kind, namespace, name).await? else {
        return Ok(Members::Gone);
    };
    let workspace = ctx.caches.workspace_of(audience);
    match load::load(&ctx.lists, object, workspace.as_deref()).await {
        Ok(loaded) => Ok(Members::Loaded(Box::new(loaded))),
        Err(ReadError::Api(error)) => Err(error),
        Err(ReadError::Blocked(_)) => Ok(Members::Unreadable(engagement::unreadable_list())),
    }
}

/// Writes the numbers of audiences, where they changed.
///
/// # Errors
/// When the API server doesn't accept a status; the others are written all the same.
pub async fn record(
    ctx: &Context,
    report: &PropensityReport,
    results: Vec<AudienceEngagement>,
) -> Result<(), CallError> {
    let name = report.metadata.name.as_deref().unwrap_or_default();
    let writes = results.into_iter().map(|(audience, result)| async move {
        let audience = ctx.audiences.newest(&audience);
        let next = |base: &Tracked| {
            let mut status = base.status.clone();
            status.engagement = engagement::with_result(base, name, &result);
            status
        };
        status_writer::write(&ctx.cluster, &ctx.audiences.records, &audience, next).await
    });
    let mut writes = stream::iter(writes).buffer_unordered(WRITES_AT_ONCE);
    let mut failed = Ok(());
    while let Some(written) = writes.next().await {
        failed = failed.and(written.map(|_| ()));
    }
    failed
}
