//! Cases side by side, and the table of what came of them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::judge::Verdict;

/// How many cases run at once; they mostly wait.
const AT_ONCE: usize = 10;

/// What came of some cases.
#[derive(Default)]
pub struct Row {
    name: String,
    cases: usize,
    /// Cases in which the request that was to be caught never came.
    missed: usize,
    requests: usize,
    unknowns: usize,
    failed: Vec<String>,
}

impl Row {
    pub fn new(name: String) -> Self {
        Self { name, ..Self::default() }
    }

    pub fn add(&mut self, case: &str, verdict: Option<&Verdict>) {
        self.cases += 1;
        match verdict {
            None => self.failed.push(case.to_owned()),
            Some(verdict) => {
                self.missed += usize::from(!verdict.caught);
                self.requests += verdict.requests;
                self.unknowns += verdict.unknowns;
            }
        }
    }
}

/// A case by its name, and none for a verdict if it failed.
pub type Ended<T> = (T, String, Option<Verdict>);

/// Runs all the cases and shows how far it is. A failure says all there is to know at once, and ends nothing else.
pub fn run_all<T: Copy + Send + Sync>(
    name: &str,
    cases: &[T],
    label: impl Fn(&T) -> String + Sync,
    run: impl Fn(&T) -> Verdict + Sync,
) -> Vec<Ended<T>> {
    let filter = std::env::var("TORTURE_CASE").unwrap_or_default();
    let cases: Vec<_> = cases.iter().filter(|case| label(case).contains(&filter)).copied().collect();
    let started = Instant::now();
    let next = AtomicUsize::new(0);
    let ended: Mutex<Vec<Ended<T>>> = Mutex::default();
    let work = || {
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            let verdict = catch_unwind(AssertUnwindSafe(|| run(case))).ok();
            let mut ended = ended.lock().expect("nobody panics with it");
            if let Some(verdict) = verdict.as_ref().filter(|verdict| !filter.is_empty() || !verdict.caught) {
                eprintln!("{}: {verdict:?}", label(case));
            }
            ended.push((*case, label(case), verdict));
            let done = ended.len();
            if done.is_multiple_of(50) {
                let failed = ended.iter().filter(|(_, _, verdict)| verdict.is_none()).count();
                let seconds = started.elapsed().as_secs();
                eprintln!("{name}: {done} of {} in {seconds} s, {failed} failed", cases.len());
            }
        }
    };
    thread::scope(|scope| {
        for at in 0..AT_ONCE.min(cases.len()) {
            thread::Builder::new().name(format!("torture-{at}")).spawn_scoped(scope, work).expect("a thread");
        }
    });
    ended.into_inner().expect("nobody panicked with it")
}

/// Runs cases that make one row of the table.
pub fn row<T: Copy + Send + Sync>(
    name: &str,
    cases: &[T],
    label: impl Fn(&T) -> String + Sync,
    run: impl Fn(&T) -> Verdict + Sync,
) -> Row {
    let mut row = Row::new(name.to_owned());
    for (_, case, verdict) in run_all(name, cases, label, run) {
        row.add(&case, verdict.as_ref());
    }
    row
}

/// Prints the table, and fails if a case did.
#[track_caller]
pub fn tell(rows: &[Row]) {
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
    line("all", &all);
    assert!(all.failed.is_empty(), "these failed; TORTURE_CASE with a part of a name runs it alone: {:#?}", all.failed);
    assert!(all.missed * 20 <= all.cases, "too many cases never met the request that they wait for");
}

/// The seed of this run: `TORTURE_SEED`, or a new one, which is told.
pub fn seed(what: &str) -> u64 {
    let given = std::env::var("TORTURE_SEED").ok();
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let seed = given.map_or_else(now, |text| text.parse().expect("TORTURE_SEED is a number"));
    eprintln!("{what}: TORTURE_SEED={seed} gives the same again");
    seed
}
