//! One receipt, those who send for it and those who watch it, for the properties. Every step reads the record from its stored form and
//! stores it again, as one write under its version does.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

/// Few enough cases for every run of the tests; `PROPTEST_CASES` asks for more.
pub fn config() -> ProptestConfig {
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { ProptestConfig::default().cases } else { 128 };
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// What really becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is sent; the audience is stored or not, and this is what its holder learns.
    Sent { stored: bool, evidence: Evidence },
    /// Its holder gives it up before it knows that the claim was stored.
    Abandoned,
}

/// What happens next.
#[derive(Clone, Debug)]
pub enum Step {
    /// The audience is looked at, and whatever may be done is done.
    Pass { policy: Policy, fate: Fate },
    /// The holder of one of all attempts so far records what it learned: early, late, or once more.
    Report(usize),
    /// A process that knows nothing of the open attempt, or gave it up, tends the receipt.
    Tend { annotation: Option<(usize, Resolve)> },
    /// Time goes by for whoever watches.
    Watch(u64),
}

fn policy() -> impl Strategy<Value = Policy> {
    (any::<bool>(), 1_u32..4, 0_u64..2_000, prop::bool::weighted(0.8)).prop_map(
        |(send_again, max_sends, after, allowed)| Policy {
            audience: SendPolicy { send_again, max_sends, after_seconds: after },
            allowed,
        },
    )
}

fn fate() -> impl Strategy<Value = Fate> {
    let sent = |stored, evidence| Just(Fate::Sent { stored, evidence });
    prop_oneof![
        3 => sent(true, Evidence::Created),
        2 => sent(false, Evidence::Rejected),
        2 => sent(false, Evidence::NothingStored),
        2 => sent(false, Evidence::Unavailable),
        1 => sent(false, Evidence::NothingSent),
        3 => sent(true, Evidence::Unclear),
        2 => sent(false, Evidence::Unclear),
        1 => Just(Fate::Abandoned),
    ]
}

fn decision() -> impl Strategy<Value = Resolve> {
    prop_oneof![1 => Just(Resolve::Created), 6 => Just(Resolve::SendAgain), 1 => Just(Resolve::Dismiss)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (policy(), fate()).prop_map(|(policy, fate)| Step::Pass { policy, fate }),
        2 => (0_usize..8).prop_map(Step::Report),
        3 => prop::option::of((0_usize..4, decision())).prop_map(|annotation| Step::Tend { annotation }),
        3 => (1_u64..3_000).prop_map(Step::Watch),
    ]
}

/// Any order of events.
pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 1..50)
}

/// A claim that was stored, and what really became of it.
pub struct Flight {
    pub attempt: Attempt,
    pub fate: Fate,
    /// What its holder made of the answer, once.
    judged: Option<OutcomeResult>,
    seen_for: Duration,
}

/// What is true, beside what the receipt says.
#[derive(Default)]
pub struct World {
    pub stored: Option<Value>,
    pub flights: Vec<Flight>,
}

impl World {
    /// The receipt as it is read now.
    pub fn receipt(&self) -> Option<Receipt> {
        self.stored.as_ref().map(|stored| read(stored).expect("what the ledger wrote is readable"))
    }

    /// What an audience would do now.
    pub fn decision(&self, policy: &Policy) -> Decision {
        decide(self.receipt().as_ref().map(Ok), policy, |id| self.seen_for(id))
    }

    /// How many audiences really stand in the workspace.
    pub fn audiences(&self) -> usize {
        self.flights.iter().filter(|flight| matches!(flight.fate, Fate::Sent { stored: true, .. })).count()
    }

    fn seen_for(&self, id: &str) -> Duration {
        self.flights.iter().find(|flight| flight.attempt.id == id).map_or(Duration::ZERO, |flight| flight.seen_for)
    }

    fn store(&mut self, record: &Record) {
        self.stored = Some(super::stored(record));
    }

    /// Takes a step. Returns what was decided, where it was a pass.
    pub fn take(&mut self, step: &Step) -> Option<Decision> {
        match step {
            Step::Pass { policy, fate } => {
                let decision = self.decision(policy);
                self.execute(&decision, policy, *fate);
                return Some(decision);
            }
            Step::Report(number) => self.report(*number),
            Step::Tend { annotation } => self.tend(*annotation),
            Step::Watch(seconds) => {
                self.flights.iter_mut().for_each(|flight| flight.seen_for += Duration::from_secs(*seconds));
            }
        }
        None
    }

    fn execute(&mut self, decision: &Decision, policy: &Policy, fate: Fate) {
        let prior = self.receipt().map(|receipt| receipt.record);
        match decision {
            Decision::Claim => {
                let id = format!("attempt-{}", self.flights.len());
                let attempt = Attempt { policy: policy.audience.clone(), ..attempt(&id) };
                self.store(&claim(prior.as_ref(), attempt.clone()));
                self.flights.push(Flight { attempt, fate, judged: None, seen_for: Duration::ZERO });
            }
            Decision::Authorise(instruction, by) => {
                let prior = prior.expect("only an unknown attempt is authorised again");
                self.store(&resolve(&prior, instruction, *by, at(0)).expect("what is decided can be done"));
            }
            _ => {}
        }
    }

    fn report(&mut self, number: usize) {
        let Some(receipt) = self.receipt() else { return };
        let number = number % self.flights.len();
        let flight = &mut self.flights[number];
        let Fate::Sent { evidence, .. } = flight.fate else { return };
        let result = *flight.judged.get_or_insert_with(|| verdict(&receipt.record, evidence));
        let class = if evidence == Evidence::Unavailable { "unavailable" } else { "reported" };
        if let Some(next) = record_outcome(&receipt.record, &flight.attempt, outcome(result, class)) {
            self.store(&next);
        }
    }

    fn tend(&mut self, annotation: Option<(usize, Resolve)>) {
        let Some(receipt) = self.receipt() else { return };
        let open = receipt.record.open_attempt();
        let flight = open.and_then(|open| self.flights.iter().find(|flight| flight.attempt.id == open.id));
        let held = if flight.is_some_and(|f| f.fate == Fate::Abandoned) { Held::Abandoned } else { Held::Elsewhere };
        let seen_for = flight.map_or(Duration::ZERO, |flight| flight.seen_for);
        let annotation = annotation.and_then(|(number, decision)| {
            let attempt = receipt.record.attempts.get(number)?;
            Some(format!("{}={}", attempt.id, decision.as_str()))
        });
        let expires = seen_for >= Duration::from_secs(130);
        match tend(&receipt, annotation.as_deref(), held, seen_for, at(0)) {
            Tending::Nothing | Tending::Refused(_) => {}
            Tending::Later(_) => assert!(held == Held::Elsewhere && !expires),
            Tending::Expired(record) => {
                assert!(held == Held::Elsewhere && expires);
                self.store(&record);
            }
            Tending::Disowned(record) => {
                assert_eq!(held, Held::Abandoned);
                self.store(&record);
            }
            Tending::Resolved(record, _) => self.store(&record),
        }
    }
}
