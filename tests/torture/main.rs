//! Attempts to break the promise: the real binary is stopped at each request that it makes, at four points of the request's way, while
//! a user goes on; and both its servers misbehave. What came of it is judged by the simulator's log against the receipts.
//!
//! `make test` tries a part of it. `make torture` tries all, by `TORTURE=whole`; then `TORTURE_CASE` runs only the cases whose name
//! holds this text, and `TORTURE_SEED` gives an order and a choice again.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `scenario.rs` | what a user does |
//! | `case.rs` | one case: a scenario, a request that is caught, and what happens to the process that sent it |
//! | `matrix.rs` | which crashes there are |
//! | `faults.rs` | troubles with the API and with the API server, old caches, restarts |
//! | `judge.rs` | the judgement |
//! | `report.rs` | cases side by side, and the table of what came of them |
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test may fail, and it lives on the true clock"
)]

mod case;
mod faults;
mod judge;
mod matrix;
mod report;
mod scenario;
#[path = "../support/mod.rs"]
mod support;

use report::tell;

/// Whether all is to be tried, and not a part.
fn is_whole() -> bool {
    std::env::var("TORTURE").is_ok_and(|what| what == "whole")
}

#[test]
fn torture() {
    let mut rows = matrix::run("a story", &matrix::stories());
    if is_whole() {
        rows.extend(matrix::run("a crash", &matrix::choice(matrix::whole(), usize::MAX)));
    } else {
        rows.extend(matrix::run("a kill", &matrix::kills()));
        rows.extend(matrix::run("a crash", &matrix::choice(matrix::whole(), 80)));
    }
    rows.push(faults::every_fault());
    rows.push(faults::every_storm());
    rows.push(faults::foreign_writer());
    rows.push(faults::a_stale_cache_and_a_suspended_audience());
    rows.push(faults::a_stale_standby_takes_over());
    let (kills, audiences) = if is_whole() { (200, 500) } else { (10, 40) };
    rows.push(faults::restart_storm(kills, audiences));
    tell(&rows);
}
