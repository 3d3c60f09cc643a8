#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::*;
use crate::api::AudienceStatus;
use crate::controller::fixtures::{at, contacts, named, plan, shown, spec};

/// An audience of this many contacts, each of them a part.
fn split(members: u32, options: Value) -> Desired {
    let mut options = options;
    options["split"] = json!({"maxMembers": 1});
    contacts(spec(1..=members, options))
}

/// The status that names these parts, the first of which are created.
fn status(list: &Desired, names: &[&str], created: usize) -> AudienceStatus {
    let part = |(number, name): (usize, &&str)| PartStatus {
        name: (*name).to_owned(),
        receipt: format!("ar-{name}"),
        members: 1,
        reason: Reason::Created.as_str().to_owned(),
        created: (number < created).then_some(CreatedPart { time: at(1), members: 1 }),
    };
    AudienceStatus {
        list_hash: Some(list.list.hash.as_str().to_owned()),
        parts: names.iter().enumerate().map(part).collect(),
        ..AudienceStatus::default()
    }
}

/// The state of a guard; `{hash}` in the message means the short hash of the list.
fn tripped(desired: &Desired, message: &str) -> (Reason, String, Phase) {
    (Reason::GuardTripped, message.replace("{hash}", desired.list.hash.short()), Phase::Stalled)
}

fn blocked(guard: SplitGuard) -> (Reason, String, Phase) {
    match guard {
        SplitGuard::Blocked(readiness) => shown(readiness),
        other => panic!("not blocked: {other:?}"),
    }
}

#[test]
fn a_list_may_not_have_more_parts_than_a_status_lists() {
    let desired = split(257, json!({}));
    let short = desired.list.hash.short().to_owned();
    let message = "nothing is sent: the list would be split into 257 audiences, more than the maximum of 256. Raise \
                   spec.split.maxMembers.";
    assert_eq!(blocked(split_guard(&desired)), tripped(&desired, message));
    let bypassed = split(257, json!({"bypassGuardsForHash": short}));
    assert_eq!(blocked(split_guard(&bypassed)), tripped(&desired, message), "there is no way around it");
    assert_eq!(split_guard(&split(256, json!({}))), SplitGuard::CheckLedger);
}

#[test]
fn a_list_may_be_split_where_that_sends_nothing_again() {
    let plain = split(2, json!({}));
    let names: Vec<_> = plain.list.parts.iter().map(|part| part.name.as_str()).collect();
    let bypassed = split(2, json!({"bypassGuardsForHash": plain.list.hash.short()}));
    let other_bypass = split(2, json!({"bypassGuardsForHash": "0123456789ab"}));
    let other_list = AudienceStatus { list_hash: Some("0".repeat(64)), ..status(&plain, &["110"], 1) };
    let table = [
        ("nothing is known", &plain, AudienceStatus::default(), SplitGuard::CheckLedger),
        ("no part is created", &plain, status(&plain, &names, 0), SplitGuard::CheckLedger),
        ("the bypass of another list", &other_bypass, AudienceStatus::default(), SplitGuard::CheckLedger),
        ("these parts, all created", &plain, status(&plain, &names, 2), SplitGuard::Pass),
        ("these parts, one created", &plain, status(&plain, &names, 1), SplitGuard::Pass),
        ("parts of another list", &plain, other_list, SplitGuard::Pass),
        ("a bypass where nothing is known", &bypassed, AudienceStatus::default(), SplitGuard::Pass),
        ("a bypass beside created parts", &bypassed, status(&plain, &["110"], 1), SplitGuard::Pass),
    ];
    for (what, desired, status, expected) in table {
        let mut desired = desired.clone();
        desired.audience.status = status;
        assert_eq!(split_guard(&desired), expected, "{what}");
    }
}

