//! The state of the models: receipts on an API server that loses and delays answers, one or two processes that run
//! [`AttemptMachine`]s, the API, and a person who edits, suspends and resolves. Every decision is made by the ledger's
//! own functions; this file contains only what the ledger doesn't decide.
//!
//! Time is stored as ages, each with an upper limit, so that states that behave the same are equal.

mod actions;
mod recovery;

pub use actions::{Action, Limits};

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use propensity_operator::ledger::{
    Attempt, AttemptEnd, AttemptMachine, Decision, Evidence, HeldBy, OutcomeResult, Policy, Receipt, ReceiptAction,
    Record, Resolve, Step, StepResult, receipt_action, resolve,
};

use super::broken::Broken;
use super::objects::{at, attempt, outcome, receipt};

/// The upper limit of ages, in seconds: more than the longest wait, which is the policy's.
const MAX_AGE: u64 = 1_000;

/// By how many seconds time passes: past the deadline to send, past the time to live, past the policy's wait.
pub const WAITS: [u64; 3] = [11, 131, 901];

/// A receipt on the API server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Stored {
    pub version: u8,
    pub record: Record,
    pub annotation: Option<String>,
}

impl Stored {
    pub fn receipt(&self) -> Receipt {
        receipt(self.record.clone())
    }
}

/// A write of a receipt by a process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Write {
    list: usize,
    /// The version that it replaces; `None` for a create.
    base: Option<u8>,
    record: Record,
    drop_annotation: bool,
}

/// A request that was sent to the API.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Request {
    pub attempt: String,
    pub list: usize,
    pub stored: bool,
}

/// An attempt in progress in a process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RunningAttempt {
    pub machine: AttemptMachine,
    pub step: Step,
    /// The version of the receipt that was read last.
    base: Option<u8>,
    /// Seconds since before the claim was issued.
    elapsed: u64,
    /// The request is sent, and this is what its answer will prove.
    answer: Option<Evidence>,
}

/// One replica. All of them act as leader all the time, which includes everything that leader election would allow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Process {
    /// The receipts as its watch showed them last.
    cache: Vec<Option<Stored>>,
    /// How long it has seen attempts, in seconds.
    seen: BTreeMap<String, u64>,
    abandoned: BTreeSet<String>,
    running: Vec<Option<RunningAttempt>>,
}

impl Process {
    fn new(lists: usize) -> Self {
        Self { cache: vec![None; lists], running: vec![None; lists], ..Self::default() }
    }

    fn held_by(&self, id: &str) -> HeldBy {
        if self.running.iter().flatten().any(|running| running.machine.attempt().id == id) {
            HeldBy::ThisProcess
        } else if self.abandoned.contains(id) {
            HeldBy::Abandoned
        } else {
            HeldBy::OtherProcess
        }
    }

    fn seen_for(&self, id: &str) -> Duration {
        Duration::from_secs(self.seen.get(id).copied().unwrap_or_default())
    }
}

/// The whole state of a model.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    pub receipts: Vec<Option<Stored>>,
    /// Writes that reach the API server later.
    pub delayed: Vec<Write>,
    pub processes: Vec<Process>,
    pub requests: Vec<Request>,
    /// The list that the audience has now.
    pub wanted: usize,
    pub suspended: bool,
    /// What may still happen.
    pub left: Limits,
    /// Lists that a person dismissed.
    dismissed: Vec<bool>,
    attempts: u8,
    /// What happened although it must never happen.
    pub violation: Option<&'static str>,
}

impl World {
    pub fn new(processes: usize, lists: usize, left: Limits) -> Self {
        Self {
            receipts: vec![None; lists],
            delayed: vec![],
            processes: vec![Process::new(lists); processes],
            requests: vec![],
            wanted: 0,
            suspended: false,
            dismissed: vec![false; lists],
            left,
            attempts: 0,
            violation: None,
        }
    }

    /// Applies one action.
    pub fn take(&mut self, action: &Action, broken: Broken, policy: &Policy) {
        match action {
            Action::Watch(p, list) => self.watch(*p, *list),
            Action::Reconcile(p) => self.reconcile(*p, broken, policy),
            Action::Step(p, list) => self.step(*p, *list, broken),
            Action::LoseAnswer(p, list, done) => {
                self.left.losses -= 1;
                let result = match self.write_of(*p, *list) {
                    Some(write) => {
                        if *done {
                            self.apply(&write, broken);
                        }
                        StepResult::Unclear
                    }
                    None => StepResult::NoAnswer,
                };
                self.advance(*p, *list, result, broken);
            }
            Action::DelayWrite(p, list) => {
                self.left.losses -= 1;
                self.delayed.extend(self.write_of(*p, *list));
                self.advance(*p, *list, StepResult::Unclear, broken);
            }
            Action::DelayedWrite(number) => {
                let write = self.delayed.remove(*number);
                self.apply(&write, broken);
            }
            Action::Send(p, list, stored, evidence) => self.send(*p, *list, *stored, *evidence),
            Action::ReconcileReceipt(p, list) => self.reconcile_receipt(*p, *list, broken),
            Action::Crash(p) => {
                self.left.crashes -= 1;
                self.processes[*p] = Process::new(self.receipts.len());
            }
            Action::Wait(seconds) => self.wait(*seconds),
            Action::Edit(list) => {
                self.left.edits -= 1;
                self.wanted = *list;
            }
            Action::Suspend(to) => {
                self.left.edits -= 1;
                self.suspended = *to;
            }
            Action::Resolve(list, decision) => self.resolve(*list, *decision),
        }
    }

