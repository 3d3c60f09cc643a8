//! What holds a list that could be sent: too few or too many members, too large a change, rules of its workspace. Pure.

use crate::api::condition::{Reason, Verdict};
use crate::api::{AudienceOptions, InvalidMembers, PropensityWorkspace};
use crate::audience::{Funnel, Kind};
use crate::controller::model::audience::{Tracked, kind_name};

/// Why a list with these invalid rows isn't sent.
pub fn invalid(audience: &Tracked) -> Option<Verdict> {
    let Funnel { invalid, read, .. } = audience.digest.funnel;
    let percent = u64::from(audience.options.max_invalid_percent);
    let skips = audience.options.invalid_members == InvalidMembers::Skip;
    if invalid == 0 || skips && invalid * 100 <= percent * read {
        return None;
    }
    let many = if skips { format!(", more than the {percent} % of spec.maxInvalidPercent") } else { String::new() };
    let message = format!(
        "{invalid} of {read} rows can't be sent{many}, so nothing is sent: status.problems names the first of them with source, row and reason. Correct or remove them"
    );
    Some(Verdict::new(Reason::InvalidMembers, message))
}

/// Why a list of suppressed members alone isn't sent.
pub fn nobody_left(funnel: &Funnel) -> Option<Verdict> {
    let message = || {
        format!(
            "all {} members of the list are suppressed, so nothing is sent: add others, or correct the SuppressionLists",
            funnel.excluded
        )
    };
    (funnel.to_send == 0).then(|| Verdict::new(Reason::EmptyList, message()))
}

/// Why a part of suppressed members alone isn't sent.
pub fn nobody_in_part(audience: &Tracked) -> Option<Verdict> {
    let empty = audience.part.as_ref().filter(|share| share.to_send == 0)?;
    let message = format!("all {} members of the part are suppressed, so it isn't sent", empty.excluded);
    Some(Verdict::new(Reason::EmptyList, message))
}

/// Which guard holds a list, by how much, and how to let just this list pass: those of the audience, and those of its workspace's policy, which an audience can only
/// tighten.
pub fn guarded(audience: &Tracked, workspace: &PropensityWorkspace) -> Option<Verdict> {
    let AudienceOptions { min_members, max_members, max_size_change_percent, bypass_guards_for_hash, .. } =
        &audience.options;
    let short = audience.digest.hash.short();
    let policy = &workspace.spec.policy;
    let name = workspace.metadata.name.as_deref().unwrap_or_default();
    if audience.kind == Kind::Contacts && audience.inline > 0 && !policy.inline_contacts {
        let message = format!(
            "nothing is sent: spec.policy.inlineContacts of PropensityWorkspace {name} doesn't let contacts stand in the audience itself. Put them into a Secret or another source, and name it in spec.from of this {}",
            kind_name(audience.kind)
        );
        return Some(Verdict::new(Reason::GuardTripped, message));
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
    let by_policy = of_policy.tripped(audience).filter(|_| !passes_policy);
    let (tripped, pass) = match by_policy {
        Some(tripped) => (tripped, format!("spec.policy.bypassGuardsForHashes: [{short:?}]{}", of_policy.whose)),
        None => (
            own.tripped(audience).filter(|_| bypass_guards_for_hash != short)?,
            format!("spec.bypassGuardsForHash: {short:?}"),
        ),
    };
    let message = format!("nothing is sent: {tripped}. Correct the list; or let just this list pass with {pass}");
    Some(Verdict::new(Reason::GuardTripped, message))
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
    fn tripped(&self, audience: &Tracked) -> Option<String> {
        let Self { min, max, change, field, whose } = self;
        let field = |name: &str| format!("{field}.{name}{whose}");
        let members = audience.digest.funnel.to_send;
        let last = audience.status.last_created.as_ref().map(|last| last.members).filter(|last| *last > 0);
        if let Some(min) = min.filter(|min| members < *min) {
            Some(format!("the list has {members} members, fewer than the {min} of {}", field("minMembers")))
        } else if let Some(max) = max.filter(|max| members > *max) {
            Some(format!("the list has {members} members, more than the {max} of {}", field("maxMembers")))
        } else if let (Some(last), Some(percent)) = (last, change)
            && members.abs_diff(last) * 100 > u64::from(*percent) * last
        {
            let (change, way) = (members.abs_diff(last) * 100 / last, if members > last { "more" } else { "fewer" });
            Some(format!(
                "the list has {members} members, {change} % {way} than the {last} of the last audience that this resource created, and {} is {percent} (only the numbers are compared)",
                field("maxSizeChangePercent")
            ))
        } else {
            None
        }
    }
}
