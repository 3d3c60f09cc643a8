use super::*;

#[test]
fn a_moment_is_never_a_negative_time_after_another() {
    let early = Moment::from_zero(Duration::from_secs(5));
    let late = early + Duration::from_secs(3);
    assert_eq!(late.since(early), Duration::from_secs(3));
    assert_eq!(early.since(late), Duration::ZERO);
    assert!(early < late);
    assert_eq!(late + Duration::MAX, Moment(Duration::MAX));
}

#[test]
fn boottime_advances() {
    let clock = Clock::new();
    let before = clock.boottime();
    std::thread::sleep(Duration::from_millis(2));
    assert!(clock.boottime().since(before) >= Duration::from_millis(2));
}

#[test]
fn copies_of_a_scaled_clock_show_the_same_time() {
    let clock = Clock::scaled(1_000);
    let copy = clock;
    std::thread::sleep(Duration::from_millis(5));
    let (one, other) = (clock.boottime(), copy.boottime());
    assert!(other.since(one) < Duration::from_secs(60), "{one:?} {other:?}");
}

#[test]
fn a_zero_scale_counts_as_one() {
    assert_eq!(Clock::scaled(0).real(Duration::from_secs(9)), Duration::from_secs(9));
}

#[tokio::test]
async fn an_hour_passes_quickly_on_a_scaled_clock() {
    let clock = Clock::scaled(36_000);
    assert_eq!(clock.real(Duration::from_secs(3_600)), Duration::from_millis(100));
    let (start, watch) = (clock.boottime(), Stopwatch::start());
    clock.sleep(Duration::from_secs(3_600)).await;
    assert!(clock.boottime().since(start) >= Duration::from_secs(3_600));
    assert!(watch.elapsed() < Duration::from_secs(30));
}

#[tokio::test]
async fn sleeping_until_a_moment_that_has_passed_returns_at_once() {
    let clock = Clock::new();
    clock.sleep_until(Moment::default()).await;
}

#[test]
fn ids_are_sixteen_lower_case_letters_and_digits_and_differ() {
    let clock = Clock::new();
    let ids: std::collections::BTreeSet<_> = (0..100).map(|_| clock.random_id()).collect();
    assert_eq!(ids.len(), 100);
    for id in ids {
        assert_eq!(id.len(), 16, "{id}");
        assert!(id.bytes().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7')), "{id}");
    }
}

#[test]
fn jitter_only_extends_and_stays_within_its_factor() {
    let clock = Clock::new();
    let base = Duration::from_secs(10);
    for _ in 0..1_000 {
        let jitter = clock.jitter();
        assert!((0.0..1.0).contains(&jitter), "{jitter}");
        let jittered = clock.jittered(base, 0.5);
        assert!(jittered >= base && jittered <= Duration::from_secs(15), "{jittered:?}");
    }
    assert_eq!(clock.jittered(base, -1.0), base);
}
