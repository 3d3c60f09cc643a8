//! One reason for a key to stand still: since when, until when, and how the pauses grow.

use std::time::Duration;

use crate::clock::Moment;

/// Why the breaker of a key is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BreakerCause {
    /// The API doesn't accept the key (401, 403).
    Credentials,
    /// What answered can't be the right API or plan (402, 404, 405, 421).
    Configuration,
}

/// How pauses grow: the first one, then twice as long each time, up to the longest.
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

/// A hold on a key. Requests that were on their way when it began, or last grew, neither let it grow nor lift it: what
/// comes back from them was caused by the same event.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hold {
    pub(super) since: Moment,
    pub(super) until: Moment,
    /// The last pause on the curve; none before the first.
    wait: Option<Duration>,
    /// Permits below this number were granted before the hold began or last grew.
    covers: u64,
}

impl Hold {
    /// A hold without a pause: what goes on next may go at once.
    pub(super) fn open(now: Moment, next_permit: u64) -> Self {
        Self { since: now, until: now, wait: None, covers: next_permit }
    }

    /// Whether the answer to this permit came of a request made under the hold.
    pub(super) fn judges(&self, permit: u64) -> bool {
        permit >= self.covers
    }

    /// The next pause, unless the permit is of the same event as the last one. `scale` shortens it, for jitter.
    pub(super) fn grow(&mut self, now: Moment, permit: u64, next_permit: u64, curve: Curve, scale: f64) {
        if self.wait.is_some() && !self.judges(permit) {
            return;
        }
        let wait = self.wait.map_or(curve.first, |last| (last * 2).clamp(curve.first, curve.longest));
        self.wait = Some(wait);
        self.covers = next_permit;
        self.until = self.until.max(now + wait.mul_f64(scale));
    }

    /// A pause of a given length, off the curve. It only ever lengthens the hold.
    pub(super) fn at_least(&mut self, now: Moment, next_permit: u64, wait: Duration) {
        self.covers = next_permit;
        self.until = self.until.max(now + wait);
    }

    /// Ends the present pause and starts the curve anew.
    pub(super) fn hurry(&mut self, now: Moment) {
        self.until = self.until.min(now);
        self.wait = Some(Duration::ZERO);
    }
}
