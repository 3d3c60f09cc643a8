//! The gates of all keys in use. Limits belong to the key, so workspaces that share one share its gate.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kube::runtime::reflector::ObjectRef;

use crate::clock::Moment;
use crate::controller::model::audience::AudienceKey;
use crate::controller::model::keys::WorkspaceRef;
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

    /// A workspace uses this key under these limits, and no other key any more. A new gate serialises creates from the
    /// start where `cautious` returns true: this process doesn't know how the last creates ended.
    pub fn register(&self, workspace: &str, key: KeyId, limits: Limits, now: Moment, cautious: impl FnOnce() -> bool) {
        let mut gates = self.lock();
        for (other, gate) in gates.iter_mut() {
            if *other != key {
                gate.remove_limits(workspace);
            }
        }
        gates.retain(|other, gate| *other == key || is_needed(gate, now));
        let gate = gates.entry(key).or_insert_with(|| {
            let mut gate = Gate::new();
            if cautious() {
                gate.enter_caution(now);
            }
            gate
        });
        gate.set_limits(workspace, limits);
    }

    /// A workspace is gone or has no usable key.
    pub fn unregister(&self, workspace: &str, now: Moment) {
        let mut gates = self.lock();
        gates.values_mut().for_each(|gate| gate.remove_limits(workspace));
        gates.retain(|_, gate| is_needed(gate, now));
    }

    /// Asks for a permit to send one create. `None` without a gate: no workspace uses the key any more.
    pub fn ask(&self, key: KeyId, now: Moment, who: &AudienceKey) -> Option<Grant> {
        self.lock().get_mut(&key).map(|gate| gate.ask(now, who.clone()))
    }

    /// Asks to fetch a report, behind all creates; `None` without a gate.
    pub fn ask_behind(&self, key: KeyId, now: Moment) -> Option<Result<(), Moment>> {
        self.lock().get_mut(&key).map(|gate| gate.ask_behind(now))
    }

    /// The API asked for a pause in answer to a report. Returns the workspaces that use the key.
    pub fn must_pause(&self, key: KeyId, now: Moment, retry_after: Option<Duration>) -> Vec<WorkspaceRef> {
        let paused = |gate: &mut Gate<AudienceKey>| {
            gate.must_pause(now, retry_after);
            vec![]
        };
        self.with(key, paused).1
    }

    /// Takes an audience out of every queue: it has nothing to send. Returns the audiences to enqueue.
    pub fn forget(&self, now: Moment, who: &AudienceKey) -> Vec<AudienceKey> {
        self.lock().values_mut().flat_map(|gate| gate.forget(now, who)).collect()
    }

    /// Takes back a permit. Returns what to enqueue: the audiences that may send now, and the workspaces that use the
    /// key.
    pub fn give_back(&self, key: KeyId, now: Moment, permit: Permit, effect: Effect, jitter: f64) -> ToEnqueue {
        self.with(key, |gate| gate.give_back(now, permit, effect, jitter))
    }

    /// Audiences whose turn has come as time went by: the one before them didn't take its turn, or a pause has ended.
    pub fn ready(&self, now: Moment) -> Vec<AudienceKey> {
        self.lock().values_mut().flat_map(|gate| gate.ready(now)).collect()
    }

    /// A person asked to try again at once. Returns what to enqueue.
    pub fn retry_now(&self, key: KeyId, now: Moment) -> ToEnqueue {
        self.with(key, |gate| gate.retry_now(now))
    }

    fn with(&self, key: KeyId, change: impl FnOnce(&mut Gate<AudienceKey>) -> Vec<AudienceKey>) -> ToEnqueue {
        let mut gates = self.lock();
        let Some(gate) = gates.get_mut(&key) else { return (vec![], vec![]) };
        let waiting = change(gate);
        let places = gate.workspaces().filter_map(|place| place.split_once('/'));
        (waiting, places.map(|(namespace, name)| ObjectRef::new(name).within(namespace)).collect())
    }

    /// The state of a key's gate, and when it changes next without any event.
    #[must_use]
    pub fn view(&self, key: KeyId, now: Moment) -> Option<(GateView, Option<Moment>)> {
        self.lock().get(&key).map(|gate| (gate.view(now), gate.next_change(now)))
    }
}

/// Whether a gate is in use, or has a pause or breaker that still applies if its key comes back.
fn is_needed(gate: &Gate<AudienceKey>, now: Moment) -> bool {
    !gate.is_idle() || gate.next_change(now).is_some()
}

/// Audiences that may send now, and workspaces whose health may have changed.
type ToEnqueue = (Vec<AudienceKey>, Vec<WorkspaceRef>);

#[cfg(test)]
mod tests;
