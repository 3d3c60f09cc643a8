//! One pass over a suppression list: whether it can be read whole, for its status. Audiences read it by themselves.

use std::time::Duration;

use super::cluster::CallError;
use super::context::Context;
use super::lists::{self, Obstacle};
use super::scene::Phase;
use super::status;
use crate::api::SuppressionList;
use crate::api::condition::{self, Reason, Verdict};
use crate::api::suppression::{Entries, SuppressionStatus};
use crate::audience::Suppression;
use crate::telemetry::metrics::Outcome;

/// One pass over a suppression list; when to look again.
///
/// # Errors
/// When the API server doesn't do its part; the pass is repeated later.
pub async fn pass(ctx: &Context, list: &SuppressionList) -> Result<(Outcome, Option<Duration>), CallError> {
    let Some(read) = lists::suppression(ctx, list).await? else { return Ok((Outcome::Done, None)) };
    let mut after = None;
    let old = list.status.clone().unwrap_or_default();
    let generation = list.metadata.generation;
    let (verdict, phase, entries) = match read {
        Ok(suppression) => {
            let message = "the list is read whole and holds for the audiences that it is named for";
            (Verdict::new(Reason::Loaded, message), Phase::Ready, Some(entries(&suppression)))
        }
        Err(Obstacle { said: (verdict, phase), again }) => {
            after = again;
            (verdict, phase, old.entries.clone())
        }
    };
    let wanted = status::readiness(&verdict, phase);
    let conditions = condition::update(&old.conditions, &wanted, generation, ctx.clock.wall());
    let status = SuppressionStatus { observed_generation: generation, conditions, entries };
    if status != old {
        let written = ctx.cluster.replace_status(list, &status).await;
        if written.is_err() {
            let name = list.metadata.name.clone().unwrap_or_default();
            ctx.lists.forget_suppression(&(list.metadata.namespace.clone().unwrap_or_default(), name));
        }
        written?;
    }
    Ok((phase.outcome(), after))
}

fn entries(suppression: &Suppression) -> Entries {
    let [domains, emails, linkedin_urls, hashed] = suppression.counts().map(|count| count as u64);
    Entries { domains, emails, linkedin_urls, hashed }
}
