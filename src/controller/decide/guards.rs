//! Guards on a list that could be sent: invalid rows, suppressed members, size, change of size, rules of its workspace.

use crate::api::condition::Reason;
use crate::api::{AudienceOptions, InvalidMembers, PropensityWorkspace};
use crate::audience::{Funnel, Kind};
use crate::controller::model::audience::kind_name;
use crate::controller::model::desired::Desired;
use crate::controller::model::readiness::Readiness;

/// Why a list with these invalid rows isn't sent.
#[must_use]
pub fn invalid(desired: &Desired) -> Option<Readiness> {
    let Desired { audience, list, .. } = desired;
    let Funnel { invalid, read, .. } = list.funnel;
    let percent = u64::from(audience.options.max_invalid_percent);
    let skips = audience.options.invalid_members == InvalidMembers::Skip;
    if invalid == 0 || skips && invalid * 100 <= percent * read {
        return None;
    }
    let many = if skips { format!(", more than the {percent} % of spec.maxInvalidPercent") } else { String::new() };
    let message = format!(
        "{invalid} of {read} rows can't be sent{many}, so nothing is sent: status.problems names the first of them with source, row and reason. Correct or remove them"
    );
    Some(Readiness::stalled(Reason::InvalidMembers, message))
}

/// Why a list of suppressed members alone isn't sent.
#[must_use]
pub fn all_suppressed(desired: &Desired) -> Option<Readiness> {
    let funnel = &desired.list.funnel;
    let message = || {
        format!(
            "all {} members of the list are suppressed, so nothing is sent: add others, or correct the SuppressionLists",
            funnel.excluded
        )
    };
    (funnel.to_send == 0).then(|| Readiness::stalled(Reason::EmptyList, message()))
}

/// Why a part of suppressed members alone isn't sent.
#[must_use]
pub fn part_suppressed(desired: &Desired) -> Option<Readiness> {
    let empty = desired.part.as_ref().filter(|share| share.to_send == 0)?;
    let message = format!("all {} members of the part are suppressed, so it isn't sent", empty.excluded);
    Some(Readiness::stalled(Reason::EmptyList, message))
}

/// Which guard holds a list, by how much, and how to let just this list pass: those of the audience, and those of its workspace's policy, which an audience can only
/// tighten.
#[must_use]
pub fn out_of_bounds(desired: &Desired, workspace: &PropensityWorkspace) -> Option<Readiness> {
    let Desired { audience, list, .. } = desired;
    let AudienceOptions { min_members, max_members, max_size_change_percent, bypass_guards_for_hash, .. } =
        &audience.options;
    let short = list.hash.short();
    let policy = &workspace.spec.policy;
    let name = workspace.metadata.name.as_deref().unwrap_or_default();
    if audience.kind == Kind::Contacts && audience.inline_members > 0 && !policy.inline_contacts {
        let message = format!(
            "nothing is sent: spec.policy.inlineContacts of PropensityWorkspace {name} doesn't let contacts stand in the audience itself. Put them into a Secret or another source, and name it in spec.from of this {}",
            kind_name(audience.kind)
        );
        return Some(Readiness::stalled(Reason::GuardTripped, message));
    }
    let of_policy = Bounds {
        min: policy.min_members,
        max: policy.max_members,
        change: policy.max_size_change_percent,
        field: "spec.policy",
        whose: format!(" of PropensityWorkspace {name}"),
    };
    let own = Bounds {
        min: Some(*min_members),
        max: Some(*max_members),
        change: Some(*max_size_change_percent),
        field: "spec",
        whose: String::new(),
    };
    let passes_policy = policy.bypass_guards_for_hashes.iter().any(|passed| passed == short);
    let by_policy = of_policy.tripped(desired).filter(|_| !passes_policy);
    let (tripped, pass) = match by_policy {
        Some(tripped) => (tripped, format!("spec.policy.bypassGuardsForHashes: [{short:?}]{}", of_policy.whose)),
        None => (
            own.tripped(desired).filter(|_| bypass_guards_for_hash != short)?,
            format!("spec.bypassGuardsForHash: {short:?}"),
        ),
    };
    let message = format!("nothing is sent: {tripped}. Correct the list; or let just this list pass with {pass}");
    Some(Readiness::stalled(Reason::GuardTripped, message))
}

/// The bounds of a list.
struct Bounds {
    min: Option<u64>,
    max: Option<u64>,
    change: Option<u32>,
    /// Which field they stand in, and whose.
    field: &'static str,
    whose: String,
}

impl Bounds {
    /// Which is broken, and by how much.
    fn tripped(&self, desired: &Desired) -> Option<String> {
        let Self { min, max, change, field, whose } = self;
        let field = |name: &str| format!("{field}.{name}{whose}");
        let members = desired.list.funnel.to_send;
        let last = desired.audience.status.last_created.as_ref().map(|last| last.members).filter(|last| *last > 0);
        if let Some(min) = min.filter(|min| members < *min) {
            Some(format!("the list has {members} members, fewer than the {min} of {}", field("minMembers")))
        } else if let Some(max) = max.filter(|max| members > *max) {
            Some(format!("the list has {members} members, more than the {max} of {}", field("maxMembers")))
        } else if let (Some(last), Some(percent)) = (last, change)
            && members.abs_diff(last) * 100 > u64::from(*percent) * last
        {
            // Rounded up, so that it is never shown as the percent that is allowed.
            let change = (members.abs_diff(last) * 100).div_ceil(last);
            let way = if members > last { "more" } else { "fewer" };
            Some(format!(
                "the list has {members} members, {change} % {way} than the {last} of the last audience that this resource created, and {} is {percent} (only the numbers are compared)",
                field("maxSizeChangePercent")
            ))
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests;
