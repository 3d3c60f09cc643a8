//! Reconciles a `SuppressionList`: whether it can be read whole, for its status. Audiences read it by themselves.

use std::sync::Arc;
use std::time::Duration;

use super::access::ListAccess;
use super::error::ReadError;
use super::load;
use super::needs::{Needs, Suppressor};
use crate::api::SuppressionList;
use crate::api::condition;
use crate::api::suppression::{Entries, SuppressionStatus};
use crate::audience::Suppression;
use crate::controller::context::status_writer;
use crate::controller::decide::conditions;
use crate::controller::decide::list_messages;
use crate::controller::kube::cluster::CallError;
use crate::controller::model::labels;
use crate::controller::model::readiness::{Blocked, Readiness};
use crate::telemetry::metrics::Outcome;

/// Reconciles a suppression list; how it counts, and when to reconcile it again.
///
/// # Errors
/// When the API server doesn't answer; it is reconciled again later.
pub async fn reconcile(
    lists: &Arc<ListAccess>,
    list: &SuppressionList,
) -> Result<(Outcome, Option<Duration>), CallError> {
    let list = &lists.memory.newest_suppression(list);
    let read = match read(lists, list).await {
        Ok(SuppressionRead::Unchanged) => return Ok((Outcome::Done, None)),
        Ok(SuppressionRead::Entries(entries)) => Ok(entries),
        Err(ReadError::Blocked(blocked)) => Err(blocked),
        Err(ReadError::Api(error)) => return Err(error),
    };
    let (readiness, entries, after) = match read {
        Ok(suppression) => (list_messages::loaded(), Some(entries(&suppression)), None),
        Err(Blocked { readiness, retry_after }) => {
            if let Some(left) = grace(lists, list, &readiness) {
                lists.memory.forget_suppression(list);
                return Ok((Outcome::Waiting, Some(left)));
            }
            (readiness, None, retry_after)
        }
    };
    let generation = list.metadata.generation;
    let next = |list: &SuppressionList| {
        let old = list.status.clone().unwrap_or_default();
        // A newer generation was reconciled meanwhile.
        if old.observed_generation > generation {
            return old;
        }
        let wanted = conditions::ready(&readiness);
        SuppressionStatus {
            observed_generation: generation,
            conditions: condition::update(&old.conditions, &wanted, generation, lists.clock.wall()),
            // The counts of the last time remain while it can't be read.
            entries: entries.clone().or(old.entries),
        }
    };
    let written = status_writer::write(&lists.cluster, &lists.memory.suppression_lists, list, next).await;
    if written.is_err() {
        lists.memory.forget_suppression(list);
    }
    written?;
    Ok((labels::outcome(readiness.phase), after))
}

/// How much longer a state may pass by itself before the status reports it.
fn grace(lists: &ListAccess, list: &SuppressionList, readiness: &Readiness) -> Option<Duration> {
    let published = list.status.as_ref().and_then(|status| condition::ready_reason(&status.conditions));
    let uid = list.metadata.uid.as_deref().unwrap_or_default();
    lists.memory.suppression_lists.grace(uid, readiness, published, lists.clock.boottime())
}

/// The result of reading a suppression list.
enum SuppressionRead {
    /// Nothing that it depends on changed since it was read last.
    Unchanged,
    /// Its entries.
    Entries(Suppression),
}

async fn read(lists: &ListAccess, list: &SuppressionList) -> Result<SuppressionRead, ReadError> {
    let namespace = list.metadata.namespace.as_deref().unwrap_or_default();
    let name = list.metadata.name.as_deref().unwrap_or_default();
    let this = Suppressor { name: name.to_owned(), named_in: String::new() };
    let mut needs = Needs::new(lists, namespace);
    if let Err(blocked) = needs.add_suppressors(std::slice::from_ref(&this)) {
        lists.memory.forget_suppression(list);
        return Err(blocked.into());
    }
    if !lists.memory.reads_suppression(list, &needs.versions) {
        return Ok(SuppressionRead::Unchanged);
    }
    let read = load::load_suppression(lists, namespace, name).await;
    // What may pass without a change is read again.
    if let Err(ReadError::Api(_) | ReadError::Blocked(Blocked { retry_after: Some(_), .. })) = &read {
        lists.memory.forget_suppression(list);
    }
    read.map(SuppressionRead::Entries)
}

fn entries(suppression: &Suppression) -> Entries {
    let [domains, emails, linkedin_urls, hashed] = suppression.counts().map(|count| count as u64);
    Entries { domains, emails, linkedin_urls, hashed }
}
