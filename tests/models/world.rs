//! The world of the models: receipts on an API server that loses and delays answers, two processes that drive [`Flight`]s through it, the API behind
//! them, a person who edits, suspends and settles. Every decision in it is the ledger's own; here is only what the ledger can't decide.
//!
//! Time is kept as ages, each only as far as it matters, so that two states that nothing can tell apart are one.

mod calm;
mod possible;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use propensity_operator::ledger::{
    Ask, Attempt, Decision, Evidence, Flight, Held, Landing, OutcomeResult, Policy, Receipt, Record, Reply, Resolve,
    Tending, resolve, tend,
};

use super::broken::Broken;
use super::objects::{at, attempt, outcome, receipt};

/// How far ages are counted: past whatever waits the longest, a policy's wait.
const AGES: u64 = 1_000;

/// Steps of time: past the deadline to send, past the time to live, past a policy's wait.
pub const LEAPS: [u64; 3] = [11, 131, 901];

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

/// What a process writes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Write {
    list: usize,
    /// The version that it is for; none for a create.
    base: Option<u8>,
    record: Record,
    drop_annotation: bool,
}

/// A request that went out.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Request {
    pub attempt: String,
    pub list: usize,
    pub stored: bool,
}

/// An attempt under way in a process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Flying {
    pub flight: Flight,
    pub ask: Ask,
    /// The version that was last seen.
    base: Option<u8>,
    /// Since before the claim was issued.
    elapsed: u64,
    /// The request is out, and this is what its answer will prove.
    answer: Option<Evidence>,
}

/// One replica. Both always believe that they lead: whatever election would allow is among what they do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Process {
    /// The receipts as they were last shown to it.
    cache: Vec<Option<Stored>>,
    /// How long it has seen attempts.
    seen: BTreeMap<String, u64>,
    abandoned: BTreeSet<String>,
    flying: Vec<Option<Flying>>,
}

impl Process {
    fn new(lists: usize) -> Self {
        Self { cache: vec![None; lists], flying: vec![None; lists], ..Self::default() }
    }

    fn held(&self, id: &str) -> Held {
        if self.flying.iter().flatten().any(|f| f.flight.attempt().id == id) {
            Held::Here
        } else if self.abandoned.contains(id) {
            Held::Abandoned
        } else {
            Held::Elsewhere
        }
    }

    fn seen_for(&self, id: &str) -> Duration {
        Duration::from_secs(self.seen.get(id).copied().unwrap_or_default())
    }
}

/// How much of each a model allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Allowance {
    pub crashes: u8,
    /// Answers of the API server that are lost or come late.
    pub losses: u8,
    /// Answers of the API that prove nothing.
    pub ambiguities: u8,
    /// Other refusals: a rejection, a 429.
    pub refusals: u8,
    pub edits: u8,
    pub decisions: u8,
    pub leaps: u8,
    pub attempts: u8,
}

/// What may happen next. A number is a process, then a list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// The watch shows a receipt.
    Show(usize, usize),
    /// A pass: the live snapshot is read, and what may be claimed is begun.
    Pass(usize),
    /// What the flight asks for is done, and answered.
    Step(usize, usize),
    /// The API server's answer is lost, and what was asked was done or not.
    Lose(usize, usize, bool),
    /// The write is still on its way when its answer is given up.
    Delay(usize, usize),
    /// A write that was on its way arrives.
    Arrive(usize),
    /// The request reaches the API, which stores it or not; this is what its answer will prove.
    Reach(usize, usize, bool, Evidence),
    /// A process tends a receipt as it last saw it.
    Tend(usize, usize),
    Crash(usize),
    Leap(u64),
    Edit(usize),
    Suspend(bool),
    Decide(usize, Resolve),
}

/// Everything.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    pub receipts: Vec<Option<Stored>>,
    pub air: Vec<Write>,
    pub processes: Vec<Process>,
    pub requests: Vec<Request>,
    /// The list that the audience has now.
    pub wanted: usize,
    pub suspended: bool,
    pub left: Allowance,
    /// Lists that a person decided against.
    dismissed: Vec<bool>,
    attempts: u8,
    /// What must never happen and did.
    pub broken: Option<&'static str>,
}

impl World {
    pub fn new(processes: usize, lists: usize, left: Allowance) -> Self {
        Self {
            receipts: vec![None; lists],
            air: vec![],
            processes: vec![Process::new(lists); processes],
            requests: vec![],
            wanted: 0,
            suspended: false,
            dismissed: vec![false; lists],
            left,
            attempts: 0,
            broken: None,
        }
    }