    fn watch(&mut self, p: usize, list: usize) {
        let process = &mut self.processes[p];
        process.cache[list].clone_from(&self.receipts[list]);
        let attempts = self.receipts[list].iter().flat_map(|stored| &stored.record.attempts);
        let ids: BTreeSet<_> = attempts.filter(|a| has_age(a)).map(|a| a.id.clone()).collect();
        ids.iter().for_each(|id| {
            process.seen.entry(id.clone()).or_insert(0);
        });
        // The ages of all other attempts don't matter any more.
        let cached: Vec<_> = process.cache.iter().flatten().flat_map(|s| &s.record.attempts).collect();
        process.seen.retain(|id, _| cached.iter().any(|a| a.id == *id && has_age(a)));
    }

    fn reconcile(&mut self, p: usize, broken: Broken, policy: &Policy) {
        let (list, number) = (self.wanted, self.attempts);
        if self.suspended && broken != Broken::CachedSnapshot {
            return;
        }
        let process = &self.processes[p];
        let known = process.cache[list].as_ref();
        let seen = known.map(Stored::receipt);
        let decision = broken.decide(seen.as_ref(), policy, |id| process.seen_for(id));
        let prior = match decision {
            Decision::Claim => known.map(|stored| stored.record.clone()),
            Decision::Authorise(instruction, by) => {
                let record = &known.expect("only a known receipt is authorised").record;
                Some(resolve(record, &instruction, by, at(0)).expect("a decision can be executed"))
            }
            _ => return,
        };
        if self.suspended {
            self.violation = Some("claimed although the live audience is suspended");
        }
        let base = known.map(|stored| stored.version);
        // The wall clocks of the processes differ by an hour. No decision may depend on them.
        let claimed_at = at(if p == 0 { 3_600 } else { 0 });
        let attempt = Attempt { claimed_at, policy: policy.audience.clone(), ..attempt(&format!("{number}")) };
        let (machine, step) = AttemptMachine::begin(prior.as_ref(), attempt);
        let step = broken.first_step(step);
        self.attempts += 1;
        self.processes[p].running[list] = Some(RunningAttempt { machine, step, base, elapsed: 0, answer: None });
    }

    fn write_of(&self, p: usize, list: usize) -> Option<Write> {
        let running = self.processes[p].running[list].as_ref()?;
        match &running.step {
            Step::Claim(record) | Step::Record(record) => {
                Some(Write { list, base: running.base, record: record.clone(), drop_annotation: false })
            }
            _ => None,
        }
    }

    /// Stores a write if its precondition is met.
    fn apply(&mut self, write: &Write, broken: Broken) -> bool {
        let current = &mut self.receipts[write.list];
        if current.as_ref().map(|stored| stored.version) != write.base {
            return false;
        }
        let claimed = write.record.attempts.iter().find(|a| {
            a.outcome.is_none() && current.as_ref().is_none_or(|stored| stored.record.attempt(&a.id).is_none())
        });
        if let (Some(_), Some(before)) = (claimed, current.as_ref()) {
            // Computed here from the facts, independently of the ledger's summary.
            let is_claimable = before.record.attempts.iter().all(|a| {
                let is_resolved =
                    |decision| write.record.resolutions.iter().any(|r| r.attempt == a.id && r.decision == decision);
                let ended = |result| a.outcome.as_ref().is_some_and(|o| o.result == result);
                let created = ended(OutcomeResult::Created) || is_resolved(Resolve::Created);
                !created && (is_resolved(Resolve::SendAgain) || ended(OutcomeResult::NotSent))
            });
            if !is_claimable || self.dismissed[write.list] {
                self.violation = Some("claimed although an earlier attempt forbids it");
            }
        }
        self.dismissed[write.list] |= write.record.resolutions.iter().any(|r| r.decision == Resolve::Dismiss);
        let record = broken.stored(current.as_ref().map(|stored| &stored.record), write.record.clone());
        let annotation = current.as_ref().and_then(|s| s.annotation.clone()).filter(|_| !write.drop_annotation);
        let version = current.as_ref().map_or(0, |stored| stored.version + 1);
        *current = Some(Stored { version, record, annotation });
        true
    }

