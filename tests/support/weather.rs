//! Troubles between the operator and the API server, at random by a seed.

use std::time::Duration;

use rand::rngs::SmallRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use super::call::Call;

/// What befalls a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It is refused with this status; nothing is done.
    Refused(u16),
    /// It is done, and answered with this status.
    Applied(u16),
    /// The connection ends; nothing is done.
    Cut,
    /// It is done, and the connection ends without an answer.
    CutApplied,
    /// Nothing is done, and nothing is ever said.
    Hang,
    /// It is answered, and the connection ends so long after; for watches.
    Short(Duration),
}

/// Which troubles there are, and how often.
pub struct Weather {
    random: SmallRng,
    /// Of a thousand requests, so many are befallen.
    permille: u32,
    /// Which requests can be.
    calls: &'static [Call],
    troubles: &'static [Trouble],
    count: usize,
}

impl Weather {
    pub fn new(seed: u64, permille: u32, calls: &'static [Call], troubles: &'static [Trouble]) -> Self {
        Self { random: SmallRng::seed_from_u64(seed), permille, calls, troubles, count: 0 }
    }

    pub fn befalls(&mut self, call: Call) -> Option<Trouble> {
        if !self.calls.contains(&call) || self.random.random_range(0..1000) >= self.permille {
            return None;
        }
        self.count += 1;
        self.troubles.choose(&mut self.random).copied()
    }

    pub fn count(&self) -> usize {
        self.count
    }
}
