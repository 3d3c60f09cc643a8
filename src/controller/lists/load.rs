//! A list as it is now: read whole, live, without the members that are suppressed.

use super::access::ListAccess;
use super::entries::{self, UnreadSuppression};
use super::error::ReadError;
use super::files::{self, File, Room};
use super::needs::{Needs, Suppressor, suppressors};
use crate::api::{ListSource, PropensityWorkspace, SuppressionList};
use crate::audience::Suppression;
use crate::controller::decide::list_messages::{self as messages, Owner};
use crate::controller::kube::cluster::CallError;
use crate::controller::kube::live;
use crate::controller::model::audience::{AudienceObject, Tracked};
use crate::controller::model::desired::LoadedList;
use crate::controller::model::readiness::Readiness;

/// An audience with its whole list, all that it depends on read live.
///
/// # Errors
/// Why it can't be read.
pub async fn load(
    lists: &ListAccess,
    object: AudienceObject,
    workspace: Option<&PropensityWorkspace>,
) -> Result<LoadedList, ReadError> {
    let suppressors = suppressors(&object.options, object.kind, workspace);
    if object.options.from.is_empty() && suppressors.is_empty() {
        return Ok(object.load_inline());
    }
    let namespace = object.meta.namespace.as_deref().unwrap_or_default();
    let _turn = lists.turns.list(is_remote(lists, namespace, &object.options.from, &suppressors)).await?;
    let mut room = Room::default();
    let owner = Owner::Audience(object.kind);
    let files = files::files(lists, namespace, owner, &object.options.from, &mut room).await?;
    let suppressions = entries::suppressions(lists, namespace, &suppressors, &mut room).await?;
    Ok(in_background(move || assemble(object, files, suppressions)).await?)
}

/// The members that suppression lists exclude, all read live.
///
/// # Errors
/// Why they can't be read.
pub async fn load_suppression(lists: &ListAccess, namespace: &str, name: &str) -> Result<Suppression, ReadError> {
    let this = [Suppressor { name: name.to_owned(), named_in: String::new() }];
    let _turn = lists.turns.list(is_remote(lists, namespace, &[], &this)).await?;
    let unread = entries::suppressions(lists, namespace, &this, &mut Room::default()).await?;
    Ok(in_background(move || entries::entries(unread, &mut Room::default())).await?)
}

/// The versions of all that a list depends on, as the watches show them; `None` where one isn't known.
#[must_use]
pub fn versions(
    lists: &ListAccess,
    audience: &Tracked,
    workspace: Option<&PropensityWorkspace>,
) -> Option<Vec<String>> {
    let suppressors = suppressors(&audience.options, audience.kind, workspace);
    let mut needs = Needs::new(lists, audience.namespace());
    needs.add_sources(&audience.options.from, Owner::Audience(audience.kind)).ok()?;
    needs.add_suppressors(&suppressors).ok()?;
    Some(needs.versions)
}

/// Whether the cached suppression lists of an audience have the same UID and generation as on the API server.
///
/// # Errors
/// When the API server doesn't answer.
pub async fn is_suppression_current(
    lists: &ListAccess,
    audience: &Tracked,
    workspace: Option<&PropensityWorkspace>,
) -> Result<bool, CallError> {
    for Suppressor { name, .. } in suppressors(&audience.options, audience.kind, workspace) {
        let known = lists.caches.suppression_list(audience.namespace(), &name);
        let now = live::suppression_list(&lists.cluster, audience.namespace(), &name).await?;
        let meta = |list: &SuppressionList| (list.metadata.uid.clone(), list.metadata.generation);
        if known.map(|known| meta(&known)) != now.map(|now| meta(&now)) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether a list has a file that must be fetched.
fn is_remote(lists: &ListAccess, namespace: &str, from: &[ListSource], suppressors: &[Suppressor]) -> bool {
    let is_remote =
        |from: &[ListSource]| from.iter().any(|source| source.http.is_some() || source.flux_source.is_some());
    let suppression_lists = suppressors.iter().filter_map(|s| lists.caches.suppression_list(namespace, &s.name));
    is_remote(from) || suppression_lists.into_iter().any(|list| is_remote(&list.spec.from))
}

/// Runs work that takes seconds for a large list where it delays nothing else.
async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Readiness> + Send + 'static,
) -> Result<T, Readiness> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(messages::bug()))
}

fn assemble(
    object: AudienceObject,
    files: Vec<File>,
    suppressions: Vec<UnreadSuppression>,
) -> Result<LoadedList, Readiness> {
    let mut room = Room::default();
    let suppression = entries::entries(suppressions, &mut room)?;
    object.load(suppression, |normaliser| {
        let (mut ignored, kind) = (0, normaliser.kind());
        for file in files {
            let name = file.name.clone();
            let tally = file.read(kind, &mut room, |number, member| normaliser.push_in_place(&name, number, member));
            ignored += tally.map_err(|why| messages::unreadable(&name, why))?.ignored_columns;
        }
        Ok(ignored)
    })
}
