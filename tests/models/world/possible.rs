//! What may happen next.

use super::*;

const DECISIONS: [Resolve; 3] = [Resolve::Created, Resolve::SendAgain, Resolve::Dismiss];

impl World {
    /// Whatever may happen now.
    pub fn actions(&self, out: &mut Vec<Action>) {
        let lists = self.receipts.len();
        for p in 0..self.processes.len() {
            let process = &self.processes[p];
            if process.flying[self.wanted].is_none() && self.attempts < self.left.attempts {
                out.push(Action::Pass(p));
            }
            for list in 0..lists {
                if process.cache[list] != self.receipts[list] {
                    out.push(Action::Show(p, list));
                }
                if process.cache[list].is_some() {
                    out.push(Action::Tend(p, list));
                }
                match &process.flying[list] {
                    Some(Flying { ask: Ask::Send, answer: None, .. }) => self.ends(p, list, out),
                    Some(flying) => {
                        out.push(Action::Step(p, list));
                        let is_write = matches!(flying.ask, Ask::Claim(_) | Ask::Record(_));
                        if self.left.losses > 0 && flying.answer.is_none() && flying.ask != Ask::GiveUp {
                            out.push(Action::Lose(p, list, false));
                            if is_write {
                                out.extend([Action::Lose(p, list, true), Action::Delay(p, list)]);
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
        out.extend((0..self.air.len()).map(Action::Arrive));
        if self.left.leaps > 0 && !self.is_idle() {
            out.extend(LEAPS.map(Action::Leap));
        }
        if self.left.edits > 0 {
            out.extend((0..lists).filter(|list| *list != self.wanted).map(Action::Edit));
            if lists > 1 {
                out.push(Action::Suspend(!self.suspended));
            }
        }
        if self.left.decisions > 0 {
            let settleable = |list: &usize| {
                self.receipts[*list].as_ref().is_some_and(|s| s.annotation.is_none() && !s.record.attempts.is_empty())
            };
            for list in (0..lists).filter(settleable) {
                out.extend(DECISIONS.map(|decision| Action::Decide(list, decision)));
            }
        }
    }

    /// How a request may end.
    fn ends(&self, p: usize, list: usize, out: &mut Vec<Action>) {
        out.push(Action::Reach(p, list, true, Evidence::Created));
        if self.left.ambiguities > 0 {
            out.push(Action::Reach(p, list, true, Evidence::Unclear));
            out.push(Action::Reach(p, list, false, Evidence::Unclear));
        }
        if self.left.refusals > 0 {
            out.push(Action::Reach(p, list, false, Evidence::Rejected));
            out.push(Action::Reach(p, list, false, Evidence::NothingStored));
        }
    }

    fn is_idle(&self) -> bool {
        self.processes.iter().all(|p| p.seen.values().all(|age| *age >= AGES) && p.flying.iter().all(Option::is_none))
    }
}
