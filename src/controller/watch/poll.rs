//! Polls of files behind URLs, which nothing reports changes of.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::context::Context;
use super::dependents;
use crate::controller::lists::files;
use crate::controller::model::source::Poll;
use crate::sources::versions::{ObjectVersion, SourceKind, SourceWatchState};

/// After this many failures in a row a file that was fetched before is reported as one that can't be fetched.
const REPORTED_FAILURES: u32 = 3;

/// How soon a failure is followed by the next try; doubled with each.
const RETRY: Duration = Duration::from_secs(10);

/// Polls a file for changes until the task is ended.
pub async fn poll(ctx: Arc<Context>, poll: Poll) {
    let (clock, versions) = (&ctx.process.clock, &ctx.caches.versions);
    let place = poll.place();
    let (mut etag, mut was_fetched) = (None, false);
    let mut failures = 0_u32;
    loop {
        let changed = match files::poll(&ctx.lists, &poll.namespace, &poll.url, etag.as_ref()).await {
            Ok(fetched) => {
                (failures, was_fetched) = (0, true);
                let is_new = fetched.is_some_and(|fetched| {
                    etag = fetched.etag;
                    let seen = ObjectVersion { version: fetched.sha256, labels: BTreeMap::new() };
                    versions.upsert(SourceKind::Http, place.clone(), seen, clock.boottime())
                });
                versions.set_watch_state(SourceKind::Http, &place, SourceWatchState::Current) || is_new
            }
            Err(why) => {
                failures += 1;
                tracing::debug!(namespace = poll.namespace, %why, "a list isn't fetched");
                let is_reported = !was_fetched || failures >= REPORTED_FAILURES || !why.is_transient();
                is_reported && versions.set_watch_state(SourceKind::Http, &place, SourceWatchState::Failed(why))
            }
        };
        if changed {
            dependents::lists_of_namespace(&ctx.lists, &place.0);
        }
        let wait = match failures {
            0 => poll.interval,
            many => poll.interval.min(RETRY * 2_u32.pow(many.min(10) - 1)),
        };
        tokio::time::sleep(clock.real(clock.jittered(wait, 0.1))).await;
    }
}
