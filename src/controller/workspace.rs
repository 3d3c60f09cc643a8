//! One pass over a workspace: its key, its ledger, its gate, and the health that its status shows.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kube::api::{Patch, PatchParams};
use kube::runtime::reflector::ObjectRef;
use serde_json::json;

use super::anchor::{self, LedgerState};
use super::cluster::CallError;
use super::context::{Context, WorkspaceKey};
use super::open_receipts::{Entry, ReceiptKey};
use super::scene::{Phase, host_not_allowed, key_obstacle, ledger_obstacle, until_tomorrow};
use super::verdicts::{self, Said, when};
use super::written::Written;
use super::{reports, status};
use crate::api::condition::{self, ConditionType, DesiredCondition, Reason, Verdict};
use crate::api::workspace::{ReportFreshness, WorkspaceStatus};
use crate::api::{PropensityReport, PropensityWorkspace, requested_at};
use crate::audience::Kind;
use crate::clock::Moment;
use crate::ledger::{Held, State};
use crate::propensity::{GateView, KeyId, Limits, WaitReason};
use crate::sources::KeyState;
use crate::telemetry::metrics::WorkspaceNumbers;

/// What was seen of each workspace in its last pass: when this changes, its audiences are looked at again.
#[derive(Default)]
pub struct Seen(Mutex<HashMap<WorkspaceKey, Sight>>);

#[derive(Default)]
struct Sight {
    aspects: Option<Aspects>,
    first: Moment,
    written: Written<WorkspaceStatus>,
    requested: Option<String>,
}

/// What its audiences depend on.
#[derive(Clone, PartialEq)]
struct Aspects {
    generation: Option<i64>,
    key: Option<KeyId>,
    ready: Reason,
    spent: bool,
    requested: Option<String>,
}

impl Seen {
    fn with<R>(&self, key: &WorkspaceKey, change: impl FnOnce(&mut Sight) -> R) -> R {
        change(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(key.clone()).or_default())
    }

    /// Notes what was seen; whether it is new.
    fn is_news(&self, key: &WorkspaceKey, aspects: Aspects) -> bool {
        self.with(key, |sight| sight.aspects.replace(aspects.clone()) != Some(aspects))
    }

    /// When the workspace was first looked at.
    fn since(&self, key: &WorkspaceKey, now: Moment) -> Moment {
        self.with(key, |sight| {
            if sight.first == Moment::default() {
                sight.first = now;
            }
            sight.first
        })
    }

    /// The workspace with the newest status that is known: the watch's, or one that was written and that the watch hasn't shown yet.
    fn newest(&self, key: &WorkspaceKey, workspace: &mut PropensityWorkspace) {
        let shown = workspace.metadata.resource_version.as_deref();
        if let Some((version, status)) = self.with(key, |sight| sight.written.newer_than(shown)) {
            (workspace.metadata.resource_version, workspace.status) = (Some(version), Some(status));
        }
    }

    fn wrote(&self, key: &WorkspaceKey, version: String, status: &WorkspaceStatus) {
        self.with(key, |sight| sight.written.note(version, status.clone()));
    }

    /// Whether a person asks to try again and this process hasn't done so for this asking: a status that can't be written must not make it try for ever.
    fn is_request(&self, key: &WorkspaceKey, requested: Option<&String>, handled: Option<&String>) -> bool {
        requested.is_some()
            && requested != handled
            && self.with(key, |sight| {
                let news = sight.requested.as_ref() != requested;
                sight.requested = requested.cloned();
                news
            })
    }