    /// Takes one action.
    pub fn take(&mut self, action: &Action, broken: Broken, policy: &Policy) {
        match action {
            Action::Show(p, list) => self.show(*p, *list),
            Action::Pass(p) => self.pass(*p, broken, policy),
            Action::Step(p, list) => self.step(*p, *list, broken),
            Action::Lose(p, list, done) => {
                self.left.losses -= 1;
                let reply = match self.write_of(*p, *list) {
                    Some(write) => {
                        if *done {
                            self.apply(&write, broken);
                        }
                        Reply::Unclear
                    }
                    None => Reply::NoAnswer,
                };
                self.reply(*p, *list, reply, broken);
            }
            Action::Delay(p, list) => {
                self.left.losses -= 1;
                self.air.extend(self.write_of(*p, *list));
                self.reply(*p, *list, Reply::Unclear, broken);
            }
            Action::Arrive(number) => {
                let write = self.air.remove(*number);
                self.apply(&write, broken);
            }
            Action::Reach(p, list, stored, evidence) => self.reach(*p, *list, *stored, *evidence),
            Action::Tend(p, list) => self.tend(*p, *list, broken),
            Action::Crash(p) => {
                self.left.crashes -= 1;
                self.processes[*p] = Process::new(self.receipts.len());
            }
            Action::Leap(seconds) => self.leap(*seconds),
            Action::Edit(list) => {
                self.left.edits -= 1;
                self.wanted = *list;
            }
            Action::Suspend(to) => {
                self.left.edits -= 1;
                self.suspended = *to;
            }
            Action::Decide(list, decision) => self.decide(*list, *decision),
        }
    }

    fn show(&mut self, p: usize, list: usize) {
        let process = &mut self.processes[p];
        process.cache[list].clone_from(&self.receipts[list]);
        let attempts = self.receipts[list].iter().flat_map(|stored| &stored.record.attempts);
        let ids: BTreeSet<_> = attempts.filter(|a| is_aging(a)).map(|a| a.id.clone()).collect();
        ids.iter().for_each(|id| {
            process.seen.entry(id.clone()).or_insert(0);
        });
        // Of attempts that are settled no age matters any more.
        let others: Vec<_> = process.cache.iter().flatten().flat_map(|s| &s.record.attempts).collect();
        process.seen.retain(|id, _| others.iter().any(|a| a.id == *id && is_aging(a)));
    }

