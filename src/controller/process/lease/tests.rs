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
        ("ours is renewed, keeping when we took it", Some(record(Some("me"), Some(15))), 101, Step::Renew(mine(1, 7))),
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
        ("another's, without a promise", Some(record(Some("other"), None)), 110, Step::Wait(Duration::from_secs(5))),
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
