use std::time::Duration;

use super::*;
use crate::api::audience_status::CreatedAudience;
use crate::controller::fixtures;
use crate::controller::model::readiness::Readiness;
use crate::controller::model::receipt::ExistingAudience;

fn audience() -> Tracked {
    fixtures::audience().audience
}

fn named(numbers: &[u32]) -> Tracked {
    fixtures::named(numbers).audience
}

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
fn met(audiences: &[&Tracked]) -> AudienceMemory {
    let memory = AudienceMemory::default();
    audiences.iter().for_each(|audience| memory.records.begin(audience.uid()));
    memory
}

fn status(superseded: u32) -> AudienceStatus {
    AudienceStatus { superseded, ..AudienceStatus::default() }
}

fn newest(memory: &AudienceMemory, version: &str) -> (String, u32) {
    let audience = memory.newest(&seen(version));
    (audience.meta.resource_version.unwrap_or_default(), audience.status.superseded)
}

#[test]
fn a_status_that_was_written_counts_until_the_watch_shows_it() {
    let memory = met(&[&audience()]);
    memory.records.wrote(UID, "12".to_owned(), status(7));
    assert_eq!(newest(&memory, "9"), ("12".to_owned(), 7), "versions are numbers and no texts");
    assert_eq!(newest(&memory, "11"), ("12".to_owned(), 7));
    assert_eq!(newest(&memory, "12"), ("12".to_owned(), 0));
    assert_eq!(newest(&memory, "11"), ("11".to_owned(), 0), "once shown, it is let go");
}

#[test]
fn the_last_of_two_writes_counts() {
    let memory = met(&[&audience()]);
    memory.records.wrote(UID, "12".to_owned(), status(7));
    memory.records.wrote(UID, "15".to_owned(), status(8));
    assert_eq!(newest(&memory, "12"), ("15".to_owned(), 8));
}

#[test]
fn a_version_that_is_no_number_is_never_compared() {
    let memory = met(&[&audience()]);
    memory.records.wrote(UID, "opaque".to_owned(), status(7));
    assert_eq!(newest(&memory, "1"), ("1".to_owned(), 0));
    memory.records.wrote(UID, "12".to_owned(), status(7));
    assert_eq!(newest(&memory, "opaque"), ("opaque".to_owned(), 0));
}

#[test]
fn what_was_written_for_an_audience_says_nothing_of_its_successor_by_the_same_name() {
    let memory = met(&[&audience()]);
    memory.records.wrote(UID, "12".to_owned(), status(7));
    let mut successor = seen("5");
    successor.meta.uid = Some("another".to_owned());
    let successor = memory.newest(&successor);
    assert_eq!(successor.status.superseded, 0);
}

#[test]
fn an_audience_is_found_by_its_present_receipt_only() {
    let memory = AudienceMemory::default();
    let (one, mut other) = (audience(), named(&[2]));
    other.meta.name = Some("other".to_owned());
    other.meta.uid = Some("uid of other".to_owned());
    memory.records.begin(one.uid());
    memory.records.begin(other.uid());
    memory.set_receipts(&one, ["ar-1".to_owned()]);
    memory.set_receipts(&one, ["ar-1".to_owned()]);
    memory.set_receipts(&other, ["ar-1".to_owned()]);
    assert_eq!(memory.of_receipt(&("team".to_owned(), "ar-1".to_owned())).len(), 2);
    assert!(memory.of_receipt(&("elsewhere".to_owned(), "ar-1".to_owned())).is_empty());
    memory.set_receipts(&one, ["ar-2".to_owned()]);
    assert_eq!(memory.of_receipt(&("team".to_owned(), "ar-1".to_owned())), [other.key()]);
    assert_eq!(memory.of_receipt(&("team".to_owned(), "ar-2".to_owned())), [one.key()]);
    memory.forget(&one);
    assert!(memory.of_receipt(&("team".to_owned(), "ar-2".to_owned())).is_empty());
    memory.forget(&one);
}

#[test]
fn that_a_receipt_is_absent_holds_for_that_receipt_until_it_may_exist() {
    let memory = AudienceMemory::default();
    let audience = audience();
    memory.records.begin(UID);
    memory.set_receipts(&audience, ["ar-1".to_owned()]);
    memory.set_absent(UID, "ar-1");
    assert!(memory.is_absent(UID, "ar-1"));
    assert!(!memory.is_absent(UID, "ar-2"));
    memory.set_receipts(&audience, ["ar-1".to_owned()]);
    assert!(memory.is_absent(UID, "ar-1"));
    memory.set_receipts(&audience, ["ar-2".to_owned()]);
    memory.set_receipts(&audience, ["ar-1".to_owned()]);
    assert!(!memory.is_absent(UID, "ar-1"), "another list came between");
    memory.set_absent(UID, "ar-1");
    memory.may_exist(UID, "ar-1");
    assert!(!memory.is_absent(UID, "ar-1"));
}

