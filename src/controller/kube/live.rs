//! Reads from the API server itself, never from a cache.

use super::cluster::{CallError, Cluster, Lane};
use crate::api::{AccountAudience, ContactAudience, PropensityWorkspace, SuppressionList};
use crate::audience::Kind;
use crate::controller::model::audience::{AudienceObject, AudienceResource, Tracked};

/// An audience with its inline members.
///
/// # Errors
/// When the API server doesn't answer; an absent audience is no error.
pub async fn audience(
    cluster: &Cluster,
    kind: Kind,
    namespace: &str,
    name: &str,
) -> Result<Option<AudienceObject>, CallError> {
    Ok(match kind {
        Kind::Contacts => {
            let api = cluster.api::<ContactAudience>(namespace);
            cluster.call_in(Lane::Attempt, api.get_opt(name)).await?.map(AudienceResource::into_object)
        }
        Kind::Accounts => {
            let api = cluster.api::<AccountAudience>(namespace);
            cluster.call_in(Lane::Attempt, api.get_opt(name)).await?.map(AudienceResource::into_object)
        }
    })
}

/// The same audience as it is now, without its members; `None` where it is gone or another took its name.
///
/// # Errors
/// When the API server doesn't answer.
pub async fn tracked(cluster: &Cluster, known: &Tracked) -> Result<Option<Tracked>, CallError> {
    let live = audience(cluster, known.kind, known.namespace(), known.name()).await?;
    Ok(live.map(AudienceObject::observe).filter(|live| live.uid() == known.uid()))
}

/// A workspace.
///
/// # Errors
/// When the API server doesn't answer; an absent workspace is no error.
pub async fn workspace(
    cluster: &Cluster,
    namespace: &str,
    name: &str,
) -> Result<Option<PropensityWorkspace>, CallError> {
    let api = cluster.api::<PropensityWorkspace>(namespace);
    cluster.call_in(Lane::Attempt, api.get_opt(name)).await
}

/// A suppression list.
///
/// # Errors
/// When the API server doesn't answer; an absent one is no error.
pub async fn suppression_list(
    cluster: &Cluster,
    namespace: &str,
    name: &str,
) -> Result<Option<SuppressionList>, CallError> {
    let api = cluster.api::<SuppressionList>(namespace);
    cluster.call_in(Lane::Attempt, api.get_opt(name)).await
}