#[test]
fn new_parts_beside_created_ones_of_the_same_list_wait_for_a_person() {
    let mut desired = split(2, json!({}));
    let kept = desired.list.parts[0].name.clone();
    desired.audience.status = status(&desired, &[&kept, "110", "111"], 2);
    let message = "nothing is sent: this list is already in the workspace in 2 parts. As split now, 1 of 2 parts would \
                   be sent again. Change spec.split back, or allow this with spec.bypassGuardsForHash: \"{hash}\".";
    assert_eq!(blocked(split_guard(&desired)), tripped(&desired, message));
}

#[test]
fn splitting_an_audience_that_is_in_the_workspace_waits_for_a_person() {
    let desired = split(3, json!({}));
    let message = "nothing is sent: this list is already in the workspace as one audience. Its members would be sent \
                   again in 3 parts. Change spec.split back, or allow this with spec.bypassGuardsForHash: \"{hash}\".";
    assert_eq!(shown(splits_existing(&desired)), tripped(&desired, message));
}

#[test]
fn joining_parts_that_are_in_the_workspace_waits_for_a_person() {
    let joined = |bypass: &str| contacts(spec(1..=2, json!({"bypassGuardsForHash": bypass})));
    let plain = joined("");
    let message = "nothing is sent: this list is already in the workspace in 1 part. Its members would be sent again \
                   as one audience. Change spec.split back, or allow this with spec.bypassGuardsForHash: \"{hash}\".";
    let other_list = AudienceStatus { list_hash: Some("0".repeat(64)), ..status(&plain, &["0"], 1) };
    let table = [
        ("parts of it are created", plain.clone(), status(&plain, &["0", "1"], 1), true),
        ("no part is created", plain.clone(), status(&plain, &["0", "1"], 0), false),
        ("it wasn't split", plain.clone(), status(&plain, &[], 0), false),
        ("another list was split", plain.clone(), other_list, false),
        ("a bypass", joined(plain.list.hash.short()), status(&plain, &["0"], 1), false),
        ("the bypass of another list", joined("0123456789ab"), status(&plain, &["0"], 1), true),
    ];
    for (what, mut desired, status, is_blocked) in table {
        desired.audience.status = status;
        let expected = is_blocked.then(|| tripped(&desired, message));
        assert_eq!(join_guard(&desired).map(shown), expected, "{what}");
    }
}

/// A part of this many members with the receipt `ar-` and its name.
fn part(name: &str, to_send: u64) -> PlannedPart {
    let part = ListPart { name: name.to_owned(), to_send, ..named(&[1]).to_send() };
    PlannedPart { part, plan: Box::new(plan(&format!("ar-{name}"))), variant: None }
}

/// The status of such a part that was created with 1 member.
fn published_part(name: &str, members: u64, reason: Reason, created: bool) -> PartStatus {
    PartStatus {
        name: name.to_owned(),
        receipt: format!("ar-{name}"),
        members,
        reason: reason.as_str().to_owned(),
        created: created.then_some(CreatedPart { time: at(1), members: 1 }),
    }
}

#[test]
fn a_part_is_created_where_the_status_of_this_generation_reports_it_with_the_same_members() {
    let table = [
        ("it is", Some(published_part("0", 1, Reason::Created, true)), Some(3), true),
        ("a status of another generation", Some(published_part("0", 1, Reason::Created, true)), Some(2), false),
        ("another number of members", Some(published_part("0", 2, Reason::Created, true)), Some(3), false),
        ("it isn't created", Some(published_part("0", 1, Reason::Queued, false)), Some(3), false),
        ("another part", Some(published_part("1", 1, Reason::Created, true)), Some(3), false),
        ("nothing is reported", None, Some(3), false),
    ];
    for (what, published, generation, expected) in table {
        let mut audience = named(&[1]).audience;
        audience.status.observed_generation = generation;
        audience.status.parts = published.into_iter().collect();
        assert_eq!(is_created(&audience, &part("0", 1)), expected, "{what}");
        let other_receipt = PlannedPart { plan: Box::new(plan("ar-other")), ..part("0", 1) };
        assert!(!is_created(&audience, &other_receipt), "{what}: by its receipt");
    }
}

