//! The next status of an audience, from the one before and the result of a reconcile.

use jiff::Timestamp;

use super::split::MAX_PARTS;
use super::{conditions, engagement, messages};
use crate::api::audience_status::{CreatedAudience, Funnel, LastResult, OpenUnknown, PartStatus, RowProblem, Warnings};
use crate::api::condition::{self, ConditionType, DesiredCondition, Reason, Verdict};
use crate::api::{AudienceStatus, LocalRef};
use crate::controller::model::audience::Tracked;
use crate::controller::model::list::{ListPart, ListSummary};
use crate::controller::model::readiness::Readiness;
use crate::controller::model::receipt::ExistingAudience;

/// The result of reconciling an audience.
#[derive(Clone, Debug)]
pub struct AudienceResult {
    /// The generation that was reconciled.
    pub generation: Option<i64>,
    /// Its list; none while its sources aren't read.
    pub list: Option<ListSummary>,
    /// Its state.
    pub readiness: Readiness,
    /// Name of the receipt of its list.
    pub receipt: Option<String>,
    /// The API's last answer, where there was one.
    pub last_result: Option<LastResult>,
    /// The audience in the workspace, where there is one.
    pub existing: Option<ExistingAudience>,
    /// Unknown attempts for older lists.
    pub open_unknowns: Vec<OpenUnknown>,
    /// The state of each part of a split list; none where the parts weren't reconciled.
    pub parts: Option<Vec<PartStatus>>,
    /// The reports of the audience's namespace that exist, of those that its spec names.
    pub reports: Vec<String>,
}

impl AudienceResult {
    /// How many members that were sent, at least, are suppressed now; `None` while the audience in the workspace isn't
    /// looked at.
    #[must_use]
    pub fn suppressed_sent(&self) -> Option<u64> {
        let (found, list) = (self.existing.as_ref()?, self.list.as_ref()?);
        if let Some(parts) = self.parts.as_ref().filter(|parts| !parts.is_empty()) {
            let of_part = |(part, share): (&PartStatus, &ListPart)| {
                // A part of suppressed members alone was never sent.
                let sent = part.created.as_ref().map_or(0, |sent| sent.members);
                sent.saturating_sub(share.to_send).min(share.excluded)
            };
            return Some(parts.iter().zip(&list.parts).map(of_part).sum());
        }
        let fewer = found.audience.members.saturating_sub(list.funnel.to_send);
        Some(fewer.min(list.funnel.excluded))
    }

    /// The verdict for suppressed members that were sent, where there are any.
    #[must_use]
    pub fn suppressed_later(&self) -> Option<Verdict> {
        let many = self.suppressed_sent().filter(|many| *many > 0)?;
        let sent = &self.existing.as_ref()?.audience;
        Some(messages::suppressed_later(many, sent.members, sent.time))
    }
}

/// How many creates a status lists.
const RECENT: usize = 5;

/// The next status of an audience.
#[must_use]
pub fn next(audience: &Tracked, result: &AudienceResult, now: Timestamp) -> AudienceStatus {
    let old = &audience.status;
    if old.observed_generation > result.generation {
        // A newer generation was reconciled meanwhile: only the create of the older one is added.
        let mut status = old.clone();
        result.existing.iter().for_each(|found| add_created(&mut status, found));
        return status;
    }
    let keeps_truth = result.readiness.reason() == Reason::Suspended && says_created(old, result);
    let mut conditions = if keeps_truth {
        old.conditions.clone()
    } else {
        condition::update(&old.conditions, &wanted(result), result.generation, now)
    };
    // While it isn't evaluated again, the audience that was evaluated last is still the one in the workspace.
    if !keeps_truth && result.suppressed_sent().is_none() {
        conditions.extend(condition::find(&old.conditions, ConditionType::SuppressedMembersSent).cloned());
    }
    let mut status = AudienceStatus {
        observed_generation: result.generation,
        conditions,
        short_list_hash: old.short_list_hash.clone(),
        list_hash: old.list_hash.clone(),
        members: old.members.clone(),
        problems: old.problems.clone(),
        ignored_columns: old.ignored_columns,
        warnings: old.warnings.clone(),
        receipt_ref: old.receipt_ref.clone(),
        parts: parts(old, result),
        last_result: result.last_result.clone().or_else(|| old.last_result.clone()),
        last_created: old.last_created.clone(),
        recent_creates: old.recent_creates.clone(),
        suppressed_members_sent: result.suppressed_sent().unwrap_or(old.suppressed_members_sent),
        superseded: old.superseded,
        engagement: engagement::tidy(audience, &result.reports),
        open_unknowns: result.open_unknowns.clone(),
    };
    // Where the list isn't known, what the status reports of the last one remains.
    if let Some(list) = &result.list {
        status.short_list_hash = Some(list.hash.short().to_owned());
        status.list_hash = Some(list.hash.as_str().to_owned());
        status.members = Some(funnel(&list.funnel));
        status.problems = list.problems.iter().map(problem).collect();
        status.warnings = warnings(list.warnings);
        status.ignored_columns = Some(list.ignored_columns).filter(|count| *count > 0);
        status.receipt_ref = result.receipt.clone().map(|name| LocalRef { name });
    }
    if let Some(found) = &result.existing {
        add_created(&mut status, found);
        if !(status.parts.is_empty() && old.parts.is_empty()) {
            status.superseded = old.superseded.saturating_add(left_behind(old, &status, found));
            // The newest part is gone and counts as left behind; the newest that remains takes its place.
            let is_gone = |last: &CreatedAudience| is_in(&old.parts, last) && !is_in(&status.parts, last);
            if status.last_created.as_ref().is_some_and(is_gone) {
                status.last_created = Some(found.audience.clone());
            }
        }
    }
    status
}

