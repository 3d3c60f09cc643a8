//! Every order of events within bounds, explored whole, over the ledger's own functions. A binary of its own, since it takes every processor and other tests
//! watch the time.
//!
//! `MODELS=large` widens the bounds; the number of states is printed either way (`--nocapture`).

#![allow(clippy::unwrap_used)]
#![allow(clippy::print_stdout, reason = "how much was explored is what a reader of a run wants to know")]

mod broken;
mod objects;
mod world;

use stateright::{Checker, HasDiscoveries, Model, Property};

use propensity_operator::clock::Stopwatch;
use propensity_operator::ledger::{By, OutcomeResult, Policy, Record, Resolve, SendPolicy, State};

use broken::Broken;
use world::{Action, Allowance, World};

/// A world with its bounds, its policy, and what is broken in it.
#[derive(Clone)]
struct Bounded {
    processes: usize,
    lists: usize,
    allowance: Allowance,
    policy: Policy,
    broken: Broken,
}

impl Model for Bounded {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(self.processes, self.lists, self.allowance)]
    }

    fn actions(&self, state: &World, actions: &mut Vec<Action>) {
        // Behind a violation there is nothing more to learn.
        if state.broken.is_none() {
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
                "a request follows its claim, and a claim what its receipt and the snapshot allow",
                |_, s: &World| s.broken.is_none(),
            ),
            Property::always("an attempt is sent at most once", |_, s: &World| {
                s.requests.windows(2).all(|pair| pair[0].attempt != pair[1].attempt)
            }),
            Property::always("a list is stored once, and once more for each authorisation", |_, s: &World| {
                (0..s.receipts.len()).all(|list| {
                    let stored = s.requests.iter().filter(|r| r.list == list && r.stored).count();
                    stored <= 1 + authorisations(s, list)
                })
            }),
            Property::always(
                "no receipt says of what is stored that it isn't, or the other way round",
                |_, s: &World| {
                    s.receipts.iter().flatten().flat_map(|stored| &stored.record.attempts).all(|attempt| {
                        let is_stored = s.requests.iter().any(|r| r.attempt == attempt.id && r.stored);
                        match attempt.outcome.as_ref().map(|o| o.result) {
                            Some(OutcomeResult::Created) => is_stored,
                            Some(OutcomeResult::NotSent | OutcomeResult::Rejected) => !is_stored,
                            Some(OutcomeResult::Unknown) | None => true,
                        }
                    })
                },
            ),
            Property::always("the policy keeps its bound", |model: &Self, s: &World| {
                let by_policy = |record: &Record| record.resolutions.iter().filter(|r| r.by == By::Policy).count();
                let most = model.policy.audience.max_sends.saturating_sub(1) as usize;
                let most = if model.policy.allowed && model.policy.audience.send_again { most } else { 0 };
                s.receipts.iter().flatten().all(|stored| by_policy(&stored.record) <= most)
            }),
            Property::always("what is stored stands in its receipt", |_, s: &World| {
                s.requests.iter().filter(|request| request.stored).all(|request| {
                    let stored = s.receipts[request.list].as_ref();
                    stored.is_some_and(|stored| stored.record.attempt(&request.attempt).is_some())
                })
            }),
            Property::always(
                "once faults stop, nothing forbidden happens and all ends created, refused, or visibly waiting",
                |model: &Self, s: &World| {
                    if !s.is_quiet() {
                        return true;
                    }
                    let end = s.settled(model.broken, &model.policy);
                    let told = end.receipts.iter().flatten().all(|stored| stored.record.open_attempt().is_none());
                    let wanted = end.receipts[end.wanted].as_ref().map(|stored| stored.record.state);
                    let newest = end.suspended
                        || matches!(wanted, Some(State::Created | State::Rejected | State::Unknown | State::Dismissed));
                    told && newest && end.broken.is_none()
                },
            ),
            Property::sometimes("a list is created", |_, s: &World| {
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

/// Two replicas, crashes, lost and late answers, pauses past every deadline.
fn protocol() -> Bounded {
    let each = 1 + u8::from(large());
    let allowance =
        Allowance { crashes: each, losses: each, ambiguities: 1, leaps: 1, attempts: 2, ..Allowance::default() };
    Bounded { processes: 2, lists: 1, allowance, policy: hold(), broken: Broken::Nothing }
}

/// The list changes, and back, and is suspended at any moment.
fn edits() -> Bounded {
    let allowance = Allowance {
        crashes: 1,
        losses: u8::from(large()),
        ambiguities: 1,
        edits: 2,
        leaps: 1,
        attempts: 3,
        ..Allowance::default()
    };
    Bounded { processes: 1, lists: 2, allowance, policy: hold(), broken: Broken::Nothing }
}

/// A person settles at any time, also too early and too late.
fn resolution() -> Bounded {
    let more = u8::from(large());
    let allowance = Allowance {
        ambiguities: more,
        refusals: 1,
        decisions: 1,
        leaps: 1,
        attempts: 2,
        crashes: more,
        ..Allowance::default()
    };
    Bounded { processes: 2, lists: 1, allowance, policy: hold(), broken: Broken::Nothing }
}

/// The policy sends again, within its bound.
fn policy() -> Bounded {
    let (processes, each) = if large() { (2, 2) } else { (1, 3) };
    let allowance = Allowance { ambiguities: each, leaps: each, attempts: 3, ..Allowance::default() };
    Bounded { processes, lists: 1, allowance, policy: send_again(), broken: Broken::Nothing }
}

/// Explores a model whole.
fn explore(name: &str, model: Bounded) {
    let started = Stopwatch::start();
    let checker = model.checker().threads(2).spawn_bfs().join();
    println!(
        "model {name}: {} states, {} deep, {:.1} s",
        checker.unique_state_count(),
        checker.max_depth(),
        started.elapsed().as_secs_f64()
    );
    assert!(checker.is_done(), "explored whole");
    if let Some((property, path)) = checker.discoveries().into_iter().find(|(name, _)| *name != "a list is created") {
        panic!("{name}: {property}: {:#?}", path.into_actions());
    }
    checker.assert_any_discovery("a list is created");
}

#[test]
fn the_protocol_keeps_its_promise_in_every_order() {
    explore("protocol", protocol());
}

#[test]
fn edits_keep_the_promise_in_every_order() {
    explore("edits", edits());
}

#[test]
fn resolving_keeps_the_promise_in_every_order() {
    explore("resolution", resolution());
}

#[test]
fn sending_again_keeps_its_bound_in_every_order() {
    explore("policy", policy());
}

/// The bounds in which a broken guard shows: as few as it needs, so that the search is short.
fn where_it_shows(broken: Broken) -> Bounded {
    let late = Allowance { refusals: 1, decisions: 1, leaps: 1, attempts: 2, ..Allowance::default() };
    match broken {
        Broken::CachedSnapshot => edits(),
        Broken::UnboundedSendAgain => policy(),
        Broken::OutcomeOfAnotherAttempt | Broken::LateRefusalReopens => Bounded { allowance: late, ..resolution() },
        Broken::WallClockOrder | Broken::LastAttemptDecides => {
            Bounded { allowance: Allowance { attempts: 3, ..late }, ..resolution() }
        }
        _ => protocol(),
    }
}

#[test]
fn each_guard_that_is_taken_away_is_missed() {
    for broken in Broken::ALL {
        let model = Bounded { broken, ..where_it_shows(broken) };
        let found = model.checker().threads(2).finish_when(HasDiscoveries::AnyFailures).spawn_dfs().join();
        let states = found.unique_state_count();
        let failure = found.discoveries().into_iter().find(|(name, _)| *name != "a list is created");
        let Some((property, path)) = failure else { panic!("{broken:?} isn't found in {states} states") };
        println!("broken {broken:?}: not so: {property}; {} steps, {states} states", path.into_actions().len());
    }
}
