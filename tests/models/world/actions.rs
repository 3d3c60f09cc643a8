//! The actions of the models, and which of them are possible in a state.

use super::*;

/// What a model allows to happen, and how often.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Limits {
    pub crashes: u8,
    /// Answers of the API server that are lost or late.
    pub losses: u8,
    /// Answers of the API that prove nothing.
    pub ambiguities: u8,
    /// Other refusals: a rejection, a 429.
    pub refusals: u8,
    pub edits: u8,
    pub resolutions: u8,
    pub waits: u8,
    pub attempts: u8,
}

/// What happens next. The first number is a process, the second a list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// The watch of the process shows the receipt.
    Watch(usize, usize),
    /// The process reconciles the audience: it reads the live objects and starts an attempt if that is allowed.
    Reconcile(usize),
    /// The process executes the next step of its attempt.
    Step(usize, usize),
    /// The API server's answer to a step is lost. The flag says whether the step was executed.
    LoseAnswer(usize, usize, bool),
    /// The process gives up waiting for the answer of a write that reaches the API server later.
    DelayWrite(usize, usize),
    /// A delayed write, by its number, reaches the API server.
    DelayedWrite(usize),
    /// The request reaches the API. The flag says whether the audience is created; the answer will prove the evidence.
    Send(usize, usize, bool, Evidence),
    /// The process reconciles the receipt as it is in its cache.
    ReconcileReceipt(usize, usize),
    /// The process crashes and starts again.
    Crash(usize),
    /// This many seconds pass.
    Wait(u64),
    /// The audience gets this list.
    Edit(usize),
    /// The audience is suspended or resumed.
    Suspend(bool),
    /// A person resolves the newest attempt for this list.
    Resolve(usize, Resolve),
}

const DECISIONS: [Resolve; 3] = [Resolve::Created, Resolve::SendAgain, Resolve::Dismiss];

impl World {
    /// Adds all actions that are possible now.
    pub fn actions(&self, out: &mut Vec<Action>) {
        let lists = self.receipts.len();
        for p in 0..self.processes.len() {
            let process = &self.processes[p];
            if process.running[self.wanted].is_none() && self.attempts < self.left.attempts {
                out.push(Action::Reconcile(p));
            }
            for list in 0..lists {
                if process.cache[list] != self.receipts[list] {
                    out.push(Action::Watch(p, list));
                }
                if process.cache[list].is_some() {
                    out.push(Action::ReconcileReceipt(p, list));
                }
                match &process.running[list] {
                    Some(RunningAttempt { step: Step::Send, answer: None, .. }) => self.answers(p, list, out),
                    Some(running) => {
                        out.push(Action::Step(p, list));
                        let is_write = matches!(running.step, Step::Claim(_) | Step::Record(_));
                        if self.left.losses > 0 && running.answer.is_none() && running.step != Step::GiveUp {
                            out.push(Action::LoseAnswer(p, list, false));
                            if is_write {
                                out.extend([Action::LoseAnswer(p, list, true), Action::DelayWrite(p, list)]);
                            }
                        }
                    }
                    None => {}
                }
            }
            if self.left.crashes > 0 && *process != Process::new(lists) {
                out.push(Action::Crash(p));
            }
        }
        out.extend((0..self.delayed.len()).map(Action::DelayedWrite));
        if self.left.waits > 0 && !self.is_idle() {
            out.extend(WAITS.map(Action::Wait));
        }
        if self.left.edits > 0 {
            out.extend((0..lists).filter(|list| *list != self.wanted).map(Action::Edit));
            if lists > 1 {
                out.push(Action::Suspend(!self.suspended));
            }
        }
        if self.left.resolutions > 0 {
            let can_be_resolved = |list: &usize| {
                self.receipts[*list].as_ref().is_some_and(|s| s.annotation.is_none() && !s.record.attempts.is_empty())
            };
            for list in (0..lists).filter(can_be_resolved) {
                out.extend(DECISIONS.map(|decision| Action::Resolve(list, decision)));
            }
        }
    }

    /// Adds the possible answers to a request.
    fn answers(&self, p: usize, list: usize, out: &mut Vec<Action>) {
        out.push(Action::Send(p, list, true, Evidence::Created));
        if self.left.ambiguities > 0 {
            out.push(Action::Send(p, list, true, Evidence::Unclear));
            out.push(Action::Send(p, list, false, Evidence::Unclear));
        }
        if self.left.refusals > 0 {
            out.push(Action::Send(p, list, false, Evidence::Rejected));
            out.push(Action::Send(p, list, false, Evidence::NothingStored));
        }
    }

    fn is_idle(&self) -> bool {
        self.processes
            .iter()
            .all(|p| p.seen.values().all(|age| *age >= MAX_AGE) && p.running.iter().all(Option::is_none))
    }
}