/// The parts of a list; until all of them are created, with those of the list before that are still in the workspace in
/// their place.
fn parts(old: &AudienceStatus, result: &AudienceResult) -> Vec<PartStatus> {
    let Some(new) = &result.parts else { return old.parts.clone() };
    let mut parts = new.clone();
    if result.existing.is_none() {
        let is_replaced =
            |old: &&PartStatus| old.created.is_some() && !new.iter().any(|new| new.receipt == old.receipt);
        parts.extend(old.parts.iter().filter(is_replaced).cloned());
        parts.truncate(MAX_PARTS);
    }
    parts
}

/// How many audiences stop being a part of the list, and stay in the workspace: parts that it no longer has, or the one
/// that it was before it was split.
fn left_behind(old: &AudienceStatus, new: &AudienceStatus, found: &ExistingAudience) -> u32 {
    let is_gone = |part: &&PartStatus| {
        let is_listed = new.parts.iter().any(|other| other.receipt == part.receipt);
        part.created.is_some() && !is_listed && part.receipt != found.audience.receipt
    };
    let gone = old.parts.iter().filter(is_gone).count();
    // It counts once: when the newest part takes its place as the last create.
    let is_replaced =
        |last: &&CreatedAudience| new.last_created.as_ref().is_some_and(|new| new.receipt != last.receipt);
    let replaced = old.last_created.as_ref().filter(is_replaced);
    let was_whole = replaced.is_some_and(|last| !is_in(&old.parts, last) && !is_in(&new.parts, last));
    u32::try_from(gone).unwrap_or(u32::MAX).saturating_add(was_whole.into())
}

/// Whether an audience has the receipt of one of these parts.
fn is_in(parts: &[PartStatus], audience: &CreatedAudience) -> bool {
    parts.iter().any(|part| part.receipt == audience.receipt)
}

/// Adds an audience to those that this resource created. One that was found again, and isn't its newest, counts only
/// where nothing else is known, as after a lost status.
fn add_created(status: &mut AudienceStatus, found: &ExistingAudience) {
    let newest = status.last_created.as_ref().is_none_or(|last| found.own && found.audience.time > last.time);
    if !newest {
        return;
    }
    if status.last_created.is_some() {
        status.superseded = status.superseded.saturating_add(1);
    }
    status.last_created = Some(found.audience.clone());
    status.recent_creates.insert(0, found.audience.clone());
    status.recent_creates.truncate(RECENT);
}

/// Whether the old status says that just this list is in the workspace.
fn says_created(old: &AudienceStatus, result: &AudienceResult) -> bool {
    let ready = condition::find(&old.conditions, ConditionType::Ready).is_some_and(|c| c.status == "True");
    let receipts = |parts: &[PartStatus]| parts.iter().map(|part| part.receipt.clone()).collect::<Vec<_>>();
    let same_parts = result.parts.as_ref().is_none_or(|parts| receipts(parts) == receipts(&old.parts));
    ready && same_parts && old.receipt_ref.as_ref().map(|r| r.name.as_str()) == result.receipt.as_deref()
}

fn wanted(result: &AudienceResult) -> Vec<DesiredCondition> {
    let mut wanted = conditions::ready(&result.readiness);
    if let Some(verdict) = result.suppressed_later() {
        wanted.push(DesiredCondition { type_: ConditionType::SuppressedMembersSent, status: true, verdict });
    }
    wanted
}

/// The counts as they stand in a status.
#[must_use]
pub fn funnel(funnel: &crate::audience::Funnel) -> Funnel {
    let crate::audience::Funnel { read, invalid, duplicate, excluded, to_send } = *funnel;
    Funnel { read, invalid, duplicate, excluded, to_send }
}

fn warnings(warnings: crate::audience::Warnings) -> Option<Warnings> {
    let crate::audience::Warnings { free_mail, roles } = warnings;
    (free_mail + roles > 0).then_some(Warnings { free_mail_domains: free_mail, role_addresses: roles })
}

fn problem(problem: &crate::audience::Problem) -> RowProblem {
    RowProblem { source: problem.source.to_string(), row: problem.row, reason: problem.reason.to_string() }
}

#[cfg(test)]
mod tests;
