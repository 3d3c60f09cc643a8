//! Record: the status of an audience, the event for what is new in it, and the metrics.

use super::context::Context;
use super::gather;
use crate::api::audience_status::PartStatus;
use crate::controller::context::status_writer;
use crate::controller::decide::assess::Plan;
use crate::controller::decide::progress::NewState;
use crate::controller::decide::status::{self, AudienceResult};
use crate::controller::decide::{engagement, events};
use crate::controller::kube::cluster::CallError;
use crate::controller::kube::events::reference;
use crate::controller::model::audience::{Tracked, kind_name};
use crate::controller::model::desired::Desired;
use crate::controller::model::list::ListSummary;
use crate::controller::model::readiness::{Phase, Readiness};
use crate::controller::model::receipt::{ExistingAudience, PartResult};

/// The state of an audience to record.
pub struct AudienceState<'a> {
    /// The state.
    pub readiness: Readiness,
    /// The list, where it was evaluated.
    pub list: Option<&'a ListSummary>,
    /// The receipt of the list; none for a split one.
    pub receipt: Option<&'a str>,
    /// The audience in the workspace, where there is one.
    pub existing: Option<ExistingAudience>,
    /// The state of each part, where the parts were reconciled.
    pub parts: Option<Vec<PartStatus>>,
}

impl AudienceState<'_> {
    /// A state of an audience whose list wasn't evaluated.
    #[must_use]
    pub fn of(readiness: Readiness) -> Self {
        Self { readiness, list: None, receipt: None, existing: None, parts: None }
    }
}

/// Records the result of pursuing a list in the audience's status, or that of a part in memory.
///
/// # Errors
/// When the API server doesn't accept the status.
pub async fn publish(ctx: &Context, desired: &Desired, plan: &Plan, new: NewState) -> Result<(), CallError> {
    let NewState { readiness, existing, .. } = new;
    if let Some(part) = &desired.part {
        let result = PartResult { readiness, receipt: plan.receipt.clone(), existing };
        ctx.memory.set_part(desired.audience.uid(), &part.name, result);
        return Ok(());
    }
    // A list that isn't split has no parts. Until it is created, those that it had before stay in the status.
    let parts = existing.is_some().then(Vec::new);
    let state = AudienceState { readiness, list: Some(&desired.list), receipt: Some(&plan.receipt), existing, parts };
    record(ctx, &desired.audience, state).await
}

/// Records the state of an audience.
///
/// # Errors
/// When the API server doesn't accept the status.
pub async fn record(ctx: &Context, audience: &Tracked, state: AudienceState<'_>) -> Result<(), CallError> {
    let AudienceState { readiness, list, receipt, existing, parts } = state;
    let reason = readiness.reason();
    let before = ctx.memory.set_reason(audience, reason);
    if readiness.phase == Phase::Reconciling && before != Some(reason) {
        ctx.process.metrics.wait(reason.as_str());
    }
    let current: Vec<_> = match &parts {
        Some(parts) if !parts.is_empty() => parts.iter().map(|part| part.receipt.as_str()).collect(),
        _ => receipt.into_iter().collect(),
    };
    let result = AudienceResult {
        generation: audience.meta.generation,
        list: list.cloned(),
        open_unknowns: gather::open_unknowns(ctx, audience, &current),
        receipt: receipt.map(str::to_owned),
        last_result: ctx.memory.last_result(audience.uid()),
        reports: vec![],
        existing,
        parts,
        readiness,
    };
    let clock = ctx.process.clock;
    let next = |base: &Tracked| {
        let reports = gather::existing_reports(ctx, base);
        status::next(base, &AudienceResult { reports, ..result.clone() }, clock.wall())
    };
    if status_writer::write(&ctx.cluster, &ctx.memory.records, audience, next).await? {
        tracing::info!(audience = %audience.key(), reason = reason.as_str(), receipt, "audience");
        publish_events(ctx, audience, &result).await;
    }
    Ok(())
}

/// Records only which reports the audience is matched with: nothing else of its status changes.
///
/// # Errors
/// When the API server doesn't accept the status.
pub async fn record_engagement(ctx: &Context, audience: &Tracked) -> Result<(), CallError> {
    if audience.options.engagement.is_empty() && audience.status.engagement.is_empty() {
        return Ok(());
    }
    let next = |base: &Tracked| {
        let mut status = base.status.clone();
        status.engagement = engagement::tidy(base, &gather::existing_reports(ctx, base));
        status
    };
    status_writer::write(&ctx.cluster, &ctx.memory.records, audience, next).await?;
    Ok(())
}

async fn publish_events(ctx: &Context, audience: &Tracked, result: &AudienceResult) {
    let subject = reference(kind_name(audience.kind), audience.namespace(), audience.name(), audience.uid());
    let suppressed = events::of_suppressed(&audience.status, result.suppressed_later().as_ref());
    for event in events::of_audience(&result.readiness).into_iter().chain(suppressed) {
        ctx.events.publish(&subject, event).await;
    }
}
