//! The same world with one guard taken away, each of which must lead to a counter-example: that is the test of the models.

use std::time::Duration;

use propensity_operator::ledger::{
    Ask, By, Decision, Evidence, Flight, Instruction, OutcomeResult, Policy, Receipt, Record, Reply, Resolve, decide,
};

use super::objects::{receipt, settled};

/// What is broken, if anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Broken {
    /// Nothing: the ledger as it is.
    Nothing,
    /// The request goes out first.
    ClaimAfterSending,
    /// A claim that met a conflict counts as held.
    ConflictIgnored,
    /// A claim without a clear answer counts as held, without reading it back.
    UnclearClaimIsHeld,
    /// A server error counts as a refusal.
    ServerErrorIsRefusal,
    /// An outcome goes to the newest attempt, whichever that is.
    OutcomeOfAnotherAttempt,
    /// The attempt with the latest wall time decides.
    WallClockOrder,
    /// Only the last attempt decides.
    LastAttemptDecides,
    /// A refusal that comes late overrules what a person or time has settled.
    LateRefusalReopens,
    /// An unknown outcome may be claimed anew like one that sent nothing.
    UnknownIsClaimable,
    /// Suspension is looked up in a cache.
    CachedSnapshot,
    /// The policy's bound is not counted.
    UnboundedSendAgain,
}

impl Broken {
    /// Every way.
    pub const ALL: [Self; 11] = [
        Self::ClaimAfterSending,
        Self::ConflictIgnored,
        Self::UnclearClaimIsHeld,
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
            return decide(Some(Ok(&receipt(settled(alone)))), policy, seen_for);
        }
        match (self, decide(Some(Ok(seen)), policy, &seen_for)) {
            (Self::UnknownIsClaimable, Decision::HoldUnknown { .. }) => Decision::Claim,
            (Self::UnboundedSendAgain, Decision::HoldUnknown { attempt, exhausted: true }) => {
                Decision::Authorise(Instruction { attempt, decision: Resolve::SendAgain }, By::Policy)
            }
            (_, decision) => decision,
        }
    }

    pub fn begins_with(self, ask: Ask) -> Ask {
        if self == Self::ClaimAfterSending { Ask::Send } else { ask }
    }

    pub fn reads(self, evidence: Evidence) -> Evidence {
        match evidence {
            Evidence::Unclear if self == Self::ServerErrorIsRefusal => Evidence::NothingStored,
            evidence => evidence,
        }
    }

    pub fn next(self, flight: &mut Flight, asked: &Ask, reply: Reply, elapsed: Duration) -> Ask {
        if let Ask::Claim(record) = asked {
            let held = match self {
                Self::ConflictIgnored => reply == Reply::Conflict,
                Self::UnclearClaimIsHeld => reply == Reply::Unclear,
                _ => false,
            };
            if held {
                return flight.next(Reply::Written(Ok(receipt(record.clone()))), elapsed);
            }
        }
        flight.next(reply, elapsed)
    }

    /// What a write of this record leaves on the API server, given what stood there.
    pub fn stores(self, before: Option<&Record>, mut record: Record) -> Record {
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
        settled(record)
    }
}
