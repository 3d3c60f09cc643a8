//! Which cases there are, in what order they run, and the table of what came of them.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use rand::SeedableRng as _;
use rand::rngs::SmallRng;
use rand::seq::SliceRandom as _;

use super::case::{Case, Deed, Plan};
use super::judge::Verdict;
use super::scenario::Scenario;
use crate::support::proxy::{Call, Point, Trap};

/// The cases of some scenarios, points and deeds.
pub struct Matrix {
    pub scenarios: &'static [Scenario],
    pub points: &'static [Point],
    pub deeds: &'static [Deed],
}

impl Matrix {
    pub const WHOLE: Self = Self { scenarios: &Scenario::ALL, points: &Point::ALL, deeds: &Deed::ALL };

    /// All cases whose caught request is one of these.
    pub fn plans(&self, wanted: impl Fn(Call, u32) -> bool) -> Vec<Plan> {
        let mut plans = vec![];
        for &scenario in self.scenarios {
            for &(call, most) in scenario.calls() {
                for nth in (1..=most).filter(|nth| wanted(call, *nth)) {
                    for &point in self.points {
                        for &deed in self.deeds {
                            plans.push(Plan { scenario, trap: Some(Trap { call, nth, point }), deed });
                        }
                    }
                }
            }
        }
        plans
    }
}

/// Every scenario without a deed, with what happens in it midway.
pub fn stories() -> Vec<Plan> {
    let midway = |scenario: Scenario| {
        let point = Point::Answered;
        scenario.has_midway().then_some(Trap { call: Call::Claim, nth: 1, point })
    };
    let plan = |scenario| Plan { scenario, trap: midway(scenario), deed: Deed::Wait };
    Scenario::ALL.map(plan).to_vec()
}

/// The seed of this run: `TORTURE_SEED`, or a new one.
pub fn seed() -> u64 {
    let given = std::env::var("TORTURE_SEED").ok();
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    given.map_or_else(now, |text| text.parse().expect("TORTURE_SEED is a number"))
}

/// So many of the cases, by the seed.
pub fn sample(plans: &mut Vec<Plan>, count: usize) {
    let seed = seed();
    eprintln!("TORTURE_SEED={seed} gives the same {} of {} cases again", count.min(plans.len()), plans.len());
    plans.shuffle(&mut SmallRng::seed_from_u64(seed));
    plans.truncate(count);
}

/// What came of the cases of a kind.
#[derive(Default)]
struct Row {
    cases: usize,
    missed: usize,
    requests: usize,
    unknowns: usize,
    failed: usize,
}

/// Runs cases, shows how far it is, prints a table, and fails if one failed.
pub fn run(name: &str, plans: &[Plan], threads: usize) {
    let filter = std::env::var("TORTURE_CASE").unwrap_or_default();
    let plans: Vec<_> = plans.iter().filter(|plan| plan.to_string().contains(&filter)).copied().collect();
    let started = Instant::now();
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<(Plan, Option<Verdict>)>> = Mutex::default();
    thread::scope(|scope| {
        for at in 0..threads {
            let (next, results, plans) = (&next, &results, &plans);
            let work = move || {
                while let Some(plan) = plans.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let verdict = catch_unwind(AssertUnwindSafe(|| Case::run(plan))).ok();
                    let mut results = results.lock().expect("nobody panics with it");
                    results.push((*plan, verdict));
                    let (done, all) = (results.len(), plans.len());
                    if done % 50 == 0 {
                        let failed = results.iter().filter(|(_, verdict)| verdict.is_none()).count();
                        eprintln!("{name}: {done} of {all} in {} s, {failed} failed", started.elapsed().as_secs());
                    }
                }
            };
            thread::Builder::new().name(format!("torture-{at}")).spawn_scoped(scope, work).expect("a thread");
        }
    });
    let results = results.into_inner().expect("nobody panicked with it");
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    for (plan, verdict) in &results {
        let row = rows.entry(format!("{:?} {:?}", plan.scenario, plan.deed)).or_default();
        row.cases += 1;
        match verdict {
            None => row.failed += 1,
            Some(verdict) => {
                row.missed += usize::from(!verdict.caught);
                row.requests += verdict.requests;
                row.unknowns += verdict.unknowns;
            }
        }
    }
    eprintln!(
        "\n{name}, {} s: {:>17} {:>7} {:>9} {:>9} {:>7}",
        started.elapsed().as_secs(),
        "cases",
        "missed",
        "requests",
        "unknown",
        "failed"
    );
    for (name, Row { cases, missed, requests, unknowns, failed }) in &rows {
        eprintln!("{name:30} {cases:>7} {missed:>7} {requests:>9} {unknowns:>9} {failed:>7}");
    }
    for (plan, verdict) in &results {
        if let Some(verdict) = verdict.as_ref().filter(|verdict| !filter.is_empty() || !verdict.caught) {
            eprintln!("{plan}: {verdict:?}");
        }
    }
    let failed: Vec<_> =
        results.iter().filter(|(_, verdict)| verdict.is_none()).map(|(plan, _)| plan.to_string()).collect();
    assert!(failed.is_empty(), "run these again with TORTURE_CASE=…: {failed:#?}");
}
