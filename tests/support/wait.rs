//! Waiting for conditions, never for time.

use std::fmt::Display;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Long enough for a busy machine; a test that passes never waits this long.
pub const PATIENCE: Duration = Duration::from_secs(45);

const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Looks until there is a result, and fails with the last reason why there was none.
#[track_caller]
pub fn eventually<T, E: Display>(what: &str, look: impl FnMut() -> Result<T, E>) -> T {
    eventually_for(PATIENCE, what, look)
}

/// [`eventually`] with a bound of its own.
#[track_caller]
pub fn eventually_for<T, E: Display>(patience: Duration, what: &str, mut look: impl FnMut() -> Result<T, E>) -> T {
    let started = Instant::now();
    loop {
        match look() {
            Ok(result) => return result,
            Err(why) if started.elapsed() > patience => {
                panic!("waited {} s for this: {what}\n  but at the end: {why}", patience.as_secs())
            }
            Err(_) => sleep(LOOK_EVERY),
        }
    }
}

/// [`eventually`] for something long: it may take any time while there is progress. `look` gives how far it is with the reason why there is
/// no result yet, and this fails once that number has been the same for [`PATIENCE`].
#[track_caller]
pub fn eventually_by_progress<T, E: Display>(what: &str, mut look: impl FnMut() -> Result<T, (usize, E)>) -> T {
    let mut progress = (0, Instant::now());
    loop {
        match look() {
            Ok(result) => return result,
            Err((far, _)) if far != progress.0 => progress = (far, Instant::now()),
            Err((_, why)) if progress.1.elapsed() > PATIENCE => {
                panic!("no progress in {} s with this: {what}\n  but at the end: {why}", PATIENCE.as_secs())
            }
            Err(_) => {}
        }
        sleep(LOOK_EVERY);
    }
}

/// Looks again and again for a while and fails as soon as something is no longer so: for what must *not* happen.
#[track_caller]
pub fn holds_for<E: Display>(time: Duration, what: &str, mut look: impl FnMut() -> Result<(), E>) {
    let started = Instant::now();
    while started.elapsed() < time {
        if let Err(why) = look() {
            panic!("no longer so: {what}\n  because: {why}");
        }
        sleep(LOOK_EVERY);
    }
}

/// `Ok` where `holds`, else the reason.
pub fn ensure(holds: bool, why: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(why()) }
}
