//! One reconcile of each kind, timed and counted. One that fails is logged and repeated with a backoff of its own.

use std::sync::Arc;
use std::time::Duration;

use kube::runtime::reflector::ObjectRef;

use crate::api::{PropensityReport, PropensityWorkspace, SuppressionList};
use crate::clock::Clock;
use crate::controller::context::process::Process;
use crate::controller::kube::cluster::CallError;
use crate::controller::lists::access::ListAccess;
use crate::controller::lists::suppression;
use crate::controller::model::audience::Tracked;
use crate::controller::model::labels;
use crate::controller::state::record::Records;
use crate::controller::{audience as audiences, reports, workspace as workspaces};
use crate::telemetry::metrics::{Kind, Outcome};

/// How a reconcile counts, and when to reconcile again.
type Reconciled = Result<(Outcome, Option<Duration>), CallError>;

/// Reconciles a workspace; when to reconcile it again.
pub async fn workspace(ctx: Arc<workspaces::reconcile::Context>, object: Arc<PropensityWorkspace>) -> Option<Duration> {
    let run = async { workspaces::reconcile::reconcile(&ctx, &object).await.map(|after| (Outcome::Done, after)) };
    let subject = Subject::of("workspace", &ObjectRef::from_obj(object.as_ref()), object.metadata.uid.as_deref());
    timed(&ctx.process, Kind::Workspace, &ctx.memory.records, subject, run).await
}

/// Reconciles a suppression list; when to reconcile it again.
pub async fn suppression_list(
    lists: Arc<ListAccess>,
    process: Arc<Process>,
    object: Arc<SuppressionList>,
) -> Option<Duration> {
    let run = suppression::reconcile(&lists, &object);
    let subject =
        Subject::of("suppression list", &ObjectRef::from_obj(object.as_ref()), object.metadata.uid.as_deref());
    timed(&process, Kind::SuppressionList, &lists.memory.suppression_lists, subject, run).await
}

/// Reconciles a report; when to reconcile it again.
pub async fn report(ctx: Arc<reports::context::Context>, object: Arc<PropensityReport>) -> Option<Duration> {
    let run = reports::reconcile::reconcile(&ctx, &object);
    let subject = Subject::of("report", &ObjectRef::from_obj(object.as_ref()), object.metadata.uid.as_deref());
    timed(&ctx.process, Kind::Report, &ctx.memory.records, subject, run).await
}

/// Reconciles an audience; when to reconcile it again.
pub async fn audience(ctx: Arc<audiences::context::Context>, object: Arc<Tracked>) -> Option<Duration> {
    let run = async { audiences::reconcile::reconcile(&ctx, &object).await.map(|next| (next.outcome, next.after)) };
    let subject = Subject::of("audience", &object.key(), Some(object.uid()));
    timed(&ctx.process, labels::kind(object.kind), &ctx.memory.records, subject, run).await
}

/// The object of a reconcile, for logs and for its backoff.
struct Subject {
    kind: &'static str,
    name: String,
    uid: String,
}

impl Subject {
    fn of(kind: &'static str, name: &impl ToString, uid: Option<&str>) -> Self {
        Self { kind, name: name.to_string(), uid: uid.unwrap_or_default().to_owned() }
    }
}

/// Counts and times a reconcile.
async fn timed<S: Clone, D: Default>(
    process: &Process,
    kind: Kind,
    records: &Records<S, D>,
    subject: Subject,
    run: impl Future<Output = Reconciled>,
) -> Option<Duration> {
    records.begin(&subject.uid);
    let timing = process.metrics.reconcile(kind);
    match run.await {
        Ok((outcome, after)) => {
            records.succeeded(&subject.uid);
            timing.finish(outcome);
            after
        }
        Err(error) => {
            let failures = records.failed(&subject.uid);
            let Subject { kind: what, name, .. } = subject;
            tracing::warn!(kind = what, name, %error, failures, "the reconcile failed and is repeated later");
            timing.finish(Outcome::Error);
            Some(backoff(&process.clock, kind, failures))
        }
    }
}

/// 1 s, doubling to 5 minutes, with jitter. A workspace waits 30 s at most: all its audiences depend on its reconcile.
fn backoff(clock: &Clock, kind: Kind, failures: u32) -> Duration {
    let longest = Duration::from_secs(if kind == Kind::Workspace { 30 } else { 300 });
    let base = Duration::from_secs(1_u64 << failures.saturating_sub(1).min(8)).min(longest);
    clock.jittered(base, 0.3)
}
