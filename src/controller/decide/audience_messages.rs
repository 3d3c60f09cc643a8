//! The states of an audience that follow from its spec, its list and its workspace. Never a value of a list.

use std::time::Duration;

use super::sentences::{count, counted};
use crate::api::condition::Reason;
use crate::audience::{Funnel, Kind};
use crate::controller::model::audience::{kind_name, list_field};
use crate::controller::model::readiness::Readiness;

/// The list has no members.
#[must_use]
pub fn empty_list(kind: Kind) -> Readiness {
    let field = list_field(kind);
    let message =
        format!("nothing is sent: the list has no members. Add members to {field} or to a source in spec.from.");
    Readiness::stalled(Reason::EmptyList, message)
}

/// The workspace doesn't exist.
#[must_use]
pub fn no_workspace(kind: Kind, workspace: &str, namespace: &str) -> Readiness {
    let message = format!(
        "there is no PropensityWorkspace {workspace} in namespace {namespace}. Create it, or correct spec.workspaceRef \
         of this {}.",
        kind_name(kind)
    );
    Readiness::reconciling(Reason::WorkspaceNotFound, message)
}

/// The operator is suspended.
#[must_use]
pub fn operator_suspended() -> Readiness {
    Readiness::idle(Reason::Suspended, "nothing is sent: the operator runs with --suspend")
}

/// The workspace is suspended.
#[must_use]
pub fn workspace_suspended(workspace: &str) -> Readiness {
    let message = format!("nothing is sent: spec.suspend of PropensityWorkspace {workspace} is true");
    Readiness::idle(Reason::Suspended, message)
}

/// The audience is suspended.
#[must_use]
pub fn suspended(kind: Kind) -> Readiness {
    Readiness::idle(Reason::Suspended, format!("nothing is sent: spec.suspend of this {} is true", kind_name(kind)))
}

/// The day's creates are used up.
#[must_use]
pub fn budget_spent(budget: u32, workspace_id: &str, workspace: &str) -> Readiness {
    let message = format!(
        "all {budget} creates of today (UTC) for workspaceID {workspace_id} are used, so this list is sent tomorrow. \
         To send it today, raise spec.dailyCreateBudget of PropensityWorkspace {workspace}."
    );
    Readiness::reconciling(Reason::BudgetSpent, message)
}

/// Another replica is becoming the leader.
#[must_use]
pub fn another_replica() -> Readiness {
    Readiness::reconciling(Reason::Pending, "another replica of the operator is becoming the leader and will continue")
}

/// Some rows can't be sent. `max_percent` is `spec.maxInvalidPercent`, where it applies.
#[must_use]
pub fn invalid_members(invalid: u64, read: u64, max_percent: Option<u64>) -> Readiness {
    let limit = max_percent.map(|max| format!(", more than the {max}% of spec.maxInvalidPercent")).unwrap_or_default();
    let message = format!(
        "{invalid} of {read} rows can't be sent{limit}, so nothing is sent. Correct or remove them: status.problems \
         shows source, row and reason of the first ones."
    );
    Readiness::stalled(Reason::InvalidMembers, message)
}

/// All members of the list are suppressed.
#[must_use]
pub fn all_suppressed(funnel: &Funnel) -> Readiness {
    let message = format!(
        "the list has only suppressed members ({}), so nothing is sent. Add other members, or correct the \
         SuppressionLists.",
        funnel.excluded
    );
    Readiness::stalled(Reason::EmptyList, message)
}

/// All members of a part are suppressed.
#[must_use]
pub fn part_suppressed(members: u64) -> Readiness {
    let message = format!("this part has only suppressed members ({members}), so it isn't sent");
    Readiness::stalled(Reason::EmptyList, message)
}

/// The workspace forbids contacts in the audience itself.
#[must_use]
pub fn no_inline_contacts(kind: Kind, workspace: &str) -> Readiness {
    let message = format!(
        "nothing is sent: spec.policy.inlineContacts of PropensityWorkspace {workspace} doesn't allow contacts in the \
         audience itself. Move them to a Secret or another source, and name it in spec.from of this {}.",
        kind_name(kind)
    );
    Readiness::stalled(Reason::GuardTripped, message)
}

/// A guard blocks the list. `allowed_by` is the setting that lets exactly this list pass.
#[must_use]
pub fn out_of_bounds(tripped: &str, allowed_by: &str) -> Readiness {
    let message =
        format!("nothing is sent: {tripped}. Correct the list, or allow exactly this list with {allowed_by}.");
    Readiness::stalled(Reason::GuardTripped, message)
}

