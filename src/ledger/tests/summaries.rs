//! The summary of a record, for every combination of outcome and resolution.

use super::*;

/// Outcome and resolution; state, known creates, further attempts that may have created an audience.
type Row = (Option<OutcomeResult>, Option<Resolve>, State, u32, u32);

const ONE: [Row; 20] = {
    use OutcomeResult as O;
    use Resolve as R;
    [
        (None, None, State::Claimed, 0, 1),
        // An open attempt can't be resolved. If a resolution was added manually, the attempt stays open.
        (None, Some(R::Created), State::Claimed, 0, 1),
        (None, Some(R::SendAgain), State::Claimed, 0, 1),
        (None, Some(R::Dismiss), State::Claimed, 0, 1),
        (Some(O::Created), None, State::Created, 1, 0),
        (Some(O::Created), Some(R::Created), State::Created, 1, 0),
        (Some(O::Created), Some(R::SendAgain), State::Created, 1, 0),
        (Some(O::Created), Some(R::Dismiss), State::Created, 1, 0),
        (Some(O::Rejected), None, State::Rejected, 0, 0),
        (Some(O::Rejected), Some(R::Created), State::Created, 1, 0),
        (Some(O::Rejected), Some(R::SendAgain), State::Authorised, 0, 0),
        (Some(O::Rejected), Some(R::Dismiss), State::Dismissed, 0, 0),
        (Some(O::NotSent), None, State::NotSent, 0, 0),
        (Some(O::NotSent), Some(R::Created), State::Created, 1, 0),
        (Some(O::NotSent), Some(R::SendAgain), State::Authorised, 0, 0),
        (Some(O::NotSent), Some(R::Dismiss), State::Dismissed, 0, 0),
        (Some(O::Unknown), None, State::Unknown, 0, 1),
        (Some(O::Unknown), Some(R::Created), State::Created, 1, 0),
        (Some(O::Unknown), Some(R::SendAgain), State::Authorised, 0, 1),
        (Some(O::Unknown), Some(R::Dismiss), State::Dismissed, 0, 1),
    ]
};

/// The state that follows from two attempts: rows are the state of the first, columns of the second, both in the order
/// of `State::ALL`.
const TWO: [[State; 7]; 7] = {
    use State::{
        Authorised as A, Claimed as O, Created as C, Dismissed as D, NotSent as N, Rejected as R, Unknown as U,
    };
    [
        [O, O, O, O, O, O, O],
        [O, N, R, U, A, C, D],
        [O, N, R, U, A, C, D],
        [O, U, U, U, U, C, U],
        [O, N, R, U, A, C, D],
        [O, C, C, C, C, C, C],
        [O, N, R, U, A, C, D],
    ]
};

fn made(id: &str, row: &Row) -> (Attempt, Option<Resolution>) {
    let attempt = Attempt { outcome: row.0.map(|result| outcome(result, "some_class")), ..attempt(id) };
    (attempt, row.1.map(|decision| resolution(id, decision)))
}

#[test]
fn the_summary_of_one_attempt_follows_from_its_outcome_and_resolution() {
    for row in &ONE {
        let (attempt, resolution) = made("a", row);
        let record = record(vec![attempt], resolution.into_iter().collect());
        let (.., state, creates, unclear) = *row;
        let expected = RecordSummary { state, creates, possible_extras: 0, may_be_stored: creates + unclear };
        assert_eq!(RecordSummary::of(&record), expected, "{row:?}");
    }
}

#[test]
fn the_summary_of_two_attempts_is_right_in_every_combination() {
    let place = |state| State::ALL.iter().position(|s| *s == state).unwrap();
    for first in &ONE {
        for second in &ONE {
            let (a, resolution_a) = made("a", first);
            let (b, resolution_b) = made("b", second);
            let record = record(vec![a, b], resolution_a.into_iter().chain(resolution_b).collect());
            let state = TWO[place(first.2)][place(second.2)];
            let (creates, unclear) = (first.3 + second.3, first.4 + second.4);
            let possible_extras = if state == State::Created { unclear + creates - 1 } else { 0 };
            let expected = RecordSummary { state, creates, possible_extras, may_be_stored: creates + unclear };
            assert_eq!(RecordSummary::of(&record), expected, "{first:?} {second:?}");
            assert_eq!((record.state, record.possible_extras), (state, possible_extras));
        }
    }
}

#[test]
fn a_late_create_outranks_a_resolution_and_two_creates_count_as_two() {
    let sent_again = record(
        vec![ended("a", OutcomeResult::Unknown), ended("b", OutcomeResult::Created)],
        vec![resolution("a", Resolve::SendAgain)],
    );
    assert_eq!((sent_again.state, sent_again.possible_extras), (State::Created, 1));
    let late = record_outcome(&sent_again, &attempt("a"), outcome(OutcomeResult::Created, "created")).unwrap();
    let expected = RecordSummary { state: State::Created, creates: 2, possible_extras: 1, may_be_stored: 2 };
    assert_eq!(RecordSummary::of(&late), expected);

    let dismissed = record(vec![ended("a", OutcomeResult::Unknown)], vec![resolution("a", Resolve::Dismiss)]);
    let late = record_outcome(&dismissed, &attempt("a"), outcome(OutcomeResult::Created, "created")).unwrap();
    assert_eq!((late.state, late.possible_extras), (State::Created, 0));
}

#[test]
fn a_late_create_closes_a_receipt_that_was_authorised_to_send_again() {
    let authorised = record(vec![ended("a", OutcomeResult::Unknown)], vec![resolution("a", Resolve::SendAgain)]);
    assert_eq!(authorised.state, State::Authorised);
    let late = record_outcome(&authorised, &attempt("a"), outcome(OutcomeResult::Created, "created")).unwrap();
    assert_eq!(late.state, State::Created);
}

#[test]
fn an_earlier_attempt_that_may_have_created_an_audience_is_a_possible_extra() {
    let extras = |first| {
        let attempts = vec![ended("a", first), ended("b", OutcomeResult::Created)];
        record(attempts, vec![resolution("a", Resolve::SendAgain)]).possible_extras
    };
    assert_eq!(RESULTS.map(extras), [1, 0, 0, 1]);
}

#[test]
fn only_created_and_dismissed_receipts_are_closed() {
    let closed: Vec<_> = State::ALL.into_iter().filter(|state| !state.is_open()).collect();
    assert_eq!(closed, [State::Created, State::Dismissed]);
}
