//! One reason to stop the requests of a key: since when, until when, and how the pauses grow.

use std::time::Duration;

use crate::clock::Moment;

/// Why the breaker of a key is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BreakerCause {
    /// The API doesn't accept the key (401, 403).
    Credentials,
    /// The response can't be from the right API or plan (402, 404, 405, 421).
    Configuration,
}

/// How pauses grow: exponentially from the first to the longest.
#[derive(Debug, Clone, Copy)]
pub(super) struct Curve {
    pub(super) first: Duration,
    pub(super) longest: Duration,
}

const fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

pub(super) const BREAKER: Curve = Curve { first: minutes(15), longest: minutes(6 * 60) };
pub(super) const PAUSE: Curve = Curve { first: Duration::from_secs(30), longest: minutes(15) };
pub(super) const UNREACHABLE: Curve = Curve { first: Duration::from_secs(1), longest: minutes(5) };
pub(super) const CAUTION: Curve = Curve { first: minutes(1), longest: minutes(2 * 60) };

/// Stops the requests of a key. Responses to requests that were in flight when the hold began or last grew neither
/// extend nor end it: they were caused by the same event.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hold {
    pub(super) since: Moment,
    pub(super) until: Moment,
    /// The last exponential pause; `None` before the first.
    wait: Option<Duration>,
    /// Permits with a lower number were granted before the hold began or last grew.
    covers: u64,
}

impl Hold {
    /// A hold without a pause: the next request may be sent at once.
    pub(super) fn open(now: Moment, next_permit: u64) -> Self {
        Self { since: now, until: now, wait: None, covers: next_permit }
    }

    /// Whether the request with this permit was sent during the hold, so that its response may extend or end it.
    pub(super) fn judges(&self, permit: u64) -> bool {
        permit >= self.covers
    }

    /// Begins the next pause, unless the permit belongs to the same event as the last one. `scale` shortens the
    /// pause, for jitter.
    pub(super) fn grow(&mut self, now: Moment, permit: u64, next_permit: u64, curve: Curve, scale: f64) {
        if self.wait.is_some() && !self.judges(permit) {
            return;
        }
        let wait = self.wait.map_or(curve.first, |last| (last * 2).clamp(curve.first, curve.longest));
        self.wait = Some(wait);
        self.covers = next_permit;
        self.until = self.until.max(now + wait.mul_f64(scale));
    }

    /// Begins a pause of a given length, independent of the exponential ones. It never shortens the hold.
    pub(super) fn at_least(&mut self, now: Moment, next_permit: u64, wait: Duration) {
        self.covers = next_permit;
        self.until = self.until.max(now + wait);
    }

    /// Ends the current pause and restarts the exponential growth.
    pub(super) fn hurry(&mut self, now: Moment) {
        self.until = self.until.min(now);
        self.wait = Some(Duration::ZERO);
    }
}
