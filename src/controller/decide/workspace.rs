//! The next status of a workspace: whether creates can be sent, and the health of its key, ledger and budget.

use jiff::Timestamp;

use super::messages;
use super::sentences::when;
use super::{assess, audience_messages, conditions, sentences, workspace_messages};
use crate::api::condition::{self, ConditionType, DesiredCondition, Reason, Verdict};
use crate::api::workspace::{ReportFreshness, WorkspaceStatus};
use crate::api::{PropensityWorkspace, requested_at};
use crate::clock::Moment;
use crate::controller::model::ledger::LedgerState;
use crate::controller::model::readiness::Readiness;
use crate::propensity::{GateView, WaitReason};
use crate::sources::KeyState;

/// Reports that a status lists.
const MAX_REPORTS: usize = 100;

/// All that is known about a workspace.
pub struct WorkspaceInput<'a> {
    /// The workspace.
    pub workspace: &'a PropensityWorkspace,
    /// Why no key may be sent to the operator's base URL, where that is so.
    pub host_error: Option<String>,
    /// What is known of its ledger.
    pub ledger: LedgerState,
    /// What is known of its key.
    pub key: KeyState,
    /// The state of the key's gate, where the key is in use.
    pub gate: Option<GateView>,
    /// Names of the receipts whose outcome is unknown.
    pub open_unknowns: Vec<String>,
    /// Creates of this UTC day for the `workspaceID`.
    pub budget_used: u32,
    /// Whether the operator runs with `--suspend`.
    pub operator_suspended: bool,
    /// How current the numbers of its reports are, by name.
    pub reports: Vec<ReportFreshness>,
}

/// The next status of a workspace. `wall_at` is the time to show for a moment.
#[must_use]
pub fn next(
    input: &WorkspaceInput<'_>,
    old: &WorkspaceStatus,
    wall_at: impl Fn(Moment) -> Timestamp,
    now: Timestamp,
) -> WorkspaceStatus {
    let generation = input.workspace.metadata.generation;
    let budget = match budget_verdict(input) {
        None => "Available",
        Some(Verdict { reason: Reason::BudgetSpent, .. }) => "Spent",
        Some(_) => "NearlySpent",
    };
    WorkspaceStatus {
        observed_generation: generation,
        conditions: condition::update(&old.conditions, &wanted(input, wall_at), generation, now),
        ledger_id: match &input.ledger {
            LedgerState::Present(id) => Some(id.clone()),
            _ => old.ledger_id.clone(),
        },
        reports: input.reports.iter().take(MAX_REPORTS).cloned().collect(),
        open_unknowns: u32::try_from(input.open_unknowns.len()).unwrap_or(u32::MAX),
        budget: Some(budget.to_owned()),
        last_handled_requested_at: requested_at(&input.workspace.metadata)
            .or_else(|| old.last_handled_requested_at.clone()),
    }
}

fn name<'a>(input: &WorkspaceInput<'a>) -> &'a str {
    input.workspace.metadata.name.as_deref().unwrap_or_default()
}

fn wanted(input: &WorkspaceInput<'_>, wall_at: impl Fn(Moment) -> Timestamp) -> Vec<DesiredCondition> {
    let mut wanted = conditions::ready(&readiness(input));
    let mut add = |type_, verdict| wanted.push(DesiredCondition { type_, status: true, verdict });
    // The same message as on an audience, with the time of the next try.
    let waiting = |why, until: Moment| {
        let mut verdict = messages::waiting(why, name(input)).verdict;
        sentences::add(verdict.message.to_mut(), &format!("The next try is at {}.", when(wall_at(until))));
        verdict
    };
    if let Some(gate) = &input.gate {
        if let Some(breaker) = gate.breaker {
            let why = WaitReason::Breaker(breaker.cause);
            add(ConditionType::BreakerOpen, waiting(why, breaker.half_open_at));
        }
        let pause = gate.paused_until.map(|at| (WaitReason::Paused, at));
        if let Some((why, at)) = pause.or(gate.unreachable.map(|at| (WaitReason::Unreachable, at))) {
            add(ConditionType::Paused, waiting(why, at));
        }
        if let Some(at) = gate.caution {
            add(ConditionType::CreatesSerialized, waiting(WaitReason::Caution, at));
        }
    }
    if let Some(verdict) = budget_verdict(input) {
        add(ConditionType::BudgetLow, verdict);
    }
    if !input.open_unknowns.is_empty() {
        let namespace = input.workspace.metadata.namespace.as_deref().unwrap_or_default();
        add(ConditionType::OutcomesUnknown, workspace_messages::unresolved(&input.open_unknowns, namespace));
    }
    wanted
}

/// Whether creates can be sent, or the first reason why not.
#[must_use]
pub fn readiness(input: &WorkspaceInput<'_>) -> Readiness {
    if let Some(why) = &input.host_error {
        return workspace_messages::host_not_allowed(why);
    }
    if let Some(blocked) = assess::ledger_obstacle(&input.ledger, input.workspace) {
        return blocked;
    }
    if let Err(blocked) = assess::usable_key(&input.key, input.workspace) {
        return blocked;
    }
    if let Some(breaker) = input.gate.and_then(|gate| gate.breaker) {
        return messages::waiting(WaitReason::Breaker(breaker.cause), name(input));
    }
    if input.operator_suspended {
        return audience_messages::operator_suspended();
    }
    if input.workspace.spec.suspend {
        return workspace_messages::suspended();
    }
    workspace_messages::connected()
}

/// Whether today's creates are used up.
#[must_use]
pub fn is_spent(input: &WorkspaceInput<'_>) -> bool {
    input.budget_used >= input.workspace.spec.daily_create_budget
}

/// Reported once 80% of the day's creates are used.
fn budget_verdict(input: &WorkspaceInput<'_>) -> Option<Verdict> {
    let (used, limit) = (input.budget_used, input.workspace.spec.daily_create_budget);
    if is_spent(input) {
        return Some(workspace_messages::budget_spent(limit));
    }
    (u64::from(used) * 5 >= u64::from(limit) * 4).then(|| workspace_messages::budget_nearly_spent(limit))
}

#[cfg(test)]
mod tests;
