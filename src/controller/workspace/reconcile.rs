//! One reconcile of a workspace: gather what is known, decide its status, record it, and enqueue what depends on it.

use std::sync::Arc;
use std::time::Duration;

use kube::runtime::reflector::ObjectRef;

use super::anchor;
use crate::api::workspace::ReportFreshness;
use crate::api::{PropensityWorkspace, condition, requested_at};
use crate::controller::context::caches::Caches;
use crate::controller::context::creates::Creates;
use crate::controller::context::process::Process;
use crate::controller::context::queues::Queues;
use crate::controller::context::status_writer;
use crate::controller::decide::assess::until_tomorrow;
use crate::controller::decide::freshness::freshness;
use crate::controller::decide::workspace::{self, WorkspaceInput};
use crate::controller::kube::cluster::{CallError, Cluster};
use crate::controller::model::keys::{ReceiptKey, WorkspaceRef};
use crate::controller::model::ledger::LedgerState;
use crate::controller::model::receipt::StoredReceipt;
use crate::controller::model::source::OnDemand;
use crate::controller::state::workspaces::{Aspects, WorkspaceMemory};
use crate::controller::watch::dependents;
use crate::ledger::{HeldBy, State};
use crate::propensity::{KeyId, Limits};
use crate::sources::KeyState;
use crate::sources::secrets::Scope;
use crate::telemetry::metrics::WorkspaceNumbers;

/// How often a missing ledger is read again: a restored anchor is a closed receipt, so no watch shows it.
const MISSING_LEDGER_INTERVAL: Duration = Duration::from_secs(30);

/// What reconciling a workspace needs.
pub struct Context {
    /// The API server.
    pub cluster: Arc<Cluster>,
    /// What the watches show.
    pub caches: Arc<Caches>,
    /// Gates, budgets and attempts.
    pub creates: Arc<Creates>,
    /// What is kept of workspaces.
    pub memory: Arc<WorkspaceMemory>,
    /// Which objects are reconciled next.
    pub queues: Arc<Queues>,
    /// Clock, metrics and switches.
    pub process: Arc<Process>,
}

/// A workspace that is reconciled.
struct Subject<'a> {
    object: &'a PropensityWorkspace,
    key: WorkspaceRef,
    namespace: &'a str,
    name: &'a str,
    uid: &'a str,
}

impl<'a> Subject<'a> {
    fn of(object: &'a PropensityWorkspace) -> Self {
        let meta = &object.metadata;
        Self {
            object,
            key: ObjectRef::from_obj(object),
            namespace: meta.namespace.as_deref().unwrap_or_default(),
            name: meta.name.as_deref().unwrap_or_default(),
            uid: meta.uid.as_deref().unwrap_or_default(),
        }
    }
}

/// Reconciles a workspace; when to reconcile it again.
///
/// # Errors
/// When the API server doesn't answer; it is reconciled again later.
pub async fn reconcile(ctx: &Arc<Context>, observed: &PropensityWorkspace) -> Result<Option<Duration>, CallError> {
    let object = ctx.memory.newest(observed);
    let subject = Subject::of(&object);
    watch_secret(ctx, &subject);

    // Gather.
    let ledger = ledger(ctx, &subject).await?;
    let key = ctx.caches.secrets.key(subject.namespace, &object.spec.secret_ref.name);
    let gate = register(ctx, &subject, &key);
    let requested = requested_at(&object.metadata);
    retry_on_request(ctx, &subject, gate, requested.as_ref());
    let now = ctx.process.clock.boottime();
    // The gate as it is now, after what the request changed.
    let view = gate.and_then(|id| ctx.creates.gates.view(id, now));
    let reports = reports(ctx, &subject);
    let input = WorkspaceInput {
        workspace: &object,
        host_error: ctx.creates.host().err(),
        ledger,
        key,
        gate: view.map(|(view, _)| view),
        open_unknowns: open_unknowns(ctx, &object),
        budget_used: ctx.creates.budgets.used(&object.spec.workspace_id, ctx.process.clock.wall()),
        operator_suspended: ctx.process.suspend,
        reports: reports.iter().map(|(freshness, _)| freshness.clone()).collect(),
    };

    // Decide.
    let readiness = workspace::readiness(&input);
    let aspects = Aspects {
        generation: object.metadata.generation,
        key: gate,
        ready: readiness.reason(),
        spent: workspace::is_spent(&input),
        requested,
    };
    let published = object.status.as_ref().and_then(|status| condition::ready_reason(&status.conditions));
    let grace = ctx.memory.records.grace(subject.uid, &readiness, published, now);

    // Execute and record.
    set_metrics(ctx, &subject, &input);
    if ctx.memory.changed(&object, aspects) {
        dependents::audiences_of_workspace(&ctx.caches, &ctx.queues, subject.namespace, subject.name);
        dependents::reports_of_workspace(&ctx.caches, &ctx.queues, subject.namespace, subject.name);
    }
    if grace.is_none() {
        let next = |base: &PropensityWorkspace| {
            let old = base.status.clone().unwrap_or_default();
            workspace::next(&input, &old, |moment| ctx.process.wall_at(moment), ctx.process.clock.wall())
        };
        status_writer::write(&ctx.cluster, &ctx.memory.records, &object, next).await?;
    }

    let next_change = view.and_then(|(_, next)| next);
    let by_gate = next_change.map(|moment| moment.since(now) + Duration::from_millis(50));
    let by_day = (input.budget_used > 0).then(|| until_tomorrow(ctx.process.clock.wall()));
    let by_ledger = matches!(input.ledger, LedgerState::Missing(_)).then_some(MISSING_LEDGER_INTERVAL);
    let by_reports = reports.into_iter().filter_map(|(_, left)| left).min();
    Ok([by_gate, by_day, by_ledger, by_reports, grace].into_iter().flatten().min())
}