    fn forget(&self, key: &WorkspaceKey) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

/// How often a missing ledger is looked for.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// How long a workspace may miss something before that is told: what is applied together comes in any order.
const PATIENCE: Duration = Duration::from_secs(2);

/// One pass over a workspace; when to look again.
///
/// # Errors
/// When the API server doesn't do its part; the pass is repeated later.
pub async fn pass(ctx: &Arc<Context>, workspace: &PropensityWorkspace) -> Result<Option<Duration>, CallError> {
    let this = ObjectRef::from_obj(workspace);
    let mut workspace = workspace.clone();
    ctx.seen.newest(&this, &mut workspace);
    let workspace = &workspace;
    let now = ctx.clock.boottime();
    let namespace = workspace.metadata.namespace.as_deref().unwrap_or_default();
    let name = workspace.metadata.name.as_deref().unwrap_or_default();
    let place = format!("{namespace}/{name}");
    let spec = &workspace.spec;

    let ledger = match ctx.host() {
        Ok(host) => anchor(ctx, workspace, host).await?,
        Err(_) => LedgerState::Unknown,
    };
    let key = ctx.secrets.key(namespace, &spec.secret_ref.name);
    let gate = match &key {
        KeyState::Key(key) => {
            let id = key.id();
            let limits = Limits {
                requests_per_minute: spec.rate_limit.requests_per_minute,
                burst: spec.rate_limit.burst,
                concurrent: spec.concurrent_creates,
            };
            ctx.gates.register(&place, id, limits, now, || has_unclear_past(ctx, workspace));
            Some(id)
        }
        _ => {
            ctx.gates.unregister(&place, now);
            None
        }
    };

    let requested = requested_at(&workspace.metadata);
    let handled = workspace.status.as_ref().and_then(|s| s.last_handled_requested_at.clone());
    if let Some(id) = gate
        && ctx.seen.is_request(&this, requested.as_ref(), handled.as_ref())
    {
        let (waiting, workspaces) = ctx.gates.retry_now(id, now);
        ctx.wake.audiences(waiting);
        workspaces.into_iter().filter(|other| *other != this).for_each(|other| ctx.wake.workspace(other));
    }
    // As the gate is now, with whatever that request changed.
    let (view, next_change) =
        gate.and_then(|id| ctx.gates.view(id, now)).map_or((None, None), |(view, next)| (Some(view), next));

    let health = Health {
        ledger: &ledger,
        key: &key,
        view,
        unknowns: open_unknowns(ctx, workspace),
        used: ctx.budgets.used(&spec.workspace_id, ctx.clock.wall()),
    };
    let status = next_status(ctx, workspace, &health, requested.clone());
    show(ctx, namespace, name, workspace, &health);
    let ready = readiness(ctx, workspace, &health);
    let early = PATIENCE.saturating_sub(now.since(ctx.seen.since(&this, now)));
    let may_pass = ready.1 == Phase::Reconciling && workspace.status.is_none() && !early.is_zero();
    let aspects = Aspects {
        generation: workspace.metadata.generation,
        key: gate,
        ready: ready.0.reason,
        spent: health.used >= spec.daily_create_budget,
        requested,
    };
    if ctx.seen.is_news(&this, aspects) {
        wake_audiences(ctx, namespace, name);
        wake_reports(ctx, namespace, name);
    }
    if !may_pass {
        write(ctx, workspace, &status).await?;
    }

    let by_gate = next_change.map(|moment| moment.since(now) + Duration::from_millis(50));
    let by_day = (health.used > 0).then(|| until_tomorrow(ctx.clock.wall()));
    // A restored anchor is closed, so no watch shows it.
    let by_ledger = matches!(ledger, LedgerState::Missing(_)).then_some(LOOK_AGAIN);
    let by_reports = reports(ctx, workspace).filter_map(|(_, left)| left).min();
    Ok([by_gate, by_day, by_ledger, by_reports, may_pass.then_some(early)].into_iter().flatten().min())
}

/// A workspace that is gone: its gate and metrics go with it, and its audiences hear of it.
pub fn gone(ctx: &Context, namespace: &str, name: &str, uid: Option<&str>) {
    if let Some(uid) = uid {
        ctx.ledgers.forget(uid);
    }
    ctx.gates.unregister(&format!("{namespace}/{name}"), ctx.clock.boottime());
    ctx.metrics.remove_workspace(namespace, name);
    ctx.seen.forget(&ObjectRef::new(name).within(namespace));
    wake_audiences(ctx, namespace, name);
    wake_reports(ctx, namespace, name);
}

/// Reports that a status lists.
const MOST_REPORTS: usize = 100;

/// The reports of a workspace, each with how current it is and how long that stays so by itself.
fn reports(
    ctx: &Context,
    workspace: &PropensityWorkspace,
) -> impl Iterator<Item = (ReportFreshness, Option<Duration>)> {
    let (namespace, name) = (workspace.metadata.namespace.as_deref(), workspace.metadata.name.as_deref());
    let mut reports: Vec<_> = of_workspace(ctx, namespace.unwrap_or_default(), name.unwrap_or_default()).collect();
    reports.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
    let clock = ctx.clock;
    reports.into_iter().map(move |report| {
        let (freshness, left) = reports::freshness(&clock, &report);
        let name = report.metadata.name.clone().unwrap_or_default();
        (ReportFreshness { name, report: report.spec.report.clone(), freshness }, left)
    })
}

fn of_workspace<'a>(
    ctx: &Context,
    namespace: &'a str,
    name: &'a str,
) -> impl Iterator<Item = Arc<PropensityReport>> + use<'a> {
    ctx.preports.state().into_iter().filter(move |report| {
        report.metadata.namespace.as_deref() == Some(namespace) && report.spec.workspace_ref.name == name
    })
}

