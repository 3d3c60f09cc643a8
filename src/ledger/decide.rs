//! What an audience may do, given its receipt.

use std::time::Duration;

use super::{
    Attempt, Instruction, MAX_ATTEMPTS, Receipt, Resolve, ResolvedBy, SendPolicy, State, Unreadable,
    summary::attempt_state,
};

/// The policy for unknown outcomes, from the live audience and its workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The policy of the audience.
    pub audience: SendPolicy,
    /// Whether the workspace allows `SendAgain`.
    pub allowed: bool,
}

/// What the audience may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Claim the first or the next attempt.
    Claim,
    /// The audience was created; nothing is sent.
    Created,
    /// An attempt is in progress, in this process or another.
    InFlight,
    /// The API rejected the list; a person may resolve the attempt.
    Rejected,
    /// The outcome is unknown; a person must resolve this attempt.
    HoldUnknown {
        /// The attempt to resolve.
        attempt: String,
        /// Whether the policy is `SendAgain` and its limit is reached.
        exhausted: bool,
    },
    /// The outcome is unknown; the policy sends again after a wait.
    WaitToSendAgain {
        /// The attempt.
        attempt: String,
        /// The rest of the wait.
        remaining: Duration,
    },
    /// The outcome is unknown; record the resolution of the policy, which allows one more attempt.
    Authorise(Instruction, ResolvedBy),
    /// A person decided not to send it again.
    Dismissed,
    /// The receipt has no room for another attempt.
    TooManyAttempts,
    /// The receipt can't be trusted.
    Unreadable(Unreadable),
}

/// The minimum time between the end of an unknown attempt's time to live and the next attempt. A process that is
/// suspended between its last check and the write to the socket may send its request this late.
const SEND_AGAIN_MARGIN: Duration = Duration::from_secs(600);

/// What an audience with this receipt, or with none, may do.
///
/// `seen_for` returns how long this process has seen an attempt, on its own clock.
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
    match receipt.summary.state {
        State::Created => Decision::Created,
        State::Claimed => Decision::InFlight,
        State::Rejected => Decision::Rejected,
        State::Dismissed => Decision::Dismissed,
        // A last attempt that sent nothing is replaced, so the next one needs no room.
        State::NotSent => Decision::Claim,
        State::Authorised if full => Decision::TooManyAttempts,
        State::Authorised => Decision::Claim,
        State::Unknown => unknown(receipt, policy, full, seen_for),
    }
}

/// The decision for an unresolved unknown outcome: wait for a person, wait for the policy, or send again.
fn unknown(receipt: &Receipt, policy: &Policy, full: bool, seen_for: impl Fn(&str) -> Duration) -> Decision {
    let record = &receipt.record;
    let Some(attempt) = record.attempts.iter().find(|a| attempt_state(record, a) == State::Unknown) else {
        return Decision::Unreadable(Unreadable::StateMismatch);
    };
    let id = attempt.id.clone();
    if !(policy.allowed && policy.audience.send_again && attempt.policy.send_again) {
        return Decision::HoldUnknown { attempt: id, exhausted: false };
    }
    let limit = record.attempts.iter().map(|a| a.policy.max_sends).fold(policy.audience.max_sends, u32::min);
    if full || receipt.summary.may_be_stored >= limit {
        return Decision::HoldUnknown { attempt: id, exhausted: true };
    }
    let remaining = send_again_after(attempt, policy).saturating_sub(seen_for(&id));
    if remaining.is_zero() {
        Decision::Authorise(Instruction { attempt: id, decision: Resolve::SendAgain }, ResolvedBy::Policy)
    } else {
        Decision::WaitToSendAgain { attempt: id, remaining }
    }
}

/// How long an unknown attempt must have been seen before the policy may send again.
fn send_again_after(attempt: &Attempt, policy: &Policy) -> Duration {
    let wanted = attempt.policy.after_seconds.max(policy.audience.after_seconds);
    Duration::from_secs(wanted).max(Duration::from_secs(attempt.ttl_seconds).saturating_add(SEND_AGAIN_MARGIN))
}
