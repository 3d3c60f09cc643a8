//! The model for the property tests: one receipt, the processes that send for it and those that observe it. Every event
//! reads the record from its stored form and stores it again, like one write under a `resourceVersion`.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

/// A small number of cases, for every test run. `PROPTEST_CASES` sets more.
pub fn config() -> ProptestConfig {
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { ProptestConfig::default().cases } else { 128 };
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// What really happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is sent. The audience is created or not, and its holder gets this evidence.
    Sent { stored: bool, evidence: Evidence },
    /// Its holder abandons it before it knows that the claim was stored.
    Abandoned,
}

/// What happens next.
#[derive(Clone, Debug)]
pub enum Event {
    /// The audience is reconciled, and the decision is executed.
    Reconcile { policy: Policy, fate: Fate },
    /// The holder of one of the attempts records its outcome: early, late, or again.
    RecordOutcome(usize),
    /// Another process, or the one that abandoned the open attempt, reconciles the receipt.
    ReconcileReceipt { annotation: Option<(usize, Resolve)> },
    /// Time passes for the observing processes, in seconds.
    Wait(u64),
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

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (policy(), fate()).prop_map(|(policy, fate)| Event::Reconcile { policy, fate }),
        2 => (0_usize..8).prop_map(Event::RecordOutcome),
        3 => prop::option::of((0_usize..4, decision())).prop_map(|annotation| Event::ReconcileReceipt { annotation }),
        3 => (1_u64..3_000).prop_map(Event::Wait),
    ]
}

/// Any order of events.
pub fn events() -> impl Strategy<Value = Vec<Event>> {
    prop::collection::vec(event(), 1..50)
}

/// A claim that was stored, and what really happened to its request.
pub struct Claimed {
    pub attempt: Attempt,
    pub fate: Fate,
    /// How its holder classified the answer. That happens once.
    result: Option<OutcomeResult>,
    seen_for: Duration,
}

/// The stored receipt and the facts.
#[derive(Default)]
pub struct World {
    pub stored: Option<Value>,
    pub claims: Vec<Claimed>,
}

impl World {
    /// The stored receipt.
    pub fn receipt(&self) -> Option<Receipt> {
        self.stored.as_ref().map(|stored| read(stored).expect("what the ledger wrote is readable"))
    }

    /// The present decision for an audience with this policy.
    pub fn decision(&self, policy: &Policy) -> Decision {
        decide(self.receipt().as_ref().map(Ok), policy, |id| self.seen_for(id))
    }

    /// How many audiences were really created in the workspace.
    pub fn audiences(&self) -> usize {
        self.claims.iter().filter(|claimed| matches!(claimed.fate, Fate::Sent { stored: true, .. })).count()
    }

    fn seen_for(&self, id: &str) -> Duration {
        self.claims.iter().find(|claimed| claimed.attempt.id == id).map_or(Duration::ZERO, |claimed| claimed.seen_for)
    }

    fn store(&mut self, record: &Record) {
        self.stored = Some(super::stored(record));
    }

    /// Applies an event. Returns the decision if it was a reconcile of the audience.
    pub fn apply(&mut self, event: &Event) -> Option<Decision> {
        match event {
            Event::Reconcile { policy, fate } => {
                let decision = self.decision(policy);
                self.execute(&decision, policy, *fate);
                return Some(decision);
            }
            Event::RecordOutcome(number) => self.record_outcome(*number),
            Event::ReconcileReceipt { annotation } => self.reconcile_receipt(*annotation),
            Event::Wait(seconds) => {
                self.claims.iter_mut().for_each(|claimed| claimed.seen_for += Duration::from_secs(*seconds));
            }
        }
        None
    }

    fn execute(&mut self, decision: &Decision, policy: &Policy, fate: Fate) {
        let prior = self.receipt().map(|receipt| receipt.record);
        match decision {
            Decision::Claim => {
                let id = format!("attempt-{}", self.claims.len());
                let attempt = Attempt { policy: policy.audience.clone(), ..attempt(&id) };
                self.store(&claim(prior.as_ref(), attempt.clone()));
                self.claims.push(Claimed { attempt, fate, result: None, seen_for: Duration::ZERO });
            }
            Decision::Authorise(instruction, by) => {
                let prior = prior.expect("only an unknown attempt is authorised again");
                self.store(&resolve(&prior, instruction, *by, at(0)).expect("a decision can be executed"));
            }
            _ => {}
        }
    }

    fn record_outcome(&mut self, number: usize) {
        let Some(receipt) = self.receipt() else { return };
        let number = number % self.claims.len();
        let claimed = &mut self.claims[number];
        let Fate::Sent { evidence, .. } = claimed.fate else { return };
        let result = *claimed.result.get_or_insert_with(|| classify(&receipt.record, evidence));
        let class = if evidence == Evidence::Unavailable { "unavailable" } else { "reported" };
        if let Some(next) = record_outcome(&receipt.record, &claimed.attempt, outcome(result, class)) {
            self.store(&next);
        }
    }

    fn reconcile_receipt(&mut self, annotation: Option<(usize, Resolve)>) {
        let Some(receipt) = self.receipt() else { return };
        let open = receipt.record.open_attempt();
        let claimed = open.and_then(|open| self.claims.iter().find(|claimed| claimed.attempt.id == open.id));
        let is_abandoned = claimed.is_some_and(|claimed| claimed.fate == Fate::Abandoned);
        let held_by = if is_abandoned { HeldBy::Abandoned } else { HeldBy::OtherProcess };
        let seen_for = claimed.map_or(Duration::ZERO, |claimed| claimed.seen_for);
        let annotation = annotation.and_then(|(number, decision)| {
            let attempt = receipt.record.attempts.get(number)?;
            Some(format!("{}={}", attempt.id, decision.as_str()))
        });
        let expires = seen_for >= Duration::from_secs(130);
        match receipt_action(&receipt, annotation.as_deref(), held_by, seen_for, at(0)) {
            ReceiptAction::Nothing | ReceiptAction::InvalidResolution(_) => {}
            ReceiptAction::RequeueAfter(_) => assert!(held_by == HeldBy::OtherProcess && !expires),
            ReceiptAction::Expired(record) => {
                assert!(held_by == HeldBy::OtherProcess && expires);
                self.store(&record);
            }
            ReceiptAction::Abandoned(record) => {
                assert_eq!(held_by, HeldBy::Abandoned);
                self.store(&record);
            }
            ReceiptAction::Resolved(record, _) => self.store(&record),
        }
    }
}