/// The list has too few members. `field` is the guard's field, and whose it is.
#[must_use]
pub fn too_few(members: u64, min: u64, field: &str) -> String {
    format!("the list has {}, fewer than the {min} of {field}", count(members))
}

/// The list has too many members.
#[must_use]
pub fn too_many(members: u64, max: u64, field: &str) -> String {
    format!("the list has {}, more than the {max} of {field}", count(members))
}

/// The number of members changed too much since the last audience.
#[must_use]
pub fn changed_too_much(members: u64, last: u64, max_percent: u32, field: &str) -> String {
    // Rounded up, so that it is never shown as the percent that is allowed.
    let change = (members.abs_diff(last) * 100).div_ceil(last.max(1));
    let way = if members > last { "more" } else { "fewer" };
    format!(
        "the list has {}, {change}% {way} than the {last} of the last audience that this resource created, and {field} \
         is {max_percent} (only the numbers are compared)",
        count(members)
    )
}

/// The setting of an audience that lets exactly one list pass.
#[must_use]
pub fn bypass(short_hash: &str) -> String {
    format!("spec.bypassGuardsForHash: {short_hash:?}")
}

/// The setting of a workspace that lets exactly one list pass.
#[must_use]
pub fn bypass_policy(short_hash: &str, workspace: &str) -> String {
    format!("spec.policy.bypassGuardsForHashes: [{short_hash:?}] of PropensityWorkspace {workspace}")
}

/// The list would be split into too many audiences.
#[must_use]
pub fn too_many_parts(parts: usize, max: usize) -> Readiness {
    let message = format!(
        "nothing is sent: the list would be split into {parts} audiences, more than the maximum of {max}. Raise \
         spec.split.maxMembers."
    );
    Readiness::stalled(Reason::GuardTripped, message)
}

/// The list is in the workspace in parts, and another split would send members again.
#[must_use]
pub fn splits_again(created: usize, new: usize, parts: usize, short_hash: &str) -> Readiness {
    already_there(
        &format!(
            "in {}. As split now, {new} of {} would be sent again",
            counted(created as u64, "part"),
            counted(parts as u64, "part")
        ),
        short_hash,
    )
}

/// The list is in the workspace as one audience, and a split would send its members again.
#[must_use]
pub fn splits_existing(parts: usize, short_hash: &str) -> Readiness {
    already_there(
        &format!("as one audience. Its members would be sent again in {}", counted(parts as u64, "part")),
        short_hash,
    )
}

/// The list is in the workspace in parts, and its members would be sent again as one audience.
#[must_use]
pub fn joins_existing(parts: usize, short_hash: &str) -> Readiness {
    already_there(
        &format!("in {}. Its members would be sent again as one audience", counted(parts as u64, "part")),
        short_hash,
    )
}

fn already_there(how: &str, short_hash: &str) -> Readiness {
    let message = format!(
        "nothing is sent: this list is already in the workspace {how}. Change spec.split back, or allow this with {}.",
        bypass(short_hash)
    );
    Readiness::stalled(Reason::GuardTripped, message)
}

/// A part that wasn't reconciled yet.
#[must_use]
pub fn part_waits() -> Readiness {
    Readiness::reconciling(Reason::Queued, "this part waits for its turn")
}

/// The state of a split list that is blocked by the state of one of its parts.
#[must_use]
pub fn part_blocks(created: usize, parts: usize, name: &str, part: &Readiness) -> Readiness {
    let message = format!("parts created: {created} of {parts}; part {name}: {}", part.verdict.message);
    Readiness::new(part.phase, part.reason(), message)
}

/// All parts of a split list are created.
#[must_use]
pub fn parts_created(reason: Reason, parts: usize, members: u64) -> Readiness {
    let message = format!(
        "the list is {} in the workspace, with {} in total; see status.parts",
        counted(parts as u64, "audience"),
        count(members)
    );
    Readiness::ready(reason, message)
}

/// A source changed a short time ago.
#[must_use]
pub fn sources_changing(window: Duration) -> Readiness {
    let message = format!(
        "a source of the list changed. The list is read when all sources are unchanged for {} s \
         (spec.stabilizationWindow).",
        window.as_secs()
    );
    Readiness::reconciling(Reason::SourcesChanging, message)
}

/// The audience isn't read yet.
#[must_use]
pub fn looked_up() -> Readiness {
    Readiness::reconciling(Reason::Pending, "the audience is being read")
}
