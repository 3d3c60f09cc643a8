//! Model checking of the ledger's functions: explores every order of events within limits. It is a separate test
//! binary, because it uses every processor and other tests measure time.
//!
//! `MODELS=large` raises the limits. The number of states is printed (`--nocapture`).

#![allow(clippy::unwrap_used)]
#![allow(clippy::print_stdout, reason = "prints how many states were explored")]

mod broken;
mod objects;
mod world;

use stateright::{Checker, HasDiscoveries, Model, Property};

use propensity_operator::clock::Stopwatch;
use propensity_operator::ledger::{OutcomeResult, Policy, Record, Resolve, ResolvedBy, SendPolicy, State};

use broken::Broken;
use world::{Action, Limits, World};

/// A model with its limits, its policy and the removed safeguard, if any.
#[derive(Clone)]
struct BoundedModel {
    processes: usize,
    lists: usize,
    limits: Limits,
    policy: Policy,
    broken: Broken,
}

impl Model for BoundedModel {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(self.processes, self.lists, self.limits)]
    }

    fn actions(&self, state: &World, actions: &mut Vec<Action>) {
        // After a violation there is nothing more to explore.
        if state.violation.is_none() {
            state.actions(actions);
        }
    }

    fn next_state(&self, state: &World, action: Action) -> Option<World> {
        let mut next = state.clone();
        next.take(&action, self.broken, &self.policy);
        (next != *state).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(
                "a request is sent only after its claim, and a claim only if the receipt and the audience allow it",
                |_, s: &World| s.violation.is_none(),
            ),
            Property::always("an attempt is sent at most once", |_, s: &World| {
                s.requests.windows(2).all(|pair| pair[0].attempt != pair[1].attempt)
            }),
            Property::always("an audience is created once, and again for each authorisation", |_, s: &World| {
                (0..s.receipts.len()).all(|list| {
                    let stored = s.requests.iter().filter(|r| r.list == list && r.stored).count();
                    stored <= 1 + authorisations(s, list)
                })
            }),
            Property::always("no recorded outcome contradicts what was really created", |_, s: &World| {
                s.receipts.iter().flatten().flat_map(|stored| &stored.record.attempts).all(|attempt| {
                    let is_stored = s.requests.iter().any(|r| r.attempt == attempt.id && r.stored);
                    match attempt.outcome.as_ref().map(|o| o.result) {
                        Some(OutcomeResult::Created) => is_stored,
                        Some(OutcomeResult::NotSent | OutcomeResult::Rejected) => !is_stored,
                        Some(OutcomeResult::Unknown) | None => true,
                    }
                })
            }),
            Property::always("the policy keeps its limit", |model: &Self, s: &World| {
                let by_policy =
                    |record: &Record| record.resolutions.iter().filter(|r| r.by == ResolvedBy::Policy).count();
                let most = model.policy.audience.max_sends.saturating_sub(1) as usize;
                let most = if model.policy.allowed && model.policy.audience.send_again { most } else { 0 };
                s.receipts.iter().flatten().all(|stored| by_policy(&stored.record) <= most)
            }),
            Property::always("every created audience has its attempt in the receipt", |_, s: &World| {
                s.requests.iter().filter(|request| request.stored).all(|request| {
                    let stored = s.receipts[request.list].as_ref();
                    stored.is_some_and(|stored| stored.record.attempt(&request.attempt).is_some())
                })
            }),
            Property::always(
                "after faults stop, nothing forbidden happens and every attempt gets an outcome",
                |model: &Self, s: &World| {
                    if !s.is_quiet() {
                        return true;
                    }
                    let end = s.after_faults(model.broken, &model.policy);
                    let all_have_outcomes =
                        end.receipts.iter().flatten().all(|stored| stored.record.open_attempt().is_none());
                    let wanted = end.receipts[end.wanted].as_ref().map(|stored| stored.record.state);
                    let newest = end.suspended
                        || matches!(wanted, Some(State::Created | State::Rejected | State::Unknown | State::Dismissed));
                    all_have_outcomes && newest && end.violation.is_none()
                },
            ),
            Property::sometimes("an audience is created", |_, s: &World| {
                s.receipts.iter().flatten().any(|stored| stored.record.state == State::Created)
            }),
        ]
    }
}

fn authorisations(world: &World, list: usize) -> usize {
    let record = world.receipts[list].as_ref().map(|stored| &stored.record);
    record.map_or(0, |record| record.resolutions.iter().filter(|r| r.decision == Resolve::SendAgain).count())
}