/// Wakes the reports of a workspace.
pub fn wake_reports(ctx: &Context, namespace: &str, name: &str) {
    of_workspace(ctx, namespace, name).for_each(|report| ctx.wake.report(ObjectRef::from_obj(report.as_ref())));
}

/// Wakes the audiences of a workspace.
pub fn wake_audiences(ctx: &Context, namespace: &str, name: &str) {
    for kind in [Kind::Contacts, Kind::Accounts] {
        for audience in ctx.audiences(kind).state() {
            if audience.namespace() == namespace && audience.options.workspace_ref.name == name {
                ctx.wake.audience(audience.key());
            }
        }
    }
}

/// The state of the ledger: looked up until it is known, and again when the pin changes.
async fn anchor(ctx: &Context, workspace: &PropensityWorkspace, host: &str) -> Result<LedgerState, CallError> {
    let known = ctx.ledgers.get(workspace);
    let pinned = &workspace.spec.ledger_id;
    if let LedgerState::Present(id) = &known
        && (pinned.is_empty() || pinned == id)
    {
        return Ok(known);
    }
    let found = anchor::look_up(ctx, workspace, host).await?;
    ctx.ledgers.set(workspace, found.clone());
    Ok(found)
}

/// Whether an attempt of this workspace is unknown, or claimed by another process: how the last requests ended isn't known here.
fn has_unclear_past(ctx: &Context, workspace: &PropensityWorkspace) -> bool {
    let unclear = |entry: &Entry| match entry.state() {
        State::Unknown => true,
        State::Claimed => {
            let open = entry.receipt.as_ref().ok().and_then(|r| r.record.open_attempt());
            open.is_some_and(|attempt| ctx.flights.held(&attempt.id) != Held::Here)
        }
        _ => false,
    };
    !ctx.receipts.select(|key, entry| (belongs(key, entry, workspace) && unclear(entry)).then_some(())).is_empty()
}

fn open_unknowns(ctx: &Context, workspace: &PropensityWorkspace) -> Vec<String> {
    let mut names = ctx.receipts.select(|key, entry| {
        (belongs(key, entry, workspace) && entry.state() == State::Unknown).then(|| key.1.clone())
    });
    names.sort();
    names
}

/// Whether a receipt is about this workspace. One that can't be read is shown at every workspace of its namespace.
fn belongs(key: &ReceiptKey, entry: &Entry, workspace: &PropensityWorkspace) -> bool {
    workspace.metadata.namespace.as_deref() == Some(&key.0)
        && entry.receipt.as_ref().map_or(true, |r| r.identity.workspace_id == workspace.spec.workspace_id)
}

