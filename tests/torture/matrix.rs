//! Which crashes there are.

use std::collections::BTreeMap;

use rand::SeedableRng as _;
use rand::rngs::SmallRng;
use rand::seq::SliceRandom as _;

use super::case::{Case, Deed, Plan};
use super::judge::Verdict;
use super::report::{Row, run_all, seed};
use super::scenario::Scenario;
use crate::support::call::Call;
use crate::support::proxy::{Point, Trap};

/// Every scenario without a deed, with what happens in it midway.
pub fn stories() -> Vec<Plan> {
    let midway = |scenario: Scenario| {
        let point = Point::Answered;
        scenario.has_midway().then_some(Trap { call: Call::Claim, nth: 1, point })
    };
    Scenario::ALL.map(|scenario| Plan { scenario, trap: midway(scenario), deed: Deed::Wait }).to_vec()
}

/// Every request of every scenario, at every point, with every deed.
pub fn whole() -> Vec<Plan> {
    let mut plans = vec![];
    for scenario in Scenario::ALL {
        for &(call, most) in scenario.calls() {
            for nth in 1..=most {
                for point in Point::ALL {
                    for deed in Deed::ALL {
                        // Where nothing happens midway, waiting is no trouble at all.
                        if deed != Deed::Wait || scenario.has_midway() {
                            plans.push(Plan { scenario, trap: Some(Trap { call, nth, point }), deed });
                        }
                    }
                }
            }
        }
    }
    plans
}

/// Kills at each kind of request that creating a list takes.
pub fn kills() -> Vec<Plan> {
    let mut plans = whole();
    plans.retain(|plan| {
        let first = plan.trap.is_some_and(|trap| trap.nth == 1);
        plan.scenario == Scenario::Create && plan.deed == Deed::Kill && first
    });
    plans
}

/// So many of the cases, in an order of the seed.
pub fn choice(mut plans: Vec<Plan>, count: usize) -> Vec<Plan> {
    plans.shuffle(&mut SmallRng::seed_from_u64(seed("the order of the crashes")));
    plans.truncate(count);
    plans
}

/// Runs cases; a row for each scenario.
pub fn run(name: &str, plans: &[Plan]) -> Vec<Row> {
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    for (plan, label, verdict) in run_all(name, plans, Plan::to_string, Case::run) {
        let name = format!("{name}: {:?}", plan.scenario);
        rows.entry(name.clone()).or_insert_with(|| Row::new(name)).add(&label, verdict.as_ref());
        let Some(verdict) = verdict else { continue };
        let unplanned = unplanned(&plan, &verdict);
        assert!(unplanned.is_empty(), "{label} makes requests that no case catches: {unplanned:?}");
    }
    rows.into_values().collect()
}

/// Requests of a story that no case of its scenario catches, where they came for certain and not because a watch ended or time passed.
fn unplanned(plan: &Plan, verdict: &Verdict) -> Vec<Call> {
    let chance = [Call::List, Call::Watch, Call::Secret, Call::Lease, Call::Receipt];
    let planned = |call: &Call| plan.scenario.calls().iter().any(|(planned, _)| planned == call);
    let calls = verdict.calls.keys().filter(|call| plan.deed == Deed::Wait && !chance.contains(call) && !planned(call));
    calls.copied().collect()
}
