//! Attempts to make the operator break its guarantees: the real binary is killed, stopped or disconnected at each of
//! its requests, at four points of the request's way, while a user makes changes; and both of its servers have faults.
//! The simulator's log is then compared with the receipts.
//!
//! `make test` runs a part of the cases, `make torture` runs all of them (`TORTURE=whole`). `TORTURE_CASE` runs only
//! the cases whose name contains this text. `TORTURE_SEED` repeats the order and the selection of a run.
//!
//! | file | content |
//! | --- | --- |
//! | `scenario.rs` | what a user does |
//! | `case.rs` | one case: a scenario, a request that is caught, and what happens to the process that sent it |
//! | `action.rs` | what happens to that process, step by step |
//! | `matrix.rs` | all combinations of scenario, request and action |
//! | `faults.rs` | faults of the API and of the API server, old caches, random kills |
//! | `checks.rs` | the checks of the result |
//! | `report.rs` | runs cases in parallel, and prints the table of results |
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test may panic, and it uses the real clock"
)]

mod action;
mod case;
mod checks;
mod faults;
mod matrix;
mod report;
mod scenario;
#[path = "../support/mod.rs"]
mod support;

use report::print_table;

/// Whether all cases are run, and not only a part of them.
fn run_all_cases() -> bool {
    std::env::var("TORTURE").is_ok_and(|what| what == "whole")
}

#[test]
fn torture() {
    let mut rows = matrix::run("no fault", &matrix::without_faults());
    if run_all_cases() {
        rows.extend(matrix::run("fault", &matrix::sample(matrix::all(), usize::MAX)));
    } else {
        rows.extend(matrix::run("kill", &matrix::kills()));
        rows.extend(matrix::run("fault", &matrix::sample(matrix::all(), 80)));
    }
    rows.push(faults::every_api_fault());
    rows.push(faults::every_api_server_fault());
    rows.push(faults::foreign_writer());
    rows.push(faults::stale_cache_and_suspended_audience());
    rows.push(faults::stale_standby_takes_over());
    let (kills, audiences) = if run_all_cases() { (200, 500) } else { (10, 40) };
    rows.push(faults::random_kills(kills, audiences));
    print_table(&rows);
}