fn hold() -> Policy {
    Policy { audience: SendPolicy { send_again: false, max_sends: 2, after_seconds: 900 }, allowed: true }
}

fn send_again() -> Policy {
    Policy { audience: SendPolicy { send_again: true, max_sends: 2, after_seconds: 900 }, allowed: true }
}

fn large() -> bool {
    std::env::var("MODELS").is_ok_and(|size| size == "large")
}

/// Two replicas, crashes, lost and late answers, waits past every deadline.
fn protocol() -> BoundedModel {
    let each = 1 + u8::from(large());
    let limits = Limits { crashes: each, losses: each, ambiguities: 1, waits: 1, attempts: 2, ..Limits::default() };
    BoundedModel { processes: 2, lists: 1, limits, policy: hold(), broken: Broken::Nothing }
}

/// The list changes and changes back, and the audience is suspended at any time.
fn edits() -> BoundedModel {
    let limits = Limits {
        crashes: 1,
        losses: u8::from(large()),
        ambiguities: 1,
        edits: 2,
        waits: 1,
        attempts: 3,
        ..Limits::default()
    };
    BoundedModel { processes: 1, lists: 2, limits, policy: hold(), broken: Broken::Nothing }
}

/// A person resolves at any time, also too early and too late.
fn resolution() -> BoundedModel {
    let more = u8::from(large());
    let limits = Limits {
        ambiguities: more,
        refusals: 1,
        resolutions: 1,
        waits: 1,
        attempts: 2,
        crashes: more,
        ..Limits::default()
    };
    BoundedModel { processes: 2, lists: 1, limits, policy: hold(), broken: Broken::Nothing }
}

/// The policy sends again, within its limit.
fn policy() -> BoundedModel {
    let (processes, each) = if large() { (2, 2) } else { (1, 3) };
    let limits = Limits { ambiguities: each, waits: each, attempts: 3, ..Limits::default() };
    BoundedModel { processes, lists: 1, limits, policy: send_again(), broken: Broken::Nothing }
}

/// Explores all states of a model.
fn explore(name: &str, model: BoundedModel) {
    let started = Stopwatch::start();
    let checker = model.checker().threads(2).spawn_bfs().join();
    println!(
        "model {name}: {} states, {} deep, {:.1} s",
        checker.unique_state_count(),
        checker.max_depth(),
        started.elapsed().as_secs_f64()
    );
    assert!(checker.is_done(), "not all states were explored");
    if let Some((property, path)) =
        checker.discoveries().into_iter().find(|(name, _)| *name != "an audience is created")
    {
        panic!("{name}: {property}: {:#?}", path.into_actions());
    }
    checker.assert_any_discovery("an audience is created");
}

#[test]
fn the_protocol_keeps_its_guarantee_in_every_order() {
    explore("protocol", protocol());
}

#[test]
fn edits_keep_the_guarantee_in_every_order() {
    explore("edits", edits());
}

#[test]
fn resolving_keeps_the_guarantee_in_every_order() {
    explore("resolution", resolution());
}

#[test]
fn sending_again_keeps_its_limit_in_every_order() {
    explore("policy", policy());
}

/// The smallest model in which a removed safeguard leads to a counter-example, so that the search is short.
fn model_without(broken: Broken) -> BoundedModel {
    let late = Limits { refusals: 1, resolutions: 1, waits: 1, attempts: 2, ..Limits::default() };
    match broken {
        Broken::CachedSnapshot => edits(),
        Broken::UnboundedSendAgain => policy(),
        Broken::OutcomeOfAnotherAttempt | Broken::LateRefusalReopens => BoundedModel { limits: late, ..resolution() },
        Broken::WallClockOrder | Broken::LastAttemptDecides => {
            BoundedModel { limits: Limits { attempts: 3, ..late }, ..resolution() }
        }
        _ => protocol(),
    }
}

#[test]
fn each_removed_safeguard_leads_to_a_counter_example() {
    for broken in Broken::ALL {
        let model = BoundedModel { broken, ..model_without(broken) };
        let found = model.checker().threads(2).finish_when(HasDiscoveries::AnyFailures).spawn_dfs().join();
        let states = found.unique_state_count();
        let failure = found.discoveries().into_iter().find(|(name, _)| *name != "an audience is created");
        let Some((property, path)) = failure else { panic!("{broken:?}: no counter-example in {states} states") };
        println!("broken {broken:?}: violates \"{property}\"; {} steps, {states} states", path.into_actions().len());
    }
}
