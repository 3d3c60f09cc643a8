//! Runs cases in parallel, and prints the table of results.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::checks::CaseResult;

/// How many cases run in parallel; most of the time they wait.
const AT_ONCE: usize = 10;

/// The results of some cases.
#[derive(Default)]
pub struct Row {
    name: String,
    cases: usize,
    /// Cases in which the request to catch was never sent.
    missed: usize,
    requests: usize,
    unknowns: usize,
    failed: Vec<String>,
}

impl Row {
    pub fn new(name: String) -> Self {
        Self { name, ..Self::default() }
    }

    pub fn add(&mut self, case: &str, result: Option<&CaseResult>) {
        self.cases += 1;
        match result {
            None => self.failed.push(case.to_owned()),
            Some(result) => {
                self.missed += usize::from(!result.caught);
                self.requests += result.requests;
                self.unknowns += result.unknowns;
            }
        }
    }
}

/// A case, its name and its result; none if it failed.
pub type Finished<T> = (T, String, Option<CaseResult>);

/// Runs all the cases and prints the progress. A failed case prints its details immediately; the other cases go on.
pub fn run_all<T: Copy + Send + Sync>(
    name: &str,
    cases: &[T],
    label: impl Fn(&T) -> String + Sync,
    run: impl Fn(&T) -> CaseResult + Sync,
) -> Vec<Finished<T>> {
    let filter = std::env::var("TORTURE_CASE").unwrap_or_default();
    let cases: Vec<_> = cases.iter().filter(|case| label(case).contains(&filter)).copied().collect();
    let started = Instant::now();
    let next = AtomicUsize::new(0);
    let finished: Mutex<Vec<Finished<T>>> = Mutex::default();
    let work = || {
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            let result = catch_unwind(AssertUnwindSafe(|| run(case))).ok();
            let mut finished = finished.lock().expect("not poisoned");
            if let Some(result) = result.as_ref().filter(|result| !filter.is_empty() || !result.caught) {
                eprintln!("{}: {result:?}", label(case));
            }
            finished.push((*case, label(case), result));
            let done = finished.len();
            if done.is_multiple_of(50) {
                let failed = finished.iter().filter(|(_, _, result)| result.is_none()).count();
                let seconds = started.elapsed().as_secs();
                eprintln!("{name}: {done} of {} cases done after {seconds} s, {failed} failed", cases.len());
            }
        }
    };
    thread::scope(|scope| {
        for at in 0..AT_ONCE.min(cases.len()) {
            thread::Builder::new()
                .name(format!("torture-{at}"))
                .spawn_scoped(scope, work)
                .expect("a thread can be started");
        }
    });
    finished.into_inner().expect("not poisoned")
}

/// Runs cases that are one row of the table.
pub fn run_row<T: Copy + Send + Sync>(
    name: &str,
    cases: &[T],
    label: impl Fn(&T) -> String + Sync,
    run: impl Fn(&T) -> CaseResult + Sync,
) -> Row {
    let mut row = Row::new(name.to_owned());
    for (_, case, result) in run_all(name, cases, label, run) {
        row.add(&case, result.as_ref());
    }
    row
}

/// Prints the table, and fails if a case has failed.
#[track_caller]
pub fn print_table(rows: &[Row]) {
    let line = |name: &str, row: &Row| {
        let Row { cases, missed, requests, unknowns, failed, .. } = row;
        eprintln!("{name:44} {cases:>7} {requests:>9} {unknowns:>9} {missed:>7} {:>7}", failed.len());
    };
    eprintln!("\n{:44} {:>7} {:>9} {:>9} {:>7} {:>7}", "", "cases", "requests", "unknown", "missed", "failed");
    let mut all = Row::default();
    for row in rows {
        line(&row.name, row);
        all.cases += row.cases;
        all.missed += row.missed;
        all.requests += row.requests;
        all.unknowns += row.unknowns;
        all.failed.extend(row.failed.iter().cloned());
    }
    line("total", &all);
    assert!(
        all.failed.is_empty(),
        "failed cases (to run only one, set TORTURE_CASE to a part of its name): {:#?}",
        all.failed
    );
    assert!(all.missed * 20 <= all.cases, "in more than 5 % of the cases, the request to catch was never sent");
}

/// The seed of this run: `TORTURE_SEED`, or a new one. It is printed.
pub fn seed(what: &str) -> u64 {
    let given = std::env::var("TORTURE_SEED").ok();
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let seed = given.map_or_else(now, |text| text.parse().expect("TORTURE_SEED is a number"));
    eprintln!("{what}: repeat it with TORTURE_SEED={seed}");
    seed
}
