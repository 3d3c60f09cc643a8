//! What an audience may do, given its receipt.

use std::time::Duration;

use super::{
    Attempt, By, Instruction, MAX_ATTEMPTS, Receipt, Resolve, SendPolicy, State, Unreadable, standing::attempt_state,
};

/// What the live audience and its workspace say about unknown outcomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// What the audience says.
    pub audience: SendPolicy,
    /// Whether the workspace allows `SendAgain`.
    pub allowed: bool,
}

/// What may be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Claim the first attempt, or the next.
    Claim,
    /// It was created; nothing is sent.
    Created,
    /// An attempt is in flight, here or elsewhere.
    InFlight,
    /// The API refused the list; a person may settle it.
    Rejected,
    /// Nobody knows; a person must settle this attempt.
    HoldUnknown {
        /// The attempt to settle.
        attempt: String,
        /// Whether `SendAgain` was asked for and its bound is reached.
        exhausted: bool,
    },
    /// Nobody knows; the policy sends again after a while.
    WaitToSendAgain {
        /// The attempt.
        attempt: String,
        /// How much longer.
        remaining: Duration,
    },
    /// Nobody knows; record the policy's resolution, which allows one more attempt.
    Authorise(Instruction, By),
    /// A person decided against it.
    Dismissed,
    /// No room for another attempt.
    TooManyAttempts,
    /// The receipt can't be trusted.
    Unreadable(Unreadable),
}

/// How long after its time to live an unknown attempt may be sent again at the earliest. The gap between the last check and the socket can't be closed, so a
/// request may leave this late if its process was suspended in between.
const SEND_AGAIN_MARGIN: Duration = Duration::from_secs(600);

/// What may be done with an audience whose receipt is this one, or none.
///
/// `seen_for` tells how long this process has seen an attempt, on its own clock.
pub fn decide(
    receipt: Option<Result<&Receipt, Unreadable>>,
    policy: &Policy,
    seen_for: impl Fn(&str) -> Duration,
) -> Decision {
    let receipt = match receipt {
        None => return Decision::Claim,
        Some(Err(why)) => return Decision::Unreadable(why),
        Some(Ok(receipt)) => receipt,
    };
    let full = receipt.record.attempts.len() >= MAX_ATTEMPTS;
    match receipt.standing.state {
        State::Created => Decision::Created,
        State::Claimed => Decision::InFlight,
        State::Rejected => Decision::Rejected,
        State::Dismissed => Decision::Dismissed,
        // A last attempt that sent nothing gives way, so it needs no room.
        State::NotSent => Decision::Claim,
        State::Authorised if full => Decision::TooManyAttempts,
        State::Authorised => Decision::Claim,
        State::Unknown => unknown(receipt, policy, full, seen_for),
    }
}

/// An unknown that nobody settled: hold, wait, or let the policy send again.
fn unknown(receipt: &Receipt, policy: &Policy, full: bool, seen_for: impl Fn(&str) -> Duration) -> Decision {
    let record = &receipt.record;
    let Some(attempt) = record.attempts.iter().find(|a| attempt_state(record, a) == State::Unknown) else {
        return Decision::Unreadable(Unreadable::StateMismatch);
    };
    let id = attempt.id.clone();
    if !(policy.allowed && policy.audience.send_again && attempt.policy.send_again) {
        return Decision::HoldUnknown { attempt: id, exhausted: false };
    }
    let bound = record.attempts.iter().map(|a| a.policy.max_sends).fold(policy.audience.max_sends, u32::min);
    if full || receipt.standing.may_be_stored >= bound {
        return Decision::HoldUnknown { attempt: id, exhausted: true };
    }
    let remaining = send_again_after(attempt, policy).saturating_sub(seen_for(&id));
    if remaining.is_zero() {
        Decision::Authorise(Instruction { attempt: id, decision: Resolve::SendAgain }, By::Policy)
    } else {
        Decision::WaitToSendAgain { attempt: id, remaining }
    }
}

/// How long an unknown attempt must have been seen before the policy may send again.
fn send_again_after(attempt: &Attempt, policy: &Policy) -> Duration {
    let asked = attempt.policy.after_seconds.max(policy.audience.after_seconds);
    Duration::from_secs(asked).max(Duration::from_secs(attempt.ttl_seconds).saturating_add(SEND_AGAIN_MARGIN))
}
