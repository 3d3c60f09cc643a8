//! Split lists.

use super::*;
use crate::api::audience_status::CreatedPart;

/// A part with this receipt, created at this second with this many members.
fn part(receipt: &str, created: Option<(i64, u64)>) -> PartStatus {
    PartStatus {
        name: receipt.to_owned(),
        receipt: receipt.to_owned(),
        members: 1,
        reason: "Queued".to_owned(),
        created: created.map(|(second, members)| CreatedPart { time: at(second), members }),
    }
}

/// Parts with these receipts, created at these seconds with 1 member each; those of second 0 aren't created.
fn parts(all: &[(&str, i64)]) -> Vec<PartStatus> {
    all.iter().map(|(receipt, second)| part(receipt, (*second > 0).then_some((*second, 1)))).collect()
}

/// The result of a list with these parts: one audience since the newest of them, once all are created.
fn split(all: &[(&str, i64)], own: bool) -> AudienceResult {
    let is_complete = all.iter().all(|(_, second)| *second > 0);
    let newest = all.iter().max_by_key(|(_, second)| *second).filter(|_| is_complete);
    let existing = newest.map(|(receipt, second)| {
        let members = all.len() as u64;
        ExistingAudience { audience: CreatedAudience { receipt: (*receipt).into(), time: at(*second), members }, own }
    });
    let phase = if is_complete { Phase::Ready } else { Phase::Reconciling };
    AudienceResult { receipt: None, existing, parts: Some(parts(all)), ..result(&[1], Reason::Queued, phase) }
}

/// The result of a list that is sent as one audience with this receipt.
fn joined(receipt: &str, second: i64) -> AudienceResult {
    let mut joined = created(&[1], second, true);
    joined.existing.as_mut().unwrap().audience.receipt = receipt.to_owned();
    AudienceResult { receipt: Some(receipt.to_owned()), parts: Some(vec![]), ..joined }
}

#[test]
fn replaced_parts_stay_listed_until_all_new_ones_are_created() {
    let receipts = |status: &AudienceStatus| status.parts.iter().map(|p| p.receipt.clone()).collect::<Vec<_>>();
    let before = split(&[("a", 1), ("b", 2)], true);
    let during = split(&[("a", 1), ("c", 0), ("d", 0)], true);
    let status = after(&[before.clone(), during.clone()]);
    assert_eq!(receipts(&status), ["a", "c", "d", "b"]);
    let status = following(&status, &split(&[("a", 1), ("c", 5), ("d", 0)], true), at(300));
    assert_eq!((receipts(&status), status.superseded), (["a", "c", "d", "b"].map(str::to_owned).into(), 0));
    let status = following(&status, &split(&[("a", 1), ("c", 5), ("d", 6)], true), at(301));
    assert_eq!((receipts(&status), status.superseded), (["a", "c", "d"].map(str::to_owned).into(), 1));
    let never_created = after(&[split(&[("x", 0)], true), during]);
    assert_eq!(receipts(&never_created), ["a", "c", "d"], "a part that was never created leaves nothing behind");
}

#[test]
fn a_status_lists_no_more_parts_than_its_schema_allows() {
    let named = |prefix: &str, second| -> Vec<_> { (0..MAX_PARTS).map(|n| (format!("{prefix}{n}"), second)).collect() };
    let result = |all: &[(String, i64)]| {
        split(&all.iter().map(|(name, second)| (name.as_str(), *second)).collect::<Vec<_>>(), true)
    };
    let status = after(&[result(&named("old", 1)), result(&named("new", 0))]);
    assert_eq!(status.parts.len(), MAX_PARTS);
    assert!(status.parts.iter().all(|part| part.receipt.starts_with("new")));
}

#[test]
fn parts_that_were_not_reconciled_stay_as_they_were() {
    let before = split(&[("a", 1), ("b", 2)], true);
    let unread = AudienceResult { parts: None, list: None, ..result(&[1], Reason::SourceNotFound, Phase::Reconciling) };
    assert_eq!(after(&[before, unread]).parts, parts(&[("a", 1), ("b", 2)]));
}

