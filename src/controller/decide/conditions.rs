//! The conditions that every kind of object has.

use crate::api::condition::{ConditionType, DesiredCondition, Reason};
use crate::controller::model::readiness::{Phase, Readiness};

/// `Ready`, and `Reconciling` or `Stalled` while they are true.
#[must_use]
pub fn ready(readiness: &Readiness) -> Vec<DesiredCondition> {
    let want = |type_, status| DesiredCondition { type_, status, verdict: readiness.verdict.clone() };
    let mut wanted = vec![want(ConditionType::Ready, readiness.phase == Phase::Ready)];
    match readiness.phase {
        Phase::Reconciling => wanted.push(want(ConditionType::Reconciling, true)),
        Phase::Stalled => wanted.push(want(ConditionType::Stalled, true)),
        Phase::Ready | Phase::Idle => {}
    }
    wanted
}

/// Whether a state should last for the grace period before the status reports it: it may pass by itself, and the status
/// doesn't report it yet. `published` is the reason of the `Ready` condition.
#[must_use]
pub fn has_grace(readiness: &Readiness, published: Option<&str>) -> bool {
    readiness.phase == Phase::Reconciling
        && readiness.reason() != Reason::BudgetSpent
        && published != Some(readiness.reason().as_str())
}

#[cfg(test)]
mod tests;