    fn step(&mut self, p: usize, list: usize, broken: Broken) {
        let running = self.processes[p].running[list].as_mut().expect("an attempt is running");
        if let Some(evidence) = running.answer.take() {
            let result = running.machine.classify(broken.evidence(evidence));
            let outcome = outcome(result, "answered");
            return self.advance(p, list, StepResult::Answered(outcome), broken);
        }
        let result = match &running.step {
            Step::Claim(_) | Step::Record(_) => {
                let write = self.write_of(p, list).expect("this step is a write");
                let stored = self.apply(&write, broken);
                self.see_version(p, list);
                let receipt = self.receipts[list].as_ref().map(Stored::receipt);
                if stored { StepResult::Written(Ok(receipt.expect("it is stored"))) } else { StepResult::Conflict }
            }
            Step::Read => {
                self.see_version(p, list);
                StepResult::Found(self.receipts[list].as_ref().map(|stored| Ok(stored.receipt())))
            }
            Step::GiveUp => StepResult::Answered(outcome(OutcomeResult::NotSent, "send_by_passed")),
            Step::Send | Step::Done(_) => {
                unreachable!("`Action::Send` executes a request, and an ended attempt is removed")
            }
        };
        self.advance(p, list, result, broken);
    }

    /// Notes the version that the next write of the attempt replaces.
    fn see_version(&mut self, p: usize, list: usize) {
        let version = self.receipts[list].as_ref().map(|stored| stored.version);
        if let Some(running) = &mut self.processes[p].running[list] {
            running.base = version;
        }
    }

    fn advance(&mut self, p: usize, list: usize, result: StepResult, broken: Broken) {
        let running = self.processes[p].running[list].as_mut().expect("an attempt is running");
        let elapsed = Duration::from_secs(running.elapsed);
        running.step = broken.next(&mut running.machine, &running.step, result, elapsed);
        if let Step::Done(end) = running.step {
            let id = running.machine.attempt().id.clone();
            self.processes[p].running[list] = None;
            if matches!(end, AttemptEnd::ClaimLost { abandoned: true, .. }) {
                self.processes[p].abandoned.insert(id);
            }
        }
    }

    fn send(&mut self, p: usize, list: usize, stored: bool, evidence: Evidence) {
        match evidence {
            Evidence::Unclear => self.left.ambiguities -= 1,
            Evidence::Created => {}
            _ => self.left.refusals -= 1,
        }
        let running = self.processes[p].running[list].as_mut().expect("an attempt is running");
        running.answer = Some(evidence);
        let attempt = running.machine.attempt().id.clone();
        let claimed = self.receipts[list].as_ref().is_some_and(|stored| stored.record.attempt(&attempt).is_some());
        if !claimed {
            self.violation = Some("sent without a claim");
        }
        self.requests.push(Request { attempt, list, stored });
        self.requests.sort();
    }

    fn reconcile_receipt(&mut self, p: usize, list: usize, broken: Broken) {
        let process = &self.processes[p];
        let Some(cached) = process.cache[list].clone() else { return };
        let receipt = cached.receipt();
        let open = receipt.record.open_attempt();
        let held_by = open.map_or(HeldBy::OtherProcess, |a| process.held_by(&a.id));
        let seen = open.map_or(Duration::ZERO, |a| process.seen_for(&a.id));
        let (record, drop_annotation) =
            match receipt_action(&receipt, cached.annotation.as_deref(), held_by, seen, at(0)) {
                ReceiptAction::Resolved(record, _) => (record, true),
                ReceiptAction::Expired(record) | ReceiptAction::Abandoned(record) => (record, false),
                ReceiptAction::Nothing | ReceiptAction::RequeueAfter(_) | ReceiptAction::InvalidResolution(_) => return,
            };
        self.apply(&Write { list, base: Some(cached.version), record, drop_annotation }, broken);
    }

    fn wait(&mut self, seconds: u64) {
        self.left.waits -= 1;
        for process in &mut self.processes {
            process.seen.values_mut().for_each(|age| *age = (*age + seconds).min(MAX_AGE));
            process.running.iter_mut().flatten().for_each(|f| f.elapsed = (f.elapsed + seconds).min(WAITS[0]));
        }
    }

    /// A person resolves the newest attempt.
    fn resolve(&mut self, list: usize, decision: Resolve) {
        self.left.resolutions -= 1;
        let stored = self.receipts[list].as_mut().expect("the receipt exists");
        let attempt = stored.record.attempts.last().expect("a receipt has attempts");
        stored.annotation = Some(format!("{}={}", attempt.id, decision.as_str()));
        stored.version += 1;
    }
}

/// Whether the age of an attempt still matters.
fn has_age(attempt: &Attempt) -> bool {
    attempt.outcome.as_ref().is_none_or(|o| o.result == OutcomeResult::Unknown)
}
