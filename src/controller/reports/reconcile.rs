//! One reconcile of a report.

use std::sync::Arc;
use std::time::Duration;

use super::audiences;
use super::context::Context;
use super::prepare::{Prepared, prepare};
use super::record;
use super::serve::{Serving, serve};
use crate::api::condition::Reason;
use crate::api::{PropensityReport, condition};
use crate::controller::decide::report::ReportResult;
use crate::controller::kube::cluster::CallError;
use crate::controller::model::labels;
use crate::controller::model::readiness::Readiness;
use crate::controller::state::reports::{FetchGroup, FetchInputs};
use crate::report::MAX_MATCHED_MEMBERS;
use crate::telemetry::metrics::Outcome;

/// How often to check whether the fetch that serves a report too is over.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Reconciles a report; how it counts, and when to reconcile it again.
///
/// # Errors
/// When the API server doesn't answer; it is reconciled again later.
pub async fn reconcile(
    ctx: &Arc<Context>,
    observed: &PropensityReport,
) -> Result<(Outcome, Option<Duration>), CallError> {
    let report = ctx.memory.newest(observed);
    if report.metadata.deletion_timestamp.is_some() {
        return Ok((Outcome::Done, None));
    }
    let prepared = match prepare(ctx, &report) {
        Ok(prepared) => prepared,
        Err(readiness) => return blocked(ctx, &report, readiness).await,
    };
    ctx.memory.records.unblocked(report.metadata.uid.as_deref().unwrap_or_default());
    let clock = &ctx.process.clock;
    let inputs = FetchInputs::of(&report, prepared.url.id(), prepared.key.id());
    let left = ctx.memory.due(clock, &report, &inputs, audiences::any_waiting(ctx, &report));
    if !left.is_zero() {
        return Ok((Outcome::Done, Some(left)));
    }
    let wait = |after| Ok((Outcome::Waiting, Some(after)));
    let (group, key) = (FetchGroup::of(&report), prepared.key.id());
    // Both are asked first, so that nothing is read or held for a fetch that has to wait.
    let Some(_running) = ctx.memory.begin(&group) else { return wait(CHECK_INTERVAL) };
    let Some(_turn) = ctx.memory.turn(key) else { return wait(CHECK_INTERVAL) };
    let now = clock.boottime();
    match ctx.creates.gates.ask_behind(key, now) {
        Some(Ok(())) => {}
        Some(Err(until)) => return wait(until.since(now)),
        // The workspace's own reconcile makes the gate.
        None => return wait(CHECK_INTERVAL),
    }
    let (mut serving, mut room) = (vec![], MAX_MATCHED_MEMBERS);
    for (report, prepared) in sharing(ctx, &group, &report, prepared) {
        serving.push(Serving::of(ctx, report, prepared, &mut room).await?);
    }
    let outcome = serve(ctx, serving).await?;
    Ok((outcome, Some(ctx.memory.left(&report, clock.boottime()))))
}

/// Records what prevents a fetch.
async fn blocked(
    ctx: &Context,
    report: &PropensityReport,
    readiness: Readiness,
) -> Result<(Outcome, Option<Duration>), CallError> {
    // What isn't known yet doesn't contradict what the status reports.
    if readiness.reason() == Reason::Pending && report.status.is_some() {
        return Ok((Outcome::Waiting, None));
    }
    let published = report.status.as_ref().and_then(|status| condition::ready_reason(&status.conditions));
    let uid = report.metadata.uid.as_deref().unwrap_or_default();
    let now = ctx.process.clock.boottime();
    if let Some(left) = ctx.memory.records.grace(uid, &readiness, published, now) {
        return Ok((Outcome::Waiting, Some(left)));
    }
    ctx.memory.forget_inputs(report);
    let outcome = labels::outcome(readiness.phase);
    record::record(ctx, report, &ReportResult::Blocked(readiness)).await?;
    Ok((outcome, None))
}

/// The reports that a fetch serves: the one that is due, and of those that ask for the same rows all whose numbers are
/// older than half an interval.
fn sharing(
    ctx: &Context,
    group: &FetchGroup,
    report: &PropensityReport,
    prepared: Prepared,
) -> Vec<(PropensityReport, Prepared)> {
    let now = ctx.process.clock.boottime();
    let mut sharing = vec![(report.clone(), prepared)];
    for other in ctx.caches.reports.state() {
        let is_other = other.metadata.uid != report.metadata.uid && FetchGroup::of(&other) == *group;
        if !is_other || ctx.memory.is_recent(&other, now) {
            continue;
        }
        let other = ctx.memory.newest(&other);
        if let Ok(prepared) = prepare(ctx, &other) {
            sharing.push((other, prepared));
        }
    }
    sharing
}
