//! The rules of the leader's Lease, without any IO: from the record as last seen to what to do next.
//!
//! As in client-go, a holder counts as gone when its record hasn't changed for the lease's duration *as observed here*,
//! on the clock that counts suspension. The times written in the record are for people: clocks of machines differ.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::LeaseSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;

use crate::clock::Moment;

/// How the leader is elected.
#[derive(Clone, Debug)]
pub struct LeaseSettings {
    /// The Lease's namespace.
    pub namespace: String,
    /// The Lease's name.
    pub name: String,
    /// This process, named as no other is.
    pub identity: String,
    /// How long others wait for a silent holder.
    pub duration: Duration,
    /// How long a holder that can't renew continues; shorter than the duration.
    pub renew_deadline: Duration,
    /// How often the Lease is renewed or read.
    pub retry_period: Duration,
}

/// What to do with the Lease.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Take it, by creating it where there is none: nobody holds it, or its holder is gone.
    Acquire(LeaseSpec),
    /// It is ours: write that we are alive.
    Renew(LeaseSpec),
    /// Another holds it, and may for this long even if it is gone.
    Wait(Duration),
}

/// `changed` is when the record was last seen to change, `wall` goes into the record for people to read.
pub fn step(
    record: Option<&LeaseSpec>,
    changed: Moment,
    now: Moment,
    wall: Timestamp,
    settings: &LeaseSettings,
) -> Step {
    let nobody = LeaseSpec::default();
    let old = record.unwrap_or(&nobody);
    let mut next = LeaseSpec {
        holder_identity: Some(settings.identity.clone()),
        lease_duration_seconds: Some(seconds(settings.duration)),
        renew_time: Some(MicroTime(wall)),
        ..old.clone()
    };
    let holder = holder(old);
    if holder == Some(&settings.identity) {
        return Step::Renew(next);
    }
    if holder.is_some() {
        let left = (changed + duration(old, settings)).since(now);
        if !left.is_zero() {
            return Step::Wait(left);
        }
    }
    next.acquire_time = Some(MicroTime(wall));
    next.lease_transitions = Some(match record {
        None => 0,
        Some(_) => old.lease_transitions.unwrap_or_default().saturating_add(1),
    });
    Step::Acquire(next)
}

/// Who holds the Lease, if anyone.
pub fn holder(record: &LeaseSpec) -> Option<&String> {
    record.holder_identity.as_ref().filter(|holder| !holder.is_empty())
}

/// The record of a Lease that its holder released.
pub fn released(record: &LeaseSpec, wall: Timestamp) -> LeaseSpec {
    LeaseSpec {
        holder_identity: None,
        lease_duration_seconds: Some(1),
        acquire_time: Some(MicroTime(wall)),
        renew_time: Some(MicroTime(wall)),
        ..record.clone()
    }
}

/// The duration that the holder wrote counts, since a newer or older operator may have other settings.
fn duration(record: &LeaseSpec, settings: &LeaseSettings) -> Duration {
    let promised = record.lease_duration_seconds.and_then(|s| u64::try_from(s).ok());
    promised.map_or(settings.duration, Duration::from_secs)
}

/// The API server takes whole seconds, and at least one.
fn seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_secs()).unwrap_or(i32::MAX).max(1)
}

#[cfg(test)]
mod tests;