/// What a status is made of.
struct Health<'a> {
    ledger: &'a LedgerState,
    key: &'a KeyState,
    view: Option<GateView>,
    unknowns: Vec<String>,
    used: u32,
}

fn next_status(
    ctx: &Context,
    workspace: &PropensityWorkspace,
    health: &Health<'_>,
    requested: Option<String>,
) -> WorkspaceStatus {
    let old = workspace.status.clone().unwrap_or_default();
    let wanted = wanted(ctx, workspace, health);
    let budget = match budget_verdict(workspace, health.used) {
        None => "Available",
        Some(Verdict { reason: Reason::BudgetSpent, .. }) => "Spent",
        Some(_) => "NearlySpent",
    };
    WorkspaceStatus {
        observed_generation: workspace.metadata.generation,
        conditions: condition::update(&old.conditions, &wanted, workspace.metadata.generation, ctx.clock.wall()),
        ledger_id: match health.ledger {
            LedgerState::Present(id) => Some(id.clone()),
            _ => old.ledger_id,
        },
        reports: reports(ctx, workspace).map(|(freshness, _)| freshness).take(MOST_REPORTS).collect(),
        open_unknowns: u32::try_from(health.unknowns.len()).unwrap_or(u32::MAX),
        budget: Some(budget.to_owned()),
        last_handled_requested_at: requested.or(old.last_handled_requested_at),
    }
}

fn wanted(ctx: &Context, workspace: &PropensityWorkspace, health: &Health<'_>) -> Vec<DesiredCondition> {
    let want = |type_, status, verdict: Verdict| DesiredCondition { type_, status, verdict };
    let (verdict, phase) = readiness(ctx, workspace, health);
    let mut wanted = status::readiness(&verdict, phase);
    let name = workspace.metadata.name.as_deref().unwrap_or_default();
    let until = |moment: Moment| format!(". Next try at {}", when(ctx.wall_at(moment)));
    if let Some(view) = &health.view {
        if let Some(breaker) = view.breaker {
            let (mut verdict, _) = verdicts::waiting(WaitReason::Breaker(breaker.cause), name);
            verdict.message.to_mut().push_str(&until(breaker.half_open_at));
            wanted.push(want(ConditionType::BreakerOpen, true, verdict));
        }
        let pause = view.paused_until.map(|at| (WaitReason::Paused, at));
        if let Some((why, at)) = pause.or(view.unreachable.map(|at| (WaitReason::Unreachable, at))) {
            let (mut verdict, _) = verdicts::waiting(why, name);
            verdict.message.to_mut().push_str(&until(at));
            wanted.push(want(ConditionType::Paused, true, verdict));
        }
        if let Some(at) = view.caution {
            let (mut verdict, _) = verdicts::waiting(WaitReason::Caution, name);
            verdict.message.to_mut().push_str(&until(at));
            wanted.push(want(ConditionType::CreatesSerialized, true, verdict));
        }
    }
    if let Some(verdict) = budget_verdict(workspace, health.used) {
        wanted.push(want(ConditionType::BudgetLow, true, verdict));
    }
    if !health.unknowns.is_empty() {
        wanted.push(want(ConditionType::OutcomesUnknown, true, unresolved(workspace, &health.unknowns)));
    }
    wanted
}

/// Whether creates can be sent, or the first reason why not.
fn readiness(ctx: &Context, workspace: &PropensityWorkspace, health: &Health<'_>) -> Said {
    if let Err(why) = ctx.host() {
        return (host_not_allowed(&why), Phase::Stalled);
    }
    if let Some(obstacle) = ledger_obstacle(health.ledger, workspace) {
        return obstacle;
    }
    if let Err(verdict) = key_obstacle(health.key, workspace) {
        return (verdict, Phase::Reconciling);
    }
    let name = workspace.metadata.name.as_deref().unwrap_or_default();
    if let Some(breaker) = health.view.and_then(|view| view.breaker) {
        return verdicts::waiting(WaitReason::Breaker(breaker.cause), name);
    }
    if ctx.switches.suspend {
        return (Verdict::new(Reason::Suspended, "nothing is sent: the operator runs with --suspend"), Phase::Idle);
    }
    if workspace.spec.suspend {
        return (Verdict::new(Reason::Suspended, "nothing is sent: spec.suspend is true"), Phase::Idle);
    }
    (
        Verdict::new(Reason::Connected, "the Secret has a key and the ledger is in place; audiences can be created"),
        Phase::Ready,
    )
}

