//! Random faults between the operator and the API server, reproducible by a seed.

use std::time::Duration;

use rand::rngs::SmallRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use super::call::Call;

/// A fault that is injected into a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The request isn't forwarded; the response has this status.
    Refused(u16),
    /// The request is forwarded; the response is replaced by one with this status.
    Applied(u16),
    /// The request isn't forwarded; the connection is closed.
    Cut,
    /// The request is forwarded; the connection is closed without a response.
    CutApplied,
    /// The request isn't forwarded, and there is never a response.
    Hang,
    /// The response is passed on, and the connection is closed after this time; for watches.
    CutAfter(Duration),
}

/// Which faults are injected into which requests, and how often.
pub struct RandomFaults {
    random: SmallRng,
    /// How many of a thousand requests get a fault.
    permille: u32,
    /// The requests that can get one.
    calls: &'static [Call],
    faults: &'static [Fault],
    count: usize,
}

impl RandomFaults {
    pub fn new(seed: u64, permille: u32, calls: &'static [Call], faults: &'static [Fault]) -> Self {
        Self { random: SmallRng::seed_from_u64(seed), permille, calls, faults, count: 0 }
    }

    /// Chooses whether a request gets a fault, and which.
    pub fn choose(&mut self, call: Call) -> Option<Fault> {
        if !self.calls.contains(&call) || self.random.random_range(0..1000) >= self.permille {
            return None;
        }
        self.count += 1;
        self.faults.choose(&mut self.random).copied()
    }

    /// How many faults were injected so far.
    pub fn count(&self) -> usize {
        self.count
    }
}
