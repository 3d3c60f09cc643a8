//! The state that a model reaches when no more faults happen.

use super::*;

impl World {
    /// Whether nothing is in progress and every cache is current. From every other state the model reaches such a state
    /// without a fault, and explores that one too.
    pub fn is_quiet(&self) -> bool {
        self.delayed.is_empty()
            && self.processes.iter().all(|p| p.cache == self.receipts && p.running.iter().all(Option::is_none))
    }

    /// The state after faults have stopped and every process has reconciled everything.
    pub fn after_faults(&self, broken: Broken, policy: &Policy) -> Self {
        let mut world = self.clone();
        world.left = Limits { attempts: u8::MAX, ..Limits::default() };
        while !world.delayed.is_empty() {
            world.take(&Action::DelayedWrite(0), broken, policy);
        }
        for _ in 0..6 {
            for p in 0..world.processes.len() {
                for list in 0..world.receipts.len() {
                    world.finish_attempt(p, list, broken, policy);
                    for action in [Action::Watch(p, list), Action::ReconcileReceipt(p, list), Action::Watch(p, list)] {
                        world.take(&action, broken, policy);
                    }
                }
            }
            for p in 0..world.processes.len() {
                let list = world.wanted;
                world.take(&Action::Watch(p, list), broken, policy);
                if world.processes[p].running[list].is_none() {
                    world.take(&Action::Reconcile(p), broken, policy);
                }
                world.finish_attempt(p, list, broken, policy);
            }
            world.left.waits = 1;
            world.take(&Action::Wait(WAITS[2]), broken, policy);
        }
        world
    }

    /// Runs an attempt to its end without a fault.
    fn finish_attempt(&mut self, p: usize, list: usize, broken: Broken, policy: &Policy) {
        while let Some(running) = &self.processes[p].running[list] {
            let action = match running {
                RunningAttempt { step: Step::Send, answer: None, .. } => Action::Send(p, list, true, Evidence::Created),
                _ => Action::Step(p, list),
            };
            self.take(&action, broken, policy);
        }
    }
}
