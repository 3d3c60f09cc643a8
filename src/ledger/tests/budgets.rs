//! The creates of a UTC day.

use super::*;

const DAY: i64 = 24 * 60 * 60;

#[test]
fn an_attempt_counts_once_and_only_on_its_day() {
    let mut budget = DayBudget::default();
    assert_eq!(budget.used(at(0)), 0);
    budget.spend(at(0), "a");
    budget.spend(at(1), "a");
    budget.spend(at(2), "b");
    assert_eq!(budget.used(at(DAY - 1)), 2);
    assert_eq!(budget.used(at(DAY)), 0);
    assert_eq!(budget.used(at(-1)), 0);
}

#[test]
fn a_day_starts_at_midnight_utc() {
    assert_eq!(DayBudget::day_of(at(DAY - 1)).to_string(), "2026-01-05");
    assert_eq!(DayBudget::day_of(at(DAY)).to_string(), "2026-01-06");
    let mut budget = DayBudget::default();
    budget.spend(at(DAY - 1), "a");
    budget.spend(at(DAY), "b");
    assert_eq!((budget.used(at(DAY)), budget.used(at(0))), (1, 0));
}

#[test]
fn an_attempt_that_sent_nothing_is_refunded() {
    let mut budget = DayBudget::default();
    budget.spend(at(0), "a");
    budget.spend(at(0), "b");
    budget.refund("a");
    budget.refund("a");
    budget.refund("never spent");
    assert_eq!(budget.used(at(0)), 1);
}

#[test]
fn a_receipt_counts_its_attempts_of_the_day_except_those_that_sent_nothing() {
    let mut attempts: Vec<_> =
        RESULTS.iter().zip(["a", "b", "c", "d"]).map(|(result, id)| ended(id, *result)).collect();
    attempts.push(attempt("in progress"));
    attempts.push(Attempt { claimed_at: at(-1), ..ended("yesterday", OutcomeResult::Created) });
    let record = record(attempts, vec![]);
    let mut budget = DayBudget::default();
    budget.count(at(10), &record);
    budget.count(at(20), &record);
    assert_eq!(budget.used(at(20)), 4);
    budget.spend(at(30), "in progress");
    assert_eq!(budget.used(at(30)), 4, "an attempt in progress and the same attempt in its receipt count once");
}

#[test]
fn counting_on_another_day_starts_from_zero() {
    let mut budget = DayBudget::default();
    budget.spend(at(0), "a");
    budget.count(at(DAY), &record(vec![ended("b", OutcomeResult::Created)], vec![]));
    assert_eq!(budget.used(at(DAY)), 0);
}
