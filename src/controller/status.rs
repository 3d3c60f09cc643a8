//! Record: the status of an audience from what is known, purely, and its write. A status that says nothing new isn't written.

use jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::cluster::CallError;
use super::context::Context;
use super::live;
use super::scene::Phase;
use super::tracked::{Digest, Share, Tracked};
use super::verdicts;
use crate::api::audience_status::{CreatedAudience, Funnel, LastResult, OpenUnknown, PartStatus, RowProblem, Warnings};
use crate::api::condition::{self, ConditionType, DesiredCondition, Reason, Verdict};
use crate::api::{AccountAudience, AudienceStatus, ContactAudience, LocalRef};
use crate::audience::Kind;

/// What a pass found out about an audience.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The generation that was looked at.
    pub generation: Option<i64>,
    /// Its list; none while its sources aren't read.
    pub digest: Option<Digest>,
    /// Where it stands.
    pub verdict: Verdict,
    /// What kind of state that is.
    pub phase: Phase,
    /// Name of the receipt of its list.
    pub receipt: Option<String>,
    /// The API's last answer, where there was one.
    pub result: Option<LastResult>,
    /// The audience in the workspace, where there is one.
    pub created: Option<Found>,
    /// Unknown attempts for older lists.
    pub open_unknowns: Vec<OpenUnknown>,
    /// Where the parts of a split list stand; none where they weren't looked at.
    pub parts: Option<Vec<PartStatus>>,
}

/// An audience in the workspace.
#[derive(Clone, Debug)]
pub struct Found {
    /// What is known of it.
    pub audience: CreatedAudience,
    /// Whether it was created for this very resource.
    pub own: bool,
}

impl Facts {
    /// How many members that were sent, at least, are suppressed now; `None` while the audience in the workspace isn't looked at.
    #[must_use]
    pub fn suppressed_sent(&self) -> Option<u64> {
        let (found, digest) = (self.created.as_ref()?, self.digest.as_ref()?);
        if let Some(parts) = self.parts.as_ref().filter(|parts| !parts.is_empty()) {
            let of_part = |(part, share): (&PartStatus, &Share)| {
                part.created.as_ref().map(|sent| sent.members.saturating_sub(share.to_send).min(share.excluded))
            };
            return parts.iter().zip(&digest.parts).map(of_part).sum();
        }
        let fewer = found.audience.members.saturating_sub(digest.funnel.to_send);
        Some(fewer.min(digest.funnel.excluded))
    }

    /// What to say about them, if there is any.
    #[must_use]
    pub fn suppressed_later(&self) -> Option<Verdict> {
        let many = self.suppressed_sent().filter(|many| *many > 0)?;
        let sent = &self.created.as_ref()?.audience;
        Some(verdicts::suppressed_later(many, sent.members, sent.time))
    }
}

/// How many creates a status lists.
const RECENT: usize = 5;

/// The status that follows from the old one and what was found out.
#[must_use]
pub fn next(old: &AudienceStatus, facts: &Facts, now: Timestamp) -> AudienceStatus {
    if old.observed_generation > facts.generation {
        // A newer list was looked at meanwhile: only what the older one did is added.
        let mut status = old.clone();
        facts.created.iter().for_each(|found| add_created(&mut status, found));
        return status;
    }
    let keeps_truth = facts.verdict.reason == Reason::Suspended && says_created(old, facts);
    let mut conditions = if keeps_truth {
        old.conditions.clone()
    } else {
        condition::update(&old.conditions, &wanted(facts), facts.generation, now)
    };
    // While it isn't looked at anew, the audience that was looked at last is still the one in the workspace.
    if !keeps_truth && facts.suppressed_sent().is_none() {
        conditions.extend(condition::find(&old.conditions, ConditionType::SuppressedMembersSent).cloned());
    }
    let mut status = AudienceStatus {
        observed_generation: facts.generation,
        conditions,
        short_list_hash: old.short_list_hash.clone(),
        list_hash: old.list_hash.clone(),
        members: old.members.clone(),
        problems: old.problems.clone(),
        ignored_columns: old.ignored_columns,
        warnings: old.warnings.clone(),
        receipt_ref: old.receipt_ref.clone(),
        parts: parts(old, facts),
        last_result: facts.result.clone().or_else(|| old.last_result.clone()),
        last_created: old.last_created.clone(),
        recent_creates: old.recent_creates.clone(),
        suppressed_members_sent: facts.suppressed_sent().unwrap_or(old.suppressed_members_sent),
        superseded: old.superseded,
        engagement: old.engagement.clone(),
        open_unknowns: facts.open_unknowns.clone(),
    };
    // A list that isn't known leaves standing what was known of the last.
    if let Some(digest) = &facts.digest {
        status.short_list_hash = Some(digest.hash.short().to_owned());
        status.list_hash = Some(digest.hash.as_str().to_owned());
        status.members = Some(funnel(&digest.funnel));
        status.problems = digest.problems.iter().map(problem).collect();
        status.warnings = warnings(digest.warnings);
        status.ignored_columns = Some(digest.ignored_columns).filter(|count| *count > 0);
        status.receipt_ref = facts.receipt.clone().map(|name| LocalRef { name });
    }
    if let Some(found) = &facts.created {
        add_created(&mut status, found);
        if !(status.parts.is_empty() && old.parts.is_empty()) {
            status.superseded = old.superseded.saturating_add(left_behind(old, &status, found));
        }
    }
    status
}

