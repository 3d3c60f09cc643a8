use super::*;

type Statuses = Records<&'static str, u32>;

fn moment(second: u64) -> Moment {
    Moment::from_zero(Duration::from_secs(second))
}

#[test]
fn what_is_kept_of_an_object_goes_with_it() {
    let records = Statuses::default();
    records.begin("a");
    records.with_known("a", |record| record.details = 7);
    records.failed("a");
    assert_eq!(records.with_known("a", |record| record.details), 7);
    assert_eq!(records.forget("a"), Some(7));
    assert_eq!(records.forget("a"), None);
    assert_eq!(records.failed("a"), 0, "a reconcile that outlives its object brings nothing back");
    let mut count = 0;
    records.for_each(|_| count += 1);
    assert_eq!(count, 0);
}

#[test]
fn a_written_status_counts_until_the_watch_shows_its_version() {
    let records = Statuses::default();
    records.begin("a");
    assert_eq!(records.newer_than("a", Some("9")), None);
    records.wrote("a", "12".to_owned(), "new");
    records.wrote("a", "11".to_owned(), "older");
    assert_eq!(records.newer_than("a", Some("9")), Some(("12".to_owned(), "new")), "versions compare as numbers");
    assert_eq!(records.newer_than("a", Some("12")), None);
    assert_eq!(records.newer_than("a", Some("11")), None, "once shown, it is dropped");
}

#[test]
fn a_block_that_changes_its_reason_has_a_new_grace_period() {
    let records = Statuses::default();
    records.begin("a");
    let left = |reason, second| records.grace_left("a", reason, moment(second));
    assert_eq!(left(Reason::SecretNotFound, 1), GRACE);
    assert_eq!(left(Reason::SecretNotFound, 3), Duration::ZERO);
    assert_eq!(left(Reason::KeyMissing, 3), GRACE);
    records.unblocked("a");
    assert_eq!(left(Reason::KeyMissing, 9), GRACE);
}

#[test]
fn a_state_that_needs_no_grace_period_ends_the_one_before() {
    let records = Statuses::default();
    records.begin("a");
    let missing = Readiness::reconciling(Reason::SecretNotFound, "why");
    let grace = |readiness: &Readiness, published, second| records.grace("a", readiness, published, moment(second));
    assert_eq!(grace(&missing, None, 1), Some(GRACE));
    assert_eq!(grace(&missing, None, 3), None, "it has lasted");
    assert_eq!(grace(&missing, Some("SecretNotFound"), 4), None, "it is reported already");
    assert_eq!(grace(&missing, None, 5), Some(GRACE), "it begins again");
    assert_eq!(grace(&Readiness::stalled(Reason::EmptyList, "why"), None, 6), None, "it doesn't pass by itself");
    assert_eq!(grace(&missing, None, 7), Some(GRACE));
}
