//! The grace period of an audience.

use std::time::Duration;

use super::context::Context;
use crate::api::condition;
use crate::controller::model::audience::Tracked;
use crate::controller::model::readiness::Readiness;

/// How much longer a state may pass by itself before the status reports it.
pub fn grace(ctx: &Context, audience: &Tracked, readiness: &Readiness) -> Option<Duration> {
    let published = condition::ready_reason(&audience.status.conditions);
    ctx.memory.records.grace(audience.uid(), readiness, published, ctx.process.clock.boottime())
}