/// The result of a part without an audience in the workspace.
fn waits(name: &str, phase: Phase, reason: Reason) -> PartResult {
    PartResult { readiness: Readiness::new(phase, reason, "why"), receipt: format!("ar-{name}"), existing: None }
}

/// The result of a part that is in the workspace since this second.
fn done(name: &str, reason: Reason, second: i64, members: u64, own: bool) -> PartResult {
    let audience = CreatedAudience { receipt: format!("ar-{name}"), time: at(second), members };
    PartResult { existing: Some(ExistingAudience { audience, own }), ..waits(name, Phase::Ready, reason) }
}

/// The state of a list with these parts, each of 1 member, after a status with others.
fn state(published: Vec<PartStatus>, results: Vec<(&str, Option<PartResult>)>) -> SplitState {
    let mut audience = named(&[1]).audience;
    audience.status.parts = published;
    let parts: Vec<_> = results.into_iter().map(|(name, result)| (part(name, 1), result)).collect();
    aggregate(&audience, parts.iter().map(|(part, result)| (part, result.clone())))
}

#[test]
fn once_every_part_is_created_they_are_one_audience_with_all_members_since_the_newest_of_them() {
    use Reason::{AlreadyCreated, Created};
    let table = [
        ("all were created now", [(Created, true), (Created, true)], Created, true),
        ("one was created now", [(AlreadyCreated, false), (Created, true)], Created, true),
        (
            "all were created before for this resource",
            [(AlreadyCreated, true), (AlreadyCreated, true)],
            AlreadyCreated,
            true,
        ),
        (
            "all were created before for another resource",
            [(AlreadyCreated, false), (AlreadyCreated, false)],
            AlreadyCreated,
            false,
        ),
    ];
    for (what, [(first, first_own), (second, second_own)], reason, own) in table {
        let SplitState { readiness, existing, parts } = state(
            vec![],
            vec![("0", Some(done("0", first, 9, 3, first_own))), ("1", Some(done("1", second, 5, 4, second_own)))],
        );
        let message = "the list is 2 audiences in the workspace, with 7 members in total; see status.parts";
        assert_eq!(shown(readiness), (reason, message.to_owned(), Phase::Ready), "{what}");
        let audience = CreatedAudience { receipt: "ar-0".into(), time: at(9), members: 7 };
        assert_eq!(existing, Some(ExistingAudience { audience, own }), "{what}");
        let reasons: Vec<_> = parts.iter().map(|part| part.reason.as_str()).collect();
        assert_eq!(reasons, [first.as_str(), second.as_str()], "{what}");
        assert_eq!(parts[1].created, Some(CreatedPart { time: at(5), members: 4 }), "{what}");
    }
}

