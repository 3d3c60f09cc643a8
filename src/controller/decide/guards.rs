//! Guards on a list that could be sent: invalid rows, suppressed members, size, change of size, rules of its workspace.

use super::audience_messages as messages;
use crate::api::{AudienceOptions, InvalidMembers, PropensityWorkspace};
use crate::audience::{Funnel, Kind};
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
    Some(messages::invalid_members(invalid, read, skips.then_some(percent)))
}

/// Why a list of suppressed members alone isn't sent.
#[must_use]
pub fn all_suppressed(desired: &Desired) -> Option<Readiness> {
    let funnel = &desired.list.funnel;
    (funnel.to_send == 0).then(|| messages::all_suppressed(funnel))
}

/// Why a part of suppressed members alone isn't sent.
#[must_use]
pub fn part_suppressed(desired: &Desired) -> Option<Readiness> {
    let empty = desired.part.as_ref().filter(|part| part.to_send == 0)?;
    Some(messages::part_suppressed(empty.excluded))
}

/// Which guard blocks a list: the audience's own, or one of its workspace's policy, which an audience can only make
/// stricter.
#[must_use]
pub fn out_of_bounds(desired: &Desired, workspace: &PropensityWorkspace) -> Option<Readiness> {
    let Desired { audience, list, .. } = desired;
    let AudienceOptions { min_members, max_members, max_size_change_percent, bypass_guards_for_hash, .. } =
        &audience.options;
    let short = list.hash.short();
    let policy = &workspace.spec.policy;
    let name = workspace.metadata.name.as_deref().unwrap_or_default();
    if audience.kind == Kind::Contacts && audience.inline_members > 0 && !policy.inline_contacts {
        return Some(messages::no_inline_contacts(audience.kind, name));
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
    let (tripped, bypass) = match by_policy {
        Some(tripped) => (tripped, messages::bypass_policy(short, name)),
        None => (own.tripped(desired).filter(|_| bypass_guards_for_hash != short)?, messages::bypass(short)),
    };
    Some(messages::out_of_bounds(&tripped, &bypass))
}

/// The bounds of a list.
struct Bounds {
    min: Option<u64>,
    max: Option<u64>,
    change: Option<u32>,
    /// The field that has them, and whose it is.
    field: &'static str,
    whose: String,
}

impl Bounds {
    /// Which bound the list breaks, and by how much.
    fn tripped(&self, desired: &Desired) -> Option<String> {
        let Self { min, max, change, field, whose } = self;
        let field = |name: &str| format!("{field}.{name}{whose}");
        let members = desired.list.funnel.to_send;
        let last = desired.audience.status.last_created.as_ref().map(|last| last.members).filter(|last| *last > 0);
        if let Some(min) = min.filter(|min| members < *min) {
            Some(messages::too_few(members, min, &field("minMembers")))
        } else if let Some(max) = max.filter(|max| members > *max) {
            Some(messages::too_many(members, max, &field("maxMembers")))
        } else if let (Some(last), Some(percent)) = (last, change)
            && members.abs_diff(last) * 100 > u64::from(*percent) * last
        {
            Some(messages::changed_too_much(members, last, *percent, &field("maxSizeChangePercent")))
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests;
