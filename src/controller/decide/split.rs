//! Split lists: when one may be split or joined, and the state of the whole from the states of its parts.

use super::assess::Plan;
use super::audience_messages as messages;
use crate::api::Reason;
use crate::api::audience_status::{CreatedAudience, CreatedPart, PartStatus};
use crate::controller::model::audience::Tracked;
use crate::controller::model::desired::Desired;
use crate::controller::model::list::ListPart;
use crate::controller::model::readiness::{Phase, Readiness};
use crate::controller::model::receipt::{ExistingAudience, PartResult};

/// Parts that a status lists, and that one list may have.
pub const MAX_PARTS: usize = 256;

/// A part of a split list with its plan.
pub struct PlannedPart {
    /// The part.
    pub part: ListPart,
    /// What can be done for it.
    pub plan: Box<Plan>,
    /// Set where it must be created again because other members are suppressed now.
    pub variant: Option<String>,
}

/// Whether a list may be split as its spec says.
#[derive(Debug, PartialEq, Eq)]
pub enum SplitGuard {
    /// It may.
    Pass,
    /// It may not before a person allows it.
    Blocked(Readiness),
    /// Only where the ledger has neither this list as one audience, or already has it in parts.
    CheckLedger,
}

/// Whether a list may be split. What is in the workspace already would be sent again otherwise.
#[must_use]
pub fn split_guard(desired: &Desired) -> SplitGuard {
    let Desired { audience, list, .. } = desired;
    let (count, status, short) = (list.parts.len(), &audience.status, list.hash.short());
    if count > MAX_PARTS {
        return SplitGuard::Blocked(messages::too_many_parts(count, MAX_PARTS));
    }
    if audience.options.bypass_guards_for_hash == short {
        return SplitGuard::Pass;
    }
    let created = created_parts(audience);
    let is_new = |part: &&ListPart| !status.parts.iter().any(|old| old.name == part.name);
    let new = list.parts.iter().filter(is_new).count();
    if created == 0 {
        // The status may be lost, or report another list.
        return SplitGuard::CheckLedger;
    }
    if new == 0 || !is_published_list(desired) {
        return SplitGuard::Pass;
    }
    SplitGuard::Blocked(messages::splits_again(created, new, count, short))
}

/// The state of a list that is in the workspace as one audience and would be split now.
#[must_use]
pub fn splits_existing(desired: &Desired) -> Readiness {
    messages::splits_existing(desired.list.parts.len(), desired.list.hash.short())
}

/// The state of a list that is in the workspace in parts and would be sent as one audience now.
#[must_use]
pub fn join_guard(desired: &Desired) -> Option<Readiness> {
    let Desired { audience, list, .. } = desired;
    let (short, parts) = (list.hash.short(), created_parts(audience));
    if parts == 0 || audience.options.bypass_guards_for_hash == short || !is_published_list(desired) {
        return None;
    }
    Some(messages::joins_existing(parts, short))
}

fn created_parts(audience: &Tracked) -> usize {
    audience.status.parts.iter().filter(|part| part.created.is_some()).count()
}

/// Whether the list is the one that the status reports.
fn is_published_list(desired: &Desired) -> bool {
    desired.audience.status.list_hash.as_deref() == Some(desired.list.hash.as_str())
}

/// Whether the status reports a part as an audience in the workspace.
#[must_use]
pub fn is_created(audience: &Tracked, planned: &PlannedPart) -> bool {
    audience.status.observed_generation == audience.meta.generation
        && published(audience, planned)
            .is_some_and(|status| status.created.is_some() && status.members == planned.part.to_send)
}

fn published<'a>(audience: &'a Tracked, planned: &PlannedPart) -> Option<&'a PartStatus> {
    let (name, receipt) = (&planned.part.name, &planned.plan.receipt);
    audience.status.parts.iter().find(|status| status.name == *name && status.receipt == *receipt)
}

/// The state of a split list.
pub struct SplitState {
    /// Its state: that of the part that needs attention first.
    pub readiness: Readiness,
    /// All parts counted as one audience, once each of them is created: the newest receipt and time, the members in total.
    pub existing: Option<ExistingAudience>,
    /// The state of each part.
    pub parts: Vec<PartStatus>,
}

/// The state of a split list from its parts, each with its last result.
#[must_use]
pub fn aggregate<'a>(
    audience: &Tracked,
    parts: impl IntoIterator<Item = (&'a PlannedPart, Option<PartResult>)>,
) -> SplitState {
    let mut first_blocked: Option<(&str, Readiness)> = None;
    let mut statuses: Vec<PartStatus> = vec![];
    let mut own = false;
    let mut empty: Option<Readiness> = None;
    for (planned, result) in parts {
        let old = published(audience, planned);
        let existing = result.as_ref().and_then(|result| result.existing.as_ref());
        own |= existing.is_some_and(|existing| existing.own);
        let created = existing
            .map(|existing| CreatedPart { time: existing.audience.time, members: existing.audience.members })
            .or_else(|| old.and_then(|old| old.created.clone()));
        let (reason, blocked) = match (result, old) {
            (Some(PartResult { readiness, .. }), _) => {
                let reason = readiness.reason();
                let is_empty = reason == Reason::EmptyList;
                let is_blocked = readiness.phase != Phase::Ready && !is_empty;
                if is_empty {
                    empty.get_or_insert_with(|| readiness.clone());
                }
                (reason.as_str().to_owned(), is_blocked.then_some(readiness))
            }
            (None, Some(old)) if old.created.is_some() => (old.reason.clone(), None),
            (None, _) => {
                // A part without a result is reported only where no other blocks.
                (Reason::Queued.as_str().to_owned(), first_blocked.is_none().then(messages::part_waits))
            }
        };
        if let Some(blocked) = blocked
            && first_blocked.as_ref().is_none_or(|(_, first)| rank(blocked.phase) > rank(first.phase))
        {
            first_blocked = Some((&planned.part.name, blocked));
        }
        let (name, receipt) = (planned.part.name.clone(), planned.plan.receipt.clone());
        statuses.push(PartStatus { name, receipt, members: planned.part.to_send, reason, created });
    }
    let created: Vec<_> = statuses.iter().filter_map(|part| part.created.as_ref()).collect();
    if let Some((name, blocked)) = first_blocked {
        let readiness = messages::part_blocks(created.len(), statuses.len(), name, &blocked);
        return SplitState { readiness, existing: None, parts: statuses };
    }
    // A part of suppressed members alone blocks nothing, unless there is no other.
    if created.is_empty()
        && let Some(readiness) = empty
    {
        return SplitState { readiness, existing: None, parts: statuses };
    }
    let sent: u64 = created.iter().map(|part| part.members).sum();
    let many = created.len();
    let any_new = statuses.iter().any(|part| part.reason == Reason::Created.as_str());
    let reason = if any_new { Reason::Created } else { Reason::AlreadyCreated };
    let newest = statuses.iter().max_by_key(|part| part.created.as_ref().map(|created| created.time));
    let existing = newest.and_then(|part| {
        let time = part.created.as_ref()?.time;
        let audience = CreatedAudience { receipt: part.receipt.clone(), time, members: sent };
        Some(ExistingAudience { audience, own })
    });
    SplitState { readiness: messages::parts_created(reason, many, sent), existing, parts: statuses }
}

/// Which phase of a part is reported first: the highest.
fn rank(phase: Phase) -> u8 {
    match phase {
        Phase::Ready => 0,
        Phase::Idle => 1,
        Phase::Reconciling => 2,
        Phase::Stalled => 3,
    }
}

#[cfg(test)]
mod tests;
