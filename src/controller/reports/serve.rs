//! What a fetch serves: the numbers of a report, and those of the audiences that are matched with it.

use std::sync::Arc;

use super::Ready;
use super::audiences::{self, Audiences};
use super::fetch::{Fault, fetch};
use super::record::{self, Success};
use super::state::{Ended, Tried};
use crate::api::PropensityReport;
use crate::controller::cluster::CallError;
use crate::controller::context::Context;
use crate::propensity::ReportFault;
use crate::report::{Binding, Row, Summariser};
use crate::sources::rows::RowsError;
use crate::telemetry::metrics::{FetchOutcome, Outcome};

/// A report that takes rows, for itself and for audiences.
pub struct Serving {
    pub(super) report: PropensityReport,
    pub(super) ready: Ready,
    binding: Arc<Binding>,
    summariser: Summariser,
    audiences: Audiences,
    rows: u64,
}

impl Serving {
    /// A report with the members of all audiences that are matched with it, read live and kept as hashes alone.
    pub(super) async fn of(ctx: &Context, report: PropensityReport, ready: Ready) -> Result<Self, CallError> {
        let mut binding = Binding::new(ready.plan.clone()).expect("the plan was checked before");
        let mut audiences = Audiences::of(ctx, &report, &mut binding);
        audiences.read(ctx, &binding).await?;
        let binding = Arc::new(binding);
        let summariser = Summariser::new(Arc::clone(&binding));
        Ok(Self { report, ready, binding, summariser, audiences, rows: 0 })
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
    let reports: Vec<_> = serving.iter().map(|s| (s.report.clone(), Tried::of(&s.report, &s.ready))).collect();
    let Some(first) = serving.first() else { return Ok(Outcome::Done) };
    let (spec, key) = (first.report.spec.clone(), first.ready.key.id());
    let ready = Ready { url: first.ready.url.clone(), key: first.ready.key.clone(), plan: first.ready.plan.clone() };
    let (serving, fetched) = fetch(ctx, &spec, &ready, serving).await;
    if let Err(Fault::Report(ReportFault::Busy(retry_after))) = &fetched {
        let workspaces = ctx.gates.must_pause(key, ctx.clock.boottime(), *retry_after);
        workspaces.into_iter().for_each(|workspace| ctx.wake.workspace(workspace));
    }
    let mut outcomes = vec![];
    match fetched {
        Ok(bytes) => {
            for (serving, (_, tried)) in serving.into_iter().zip(reports) {
                outcomes.push(succeeded(ctx, serving, tried, bytes).await?);
            }
        }
        Err(fault) => {
            for (report, tried) in reports {
                outcomes.push(failed(ctx, &report, tried, &fault).await?);
            }
        }
    }
    Ok(outcomes.first().copied().unwrap_or(Outcome::Done))
}

/// The report was read to its end.
async fn succeeded(ctx: &Context, serving: Serving, tried: Tried, bytes: u64) -> Result<Outcome, CallError> {
    let Serving { report, binding, summariser, audiences, .. } = serving;
    let engaged = audiences.finish(&binding, |column| summariser.has_seen(column));
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
    let (ended, outcome) = match fault {
        Fault::Report(ReportFault::Rejected(_)) => (Ended::Lasting, FetchOutcome::Credentials),
        Fault::Report(ReportFault::Endpoint(_)) => (Ended::Lasting, FetchOutcome::Refused),
        Fault::Report(ReportFault::Busy(_)) => (Ended::Passing, FetchOutcome::RateLimited),
        Fault::Report(ReportFault::Unreachable | ReportFault::CutOff | ReportFault::Server(_))
        | Fault::TooSlow
        | Fault::WorkspaceGone => (Ended::Passing, FetchOutcome::Unreachable),
        Fault::Rows(RowsError::CutOff) => (Ended::Passing, FetchOutcome::Unreadable),
        _ => (Ended::Lasting, FetchOutcome::Unreadable),
    };
    ctx.metrics.report_fetch(report, outcome);
    ctx.reports.ended(&ctx.clock, report, tried, ended);
    Ok(record::failure(ctx, report, fault).await?.outcome())
}
