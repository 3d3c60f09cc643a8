//! Record: the status of a report, and the events for what is new in it.

use super::context::Context;
use crate::api::{PropensityReport, condition};
use crate::controller::context::status_writer;
use crate::controller::decide::events;
use crate::controller::decide::report::{self, ReportResult};
use crate::controller::kube::cluster::CallError;
use crate::controller::kube::events::reference;
use crate::controller::model::readiness::Phase;

/// Records the result of reconciling a report; its phase.
///
/// # Errors
/// When the API server doesn't accept the status.
pub async fn record(ctx: &Context, object: &PropensityReport, result: &ReportResult) -> Result<Phase, CallError> {
    let now = ctx.process.clock.wall();
    let next = |base: &PropensityReport| report::next_of(base, object, result, now);
    let readiness = report::readiness(object, result);
    if !status_writer::write(&ctx.cluster, &ctx.memory.records, object, next).await? {
        return Ok(readiness.phase);
    }
    let old = object.status.clone().unwrap_or_default();
    let before = condition::ready_reason(&old.conditions);
    let changed = report::columns_changed(object, &old, &next(object));
    let meta = &object.metadata;
    let [namespace, name, uid] =
        [&meta.namespace, &meta.name, &meta.uid].map(|text| text.as_deref().unwrap_or_default());
    let subject = reference("PropensityReport", namespace, name, uid);
    for event in events::of_report(before, &readiness).into_iter().chain(changed) {
        ctx.events.publish(&subject, event).await;
    }
    tracing::info!(report = %format_args!("{namespace}/{name}"), reason = readiness.reason().as_str(), "report");
    Ok(readiness.phase)
}
