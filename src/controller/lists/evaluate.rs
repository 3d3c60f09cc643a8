//! The result of a list for a reconcile: kept from the last time it was read, or read again where something that it
//! depends on changed.

use std::time::Duration;

use super::access::ListAccess;
use super::error::ReadError;
use super::load;
use super::needs::{Needs, suppressors};
use crate::api::PropensityWorkspace;
use crate::api::condition::{self, ConditionType};
use crate::clock::Moment;
use crate::controller::decide::audience_messages;
use crate::controller::decide::list_messages::Owner;
use crate::controller::kube::live;
use crate::controller::model::audience::{AudienceObject, Tracked};
use crate::controller::model::list::ListSummary;
use crate::controller::model::readiness::Blocked;

/// The list of an audience as it is now, or why it isn't known. It is read only where something that it depends on
/// changed.
///
/// # Errors
/// Why it isn't known, or that the API server doesn't answer.
pub async fn evaluate(
    lists: &ListAccess,
    audience: &Tracked,
    workspace: Option<&PropensityWorkspace>,
) -> Result<ListSummary, ReadError> {
    let suppressors = suppressors(&audience.options, audience.kind, workspace);
    if audience.options.from.is_empty() && suppressors.is_empty() {
        lists.memory.forget(&audience.key());
        return Ok(audience.inline_list.clone());
    }
    lists.memory.add_dependent(audience.key());
    let namespace = audience.namespace().to_owned();
    let mut needs = Needs::new(lists, &namespace);
    let sources = needs.add_sources(&audience.options.from, Owner::Audience(audience.kind));
    let mut changed = needs.changed;
    if let Err(blocked) = sources.and_then(|()| needs.add_suppressors(&suppressors)) {
        return Err(blocked.into());
    }
    // Of an audience that is created, another suppression alone sends nothing, so it needn't be stable.
    let ready = condition::find(&audience.status.conditions, ConditionType::Ready).is_some_and(|c| c.status == "True");
    if !ready || audience.options.resend_on_suppression {
        changed = needs.changed;
    }
    let versions = needs.versions;
    if let Some(result) = lists.memory.result(audience, &versions) {
        return Ok(result?);
    }
    if let Some(blocked) = unstable(lists, audience, changed) {
        return Err(blocked.into());
    }
    let result = match read(lists, audience, workspace).await {
        Ok(list) => Ok(list),
        // What may pass without a change isn't kept.
        Err(ReadError::Blocked(blocked)) if blocked.retry_after.is_none() => Err(blocked.readiness),
        Err(error) => return Err(error),
    };
    lists.memory.set_result(audience, versions, result.clone());
    Ok(result?)
}

/// Blocks a list while the objects that it depends on have not been unchanged for its stabilization window.
fn unstable(lists: &ListAccess, audience: &Tracked, changed: Moment) -> Option<Blocked> {
    let window = Duration::from(audience.options.stabilization_window);
    let quiet = lists.clock.boottime().since(changed);
    let left = window.checked_sub(quiet).filter(|left| !left.is_zero() && changed != Moment::default())?;
    Some(Blocked { readiness: audience_messages::sources_changing(window), retry_after: Some(left) })
}

async fn read(
    lists: &ListAccess,
    audience: &Tracked,
    workspace: Option<&PropensityWorkspace>,
) -> Result<ListSummary, ReadError> {
    // Inline members are dropped when an object is summarised; without any, it needn't be read.
    let object = if audience.inline_members == 0 {
        let Tracked { meta, kind, options, status, .. } = audience.clone();
        AudienceObject { meta, kind, options, status, members: vec![] }
    } else {
        match live::audience(&lists.cluster, audience.kind, audience.namespace(), audience.name()).await? {
            Some(object) if object.meta.uid == audience.meta.uid => object,
            _ => return Err(audience_messages::looked_up().into()),
        }
    };
    Ok(load::load(lists, object, workspace).await?.desired.list)
}
