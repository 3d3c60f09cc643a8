//! The grace period of an audience.

use std::time::Duration;

use super::context::Context;
use crate::api::condition;
use crate::controller::decide::conditions::has_grace;
use crate::controller::model::audience::Tracked;
use crate::controller::model::readiness::Readiness;

/// How much longer a state may pass by itself before the status reports it.
pub fn grace(ctx: &Context, audience: &Tracked, readiness: &Readiness) -> Option<Duration> {
    let records = &ctx.memory.records;
    if !has_grace(readiness, condition::ready_reason(&audience.status.conditions)) {
        records.unblocked(audience.uid());
        return None;
    }
    let left = records.grace_left(audience.uid(), readiness.reason(), ctx.process.clock.boottime());
    Some(left).filter(|left| !left.is_zero())
}
