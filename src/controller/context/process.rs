//! This process: its clock, its metrics, its name and switches, and whether it leads.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;

use crate::clock::{Clock, Moment};
use crate::telemetry::metrics::Metrics;

/// This process.
pub struct Process {
    /// Time and randomness.
    pub clock: Clock,
    /// Metrics.
    pub metrics: Metrics,
    /// Its name, which no other process has.
    pub identity: String,
    /// Whether the operator runs with `--suspend`: nothing is sent.
    pub suspend: bool,
    /// How long a claim may wait for its request.
    pub send_by: Duration,
    /// Whether it may claim: it leads and isn't ending.
    leads: AtomicBool,
    /// A wall time and the moment at which it was read, so that a moment is always shown as the same time.
    epoch: (Timestamp, Moment),
}

impl Process {
    /// A process that doesn't lead yet.
    #[must_use]
    pub fn new(clock: Clock, metrics: Metrics, identity: String, suspend: bool, send_by: Duration) -> Self {
        let epoch = (clock.wall(), clock.boottime());
        Self { clock, metrics, identity, suspend, send_by, leads: AtomicBool::new(false), epoch }
    }

    /// Whether this process may claim now.
    #[must_use]
    pub fn may_claim(&self) -> bool {
        self.leads.load(Ordering::SeqCst)
    }

    /// Claims may be made from now on, or no longer.
    pub fn set_may_claim(&self, leads: bool) {
        self.leads.store(leads, Ordering::SeqCst);
    }

    /// The time at a moment: the same time for the same moment, whenever it is asked for.
    #[must_use]
    pub fn wall_at(&self, moment: Moment) -> Timestamp {
        let (wall, then) = self.epoch;
        let ahead = self.clock.real(moment.since(then));
        wall.checked_add(ahead).unwrap_or(wall)
    }

    /// Real time since a moment, suspension included.
    #[must_use]
    pub fn elapsed(&self, since: Moment) -> Duration {
        self.clock.real(self.clock.boottime().since(since))
    }
}
