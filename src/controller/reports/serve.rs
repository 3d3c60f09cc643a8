//! What a fetch serves: the numbers of a report, and those of the audiences that are matched with it.

use std::sync::Arc;

use kube::runtime::reflector::ObjectRef;

use super::audiences::{self, Audiences};
use super::context::Context;
use super::fetch::{Rows, fetch};
use super::prepare::Prepared;
use super::record;
use crate::api::PropensityReport;
use crate::controller::decide::report::{self, Meaning, ReportRead, ReportResult};
use crate::controller::kube::cluster::CallError;
use crate::controller::model::fetch::{Fault, FetchEnd};
use crate::controller::model::labels;
use crate::controller::state::reports::FetchInputs;
use crate::propensity::{ApiKey, ReportFault, ReportUrl};
use crate::report::{Binding, Row, Summariser};
use crate::telemetry::metrics::{FetchOutcome, Outcome};

/// A report that takes rows, for itself and for audiences.
pub struct Serving {
    report: PropensityReport,
    url: ReportUrl,
    key: ApiKey,
    inputs: FetchInputs,
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
    pub async fn of(
        ctx: &Context,
        report: PropensityReport,
        prepared: Prepared,
        room: &mut usize,
    ) -> Result<Self, CallError> {
        ctx.memory.audiences_read(&report);
        let inputs = FetchInputs::of(&report, prepared.url.id(), prepared.key.id());
        let Prepared { url, key, mut binding } = prepared;
        let mut audiences = Audiences::of(ctx, &report, &mut binding);
        audiences.read(ctx, &binding, room).await?;
        let binding = Arc::new(binding);
        let summariser = Summariser::new(Arc::clone(&binding));
        Ok(Self { report, url, key, inputs, binding, summariser, audiences, rows: 0 })
    }
}

impl Rows for Serving {
    fn push(&mut self, row: &Row<'_>) {
        self.rows += 1;
        let reading = self.summariser.push(row);
        self.audiences.push(&self.binding, self.rows, &reading);
    }
}

/// Fetches, and reports the result on every report and audience. How the fetch counts for the first of them.
///
/// # Errors
/// When the API server doesn't accept a status. It keeps none of the others from being written, and the report is
/// fetched again.
pub async fn serve(ctx: &Arc<Context>, serving: Vec<Serving>) -> Result<Outcome, CallError> {
    let reports: Vec<_> = serving.iter().map(|s| (s.report.clone(), s.inputs.clone())).collect();
    let Some(first) = serving.first() else { return Ok(Outcome::Done) };
    let (spec, url, key) = (first.report.spec.clone(), first.url.clone(), first.key.clone());
    let (serving, fetched) = fetch(ctx, &spec, &url, &key, serving).await;
    if let Err(Fault::Report(ReportFault::RateLimited(retry_after))) = &fetched {
        let now = ctx.process.clock.boottime();
        ctx.queues.enqueue_all(ctx.creates.gates.must_pause(key.id(), now, *retry_after));
    }
    let mut outcomes = vec![];
    match fetched {
        Ok(bytes) => {
            for (serving, (report, inputs)) in serving.into_iter().zip(reports) {
                if is_current(ctx, &report) {
                    let recorded = succeeded(ctx, serving, inputs, bytes).await;
                    outcomes.push(recorded.inspect_err(|_| ctx.memory.forget_inputs(&report)));
                }
            }
        }
        Err(fault) => {
            for (report, inputs) in reports.into_iter().filter(|(report, _)| is_current(ctx, report)) {
                let recorded = failed(ctx, &report, inputs, &fault).await;
                outcomes.push(recorded.inspect_err(|_| ctx.memory.forget_inputs(&report)));
            }
        }
    }
    outcomes
        .into_iter()
        .reduce(|first, next| first.and_then(|outcome| next.map(|_| outcome)))
        .unwrap_or(Ok(Outcome::Done))
}

/// Whether a report still exists, and this process may write its status.
fn is_current(ctx: &Context, report: &PropensityReport) -> bool {
    let now = ctx.caches.reports.get(&ObjectRef::from_obj(report));
    ctx.process.may_claim() && now.is_some_and(|now| now.metadata.uid == report.metadata.uid)
}

/// The report was read to its end.
async fn succeeded(ctx: &Context, serving: Serving, inputs: FetchInputs, bytes: u64) -> Result<Outcome, CallError> {
    let Serving { report, binding, summariser, audiences, rows, .. } = serving;
    let engaged = audiences.finish(&binding, |column| rows == 0 || summariser.has_seen(column));
    let summary = summariser.finish();
    let problem = report::problem(&report, &summary);
    let (end, outcome) = match &problem {
        None => (FetchEnd::Succeeded, FetchOutcome::Ok),
        Some(_) => (FetchEnd::FailedUntilChanged, FetchOutcome::Unreadable),
    };
    ctx.process.metrics.report_fetch(&report, outcome);
    ctx.memory.ended(&ctx.process.clock, &report, inputs, end);
    let is_useless = problem.is_some();
    let read = ReportRead { summary, bytes, problem, at: ctx.process.clock.wall() };
    let phase = record::record(ctx, &report, &ReportResult::Read(Box::new(read))).await?;
    if !is_useless {
        audiences::record(ctx, &report, engaged).await?;
    }
    Ok(labels::outcome(phase))
}

async fn failed(
    ctx: &Context,
    report: &PropensityReport,
    inputs: FetchInputs,
    fault: &Fault,
) -> Result<Outcome, CallError> {
    let Meaning { end, outcome, .. } = report::meaning(fault);
    ctx.process.metrics.report_fetch(report, outcome);
    ctx.memory.ended(&ctx.process.clock, report, inputs, end);
    let phase = record::record(ctx, report, &ReportResult::Failed(fault.clone())).await?;
    Ok(labels::outcome(phase))
}
