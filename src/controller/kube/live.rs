//! Reads from the API server itself, never from a cache.

use crate::api::{AccountAudience, ContactAudience, PropensityWorkspace, SuppressionList};
use crate::audience::Kind;
use crate::controller::context::shared::Context;
use crate::controller::kube::cluster::{CallError, Lane};
use crate::controller::model::audience::{AudienceKey, Listed, Parts, Tracked, kind_of};

/// An audience with the members that stand in it.
///
/// # Errors
/// When the API server doesn't answer; an absent audience is no error.
pub async fn audience(ctx: &Context, kind: Kind, namespace: &str, name: &str) -> Result<Option<Parts>, CallError> {
    Ok(match kind {
        Kind::Contacts => {
            let api = ctx.cluster.api::<ContactAudience>(namespace);
            ctx.cluster.call_in(Lane::Flight, api.get_opt(name)).await?.map(Listed::parts)
        }
        Kind::Accounts => {
            let api = ctx.cluster.api::<AccountAudience>(namespace);
            ctx.cluster.call_in(Lane::Flight, api.get_opt(name)).await?.map(Listed::parts)
        }
    })
}

/// The same audience as it is now, without what its sources come to; `None` where it is gone or another took its name.
///
/// # Errors
/// When the API server doesn't answer.
pub async fn tracked(ctx: &Context, known: &Tracked) -> Result<Option<Tracked>, CallError> {
    let live = audience(ctx, known.kind, known.namespace(), known.name()).await?;
    Ok(live.map(|parts| parts.inline().tracked).filter(|live| live.uid() == known.uid()))
}

/// A workspace.
///
/// # Errors
/// When the API server doesn't answer; an absent workspace is no error.
pub async fn workspace(ctx: &Context, namespace: &str, name: &str) -> Result<Option<PropensityWorkspace>, CallError> {
    let api = ctx.cluster.api::<PropensityWorkspace>(namespace);
    ctx.cluster.call_in(Lane::Flight, api.get_opt(name)).await
}

/// A suppression list.
///
/// # Errors
/// When the API server doesn't answer; an absent one is no error.
pub async fn suppression_list(
    ctx: &Context,
    namespace: &str,
    name: &str,
) -> Result<Option<SuppressionList>, CallError> {
    let api = ctx.cluster.api::<SuppressionList>(namespace);
    ctx.cluster.call_in(Lane::Flight, api.get_opt(name)).await
}

/// The key of the audience that an attempt was made for.
#[must_use]
pub fn key_of(namespace: &str, audience: &crate::ledger::AudienceRef) -> Option<AudienceKey> {
    let kind = kind_of(&audience.kind)?;
    Some(AudienceKey::new_with(&audience.name, kind).within(namespace))
}