    fn pass(&mut self, p: usize, broken: Broken, policy: &Policy) {
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
                let record = &known.expect("only what is there is authorised").record;
                Some(resolve(record, &instruction, by, at(0)).expect("what is decided can be done"))
            }
            _ => return,
        };
        if self.suspended {
            self.broken = Some("claimed what the snapshot forbids");
        }
        let base = known.map(|stored| stored.version);
        // One process's wall clock is an hour behind: nothing may rest on it.
        let claimed_at = at(if p == 0 { 3_600 } else { 0 });
        let attempt = Attempt { claimed_at, policy: policy.audience.clone(), ..attempt(&format!("{number}")) };
        let (flight, ask) = Flight::begin(prior.as_ref(), attempt);
        let ask = broken.begins_with(ask);
        self.attempts += 1;
        self.processes[p].flying[list] = Some(Flying { flight, ask, base, elapsed: 0, answer: None });
    }

    fn write_of(&self, p: usize, list: usize) -> Option<Write> {
        let flying = self.processes[p].flying[list].as_ref()?;
        match &flying.ask {
            Ask::Claim(record) | Ask::Record(record) => {
                Some(Write { list, base: flying.base, record: record.clone(), drop_annotation: false })
            }
            _ => None,
        }
    }

    /// Stores a write, if its precondition holds.
    fn apply(&mut self, write: &Write, broken: Broken) -> bool {
        let present = &mut self.receipts[write.list];
        if present.as_ref().map(|stored| stored.version) != write.base {
            return false;
        }
        let claimed = write.record.attempts.iter().find(|a| {
            a.outcome.is_none() && present.as_ref().is_none_or(|stored| stored.record.attempt(&a.id).is_none())
        });
        if let (Some(_), Some(before)) = (claimed, present.as_ref()) {
            // Told anew from the facts, and not by the ledger's fold.
            let clear = before.record.attempts.iter().all(|a| {
                let is_settled =
                    |decision| write.record.resolutions.iter().any(|r| r.attempt == a.id && r.decision == decision);
                let ended = |result| a.outcome.as_ref().is_some_and(|o| o.result == result);
                let created = ended(OutcomeResult::Created) || is_settled(Resolve::Created);
                !created && (is_settled(Resolve::SendAgain) || ended(OutcomeResult::NotSent))
            });
            if !clear || self.dismissed[write.list] {
                self.broken = Some("claimed over an attempt that nobody released");
            }
        }
        self.dismissed[write.list] |= write.record.resolutions.iter().any(|r| r.decision == Resolve::Dismiss);
        let record = broken.stores(present.as_ref().map(|stored| &stored.record), write.record.clone());
        let annotation = present.as_ref().and_then(|s| s.annotation.clone()).filter(|_| !write.drop_annotation);
        let version = present.as_ref().map_or(0, |stored| stored.version + 1);
        *present = Some(Stored { version, record, annotation });
        true
    }

    fn step(&mut self, p: usize, list: usize, broken: Broken) {
        let flying = self.processes[p].flying[list].as_mut().expect("it flies");
        if let Some(evidence) = flying.answer.take() {
            let result = flying.flight.judge(broken.reads(evidence));
            let outcome = outcome(result, "answered");
            return self.reply(p, list, Reply::Answered(outcome), broken);
        }
        let reply = match &flying.ask {
            Ask::Claim(_) | Ask::Record(_) => {
                let write = self.write_of(p, list).expect("it writes");
                let stored = self.apply(&write, broken);
                self.note(p, list);
                let receipt = self.receipts[list].as_ref().map(Stored::receipt);
                if stored { Reply::Written(Ok(receipt.expect("it is stored"))) } else { Reply::Conflict }
            }
            Ask::Read => {
                self.note(p, list);
                Reply::Found(self.receipts[list].as_ref().map(|stored| Ok(stored.receipt())))
            }
            Ask::GiveUp => Reply::Answered(outcome(OutcomeResult::NotSent, "send_by_passed")),
            Ask::Send | Ask::Done(_) => unreachable!("a request ends by reaching the API, and what is done has landed"),
        };
        self.reply(p, list, reply, broken);
    }

    /// The version that a flight writes under next is the one that it saw last.
    fn note(&mut self, p: usize, list: usize) {
        let version = self.receipts[list].as_ref().map(|stored| stored.version);
        if let Some(flying) = &mut self.processes[p].flying[list] {
            flying.base = version;
        }
    }

    fn reply(&mut self, p: usize, list: usize, reply: Reply, broken: Broken) {
        let flying = self.processes[p].flying[list].as_mut().expect("it flies");
        let elapsed = Duration::from_secs(flying.elapsed);
        flying.ask = broken.next(&mut flying.flight, &flying.ask, reply, elapsed);
        if let Ask::Done(landing) = flying.ask {
            let id = flying.flight.attempt().id.clone();
            self.processes[p].flying[list] = None;
            if matches!(landing, Landing::Overtaken { abandoned: true, .. }) {
                self.processes[p].abandoned.insert(id);
            }
        }
    }

    fn reach(&mut self, p: usize, list: usize, stored: bool, evidence: Evidence) {
        match evidence {
            Evidence::Unclear => self.left.ambiguities -= 1,
            Evidence::Created => {}
            _ => self.left.refusals -= 1,
        }
        let flying = self.processes[p].flying[list].as_mut().expect("it flies");
        flying.answer = Some(evidence);
        let attempt = flying.flight.attempt().id.clone();
        let claimed = self.receipts[list].as_ref().is_some_and(|stored| stored.record.attempt(&attempt).is_some());
        if !claimed {
            self.broken = Some("sent what wasn't claimed");
        }
        self.requests.push(Request { attempt, list, stored });
        self.requests.sort();
    }

    fn tend(&mut self, p: usize, list: usize, broken: Broken) {
        let process = &self.processes[p];
        let Some(cached) = process.cache[list].clone() else { return };
        let receipt = cached.receipt();
        let open = receipt.record.open_attempt();
        let held = open.map_or(Held::Elsewhere, |a| process.held(&a.id));
        let seen = open.map_or(Duration::ZERO, |a| process.seen_for(&a.id));
        let (record, drop_annotation) = match tend(&receipt, cached.annotation.as_deref(), held, seen, at(0)) {
            Tending::Resolved(record, _) => (record, true),
            Tending::Expired(record) | Tending::Disowned(record) => (record, false),
            Tending::Nothing | Tending::Later(_) | Tending::Refused(_) => return,
        };
        self.apply(&Write { list, base: Some(cached.version), record, drop_annotation }, broken);
    }

    fn leap(&mut self, seconds: u64) {
        self.left.leaps -= 1;
        for process in &mut self.processes {
            process.seen.values_mut().for_each(|age| *age = (*age + seconds).min(AGES));
            process.flying.iter_mut().flatten().for_each(|f| f.elapsed = (f.elapsed + seconds).min(LEAPS[0]));
        }
    }

    /// A person settles the newest attempt.
    fn decide(&mut self, list: usize, decision: Resolve) {
        self.left.decisions -= 1;
        let stored = self.receipts[list].as_mut().expect("it is there");
        let attempt = stored.record.attempts.last().expect("it has attempts");
        stored.annotation = Some(format!("{}={}", attempt.id, decision.as_str()));
        stored.version += 1;
    }
}

/// Whether how long an attempt was seen still matters.
fn is_aging(attempt: &Attempt) -> bool {
    attempt.outcome.as_ref().is_none_or(|o| o.result == OutcomeResult::Unknown)
}
