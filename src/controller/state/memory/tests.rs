use std::time::Duration;

use super::*;
use crate::controller::fixtures::{audience, named};

const UID: &str = "uid of leaders";

fn moment(second: u64) -> Moment {
    Moment::from_zero(Duration::from_secs(second))
}

/// The audience as the watch shows it at this version.
fn seen(version: &str) -> Tracked {
    let mut audience = audience();
    audience.meta.resource_version = Some(version.to_owned());
    audience
}

/// A memory that has met these.
fn met(audiences: &[&Tracked]) -> Memory {
    let memory = Memory::default();
    audiences.iter().for_each(|audience| memory.newest(&mut (*audience).clone()));
    memory
}

fn status(superseded: u32) -> AudienceStatus {
    AudienceStatus { superseded, ..AudienceStatus::default() }
}

fn newest(memory: &Memory, version: &str) -> (String, u32) {
    let mut audience = seen(version);
    memory.newest(&mut audience);
    (audience.meta.resource_version.unwrap_or_default(), audience.status.superseded)
}

#[test]
fn a_status_that_was_written_counts_until_the_watch_shows_it() {
    let memory = met(&[&audience()]);
    memory.wrote(UID, "12".to_owned(), status(7));
    assert_eq!(newest(&memory, "9"), ("12".to_owned(), 7), "versions are numbers and no texts");
    assert_eq!(newest(&memory, "11"), ("12".to_owned(), 7));
    assert_eq!(newest(&memory, "12"), ("12".to_owned(), 0));
    assert_eq!(newest(&memory, "11"), ("11".to_owned(), 0), "once shown, it is let go");
}

#[test]
fn the_last_of_two_writes_counts() {
    let memory = met(&[&audience()]);
    memory.wrote(UID, "12".to_owned(), status(7));
    memory.wrote(UID, "15".to_owned(), status(8));
    assert_eq!(newest(&memory, "12"), ("15".to_owned(), 8));
}

#[test]
fn a_version_that_is_no_number_is_never_compared() {
    let memory = met(&[&audience()]);
    memory.wrote(UID, "opaque".to_owned(), status(7));
    assert_eq!(newest(&memory, "1"), ("1".to_owned(), 0));
    memory.wrote(UID, "12".to_owned(), status(7));
    assert_eq!(newest(&memory, "opaque"), ("opaque".to_owned(), 0));
}

#[test]
fn what_was_written_for_an_audience_says_nothing_of_its_successor_by_the_same_name() {
    let memory = met(&[&audience()]);
    memory.wrote(UID, "12".to_owned(), status(7));
    let mut successor = seen("5");
    successor.meta.uid = Some("another".to_owned());
    memory.newest(&mut successor);
    assert_eq!(successor.status.superseded, 0);
}

#[test]
fn an_audience_is_found_by_its_present_receipt_only() {
    let memory = Memory::default();
    let (one, mut other) = (audience(), named(&[2]));
    other.meta.name = Some("other".to_owned());
    other.meta.uid = Some("uid of other".to_owned());
    memory.index(&one, ["ar-1".to_owned()]);
    memory.index(&one, ["ar-1".to_owned()]);
    memory.index(&other, ["ar-1".to_owned()]);
    assert_eq!(memory.audiences_of("team", "ar-1").len(), 2);
    assert!(memory.audiences_of("elsewhere", "ar-1").is_empty());
    memory.index(&one, ["ar-2".to_owned()]);
    assert_eq!(memory.audiences_of("team", "ar-1"), [other.key()]);
    assert_eq!(memory.audiences_of("team", "ar-2"), [one.key()]);
    memory.forget(&one);
    assert!(memory.audiences_of("team", "ar-2").is_empty());
    memory.forget(&one);
}

#[test]
fn that_a_receipt_is_absent_holds_for_that_receipt_until_it_may_exist() {
    let memory = Memory::default();
    let audience = audience();
    memory.index(&audience, ["ar-1".to_owned()]);
    memory.is_absent(UID, "ar-1");
    assert!(memory.was_absent(UID, "ar-1"));
    assert!(!memory.was_absent(UID, "ar-2"));
    memory.index(&audience, ["ar-1".to_owned()]);
    assert!(memory.was_absent(UID, "ar-1"));
    memory.index(&audience, ["ar-2".to_owned()]);
    memory.index(&audience, ["ar-1".to_owned()]);
    assert!(!memory.was_absent(UID, "ar-1"), "another list came between");
    memory.is_absent(UID, "ar-1");
    memory.may_exist(UID, "ar-1");
    assert!(!memory.was_absent(UID, "ar-1"));
}

#[test]
fn waiting_counts_from_its_beginning() {
    let memory = met(&[&audience()]);
    assert!(!memory.waits_no_more(UID));
    assert_eq!(memory.waits(UID, moment(1)), moment(1));
    assert_eq!(memory.waits(UID, moment(5)), moment(1));
    assert!(memory.waits_no_more(UID));
    assert_eq!(memory.waits(UID, moment(9)), moment(9));
}

#[test]
fn an_obstacle_counts_from_when_it_became_this_one() {
    let memory = met(&[&audience()]);
    assert_eq!(memory.held_since(UID, Reason::SecretNotFound, moment(1)), moment(1));
    assert_eq!(memory.held_since(UID, Reason::SecretNotFound, moment(2)), moment(1));
    assert_eq!(memory.held_since(UID, Reason::KeyMissing, moment(3)), moment(3));
    assert_eq!(memory.held_since(UID, Reason::SecretNotFound, moment(4)), moment(4));
}

#[test]
fn failures_count_in_a_row() {
    let memory = met(&[&audience()]);
    assert_eq!([memory.failed(UID), memory.failed(UID)], [1, 2]);
    memory.succeeded(UID);
    assert_eq!(memory.failed(UID), 1);
}

#[test]
fn standings_and_waits_are_counted_by_reason() {
    let (one, mut other) = (audience(), named(&[2]));
    other.meta.uid = Some("uid of other".to_owned());
    let memory = met(&[&one, &other]);
    assert_eq!(memory.stands(&one, Reason::Queued), None);
    assert_eq!(memory.stands(&one, Reason::Created), Some(Reason::Queued));
    memory.stands(&other, Reason::CreatesSerialized);
    memory.waits("uid of other", moment(1));
    let standings = memory.standings();
    assert_eq!(standings.values().sum::<u64>(), 2);
    assert_eq!(standings.get(&(labels::Kind::ContactAudience, "Created")), Some(&1));
    assert_eq!(memory.waiting().into_iter().collect::<Vec<_>>(), [("CreatesSerialized", 1)]);
}

#[test]
fn a_pass_that_outlives_its_audience_brings_nothing_back() {
    let memory = met(&[&audience()]);
    memory.forget(&audience());
    assert_eq!(memory.waits(UID, moment(7)), moment(7), "it waits since now, and not since ever");
    assert_eq!(memory.held_since(UID, Reason::KeyMissing, moment(8)), moment(8));
    memory.stands(&audience(), Reason::Created);
    memory.wrote(UID, "12".to_owned(), status(7));
    assert!(!memory.waits_no_more(UID));
    assert!(memory.standings().is_empty());
    assert_eq!(newest(&memory, "9"), ("9".to_owned(), 0));
}
