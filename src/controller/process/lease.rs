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
    /// How long a holder that can't renew goes on; shorter than the duration.
    pub renew_deadline: Duration,
    /// How often the Lease is renewed or looked at.
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

/// The record of a Lease that its holder gave back.
pub fn released(record: &LeaseSpec, wall: Timestamp) -> LeaseSpec {
    LeaseSpec {
        holder_identity: None,
        lease_duration_seconds: Some(1),
        acquire_time: Some(MicroTime(wall)),
        renew_time: Some(MicroTime(wall)),
        ..record.clone()
    }
}

/// The holder's own promise counts, since a newer or older operator may have other settings.
fn duration(record: &LeaseSpec, settings: &LeaseSettings) -> Duration {
    let promised = record.lease_duration_seconds.and_then(|s| u64::try_from(s).ok());
    promised.map_or(settings.duration, Duration::from_secs)
}

/// The API server takes whole seconds, and at least one.
fn seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_secs()).unwrap_or(i32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZERO: Moment = Moment::from_zero(Duration::ZERO);

    fn at(seconds: u64) -> Moment {
        ZERO + Duration::from_secs(seconds)
    }

    fn wall(second: i64) -> Timestamp {
        Timestamp::constant(second, 0)
    }

    fn settings() -> LeaseSettings {
        LeaseSettings {
            namespace: "system".to_owned(),
            name: "operator".to_owned(),
            identity: "me".to_owned(),
            duration: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry_period: Duration::from_secs(2),
        }
    }

    fn record(holder: Option<&str>, duration: Option<i32>) -> LeaseSpec {
        LeaseSpec {
            holder_identity: holder.map(str::to_owned),
            lease_duration_seconds: duration,
            acquire_time: Some(MicroTime(wall(1))),
            renew_time: Some(MicroTime(wall(2))),
            lease_transitions: Some(7),
            ..LeaseSpec::default()
        }
    }

    fn mine(acquired: i64, transitions: i32) -> LeaseSpec {
        LeaseSpec {
            holder_identity: Some("me".to_owned()),
            lease_duration_seconds: Some(15),
            acquire_time: Some(MicroTime(wall(acquired))),
            renew_time: Some(MicroTime(wall(99))),
            lease_transitions: Some(transitions),
            ..LeaseSpec::default()
        }
    }

    #[test]
    fn each_record_has_one_next_step() {
        // Every record was last seen to change at 100 s.
        let table = [
            ("there is none", None, 100, Step::Acquire(mine(99, 0))),
            (
                "ours is renewed, keeping when we took it",
                Some(record(Some("me"), Some(15))),
                101,
                Step::Renew(mine(1, 7)),
            ),
            ("ours is renewed however old it is", Some(record(Some("me"), Some(15))), 900, Step::Renew(mine(1, 7))),
            ("one that was given back", Some(record(None, Some(1))), 100, Step::Acquire(mine(99, 8))),
            ("one that was given back the old way", Some(record(Some(""), Some(1))), 100, Step::Acquire(mine(99, 8))),
            ("another's, just seen", Some(record(Some("other"), Some(15))), 100, Step::Wait(Duration::from_secs(15))),
            ("another's, nearly over", Some(record(Some("other"), Some(15))), 114, Step::Wait(Duration::from_secs(1))),
            ("another's, over", Some(record(Some("other"), Some(15))), 115, Step::Acquire(mine(99, 8))),
            (
                "another's, with a longer promise",
                Some(record(Some("other"), Some(60))),
                130,
                Step::Wait(Duration::from_secs(30)),
            ),
            (
                "another's, without a promise",
                Some(record(Some("other"), None)),
                110,
                Step::Wait(Duration::from_secs(5)),
            ),
            (
                "another's, with a senseless promise",
                Some(record(Some("other"), Some(-1))),
                110,
                Step::Wait(Duration::from_secs(5)),
            ),
        ];
        for (name, record, now, expected) in table {
            let next = step(record.as_ref(), at(100), at(now), wall(99), &settings());
            assert_eq!(next, expected, "{name}");
        }
    }

    #[test]
    fn a_record_from_a_machine_with_another_time_changes_nothing() {
        let mut old = record(Some("other"), Some(15));
        for written in [-3_000_000_000, 0, 9_000_000_000] {
            old.renew_time = Some(MicroTime(wall(written)));
            let next = step(Some(&old), at(100), at(110), wall(99), &settings());
            assert_eq!(next, Step::Wait(Duration::from_secs(5)));
        }
    }

    #[test]
    fn a_lease_given_back_has_no_holder_and_keeps_its_count() {
        let free = released(&mine(1, 7), wall(200));
        assert_eq!(holder(&free), None);
        assert_eq!((free.lease_transitions, free.lease_duration_seconds), (Some(7), Some(1)));
        let next = step(Some(&free), at(100), at(100), wall(99), &settings());
        assert_eq!(next, Step::Acquire(mine(99, 8)));
    }

    #[test]
    fn counts_and_durations_never_overflow() {
        let mut old = record(None, Some(1));
        old.lease_transitions = Some(i32::MAX);
        let mut settings = settings();
        settings.duration = Duration::MAX;
        let Step::Acquire(next) = step(Some(&old), ZERO, ZERO, wall(99), &settings) else {
            panic!("a free lease is taken");
        };
        assert_eq!((next.lease_transitions, next.lease_duration_seconds), (Some(i32::MAX), Some(i32::MAX)));
        assert_eq!(seconds(Duration::from_millis(1)), 1);
    }
}
