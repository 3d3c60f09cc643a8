//! What a fetch serves: the numbers of a report, and those of the audiences that are matched with it.

use std::sync::Arc;

use kube::runtime::reflector::ObjectRef;

use super::Ready;
use super::audiences::{self, Audiences};
use super::fetch::{Fault, fetch};
use super::record::{self, Success};
use super::state::{Ended, Tried};
use crate::api::PropensityReport;
use crate::controller::cluster::CallError;
use crate::controller::context::Context;
use crate::propensity::{ReportFault, ReportUrl, WorkspaceKey};
use crate::report::{Binding, Row, Summariser};
use crate::telemetry::metrics::{FetchOutcome, Outcome};

/// A report that takes rows, for itself and for audiences.
pub struct Serving {
    report: PropensityReport,
    url: ReportUrl,
    key: WorkspaceKey,
    tried: Tried,
    binding: Arc<Binding>,
    summariser: Summariser,
    audiences: Audiences,
    rows: u64,
}

impl Serving {
    /// A report with the members of all audiences that are matched with it, read live and kept as hashes alone.
    /// `room` is how many members may still be kept.
    ///
    /// # Errors
    /// When the API server doesn't answer.
    pub(super) async fn of(
        ctx: &Context,
        report: PropensityReport,
        ready: Ready,
        room: &mut usize,
    ) -> Result<Self, CallError> {
        ctx.reports.expected(&report);
        let tried = Tried::of(&report, &ready);
        let Ready { url, key, mut binding } = ready;
        let mut audiences = Audiences::of(ctx, &report, &mut binding);
        audiences.read(ctx, &binding, room).await?;
        let binding = Arc::new(binding);
        let summariser = Summariser::new(Arc::clone(&binding));
        Ok(Self { report, url, key, tried, binding, summariser, audiences, rows: 0 })
    }

    /// Adds a row.
    pub(super) fn push(&mut self, row: &Row<'_>) {
        self.rows += 1;
        let reading = self.summariser.push(row);
        self.audiences.push(&self.binding, self.rows, &reading);
    }
}

/// Fetches, and tells every report and audience what came of it. How it ended for the first of them.
pub(super) async fn serve(ctx: &Arc<Context>, serving: Vec<Serving>) -> Result<Outcome, CallError> {
    let reports: Vec<_> = serving.iter().map(|s| (s.report.clone(), s.tried.clone())).collect();
    let Some(first) = serving.first() else { return Ok(Outcome::Done) };
    let (spec, url, key) = (first.report.spec.clone(), first.url.clone(), first.key.clone());
    let (serving, fetched) = fetch(ctx, &spec, &url, &key, serving).await;
    if let Err(Fault::Report(ReportFault::RateLimited(retry_after))) = &fetched {
        let workspaces = ctx.gates.must_pause(key.id(), ctx.clock.boottime(), *retry_after);
        workspaces.into_iter().for_each(|workspace| ctx.wake.workspace(workspace));
    }
    // One that can't be told keeps none of the others from being told, and is fetched once more.
    let mut outcomes = vec![];
    match fetched {
        Ok(bytes) => {
            for (serving, (report, tried)) in serving.into_iter().zip(reports) {
                if is_ours(ctx, &report) {
                    let told = succeeded(ctx, serving, tried, bytes).await;
                    outcomes.push(told.inspect_err(|_| ctx.reports.forget_try(&report)));
                }
            }
        }
        Err(fault) => {
            for (report, tried) in reports.into_iter().filter(|(report, _)| is_ours(ctx, report)) {
                let told = failed(ctx, &report, tried, &fault).await;
                outcomes.push(told.inspect_err(|_| ctx.reports.forget_try(&report)));
            }
        }
    }
    outcomes
        .into_iter()
        .reduce(|first, next| first.and_then(|outcome| next.map(|_| outcome)))
        .unwrap_or(Ok(Outcome::Done))
}

/// Whether a report is still there to be told about, by this process.
fn is_ours(ctx: &Context, report: &PropensityReport) -> bool {
    let now = ctx.preports.get(&ObjectRef::from_obj(report));
    ctx.may_claim() && now.is_some_and(|now| now.metadata.uid == report.metadata.uid)
}

/// The report was read to its end.
async fn succeeded(ctx: &Context, serving: Serving, tried: Tried, bytes: u64) -> Result<Outcome, CallError> {
    let Serving { report, binding, summariser, audiences, rows, .. } = serving;
    let engaged = audiences.finish(&binding, |column| rows == 0 || summariser.has_seen(column));
    let success = Success { summary: summariser.finish(), bytes };
    let lack = record::lack(&report, &success.summary);
    let (ended, outcome) = match &lack {
        None => (Ended::Well, FetchOutcome::Ok),
        Some(_) => (Ended::Lasting, FetchOutcome::Unreadable),
    };
    ctx.metrics.report_fetch(&report, outcome);
    ctx.reports.ended(&ctx.clock, &report, tried, ended);
    let is_lacking = lack.is_some();
    let phase = record::success(ctx, &report, success, lack).await?;
    if !is_lacking {
        audiences::record(ctx, &report, engaged).await?;
    }
    Ok(phase.outcome())
}

async fn failed(ctx: &Context, report: &PropensityReport, tried: Tried, fault: &Fault) -> Result<Outcome, CallError> {
    let (ended, outcome, ..) = fault.meaning();
    ctx.metrics.report_fetch(report, outcome);
    ctx.reports.ended(&ctx.clock, report, tried, ended);
    Ok(record::failure(ctx, report, fault).await?.outcome())
}
