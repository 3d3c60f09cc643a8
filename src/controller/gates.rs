//! The gates of all keys in use. Limits belong to the key, so workspaces that share one share its gate.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::tracked::AudienceKey;
use crate::clock::Moment;
use crate::propensity::{Effect, Gate, GateView, Grant, KeyId, Limits, Permit};

/// The gates of all keys in use.
#[derive(Default)]
pub struct Gates {
    gates: Mutex<HashMap<KeyId, Gate<AudienceKey>>>,
}

impl Gates {
    fn lock(&self) -> MutexGuard<'_, HashMap<KeyId, Gate<AudienceKey>>> {
        self.gates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that a workspace uses this key under these limits, and no other key any more. A new gate begins in caution where `cautious` says so: this
    /// process doesn't know how the last one's creates ended.
    pub fn register(&self, workspace: &str, key: KeyId, limits: Limits, now: Moment, cautious: impl FnOnce() -> bool) {
        let mut gates = self.lock();
        for (other, gate) in gates.iter_mut() {
            if *other != key {
                gate.remove_limits(workspace);
            }
        }
        gates.retain(|other, gate| *other == key || !gate.is_idle());
        let gate = gates.entry(key).or_insert_with(|| {
            let mut gate = Gate::new();
            if cautious() {
                gate.enter_caution(now);
            }
            gate
        });
        gate.set_limits(workspace, limits);
    }

    /// Says that a workspace is gone or has no usable key.
    pub fn unregister(&self, workspace: &str) {
        let mut gates = self.lock();
        gates.values_mut().for_each(|gate| gate.remove_limits(workspace));
        gates.retain(|_, gate| !gate.is_idle());
    }

    /// Asks for leave to send one create. Without a gate, since no workspace uses the key any more, there is no leave.
    pub fn ask(&self, key: KeyId, now: Moment, who: &AudienceKey) -> Option<Grant> {
        self.lock().get_mut(&key).map(|gate| gate.ask(now, who.clone()))
    }

    /// Takes an audience out of every queue: it has nothing to send. Returns whom to wake.
    pub fn forget(&self, now: Moment, who: &AudienceKey) -> Vec<AudienceKey> {
        self.lock().values_mut().flat_map(|gate| gate.forget(now, who)).collect()
    }

    /// Gives back a permit. Returns whom to wake.
    pub fn settled(&self, key: KeyId, now: Moment, permit: Permit, effect: Effect, jitter: f64) -> Vec<AudienceKey> {
        self.lock().get_mut(&key).map(|gate| gate.settled(now, permit, effect, jitter)).unwrap_or_default()
    }

    /// A person asked to try again at once. Returns whom to wake.
    pub fn retry_now(&self, key: KeyId, now: Moment) -> Vec<AudienceKey> {
        self.lock().get_mut(&key).map(|gate| gate.retry_now(now)).unwrap_or_default()
    }

    /// The state of a key's gate, and when time alone changes it next.
    #[must_use]
    pub fn view(&self, key: KeyId, now: Moment) -> Option<(GateView, Option<Moment>)> {
        self.lock().get(&key).map(|gate| (gate.view(now), gate.next_change(now)))
    }
}
