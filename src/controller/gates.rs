//! The gates of all keys in use. Limits belong to the key, so workspaces that share one share its gate.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kube::runtime::reflector::ObjectRef;

use super::context::{Context, WorkspaceKey};
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

    /// Says that a workspace is gone or has no usable key.
    pub fn unregister(&self, workspace: &str, now: Moment) {
        let mut gates = self.lock();
        gates.values_mut().for_each(|gate| gate.remove_limits(workspace));
        gates.retain(|_, gate| is_needed(gate, now));
    }

    /// Asks for leave to send one create. Without a gate, since no workspace uses the key any more, there is no leave.
    pub fn ask(&self, key: KeyId, now: Moment, who: &AudienceKey) -> Option<Grant> {
        self.lock().get_mut(&key).map(|gate| gate.ask(now, who.clone()))
    }

    /// Asks for leave to fetch a report, behind all creates; `None` without a gate.
    pub fn ask_behind(&self, key: KeyId, now: Moment) -> Option<Result<(), Moment>> {
        self.lock().get_mut(&key).map(|gate| gate.ask_behind(now))
    }

    /// The API asked for a pause in answer to a report. Returns the workspaces that use the key.
    pub fn must_pause(&self, key: KeyId, now: Moment, retry_after: Option<Duration>) -> Vec<WorkspaceKey> {
        let paused = |gate: &mut Gate<AudienceKey>| {
            gate.must_pause(now, retry_after);
            vec![]
        };
        self.with(key, paused).1
    }

    /// Takes an audience out of every queue: it has nothing to send. Returns whom to wake.
    pub fn forget(&self, now: Moment, who: &AudienceKey) -> Vec<AudienceKey> {
        self.lock().values_mut().flat_map(|gate| gate.forget(now, who)).collect()
    }

    /// Gives back a permit. Returns whom to wake: those who may go now, and the workspaces that use the key.
    pub fn settled(&self, key: KeyId, now: Moment, permit: Permit, effect: Effect, jitter: f64) -> Woken {
        self.with(key, |gate| gate.settled(now, permit, effect, jitter))
    }

    /// Audiences whose turn has come as time went by: the one before them didn't take its turn, or a pause has ended.
    pub fn ready(&self, now: Moment) -> Vec<AudienceKey> {
        self.lock().values_mut().flat_map(|gate| gate.ready(now)).collect()
    }

    /// A person asked to try again at once. Returns whom to wake.
    pub fn retry_now(&self, key: KeyId, now: Moment) -> Woken {
        self.with(key, |gate| gate.retry_now(now))
    }

    fn with(&self, key: KeyId, change: impl FnOnce(&mut Gate<AudienceKey>) -> Vec<AudienceKey>) -> Woken {
        let mut gates = self.lock();
        let Some(gate) = gates.get_mut(&key) else { return (vec![], vec![]) };
        let waiting = change(gate);
        let places = gate.workspaces().filter_map(|place| place.split_once('/'));
        (waiting, places.map(|(namespace, name)| ObjectRef::new(name).within(namespace)).collect())
    }

    /// The state of a key's gate, and when time alone changes it next.
    #[must_use]
    pub fn view(&self, key: KeyId, now: Moment) -> Option<(GateView, Option<Moment>)> {
        self.lock().get(&key).map(|gate| (gate.view(now), gate.next_change(now)))
    }
}

/// How often a turn that wasn't taken is passed on.
const PASSED_ON_EVERY: Duration = Duration::from_secs(1);

/// Enqueues the audiences whose turn comes as time goes by.
pub async fn pass_on(ctx: Arc<Context>) {
    loop {
        ctx.clock.sleep(PASSED_ON_EVERY).await;
        ctx.wake.audiences(ctx.gates.ready(ctx.clock.boottime()));
    }
}

/// Whether a gate is in use, or holds something back that a key which comes back must still respect.
fn is_needed(gate: &Gate<AudienceKey>, now: Moment) -> bool {
    !gate.is_idle() || gate.next_change(now).is_some()
}

/// Audiences that may go now, and workspaces whose health may have changed.
type Woken = (Vec<AudienceKey>, Vec<WorkspaceKey>);

#[cfg(test)]
mod tests;