#[test]
fn the_part_that_needs_attention_first_decides_the_state_of_the_list() {
    use Phase::{Idle, Reconciling, Stalled};
    let queued = "this part waits for its turn";
    let waiting = |phase, reason| move |name| Some(waits(name, phase, reason));
    let busy = waiting(Reconciling, Reason::RateLimited);
    let stuck = waiting(Stalled, Reason::OutcomeUnknown);
    let off = waiting(Idle, Reason::Suspended);
    let table = [
        ("one waits", vec![("0", busy("0"))], Reason::RateLimited, Reconciling, "part 0: why".to_owned()),
        ("one has no result", vec![("0", None)], Reason::Queued, Reconciling, format!("part 0: {queued}")),
        (
            "one waits and others have no result",
            vec![("0", busy("0")), ("1", None)],
            Reason::RateLimited,
            Reconciling,
            "part 0: why".to_owned(),
        ),
        (
            "one has no result and another waits",
            vec![("0", None), ("1", busy("1"))],
            Reason::Queued,
            Reconciling,
            format!("part 0: {queued}"),
        ),
        (
            "a stalled one after one that waits",
            vec![("0", busy("0")), ("1", None), ("2", stuck("2"))],
            Reason::OutcomeUnknown,
            Stalled,
            "part 2: why".to_owned(),
        ),
        (
            "a stalled one before one that waits",
            vec![("0", stuck("0")), ("1", busy("1"))],
            Reason::OutcomeUnknown,
            Stalled,
            "part 0: why".to_owned(),
        ),
        (
            "of two stalled ones the first",
            vec![("0", stuck("0")), ("1", stuck("1"))],
            Reason::OutcomeUnknown,
            Stalled,
            "part 0: why".to_owned(),
        ),
        (
            "one waits after a suspended one",
            vec![("0", off("0")), ("1", busy("1"))],
            Reason::RateLimited,
            Reconciling,
            "part 1: why".to_owned(),
        ),
        (
            "all are suspended",
            vec![("0", off("0")), ("1", off("1"))],
            Reason::Suspended,
            Idle,
            "part 0: why".to_owned(),
        ),
    ];
    for (what, mut results, reason, phase, message) in table {
        let many = results.len() + 1;
        results.push(("9", Some(done("9", Reason::Created, 1, 1, true))));
        let SplitState { readiness, existing, parts } = state(vec![], results);
        let message = format!("parts created: 1 of {many}; {message}");
        assert_eq!(shown(readiness), (reason, message, phase), "{what}");
        assert_eq!((existing, parts.len()), (None, many), "{what}: it isn't one audience yet");
    }
}

#[test]
fn a_part_without_a_result_is_what_the_status_reports_of_it() {
    let published = vec![
        published_part("0", 1, Reason::Created, true),
        published_part("1", 1, Reason::RateLimited, false),
        PartStatus { receipt: "ar-older".into(), ..published_part("2", 1, Reason::Created, true) },
    ];
    let created = state(published.clone(), vec![("0", None)]);
    assert_eq!(created.readiness.reason(), Reason::Created);
    assert_eq!(created.parts, published[..1]);
    for name in ["1", "2"] {
        let SplitState { readiness, parts, .. } = state(published.clone(), vec![("0", None), (name, None)]);
        let message = format!("parts created: 1 of 2; part {name}: this part waits for its turn");
        assert_eq!(shown(readiness), (Reason::Queued, message, Phase::Reconciling));
        assert_eq!(parts[1], published_part(name, 1, Reason::Queued, false));
    }
}

#[test]
fn a_part_that_waits_again_remains_the_audience_that_it_was() {
    let published = vec![published_part("0", 1, Reason::Created, true)];
    let waits = waits("0", Phase::Stalled, Reason::ReceiptUnreadable);
    let SplitState { readiness, parts, .. } = state(published, vec![("0", Some(waits))]);
    assert_eq!(readiness.verdict.message, "parts created: 1 of 1; part 0: why");
    assert_eq!(parts, [published_part("0", 1, Reason::ReceiptUnreadable, true)]);
}

#[test]
fn a_part_of_suppressed_members_alone_blocks_nothing() {
    let empty = waits("0", Phase::Stalled, Reason::EmptyList);
    let results = vec![("0", Some(empty)), ("1", Some(done("1", Reason::Created, 5, 4, true)))];
    let SplitState { readiness, existing, parts } = state(vec![], results);
    let message = "the list is 1 audience in the workspace, with 4 members in total; see status.parts";
    assert_eq!(shown(readiness), (Reason::Created, message.to_owned(), Phase::Ready));
    assert_eq!(existing.map(|existing| existing.audience.receipt).as_deref(), Some("ar-1"));
    assert_eq!(parts[0], published_part("0", 1, Reason::EmptyList, false));
}

#[test]
fn a_list_whose_parts_are_all_suppressed_is_not_ready() {
    let results = ["0", "1"].map(|name| (name, Some(waits(name, Phase::Stalled, Reason::EmptyList))));
    let SplitState { readiness, existing, parts } = state(vec![], results.into());
    assert_eq!(shown(readiness), (Reason::EmptyList, "why".to_owned(), Phase::Stalled));
    assert_eq!((existing, parts.len()), (None, 2));
}
