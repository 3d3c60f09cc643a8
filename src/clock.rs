//! The only module that reads time and randomness from the machine.
//!
//! Code below the controller gets them as arguments; other code gets a [`Clock`]. Deadlines use `CLOCK_BOOTTIME`,
//! which continues while a machine is suspended, so that a process detects a deadline that passed during suspension.
//! Wall time is for display and for UTC days, never for ordering.
#![allow(clippy::disallowed_methods, reason = "this module is the only one that may read ambient time and randomness")]

use std::ops::Add;
use std::time::{Duration, Instant};

use data_encoding::BASE32_NOPAD;
use jiff::{Timestamp, Unit};
use rustix::time::{ClockId, clock_gettime};

/// A point in time on the clock that includes suspension. Only differences within one process are meaningful.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(Duration);

impl Moment {
    /// The point in time at this distance from the clock's zero, for tests and tables.
    pub const fn from_zero(distance: Duration) -> Self {
        Self(distance)
    }

    /// The time since `earlier`; zero if this moment isn't later.
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// The moment this much earlier; not before the clock's zero.
    pub const fn earlier_by(self, distance: Duration) -> Self {
        Self(self.0.saturating_sub(distance))
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, distance: Duration) -> Self {
        Self(self.0.saturating_add(distance))
    }
}

/// Time and randomness. Cheap to copy; all copies show the same time.
///
/// With a scale above 1, [`Clock::boottime`] runs that many times faster, so that a test can simulate an hour in
/// seconds. Code that waits must then use [`Clock::sleep`], [`Clock::sleep_until`] or [`Clock::real`]. Wall time
/// isn't scaled.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Moment,
    scale: u32,
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock {
    /// The real clock.
    pub fn new() -> Self {
        Self::scaled(1)
    }

    /// A clock on which `scale` seconds pass per real second. Zero counts as one.
    pub fn scaled(scale: u32) -> Self {
        Self { origin: real_boottime(), scale: scale.max(1) }
    }

    /// The current time on the clock that includes suspension.
    pub fn boottime(&self) -> Moment {
        self.origin + real_boottime().since(self.origin).saturating_mul(self.scale)
    }

    /// The current wall time, to the millisecond. It can jump, so it must not be used for ordering.
    pub fn wall(&self) -> Timestamp {
        let now = Timestamp::now();
        now.round(Unit::Millisecond).unwrap_or(now)
    }

    /// The real time of a duration on this clock: the value to use as a timeout.
    pub fn real(&self, duration: Duration) -> Duration {
        duration / self.scale
    }

    /// How long ago a wall time was, in time of this clock; zero for one that lies ahead.
    pub fn age(&self, time: Timestamp) -> Duration {
        let real = Duration::try_from(self.wall().duration_since(time)).unwrap_or_default();
        real.saturating_mul(self.scale)
    }

    /// Sleeps for `duration` of this clock.
    pub async fn sleep(&self, duration: Duration) {
        self.sleep_until(self.boottime() + duration).await;
    }

    /// Sleeps until `moment`. If the machine was suspended past it, the sleep ends within 30 seconds.
    pub async fn sleep_until(&self, moment: Moment) {
        // Timers stop during suspension, `boottime` doesn't: check it regularly.
        const CHECK_INTERVAL: Duration = Duration::from_secs(30);
        loop {
            let left = moment.since(self.boottime());
            if left.is_zero() {
                return;
            }
            // Rounded up, so that the last iterations don't spin on less than a timer tick.
            let real = self.real(left).max(Duration::from_millis(1));
            tokio::time::sleep(real.min(CHECK_INTERVAL)).await;
        }
    }

    /// A new ID: 80 random bits as 16 characters of lower-case base32.
    pub fn random_id(&self) -> String {
        let mut id = BASE32_NOPAD.encode(&random::<10>());
        id.make_ascii_lowercase();
        id
    }

    /// A random number, at least 0 and below 1.
    pub fn jitter(&self) -> f64 {
        // 53 bits, the precision of an f64.
        (u64::from_le_bytes(random()) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// `duration`, extended by a random part of `factor` times itself: 2 s with a factor of 0.5 is 2 to 3 s.
    pub fn jittered(&self, duration: Duration, factor: f64) -> Duration {
        duration.saturating_add(duration.mul_f64(self.jitter() * factor.max(0.0)))
    }
}

/// Measures real time, independent of the clock's scale and without suspension: for metrics and for detecting a
/// hanging process.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts the measurement.
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// The real time since the start.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// The CPU time of this process.
pub fn cpu_time() -> Duration {
    read(ClockId::ProcessCPUTime)
}

fn real_boottime() -> Moment {
    Moment(read(ClockId::Boottime))
}

fn read(clock: ClockId) -> Duration {
    Duration::try_from(clock_gettime(clock)).expect("these clocks are never negative")
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the kernel always provides randomness after boot");
    bytes
}

#[cfg(test)]
mod tests;