#[test]
fn waiting_counts_from_its_beginning() {
    let memory = met(&[&audience()]);
    assert!(!memory.left_queue(UID));
    assert_eq!(memory.queued(UID, moment(1)), moment(1));
    assert_eq!(memory.queued(UID, moment(5)), moment(1));
    assert!(memory.left_queue(UID));
    assert_eq!(memory.queued(UID, moment(9)), moment(9));
}

#[test]
fn a_block_has_its_grace_period_from_when_its_reason_began() {
    let memory = met(&[&audience()]);
    let left = |reason, second| memory.records.grace_left(UID, reason, moment(second)).as_secs();
    assert_eq!(left(Reason::SecretNotFound, 1), 2);
    assert_eq!(left(Reason::SecretNotFound, 2), 1);
    assert_eq!(left(Reason::SecretNotFound, 9), 0);
    assert_eq!(left(Reason::KeyMissing, 10), 2, "another reason begins again");
    assert_eq!(left(Reason::KeyMissing, 12), 0);
    memory.records.unblocked(UID);
    assert_eq!(left(Reason::KeyMissing, 13), 2);
}

#[test]
fn failures_count_in_a_row() {
    let memory = met(&[&audience()]);
    assert_eq!([memory.records.failed(UID), memory.records.failed(UID)], [1, 2]);
    memory.records.succeeded(UID);
    assert_eq!(memory.records.failed(UID), 1);
}

#[test]
fn reasons_and_queued_audiences_are_counted() {
    let (one, mut other) = (audience(), named(&[2]));
    other.meta.uid = Some("uid of other".to_owned());
    let memory = met(&[&one, &other]);
    assert_eq!(memory.set_reason(&one, Reason::Queued), None);
    assert_eq!(memory.set_reason(&one, Reason::Created), Some(Reason::Queued));
    memory.set_reason(&other, Reason::CreatesSerialized);
    memory.queued("uid of other", moment(1));
    let reasons = memory.count_reasons();
    assert_eq!(reasons.values().sum::<u64>(), 2);
    assert_eq!(reasons.get(&(metrics::Kind::ContactAudience, "Created")), Some(&1));
    assert_eq!(memory.count_queued().into_iter().collect::<Vec<_>>(), [("CreatesSerialized", 1)]);
}

#[test]
fn a_pass_that_outlives_its_audience_brings_nothing_back() {
    let memory = met(&[&audience()]);
    memory.forget(&audience());
    assert_eq!(memory.queued(UID, moment(7)), moment(7), "it waits since now, and not since ever");
    assert_eq!(memory.records.grace_left(UID, Reason::KeyMissing, moment(8)), Duration::ZERO);
    memory.set_reason(&audience(), Reason::Created);
    memory.records.wrote(UID, "12".to_owned(), status(7));
    assert!(!memory.left_queue(UID));
    assert!(memory.count_reasons().is_empty());
    assert_eq!(newest(&memory, "9"), ("9".to_owned(), 0));
}

#[test]
fn the_result_of_a_part_holds_for_its_receipt_and_only_created_parts_are_retained() {
    let memory = met(&[&audience()]);
    let result = |receipt: &str, is_created: bool| {
        let audience = CreatedAudience { receipt: receipt.to_owned(), time: fixtures::at(0), members: 1 };
        let existing = is_created.then_some(ExistingAudience { audience, own: true });
        PartResult { readiness: Readiness::ready(Reason::Created, "x"), receipt: receipt.to_owned(), existing }
    };
    for (part, is_created) in [("0", true), ("10", false), ("11", true)] {
        memory.set_part(UID, part, result(&format!("ar-{part}"), is_created));
    }
    let is_kept = |part: &str| memory.part(UID, part, &format!("ar-{part}")).is_some();
    assert!(is_kept("0") && is_kept("10") && is_kept("11"));
    assert!(memory.part(UID, "0", "ar-other").is_none(), "it has another receipt now");
    memory.retain_parts(UID, |part| part != "11");
    assert!(is_kept("0") && !is_kept("10") && !is_kept("11"));
}
