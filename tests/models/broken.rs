//! The model with one safeguard removed. Each of these must lead to a counter-example, which shows that the models find
//! such errors.

use std::time::Duration;

use propensity_operator::ledger::{
    AttemptMachine, Decision, Evidence, Instruction, OutcomeResult, Policy, Receipt, Record, Resolve, ResolvedBy, Step,
    StepResult, decide,
};

use super::objects::{receipt, with_computed_state};

/// Which safeguard is removed, if any.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Broken {
    /// None: the ledger as it is.
    Nothing,
    /// The request is sent before the claim.
    ClaimAfterSending,
    /// A claim that failed with a conflict counts as stored.
    ConflictIgnored,
    /// A claim with an unclear answer counts as stored and isn't read back.
    UnclearClaimIsStored,
    /// A server error counts as "not sent".
    ServerErrorIsRefusal,
    /// An outcome is written to the newest attempt instead of its own.
    OutcomeOfAnotherAttempt,
    /// The attempt with the latest wall-clock time decides.
    WallClockOrder,
    /// Only the last attempt decides.
    LastAttemptDecides,
    /// A late "not sent" removes the resolution of its attempt.
    LateRefusalReopens,
    /// An unknown outcome is claimable like one that sent nothing.
    UnknownIsClaimable,
    /// Whether the audience is suspended is read from a cache.
    CachedSnapshot,
    /// The policy's limit is ignored.
    UnboundedSendAgain,
}

impl Broken {
    /// Every removed safeguard.
    pub const ALL: [Self; 11] = [
        Self::ClaimAfterSending,
        Self::ConflictIgnored,
        Self::UnclearClaimIsStored,
        Self::ServerErrorIsRefusal,
        Self::OutcomeOfAnotherAttempt,
        Self::WallClockOrder,
        Self::LastAttemptDecides,
        Self::LateRefusalReopens,
        Self::UnknownIsClaimable,
        Self::CachedSnapshot,
        Self::UnboundedSendAgain,
    ];

    pub fn decide(self, seen: Option<&Receipt>, policy: &Policy, seen_for: impl Fn(&str) -> Duration) -> Decision {
        let Some(seen) = seen else { return decide(None, policy, seen_for) };
        let decisive = match self {
            Self::WallClockOrder => seen.record.attempts.iter().max_by_key(|a| a.claimed_at),
            Self::LastAttemptDecides => seen.record.attempts.last(),
            _ => None,
        };
        if let Some(attempt) = decisive {
            let resolution = seen.record.resolution(&attempt.id);
            let alone = Record {
                attempts: vec![attempt.clone()],
                resolutions: resolution.into_iter().cloned().collect(),
                ..seen.record.clone()
            };
            return decide(Some(Ok(&receipt(with_computed_state(alone)))), policy, seen_for);
        }
        match (self, decide(Some(Ok(seen)), policy, &seen_for)) {
            (Self::UnknownIsClaimable, Decision::HoldUnknown { .. }) => Decision::Claim,
            (Self::UnboundedSendAgain, Decision::HoldUnknown { attempt, exhausted: true }) => {
                Decision::Authorise(Instruction { attempt, decision: Resolve::SendAgain }, ResolvedBy::Policy)
            }
            (_, decision) => decision,
        }
    }

    pub fn first_step(self, step: Step) -> Step {
        if self == Self::ClaimAfterSending { Step::Send } else { step }
    }

    pub fn evidence(self, evidence: Evidence) -> Evidence {
        match evidence {
            Evidence::Unclear if self == Self::ServerErrorIsRefusal => Evidence::NothingStored,
            evidence => evidence,
        }
    }

    pub fn next(self, machine: &mut AttemptMachine, last: &Step, result: StepResult, elapsed: Duration) -> Step {
        if let Step::Claim(record) = last {
            let counts_as_stored = match self {
                Self::ConflictIgnored => result == StepResult::Conflict,
                Self::UnclearClaimIsStored => result == StepResult::Unclear,
                _ => false,
            };
            if counts_as_stored {
                return machine.next(StepResult::Written(Ok(receipt(record.clone()))), elapsed);
            }
        }
        machine.next(result, elapsed)
    }

    /// The record that the API server stores when this one is written over `before`.
    pub fn stored(self, before: Option<&Record>, mut record: Record) -> Record {
        match self {
            Self::OutcomeOfAnotherAttempt => {
                let place = record
                    .attempts
                    .iter()
                    .position(|a| before.and_then(|b| b.attempt(&a.id)).is_some_and(|b| b.outcome != a.outcome));
                let last = record.attempts.len() - 1;
                if let (Some(place), Some(before)) = (place.filter(|place| *place != last), before) {
                    let right = before.attempt(&record.attempts[place].id).and_then(|a| a.outcome.clone());
                    let outcome = std::mem::replace(&mut record.attempts[place].outcome, right);
                    record.attempts[last].outcome = outcome;
                }
            }
            Self::LateRefusalReopens => {
                let refused: Vec<_> = record
                    .attempts
                    .iter()
                    .filter(|a| a.outcome.as_ref().is_some_and(|o| o.result == OutcomeResult::NotSent))
                    .map(|a| a.id.clone())
                    .collect();
                record.resolutions.retain(|r| !refused.contains(&r.attempt));
            }
            _ => {}
        }
        with_computed_state(record)
    }
}