/// Something to say once 80% of the day's creates are used.
fn budget_verdict(workspace: &PropensityWorkspace, used: u32) -> Option<Verdict> {
    let limit = workspace.spec.daily_create_budget;
    if used >= limit {
        return Some(Verdict::new(
            Reason::BudgetSpent,
            format!(
                "all {limit} creates of today (UTC) are used; what is new waits until tomorrow. Raise spec.dailyCreateBudget to send it today"
            ),
        ));
    }
    (u64::from(used) * 5 >= u64::from(limit) * 4).then(|| {
        Verdict::new(
            Reason::BudgetNearlySpent,
            format!("80% or more of the {limit} creates of today (UTC) are used. Raise spec.dailyCreateBudget if more are meant to be sent"),
        )
    })
}

/// How many receipts a condition names.
const NAMED: usize = 5;

fn unresolved(workspace: &PropensityWorkspace, names: &[String]) -> Verdict {
    let named = names.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = if names.len() > NAMED { " and more" } else { "" };
    let namespace = workspace.metadata.namespace.as_deref().unwrap_or_default();
    Verdict::new(
        Reason::Unresolved,
        format!(
            "nobody can know what came of these: {named}{more}. Look into the Propensity workspace and settle them; `kubectl get audiencereceipts -n {namespace} --field-selector record.state=Unknown -o wide` lists them, and each audience's condition has the commands"
        ),
    )
}

fn show(ctx: &Context, namespace: &str, name: &str, workspace: &PropensityWorkspace, health: &Health<'_>) {
    let view = health.view.as_ref();
    let numbers = WorkspaceNumbers {
        open_unknowns: health.unknowns.len() as u64,
        budget_used: health.used.into(),
        budget_limit: workspace.spec.daily_create_budget.into(),
        breaker_open: view.is_some_and(|v| v.breaker.is_some()),
        paused: view.is_some_and(|v| v.paused_until.is_some() || v.unreachable.is_some()),
        caution: view.is_some_and(|v| v.caution.is_some()),
    };
    ctx.metrics.set_workspace(namespace, name, &numbers);
}

/// Writes the status, if it says something new.
async fn write(ctx: &Context, workspace: &PropensityWorkspace, status: &WorkspaceStatus) -> Result<(), CallError> {
    if workspace.status.as_ref() == Some(status) {
        return Ok(());
    }
    let namespace = workspace.metadata.namespace.as_deref().unwrap_or_default();
    let name = workspace.metadata.name.as_deref().unwrap_or_default();
    let patch: json_patch::Patch = serde_json::from_value(json!([
        {"op": "replace", "path": "/metadata/resourceVersion", "value": workspace.metadata.resource_version},
        {"op": "add", "path": "/status", "value": status},
    ]))
    .expect("the operations above are a JSON Patch");
    let api = ctx.cluster.api::<PropensityWorkspace>(namespace);
    match ctx.cluster.call(api.patch_status(name, &PatchParams::default(), &Patch::Json::<()>(patch))).await {
        Ok(written) => {
            let version = written.metadata.resource_version.unwrap_or_default();
            ctx.seen.wrote(&ObjectRef::from_obj(workspace), version, status);
            Ok(())
        }
        // The watch shows what it is now, and it is looked at again.
        Err(CallError::NotFound | CallError::Conflict) => Ok(()),
        Err(error) => Err(error),
    }
}