/// The parts of a list; until all of them are created, with those of the list before that are still in the workspace in their place.
fn parts(old: &AudienceStatus, facts: &Facts) -> Vec<PartStatus> {
    let Some(new) = &facts.parts else { return old.parts.clone() };
    let mut parts = new.clone();
    if facts.created.is_none() {
        let is_replaced =
            |old: &&PartStatus| old.created.is_some() && !new.iter().any(|new| new.receipt == old.receipt);
        parts.extend(old.parts.iter().filter(is_replaced).cloned());
        parts.truncate(MOST_PARTS);
    }
    parts
}

/// How many audiences stop being a part of the list, and stay in the workspace: parts that it no longer has, or the one that it was before it was split.
fn left_behind(old: &AudienceStatus, new: &AudienceStatus, found: &Found) -> u32 {
    let is_in = |parts: &[PartStatus], receipt: &str| parts.iter().any(|part| part.receipt == receipt);
    let is_gone = |part: &&PartStatus| {
        part.created.is_some() && !is_in(&new.parts, &part.receipt) && part.receipt != found.audience.receipt
    };
    let gone = old.parts.iter().filter(is_gone).count();
    let was_whole = old.last_created.as_ref().is_some_and(|last| {
        last.receipt != found.audience.receipt && !is_in(&old.parts, &last.receipt) && !is_in(&new.parts, &last.receipt)
    });
    u32::try_from(gone).unwrap_or(u32::MAX).saturating_add(was_whole.into())
}

/// Parts that a status lists.
pub const MOST_PARTS: usize = 256;

/// Adds an audience to those that this resource created. One that was found again, and isn't its newest, counts only where nothing else is known, as after a lost
/// status.
fn add_created(status: &mut AudienceStatus, found: &Found) {
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
fn says_created(old: &AudienceStatus, facts: &Facts) -> bool {
    let ready = condition::find(&old.conditions, ConditionType::Ready).is_some_and(|c| c.status == "True");
    let receipts = |parts: &[PartStatus]| parts.iter().map(|part| part.receipt.clone()).collect::<Vec<_>>();
    let same_parts = facts.parts.as_ref().is_none_or(|parts| receipts(parts) == receipts(&old.parts));
    ready && same_parts && old.receipt_ref.as_ref().map(|r| r.name.as_str()) == facts.receipt.as_deref()
}

fn wanted(facts: &Facts) -> Vec<DesiredCondition> {
    let mut wanted = readiness(&facts.verdict, facts.phase);
    if let Some(verdict) = facts.suppressed_later() {
        wanted.push(DesiredCondition { type_: ConditionType::SuppressedMembersSent, status: true, verdict });
    }
    wanted
}

/// What every kind of object tells: `Ready`, and what keeps it from being so.
#[must_use]
pub fn readiness(verdict: &Verdict, phase: Phase) -> Vec<DesiredCondition> {
    let want = |type_, status| DesiredCondition { type_, status, verdict: verdict.clone() };
    let mut wanted = vec![want(ConditionType::Ready, phase == Phase::Ready)];
    match phase {
        Phase::Reconciling => wanted.push(want(ConditionType::Reconciling, true)),
        Phase::Stalled => wanted.push(want(ConditionType::Stalled, true)),
        Phase::Ready | Phase::Idle => {}
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

/// Writes the status of an audience, if it says something new. Returns the status that stands, and whether it was written.
///
/// The write names the version that it is based on; where that is no longer the present one, the status is computed anew from the live object, so that nothing
/// that it lists is lost. An audience that is gone needs none.
///
/// # Errors
/// When the API server doesn't take it.
pub async fn write(ctx: &Context, base: &Tracked, facts: &Facts) -> Result<bool, CallError> {
    amend(ctx, base, |base| next(&base.status, facts, ctx.clock.wall())).await
}

/// The same for a status that follows from the present one in another way.
///
/// # Errors
/// When the API server doesn't take it.
pub async fn amend(
    ctx: &Context,
    base: &Tracked,
    next: impl Fn(&Tracked) -> AudienceStatus,
) -> Result<bool, CallError> {
    let mut base = base.clone();
    for _ in 0..5 {
        let status = next(&base);
        if status == base.status {
            return Ok(false);
        }
        match patch(ctx, &base, &status).await {
            Ok(version) => {
                ctx.memory.wrote(base.uid(), version, status);
                return Ok(true);
            }
            Err(CallError::NotFound) => return Ok(false),
            Err(CallError::Conflict) => match live::tracked(ctx, &base).await? {
                Some(now) => base = now,
                None => return Ok(false),
            },
            Err(error) => return Err(error),
        }
    }
    Err(CallError::Conflict)
}

async fn patch(ctx: &Context, base: &Tracked, status: &AudienceStatus) -> Result<String, CallError> {
    let patch: json_patch::Patch = serde_json::from_value(json!([
        {"op": "replace", "path": "/metadata/resourceVersion", "value": base.meta.resource_version},
        {"op": "add", "path": "/status", "value": status},
    ]))
    .expect("the operations above are a JSON Patch");
    let patch = Patch::Json::<()>(patch);
    let params = PatchParams::default();
    let (namespace, name) = (base.namespace(), base.name());
    let meta = match base.kind {
        Kind::Contacts => {
            let api = ctx.cluster.api::<ContactAudience>(namespace);
            ctx.cluster.call(api.patch_status(name, &params, &patch)).await?.metadata
        }
        Kind::Accounts => {
            let api = ctx.cluster.api::<AccountAudience>(namespace);
            ctx.cluster.call(api.patch_status(name, &params, &patch)).await?.metadata
        }
    };
    Ok(meta.resource_version.unwrap_or_default())
}

#[cfg(test)]
mod tests;
