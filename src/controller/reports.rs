//! One pass over a report: whether it is due, and the one fetch that serves all who share it.
//!
//! Reports of one workspace that ask for the same rows are fetched together, at their intervals and behind all creates. A fetch streams: each row is added to the numbers of every report that shares
//! it, and to those of every audience that is matched with it, and let go.

mod audiences;
mod fetch;
mod record;
mod serve;
mod state;

pub use audiences::tidy;
pub use state::{State, freshness};

use std::sync::Arc;
use std::time::Duration;

use self::serve::Serving;
use self::state::{Group, Tried};
use super::cluster::CallError;
use super::context::Context;
use super::scene::{Phase, key_obstacle};
use super::verdicts::Said;
use crate::api::condition::{Reason, Verdict};
use crate::api::{PropensityReport, PropensityWorkspace};
use crate::propensity::{EndpointError, ReportUrl, WorkspaceKey};
use crate::report::{Binding, MAX_MATCHED_MEMBERS};
use crate::sources::secrets::{KeyState, UrlState};
use crate::telemetry::metrics::Outcome;
use kube::runtime::reflector::ObjectRef;

/// How long a report may miss something before that is told: what is applied together comes in any order.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often to look whether the fetch that serves a report too is over.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What a fetch needs.
pub(super) struct Ready {
    url: ReportUrl,
    key: WorkspaceKey,
    binding: Binding,
}

/// One pass over a report; when to look again.
///
/// # Errors
/// When the API server doesn't do its part; the pass is repeated later.
pub async fn pass(ctx: &Arc<Context>, report: &PropensityReport) -> Result<(Outcome, Option<Duration>), CallError> {
    let report = ctx.reports.newest(report);
    if report.metadata.deletion_timestamp.is_some() {
        return Ok((Outcome::Done, None));
    }
    let now = ctx.clock.boottime();
    let ready = match prepare(ctx, &report) {
        Ok(ready) => ready,
        Err(said) => {
            // What isn't known yet says nothing against what stands there.
            if said.0.reason == Reason::Pending && report.status.is_some() {
                return Ok((Outcome::Waiting, None));
            }
            let left = PATIENCE.saturating_sub(now.since(ctx.reports.held_since(&report, now)));
            if report.status.is_none() && said.1 == Phase::Reconciling && !left.is_zero() {
                return Ok((Outcome::Waiting, Some(left)));
            }
            ctx.reports.forget_try(&report);
            let outcome = said.1.outcome();
            record::obstacle(ctx, &report, said).await?;
            return Ok((outcome, None));
        }
    };
    let left = ctx.reports.due(ctx, &report, &Tried::of(&report, &ready), now);
    if !left.is_zero() {
        return Ok((Outcome::Done, Some(left)));
    }
    let group = Group::of(&report);
    let Some(_running) = ctx.reports.begin(&group) else { return Ok((Outcome::Waiting, Some(LOOK_AGAIN))) };
    // Both are asked first, so that nothing is read or held for a fetch that has to wait.
    let Some(_turn) = ctx.reports.turn(ready.key.id()) else { return Ok((Outcome::Waiting, Some(LOOK_AGAIN))) };
    match ctx.gates.ask_behind(ready.key.id(), now) {
        Some(Ok(())) => {}
        Some(Err(until)) => return Ok((Outcome::Waiting, Some(until.since(now)))),
        // The workspace's own pass makes the gate.
        None => return Ok((Outcome::Waiting, Some(LOOK_AGAIN))),
    }
    let (mut serving, mut room) = (vec![], MAX_MATCHED_MEMBERS);
    for (report, ready) in sharing(ctx, &group, &report, ready) {
        serving.push(Serving::of(ctx, report, ready, &mut room).await?);
    }
    let outcome = serve::serve(ctx, serving).await?;
    let left = ctx.reports.left(&report, ctx.clock.boottime());
    Ok((outcome, Some(left)))
}

/// The reports that a fetch serves: the one that is due, and of those that ask for the same rows all whose numbers are older than half an interval.
fn sharing(ctx: &Context, group: &Group, report: &PropensityReport, ready: Ready) -> Vec<(PropensityReport, Ready)> {
    let now = ctx.clock.boottime();
    let mut sharing = vec![(report.clone(), ready)];
    for other in ctx.preports.state() {
        if other.metadata.uid == report.metadata.uid || Group::of(&other) != *group || ctx.reports.is_young(&other, now)
        {
            continue;
        }
        let other = ctx.reports.newest(&other);
        if let Ok(ready) = prepare(ctx, &other) {
            sharing.push((other, ready));
        }
    }
    sharing
}

/// All that a fetch needs, or why there is none.
fn prepare(ctx: &Context, report: &PropensityReport) -> Result<Ready, Said> {
    let namespace = report.metadata.namespace.as_deref().unwrap_or_default();
    let spec = &report.spec;
    if spec.suspend {
        let message = "the report isn't fetched: spec.suspend is true. Its last numbers stay";
        return Err((Verdict::new(Reason::Suspended, message), Phase::Idle));
    }
    let binding = Binding::new(record::plan(spec)).map_err(|error| {
        let message = format!("the report isn't fetched, since its spec contradicts itself: {error}");
        (Verdict::new(Reason::InvalidSpec, message), Phase::Stalled)
    })?;
    let Some(workspace) = ctx.workspaces.get(&ObjectRef::new(&spec.workspace_ref.name).within(namespace)) else {
        let message = format!(
            "there is no PropensityWorkspace {} in namespace {namespace}: create it, or correct spec.workspaceRef",
            spec.workspace_ref.name
        );
        return Err((Verdict::new(Reason::WorkspaceNotFound, message), Phase::Reconciling));
    };
    let (url, key) = secrets(ctx, &workspace, namespace, &spec.report)?;
    Ok(Ready { url, key, binding })
}

fn secrets(
    ctx: &Context,
    workspace: &PropensityWorkspace,
    namespace: &str,
    report: &str,
) -> Result<(ReportUrl, WorkspaceKey), Said> {
    let secret = &workspace.spec.secret_ref.name;
    let state: KeyState = ctx.secrets.key(namespace, secret);
    let key = key_obstacle(&state, workspace).map_err(|verdict| (verdict, Phase::Reconciling))?;
    let entry = format!("the entry {report} of Secret {secret} in namespace {namespace}");
    let url = match ctx.secrets.report_url(namespace, secret, report) {
        UrlState::Url(url) => url,
        UrlState::Missing => {
            let message = format!("{entry} isn't there: add it, with the report's endpoint URL from Propensity");
            return Err((Verdict::new(Reason::UrlMissing, message), Phase::Reconciling));
        }
        UrlState::Invalid(error) => {
            let message = format!("{entry} is no endpoint URL: {error}. Copy it again from Propensity");
            return Err((Verdict::new(Reason::UrlInvalid, message), Phase::Reconciling));
        }
    };
    match ctx.report_client.check(&url) {
        Ok(()) => Ok((url, key)),
        Err(error) => {
            let reason = match error {
                EndpointError::NotAllowed { .. } => Reason::HostNotAllowed,
                _ => Reason::UrlInvalid,
            };
            let message = format!(
                "{entry} can't be used: {error}. The allowed hosts are the operator's setting --allowed-hosts (the chart's api.allowedHosts)"
            );
            Err((Verdict::new(reason, message), Phase::Reconciling))
        }
    }
}
