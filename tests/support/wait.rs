//! Tests wait for conditions instead of sleeping for a fixed time.

use std::fmt::Display;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Long enough for a busy machine; a test that passes doesn't wait this long.
pub const TIMEOUT: Duration = Duration::from_secs(45);

const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Repeats a check until it returns a result. Panics with the last error after [`TIMEOUT`].
#[track_caller]
pub fn eventually<T, E: Display>(what: &str, check: impl FnMut() -> Result<T, E>) -> T {
    eventually_for(TIMEOUT, what, check)
}

/// [`eventually`] with another timeout.
#[track_caller]
pub fn eventually_for<T, E: Display>(timeout: Duration, what: &str, mut check: impl FnMut() -> Result<T, E>) -> T {
    let started = Instant::now();
    loop {
        match check() {
            Ok(result) => return result,
            Err(why) if started.elapsed() > timeout => {
                panic!("timeout after {} s, waiting for: {what}\n  last result: {why}", timeout.as_secs())
            }
            Err(_) => sleep(POLL_INTERVAL),
        }
    }
}

/// Like [`eventually`], for something long: it may take any time while there is progress. `check` returns how far it is,
/// with the reason why there is no result yet. Fails once that number has been the same for [`TIMEOUT`].
#[track_caller]
pub fn eventually_by_progress<T, E: Display>(what: &str, mut check: impl FnMut() -> Result<T, (usize, E)>) -> T {
    let mut progress = (0, Instant::now());
    loop {
        match check() {
            Ok(result) => return result,
            Err((far, _)) if far != progress.0 => progress = (far, Instant::now()),
            Err((_, why)) if progress.1.elapsed() > TIMEOUT => {
                panic!("no progress in {} s with this: {what}\n  but at the end: {why}", TIMEOUT.as_secs())
            }
            Err(_) => {}
        }
        sleep(POLL_INTERVAL);
    }
}

/// Repeats a check for some time and panics as soon as it fails: for what must *not* happen.
#[track_caller]
pub fn consistently<E: Display>(time: Duration, what: &str, mut check: impl FnMut() -> Result<(), E>) {
    let started = Instant::now();
    while started.elapsed() < time {
        if let Err(why) = check() {
            panic!("this is no longer true: {what}\n  because: {why}");
        }
        sleep(POLL_INTERVAL);
    }
}

/// `Ok` if the condition is true, else the reason.
pub fn ensure(condition: bool, why: impl FnOnce() -> String) -> Result<(), String> {
    if condition { Ok(()) } else { Err(why()) }
}