/// Watches the workspace's Secret, unless its name is watched already.
fn watch_secret(ctx: &Context, subject: &Subject<'_>) {
    let name = &subject.object.spec.secret_ref.name;
    if !ctx.caches.secrets.is_covered(subject.namespace, name) {
        let scope = Scope { namespace: Some(subject.namespace.to_owned()), name: name.clone() };
        ctx.queues.watch(OnDemand::Secret(scope));
    }
}

/// The state of the ledger: read until it is known, and again when the pin changes.
async fn ledger(ctx: &Context, subject: &Subject<'_>) -> Result<LedgerState, CallError> {
    let Ok(host) = ctx.creates.host() else { return Ok(LedgerState::Unknown) };
    let known = ctx.memory.ledger(subject.object);
    let pinned = &subject.object.spec.ledger_id;
    if let LedgerState::Present(id) = &known
        && (pinned.is_empty() || pinned == id)
    {
        return Ok(known);
    }
    let found = anchor::look_up(&ctx.cluster, &ctx.process.clock, subject.object, host).await?;
    ctx.memory.set_ledger(subject.object, found.clone());
    Ok(found)
}

/// Registers the workspace's limits at the gate of its key; the key, where it can be used.
fn register(ctx: &Context, subject: &Subject<'_>, key: &KeyState) -> Option<KeyId> {
    let (now, place) = (ctx.process.clock.boottime(), format!("{}/{}", subject.namespace, subject.name));
    let KeyState::Key(key) = key else {
        ctx.creates.gates.unregister(&place, now);
        return None;
    };
    let spec = &subject.object.spec;
    let limits = Limits {
        requests_per_minute: spec.rate_limit.requests_per_minute,
        burst: spec.rate_limit.burst,
        concurrent: spec.concurrent_creates,
    };
    ctx.creates.gates.register(&place, key.id(), limits, now, || has_unclear_past(ctx, subject.object));
    Some(key.id())
}

/// Tries at once what waits behind the gate, where a person asked for it.
fn retry_on_request(ctx: &Context, subject: &Subject<'_>, gate: Option<KeyId>, requested: Option<&String>) {
    let status = subject.object.status.as_ref();
    let handled = status.and_then(|status| status.last_handled_requested_at.as_ref());
    if let Some(id) = gate
        && ctx.memory.is_new_request(subject.object, requested, handled)
    {
        let (waiting, workspaces) = ctx.creates.gates.retry_now(id, ctx.process.clock.boottime());
        ctx.queues.enqueue_all(waiting);
        ctx.queues.enqueue_all(workspaces.into_iter().filter(|other| *other != subject.key));
    }
}

/// The reports of a workspace by name, each with how current it is and how long that stays so by itself.
fn reports(ctx: &Context, subject: &Subject<'_>) -> Vec<(ReportFreshness, Option<Duration>)> {
    let mut reports: Vec<_> = ctx.caches.reports_of(subject.namespace, subject.name).collect();
    reports.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
    let of_report = |report: Arc<crate::api::PropensityReport>| {
        let last = report.status.as_ref().and_then(|status| status.last_success);
        let (freshness, left) = freshness(&report, last.map(|last| ctx.process.clock.age(last)));
        let name = report.metadata.name.clone().unwrap_or_default();
        (ReportFreshness { name, report: report.spec.report.clone(), freshness }, left)
    };
    reports.into_iter().map(of_report).collect()
}

/// Whether an attempt of this workspace is unknown, or claimed by another process: this process doesn't know how the
/// last requests ended.
fn has_unclear_past(ctx: &Context, workspace: &PropensityWorkspace) -> bool {
    let is_unclear = |receipt: &StoredReceipt| match receipt.state() {
        State::Unknown => true,
        State::Claimed => {
            let open = receipt.receipt.as_ref().ok().and_then(|r| r.record.open_attempt());
            open.is_some_and(|attempt| ctx.creates.attempts.held(&attempt.id) != HeldBy::ThisProcess)
        }
        _ => false,
    };
    let unclear = |key: &ReceiptKey, receipt: &StoredReceipt| {
        (belongs(key, receipt, workspace) && is_unclear(receipt)).then_some(())
    };
    !ctx.caches.receipts.select(unclear).is_empty()
}

fn open_unknowns(ctx: &Context, workspace: &PropensityWorkspace) -> Vec<String> {
    let mut names = ctx.caches.receipts.select(|key, receipt| {
        (belongs(key, receipt, workspace) && receipt.state() == State::Unknown).then(|| key.1.clone())
    });
    names.sort();
    names
}

/// Whether a receipt is about this workspace. One that can't be read is reported by every workspace of its namespace.
fn belongs(key: &ReceiptKey, receipt: &StoredReceipt, workspace: &PropensityWorkspace) -> bool {
    workspace.metadata.namespace.as_deref() == Some(&key.0)
        && receipt.receipt.as_ref().map_or(true, |r| r.identity.workspace_id == workspace.spec.workspace_id)
}

fn set_metrics(ctx: &Context, subject: &Subject<'_>, input: &WorkspaceInput<'_>) {
    let gate = input.gate.as_ref();
    let numbers = WorkspaceNumbers {
        open_unknowns: input.open_unknowns.len() as u64,
        budget_used: input.budget_used.into(),
        budget_limit: subject.object.spec.daily_create_budget.into(),
        breaker_open: gate.is_some_and(|gate| gate.breaker.is_some()),
        paused: gate.is_some_and(|gate| gate.paused_until.is_some() || gate.unreachable.is_some()),
        caution: gate.is_some_and(|gate| gate.caution.is_some()),
    };
    ctx.process.metrics.set_workspace(subject.namespace, subject.name, &numbers);
}
