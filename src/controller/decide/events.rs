//! Which event, if any, follows from a result. Never a value of a list.

use crate::api::condition::{self, ConditionType, Verdict};
use crate::api::{AudienceStatus, Reason};
use crate::controller::model::event::{EventType, NewEvent};
use crate::controller::model::readiness::{Phase, Readiness};
use crate::ledger::{Instruction, Resolve, ResolveError, ResolvedBy};

/// The event for the new state of an audience, where it is worth one.
#[must_use]
pub fn of_audience(readiness: &Readiness) -> Option<NewEvent> {
    let (phase, reason) = (readiness.phase, readiness.reason());
    let type_ = match (phase, reason) {
        (Phase::Ready, Reason::Created) => EventType::Normal,
        (Phase::Stalled, _) => EventType::Warning,
        (Phase::Reconciling, Reason::Queued | Reason::Sending | Reason::Pending | Reason::CreatesSerialized) => {
            return None;
        }
        (Phase::Reconciling, _) => EventType::Warning,
        (Phase::Ready | Phase::Idle, _) => return None,
    };
    let action = if phase == Phase::Ready { "Create" } else { "Block" };
    Some(NewEvent { type_, reason: reason.as_str(), action, note: readiness.verdict.message.to_string() })
}

/// The event for members that were suppressed after they were sent, where the status before doesn't report the same.
#[must_use]
pub fn of_suppressed(before: &AudienceStatus, verdict: Option<&Verdict>) -> Option<NewEvent> {
    let published = condition::find(&before.conditions, ConditionType::SuppressedMembersSent);
    let verdict = verdict.filter(|verdict| published.is_none_or(|c| c.message != verdict.message))?;
    Some(NewEvent {
        type_: EventType::Warning,
        reason: ConditionType::SuppressedMembersSent.as_str(),
        action: "Suppress",
        note: verdict.message.to_string(),
    })
}

/// The event for an attempt that was resolved.
#[must_use]
pub fn of_resolution(receipt: &str, instruction: &Instruction, by: ResolvedBy) -> NewEvent {
    let who = match by {
        ResolvedBy::Person => "a person",
        ResolvedBy::Policy => "the SendAgain policy",
    };
    let what = match instruction.decision {
        Resolve::Created => "as created",
        Resolve::SendAgain => "to be sent again",
        Resolve::Dismiss => "as dismissed",
    };
    NewEvent {
        type_: EventType::Normal,
        reason: "Resolved",
        action: "Resolve",
        note: format!("{who} resolved attempt {} of receipt {receipt} {what}", instruction.attempt),
    }
}

/// The event for an annotation that can't be applied.
#[must_use]
pub fn of_invalid_resolution(error: ResolveError) -> NewEvent {
    NewEvent {
        type_: EventType::Warning,
        reason: Reason::ResolutionInvalid.as_str(),
        action: "Resolve",
        note: format!("the resolution was not applied: {error}"),
    }
}

/// The event for the new state of a report, where it is worth one. `before` is the reason that the status reported.
#[must_use]
pub fn of_report(before: Option<&str>, readiness: &Readiness) -> Option<NewEvent> {
    let reason = readiness.reason();
    let is_new = before != Some(reason.as_str());
    let is_blocked = matches!(readiness.phase, Phase::Stalled | Phase::Reconciling) && reason != Reason::Pending;
    (is_new && is_blocked).then(|| NewEvent {
        type_: EventType::Warning,
        reason: reason.as_str(),
        action: "Fetch",
        note: readiness.verdict.message.to_string(),
    })
}

#[cfg(test)]
mod tests;
