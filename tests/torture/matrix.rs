//! The combinations of scenario, request, point and action.

use std::collections::BTreeMap;

use rand::SeedableRng as _;
use rand::rngs::SmallRng;
use rand::seq::SliceRandom as _;

use super::action::Action;
use super::case::{Case, Plan};
use super::checks::CaseResult;
use super::report::{Row, run_all, seed};
use super::scenario::Scenario;
use crate::support::call::Call;
use crate::support::intercept::{Point, Trap};

/// Every scenario without a fault; if the user acts while requests are paused, a claim is caught for it.
pub fn without_faults() -> Vec<Plan> {
    let trap = |scenario: Scenario| {
        let point = Point::Answered;
        scenario.acts_while_paused().then_some(Trap { call: Call::Claim, nth: 1, point })
    };
    Scenario::ALL.map(|scenario| Plan { scenario, trap: trap(scenario), action: Action::Wait }).to_vec()
}

/// Every request of every scenario, at every point, with every action.
pub fn all() -> Vec<Plan> {
    let mut plans = vec![];
    for scenario in Scenario::ALL {
        for &(call, most) in scenario.calls() {
            for nth in 1..=most {
                for point in Point::ALL {
                    for action in Action::ALL {
                        // `Wait` tests nothing unless the user acts meanwhile.
                        if action != Action::Wait || scenario.acts_while_paused() {
                            plans.push(Plan { scenario, trap: Some(Trap { call, nth, point }), action });
                        }
                    }
                }
            }
        }
    }
    plans
}

/// Kills at each kind of request that a create needs.
pub fn kills() -> Vec<Plan> {
    let mut plans = all();
    plans.retain(|plan| {
        let first = plan.trap.is_some_and(|trap| trap.nth == 1);
        plan.scenario == Scenario::Create && plan.action == Action::Kill && first
    });
    plans
}

/// Up to `count` of the cases, in a random order that depends on the seed.
pub fn sample(mut plans: Vec<Plan>, count: usize) -> Vec<Plan> {
    plans.shuffle(&mut SmallRng::seed_from_u64(seed("the order of the cases")));
    plans.truncate(count);
    plans
}

/// Runs cases, and returns a row for each scenario.
pub fn run(name: &str, plans: &[Plan]) -> Vec<Row> {
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    for (plan, label, result) in run_all(name, plans, Plan::to_string, Case::run) {
        let name = format!("{name}: {:?}", plan.scenario);
        rows.entry(name.clone()).or_insert_with(|| Row::new(name)).add(&label, result.as_ref());
        let Some(result) = result else { continue };
        let uncovered = uncovered_calls(&plan, &result);
        assert!(uncovered.is_empty(), "{label} sends requests that no case catches: {uncovered:?}");
    }
    rows.into_values().collect()
}

/// Requests of a case without a fault that no case of its scenario catches. Kinds that also come by chance, because a
/// watch ended or time passed, don't count.
fn uncovered_calls(plan: &Plan, result: &CaseResult) -> Vec<Call> {
    let by_chance = [Call::List, Call::Watch, Call::Secret, Call::Lease, Call::Receipt];
    let covered = |call: &Call| plan.scenario.calls().iter().any(|(covered, _)| covered == call);
    let calls =
        result.calls.keys().filter(|call| plan.action == Action::Wait && !by_chance.contains(call) && !covered(call));
    calls.copied().collect()
}
