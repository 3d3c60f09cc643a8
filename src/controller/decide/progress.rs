//! What a reconcile reports of a list after it looked at its receipt, and when it continues.

use std::time::Duration;

use super::assess::Plan;
use super::messages;
use crate::api::audience_status::CreatedAudience;
use crate::controller::model::desired::Desired;
use crate::controller::model::readiness::{Phase, Readiness};
use crate::controller::model::receipt::{ExistingAudience, StoredReceipt};
use crate::ledger::{Decision, HeldBy, ResolveError};

/// A wait shorter than this isn't reported.
pub const LASTING: Duration = Duration::from_secs(5);

/// In a queue that moves, how long it takes isn't known: it is reported after this.
pub const QUEUE_LASTING: Duration = Duration::from_secs(20);

/// How often a receipt that can't be trusted is read again: a closed one that is corrected is shown by no watch.
const UNREADABLE_INTERVAL: Duration = Duration::from_secs(30);

/// The result of pursuing a list, or a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// A state to report.
    Publish(NewState),
    /// A state that is reported already, of this phase.
    Published(Phase, Wait),
    /// Nothing to report yet.
    Wait(Wait),
}

/// A state to report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewState {
    /// The state.
    pub readiness: Readiness,
    /// The audience in the workspace, where there is one.
    pub existing: Option<ExistingAudience>,
    /// When the reconcile continues.
    pub wait: Wait,
}

/// When a reconcile continues.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wait {
    /// After this time of the process's clock; none: after a change.
    pub after: Option<Duration>,
    /// Whether it waits in the queue of its key.
    pub is_queued: bool,
}

impl Wait {
    /// Until something changes.
    pub const FOR_CHANGE: Self = Self { after: None, is_queued: false };

    /// For a time.
    #[must_use]
    pub const fn after(after: Duration) -> Self {
        Self { after: Some(after), is_queued: false }
    }

    /// For a time, in the queue of the key.
    #[must_use]
    pub const fn queued(after: Duration) -> Self {
        Self { after: Some(after), is_queued: true }
    }
}

/// What else is known when a receipt decides.
#[derive(Clone, Copy, Debug)]
pub struct ReceiptFacts {
    /// Who holds the open attempt.
    pub holder: HeldBy,
    /// How long this process has seen the open attempt, in real time.
    pub seen_for: Duration,
    /// Why the annotation on the receipt can't be followed, where that is so.
    pub refused: Option<ResolveError>,
}

/// The progress of a list whose receipt leads to this decision.
#[must_use]
pub fn of_decision(
    decision: &Decision,
    desired: &Desired,
    plan: &Plan,
    stored: &StoredReceipt,
    facts: ReceiptFacts,
) -> Progress {
    let receipt = stored.receipt.as_ref().ok();
    let (namespace, to_send) = (desired.audience.namespace(), desired.to_send().to_send);
    // What is about to be claimed is reported when it is.
    let Some(mut readiness) = messages::of_decision(decision, plan, receipt, to_send, namespace) else {
        return Progress::Wait(Wait::after(Duration::ZERO));
    };
    let is_resolvable =
        matches!(decision, Decision::HoldUnknown { .. } | Decision::WaitToSendAgain { .. } | Decision::Rejected);
    if is_resolvable && let (Some(receipt), Some(error)) = (receipt, facts.refused) {
        readiness = messages::refused(error, plan, receipt, namespace);
    }
    let wait = match decision {
        // The attempt reports its outcome itself, and enqueues this audience when it ends.
        Decision::InFlight if facts.holder == HeldBy::ThisProcess => return Progress::Wait(Wait::FOR_CHANGE),
        Decision::InFlight if facts.seen_for < LASTING => return Progress::Wait(Wait::after(LASTING)),
        Decision::WaitToSendAgain { remaining, .. } => Wait::after(*remaining),
        Decision::Unreadable(_) => Wait::after(UNREADABLE_INTERVAL),
        _ => Wait::FOR_CHANGE,
    };
    let existing =
        receipt.filter(|_| *decision == Decision::Created).and_then(messages::created_attempt).map(|attempt| {
            let time = attempt.outcome.as_ref().map_or(attempt.claimed_at, |outcome| outcome.at);
            let audience = CreatedAudience { receipt: plan.receipt.clone(), time, members: attempt.members };
            ExistingAudience { audience, own: attempt.audience.uid == desired.audience.uid() }
        });
    Progress::Publish(NewState { readiness, existing, wait })
}

#[cfg(test)]
mod tests;