#[test]
fn what_a_split_list_leaves_in_the_workspace_counts_once() {
    let two = || split(&[("a", 1), ("b", 2)], true);
    let table = [
        ("a first create", vec![two()], 0),
        ("one part is another", vec![two(), split(&[("a", 1), ("c", 3)], true)], 1),
        ("all parts are others", vec![two(), split(&[("c", 3), ("d", 4), ("e", 5)], true)], 2),
        ("one part fewer", vec![two(), split(&[("a", 1)], true)], 1),
        (
            "one part fewer, then one more",
            vec![
                two(),
                split(&[("a", 1)], true),
                split(&[("a", 1), ("c", 0)], true),
                split(&[("a", 1), ("c", 3)], true),
            ],
            1,
        ),
        ("one part more", vec![two(), split(&[("a", 1), ("b", 2), ("c", 3)], true)], 0),
        ("a list is split", vec![joined("w", 1), split(&[("a", 2), ("b", 3)], true)], 1),
        (
            "a list is split, and its parts change",
            vec![joined("w", 1), split(&[("a", 2)], true), split(&[("b", 3)], true)],
            2,
        ),
        ("a list is joined", vec![two(), joined("w", 3)], 2),
        ("a list is joined and is the same as a part", vec![two(), joined("a", 1)], 1),
        ("a list is split in parts that exist", vec![joined("w", 5), split(&[("a", 2), ("b", 3)], false)], 0),
        ("a list is joined and split again", vec![two(), joined("w", 3), two()], 2),
    ];
    for (what, results, superseded) in table {
        let status = after(&results);
        assert_eq!(status.superseded, superseded, "{what}");
        let again = following(&status, results.last().unwrap(), at(900));
        assert_eq!(again, status, "{what}: the same again");
    }
}

#[test]
fn where_the_newest_part_is_gone_the_last_create_is_the_newest_that_remains() {
    let last = |results: &[AudienceResult]| after(results).last_created.map(|last| (last.receipt, last.members));
    let two = split(&[("a", 1), ("b", 2)], true);
    assert_eq!(last(std::slice::from_ref(&two)), Some(("b".to_owned(), 2)));
    assert_eq!(last(&[two.clone(), split(&[("a", 1)], true)]), Some(("a".to_owned(), 1)));
    assert_eq!(last(&[two, joined("a", 1)]), Some(("a".to_owned(), 1)));
}

#[test]
fn suspending_a_split_list_keeps_the_last_truth_only_of_the_same_parts() {
    let ready = after(&[split(&[("a", 1), ("b", 2)], true)]);
    let suspended = |parts| AudienceResult { parts, receipt: None, ..result(&[1], Reason::Suspended, Phase::Idle) };
    let ready_reason = |parts| {
        let status = following(&ready, &suspended(parts), at(500));
        condition(&status, "Ready").map(|(ready, reason)| (ready == "True", reason.to_owned()))
    };
    let (kept, replaced) = (Some((true, "Queued".to_owned())), Some((false, "Suspended".to_owned())));
    assert_eq!(ready_reason(None), kept);
    assert_eq!(ready_reason(Some(parts(&[("a", 1), ("b", 2)]))), kept);
    assert_eq!(ready_reason(Some(parts(&[("a", 1), ("c", 0)]))), replaced);
}

#[test]
fn suppressed_members_of_a_split_list_are_counted_in_each_part() {
    let mut result = split(&[("a", 1), ("b", 2), ("c", 3)], true);
    let sent = |created: [Option<u64>; 3]| {
        let parts = ["a", "b", "c"].into_iter().zip(created).map(|(name, many)| part(name, many.map(|m| (1, m))));
        Some(parts.collect::<Vec<_>>())
    };
    result.list = Some(suppressed(9, 4, &[(3, 2), (4, 0), (2, 2)]));
    result.parts = sent([Some(5), Some(5), Some(3)]);
    assert_eq!(result.suppressed_sent(), Some(3), "2 of the first part, nobody of the second, 1 of the third");
    result.list = Some(suppressed(7, 4, &[(3, 2), (4, 0), (0, 2)]));
    result.parts = sent([Some(5), Some(4), None]);
    assert_eq!(result.suppressed_sent(), Some(2), "the third part was never created: all of it is suppressed");
}
