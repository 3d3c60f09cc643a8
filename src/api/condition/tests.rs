use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("in range")
}

#[test]
fn transition_times_move_only_when_the_status_flips() {
    let desired =
        |status, reason| [DesiredCondition { type_: ConditionType::Ready, status, verdict: Verdict::new(reason, "m") }];
    let first = update(&[], &desired(false, Reason::Queued), Some(1), at(1));
    let same_status = update(&first, &desired(false, Reason::Rejected), Some(1), at(2));
    assert_eq!(same_status[0].last_transition_time.0, at(1));
    assert_eq!(same_status[0].reason, "Rejected");
    let flipped = update(&same_status, &desired(true, Reason::Created), Some(1), at(3));
    assert_eq!(flipped[0].last_transition_time.0, at(3));
    assert_eq!(update(&flipped, &desired(true, Reason::Created), Some(1), at(9)), flipped);
}

#[test]
fn documentation_of_several_lines_is_one_meaning() {
    assert_eq!(Reason::Created.meaning(), "The audience was created by this resource's last request.");
    let ready = ConditionType::Ready.meaning();
    assert!(ready.ends_with("a report or a suppression list: it was read completely."), "{ready}");
}

#[test]
fn a_condition_that_is_no_longer_true_disappears() {
    let stalled = [DesiredCondition {
        type_: ConditionType::Stalled,
        status: true,
        verdict: Verdict::new(Reason::Rejected, "m"),
    }];
    let old = update(&[], &stalled, None, at(1));
    assert!(update(&old, &[], None, at(2)).is_empty());
}
