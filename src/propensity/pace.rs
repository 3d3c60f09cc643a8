//! The inputs and results of a gate: limits, permits, effects, and the view of its state.

use std::time::Duration;

use super::hold::BreakerCause;
use crate::clock::Moment;

/// The pace of a key. A zero counts as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Creates a minute, in the long run.
    pub requests_per_minute: u32,
    /// Creates that may go at once after a rest.
    pub burst: u32,
    /// Creates in flight at once.
    pub concurrent: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { requests_per_minute: 60, burst: 10, concurrent: 3 }
    }
}

impl Limits {
    pub(super) fn lower(self, other: Self) -> Self {
        Self {
            requests_per_minute: self.requests_per_minute.min(other.requests_per_minute),
            burst: self.burst.min(other.burst),
            concurrent: self.concurrent.min(other.concurrent),
        }
    }

    /// Rounded up, so that a minute never holds one more.
    pub(super) fn interval(self) -> Duration {
        let rate = u64::from(self.requests_per_minute.max(1));
        Duration::from_nanos(60_000_000_000_u64.div_ceil(rate))
    }
}

/// Why an asker waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WaitReason {
    /// Its turn hasn't come: the rate, or the number in flight.
    Pacing,
    /// After an unclear answer creates go one at a time.
    Caution,
    /// The API asked for a pause (429, or a listed 503).
    Paused,
    /// Bad credentials or configuration.
    Breaker(BreakerCause),
    /// Connecting fails.
    Unreachable,
}

/// A permit to send one create. It must come back through [`Gate::give_back`](super::Gate::give_back), whatever happened.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "give it back with Gate::give_back, also when nothing was sent"]
pub struct Permit(pub(super) u64);

/// The answer to [`Gate::ask`](super::Gate::ask).
#[derive(Debug, PartialEq, Eq)]
pub enum Grant {
    /// Go now.
    Permit(Permit),
    /// Ask again at `until`, or earlier when enqueued. A turn that isn't taken shortly after that goes to the next one;
    /// whoever asks later still goes before those who came after it.
    Wait {
        /// When to ask again.
        until: Moment,
        /// Whether its turn comes then, as far as is known; otherwise something in flight has to end first, and it
        /// isn't known when.
        known: bool,
        /// Why it waits.
        why: WaitReason,
    },
}

/// What the end of a create does to its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Created, or rejected for the list's own sake: the API works.
    Definite,
    /// 429, or a listed 503.
    Busy {
        /// How long the API asked to pause.
        retry_after: Option<Duration>,
    },
    /// 401, 403, or an error of configuration.
    OpenBreaker(BreakerCause),
    /// No connection came about.
    Unreachable,
    /// May have been stored, or not.
    Unclear {
        /// How long the API asked to pause.
        retry_after: Option<Duration>,
    },
    /// The permit wasn't used: nothing was sent, for a reason of our own.
    Unused,
}

/// The open breaker, for conditions and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerView {
    /// Why it opened.
    pub cause: BreakerCause,
    /// When it opened.
    pub since: Moment,
    /// When one create may try; in the past while that one is awaited.
    pub half_open_at: Moment,
}

/// The state of a gate, for conditions and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GateView {
    /// Present while the breaker is open or half-open.
    pub breaker: Option<BreakerView>,
    /// Present while the API asks for a pause.
    pub paused_until: Option<Moment>,
    /// Present while in caution: when the next single create may go.
    pub caution: Option<Moment>,
    /// Present while connecting fails: when the next one is tried.
    pub unreachable: Option<Moment>,
    /// Askers in the queue.
    pub waiting: usize,
    /// Permits that haven't come back.
    pub in_flight: usize,
}
