use super::*;
use crate::controller::fixtures::{at, attempt, ended, receipt};
use crate::ledger::{OutcomeResult, claim};

const DAY: i64 = 24 * 60 * 60;

#[test]
fn the_budget_of_a_day_is_spent_to_its_limit_and_not_beyond() {
    let budgets = Budgets::default();
    assert!(budgets.try_spend("acme", 2, at(0), "a"));
    assert!(budgets.try_spend("acme", 2, at(1), "b"));
    assert!(!budgets.try_spend("acme", 2, at(2), "c"));
    assert_eq!(budgets.used("acme", at(3)), 2);
    assert!(budgets.try_spend("acme", 2, at(DAY), "c"), "tomorrow there is room");
    assert!(!budgets.try_spend("acme", 0, at(2 * DAY), "d"), "a limit of none is kept too");
}

#[test]
fn each_workspace_id_has_its_own_budget() {
    let budgets = Budgets::default();
    assert!(budgets.try_spend("acme", 1, at(0), "a"));
    assert!(budgets.try_spend("other", 1, at(0), "b"));
    budgets.refund("other", "b");
    assert_eq!((budgets.used("acme", at(0)), budgets.used("other", at(0)), budgets.used("none", at(0))), (1, 0, 0));
}

#[test]
fn what_sent_nothing_makes_room_again() {
    let budgets = Budgets::default();
    assert!(budgets.try_spend("acme", 1, at(0), "a"));
    budgets.refund("acme", "a");
    assert!(budgets.try_spend("acme", 1, at(0), "b"));
}

#[test]
fn receipts_count_for_the_workspace_that_they_name() {
    let budgets = Budgets::default();
    budgets.count(at(10), &receipt(claim(None, attempt("a"))));
    budgets.count(at(10), &receipt(claim(None, attempt("a"))));
    budgets.count(at(10), &receipt(ended(None, "b", OutcomeResult::NotSent, "rate_limited", None)));
    budgets.count(at(10), &receipt(ended(None, "c", OutcomeResult::Unknown, "timeout", None)));
    assert_eq!(budgets.used("acme", at(10)), 2);
}
