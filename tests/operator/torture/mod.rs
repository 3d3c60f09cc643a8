//! The crash matrix: the real binary, stopped at each request that it makes, at four points of the request's way, while a user
//! goes on. `make torture` tries every case; `make test` a part of them.

mod case;
mod faults;
mod judge;
mod matrix;
mod scenario;

use case::Deed;
use matrix::{Matrix, run};
use scenario::Scenario;

use crate::support::proxy::{Call, Point};

/// How many cases run at once beside other tests; they mostly wait.
const BESIDE_OTHERS: usize = 4;

#[test]
fn without_trouble_every_story_ends_without_an_unknown() {
    run("stories", &matrix::stories(), BESIDE_OTHERS);
}

#[test]
fn a_create_survives_a_kill_at_each_of_its_requests() {
    let matrix = Matrix { scenarios: &[Scenario::Create], deeds: &[Deed::Kill], ..Matrix::WHOLE };
    run("kills", &matrix.plans(|call, nth| nth == 1 && call != Call::Event), BESIDE_OTHERS);
}

#[test]
fn every_story_survives_every_deed_where_it_matters_most() {
    let matrix = Matrix { points: &[Point::Unapplied, Point::Unanswered], ..Matrix::WHOLE };
    let mut plans = matrix.plans(|call, _| [Call::Claim, Call::Post, Call::Outcome].contains(&call));
    matrix::sample(&mut plans, 60);
    run("sample", &plans, BESIDE_OTHERS);
}

#[test]
fn every_fault_of_the_api_under_both_policies() {
    faults::every_fault(BESIDE_OTHERS);
}

#[test]
fn every_storm_of_the_api_server() {
    faults::every_storm(BESIDE_OTHERS, usize::MAX);
}

#[test]
fn a_foreign_writer() {
    faults::foreign_writer();
}

#[test]
fn a_stale_api_server() {
    faults::a_stale_cache_and_a_suspended_audience();
    faults::a_stale_standby_takes_over();
}

#[test]
fn a_small_storm_of_restarts() {
    faults::restart_storm(10, 40);
}

/// All of it. `TORTURE_CASE` runs the cases whose name holds this text, `TORTURE_SEED` gives an order again.
#[test]
#[ignore = "takes half an hour: make torture"]
fn torture() {
    let mut plans = Matrix::WHOLE.plans(|_, _| true);
    matrix::sample(&mut plans, usize::MAX);
    run("the whole matrix", &plans, 10);
}
