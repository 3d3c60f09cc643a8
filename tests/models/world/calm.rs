//! What a world comes to when nothing goes wrong any more.

use super::*;

impl World {
    /// Whether nothing is under way and everybody has seen everything. Every other world comes to such a one without a fault, and that one is explored too.
    pub fn is_quiet(&self) -> bool {
        self.air.is_empty()
            && self.processes.iter().all(|p| p.cache == self.receipts && p.flying.iter().all(Option::is_none))
    }

    /// The world once faults have stopped and everybody has done what there is to do.
    pub fn settled(&self, broken: Broken, policy: &Policy) -> Self {
        let mut world = self.clone();
        world.left = Allowance { attempts: u8::MAX, ..Allowance::default() };
        while !world.air.is_empty() {
            world.take(&Action::Arrive(0), broken, policy);
        }
        for _ in 0..6 {
            for p in 0..world.processes.len() {
                for list in 0..world.receipts.len() {
                    world.land(p, list, broken, policy);
                    for action in [Action::Show(p, list), Action::Tend(p, list), Action::Show(p, list)] {
                        world.take(&action, broken, policy);
                    }
                }
            }
            for p in 0..world.processes.len() {
                let list = world.wanted;
                world.take(&Action::Show(p, list), broken, policy);
                if world.processes[p].flying[list].is_none() {
                    world.take(&Action::Pass(p), broken, policy);
                }
                world.land(p, list, broken, policy);
            }
            world.left.leaps = 1;
            world.take(&Action::Leap(LEAPS[2]), broken, policy);
        }
        world
    }

    /// Brings what is under way to its end, without a fault.
    fn land(&mut self, p: usize, list: usize, broken: Broken, policy: &Policy) {
        while let Some(flying) = &self.processes[p].flying[list] {
            let action = match flying {
                Flying { ask: Ask::Send, answer: None, .. } => Action::Reach(p, list, true, Evidence::Created),
                _ => Action::Step(p, list),
            };
            self.take(&action, broken, policy);
        }
    }
}
