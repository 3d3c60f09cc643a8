//! Leader election by a Lease: one of several replicas works, the others stand by.
//!
//! ```text
//!              takes the Lease           can't renew in time, or another took it
//!   Standby ───────────────────► Leading ────────────────────────────────────────► Lost
//!                                   │ asked to stop: drained, then the Lease is released
//! ```
//!
//! `Lost` is for good: the process stops claiming, lets its requests end, and ends. While it drains it still renews a
//! Lease that nobody took, so that its successor doesn't start before it is done. Election only saves work:
//! receipts keep two leaders from sending the same list, so no rule of safety rests on this file.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use kube::api::{Api, ObjectMeta, PostParams};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, Moment};
pub use crate::controller::process::lease::LeaseSettings;
use crate::controller::process::lease::{Step, holder, released, step};
use crate::telemetry::metrics::kube_category;

/// Waits between rounds are extended by up to this fraction, so that standbys don't call at the same time.
const JITTER: f64 = 0.5;

/// Whether this process may work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leadership {
    /// Not yet: another process leads, or the API server wasn't reached.
    Standby,
    /// Yes.
    Leading {
        /// Since when.
        since: Moment,
    },
    /// Not any more, and never again in this process.
    Lost,
}

/// Takes and keeps the Lease.
pub struct Elector {
    api: Api<Lease>,
    settings: LeaseSettings,
    clock: Clock,
    seen: Seen,
    role: Role,
    /// Calls that failed since the last that didn't.
    failures: u32,
    leadership: watch::Sender<Leadership>,
}

/// The Lease as this process knows it.
#[derive(Default)]
struct Seen {
    lease: Option<Lease>,
    /// When its record was last seen to change.
    changed: Moment,
    /// It came from the answer to our own last write, so no read is needed before the next.
    current: bool,
}

impl Seen {
    fn record(&self) -> Option<&LeaseSpec> {
        self.lease.as_ref()?.spec.as_ref()
    }

    fn take_in(&mut self, lease: Option<Lease>, now: Moment) {
        if self.record() != lease.as_ref().and_then(|lease| lease.spec.as_ref()) {
            self.changed = now;
        }
        self.lease = lease;
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Standby,
    /// With the moment from before the last write that succeeded.
    Leading {
        renewed: Moment,
    },
    /// Lost, and the Lease may still carry our name.
    Draining,
    /// Lost, and the Lease is another's.
    Done,
}

/// How a round ended.
#[derive(Debug)]
enum Round {
    /// The Lease is ours; the moment is from before the write.
    Held(Moment),
    /// Another process holds it, for up to this time.
    Others(Duration),
    /// Nothing is known.
    Failed,
}

impl Elector {
    /// Nothing is asked before [`Elector::run`]. The client must not retry on its own.
    pub fn new(client: kube::Client, settings: LeaseSettings, clock: Clock) -> Self {
        Self {
            api: Api::namespaced(client, &settings.namespace),
            settings,
            clock,
            seen: Seen::default(),
            role: Role::Standby,
            failures: 0,
            leadership: watch::Sender::new(Leadership::Standby),
        }
    }

    /// Reports whether this process leads. The channel closes when the elector ends.
    pub fn leadership(&self) -> watch::Receiver<Leadership> {
        self.leadership.subscribe()
    }

    /// Competes for the Lease and keeps it until `stop`, which must come only when all work is drained: then the Lease
    /// is given back, and the next leader starts at once.
    pub async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() && self.role != Role::Done {
            // Not interrupted: after a cancelled call it isn't known who holds the Lease.
            let pause = self.turn().await;
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.clock.sleep(pause) => {}
            }
        }
        stop.cancelled().await;
        if matches!(self.role, Role::Leading { .. } | Role::Draining) {
            self.release().await;
        }
    }

    /// One round, and how long to wait for the next.
    async fn turn(&mut self) -> Duration {
        // First of all, for a process that slept through its deadline.
        self.check_deadline();
        let round = self.round().await;
        let retry = self.clock.jittered(self.settings.retry_period, JITTER);
        let pause = match (round, self.role) {
            (Round::Held(renewed), Role::Standby) => {
                self.lead(renewed);
                self.settings.retry_period
            }
            (Round::Held(renewed), Role::Leading { .. }) => {
                self.role = Role::Leading { renewed };
                self.settings.retry_period
            }
            (Round::Held(_), Role::Draining | Role::Done) => self.settings.retry_period,
            (Round::Others(left), Role::Standby) => retry.min(left.max(self.settings.retry_period / 4)),
            (Round::Others(_), Role::Leading { .. } | Role::Draining | Role::Done) => {
                self.lose(Role::Done, "another process took the lease");
                Duration::ZERO
            }
            (Round::Failed, Role::Leading { renewed }) => retry.min(self.left(renewed)),
            (Round::Failed, Role::Standby | Role::Draining | Role::Done) => retry,
        };
        self.check_deadline();
        pause
    }

    /// Acquires, renews or reads the Lease.
    async fn round(&mut self) -> Round {
        // Twice, since a conflict only means that the known version was old.
        for _ in 0..2 {
            if !self.seen.current && self.look().await.is_err() {
                return Round::Failed;
            }
            let (now, wall) = (self.clock.boottime(), self.clock.wall());
            let record = self.seen.record();
            let next = step(record, self.seen.changed, now, wall, &self.settings);
            let spec = match (next, self.role) {
                (Step::Wait(left), _) => return Round::Others(left),
                (Step::Renew(spec), _) | (Step::Acquire(spec), Role::Standby) => spec,
                // Deleted meanwhile: nobody else has it either.
                (Step::Acquire(spec), Role::Leading { .. }) if record.is_none() => spec,
                // Somebody had it in between, or may have: never taken a second time.
                (Step::Acquire(_), _) => return Round::Others(Duration::ZERO),
            };
            match self.write(spec).await {
                Ok(()) => return Round::Held(now),
                Err(Trouble::Conflict) => {}
                Err(Trouble::Other) => return Round::Failed,
            }
        }
        Round::Failed
    }

    async fn look(&mut self) -> Result<(), Trouble> {
        let (api, name) = (self.api.clone(), self.settings.name.clone());
        let lease = self.call("reading", async move { api.get_opt(&name).await }).await?;
        self.seen.take_in(lease, self.clock.boottime());
        Ok(())
    }

    async fn write(&mut self, spec: LeaseSpec) -> Result<(), Trouble> {
        // Known again only once the answer is here: a write without one may have been done.
        self.seen.current = false;
        let api = self.api.clone();
        let name = self.settings.name.clone();
        let written = match self.seen.lease.clone() {
            None => {
                let metadata = ObjectMeta { name: Some(name), ..ObjectMeta::default() };
                let lease = Lease { metadata, spec: Some(spec) };
                let create = async move { api.create(&PostParams::default(), &lease).await };
                self.call("creating", create).await?
            }
            Some(mut lease) => {
                // Its resourceVersion stays in: the write fails if anyone wrote since.
                lease.metadata.managed_fields = None;
                lease.spec = Some(spec);
                let replace = async move { api.replace(&name, &PostParams::default(), &lease).await };
                self.call("writing", replace).await?
            }
        };
        self.seen.take_in(Some(written), self.clock.boottime());
        self.seen.current = true;
        Ok(())
    }

    /// A call with a bound in time: half the renew deadline, and never past the deadline itself.
    async fn call<T>(&mut self, what: &'static str, call: impl Future<Output = kube::Result<T>>) -> Result<T, Trouble> {
        let mut limit = self.settings.renew_deadline / 2;
        if let Role::Leading { renewed } = self.role {
            limit = limit.min(self.left(renewed));
        }
        let error = match tokio::time::timeout(self.clock.real(limit), call).await {
            Ok(Ok(answer)) => {
                self.failures = 0;
                return Ok(answer);
            }
            Ok(Err(kube::Error::Api(status))) if status.code == 409 => {
                return Err(Trouble::Conflict);
            }
            Ok(Err(error)) => Some(error),
            Err(_) => None,
        };
        self.report(what, error.as_ref());
        Err(Trouble::Other)
    }

    /// The first of several failures in a row is a warning. A Lease contains nothing secret, so the text is logged.
    fn report(&mut self, what: &'static str, error: Option<&kube::Error>) {
        let category = error.map_or("timeout", kube_category);
        let message = match error {
            Some(kube::Error::Api(status)) => status.message.as_str(),
            Some(_) => "the API server can't be reached or understood",
            None => "the API server gave no answer in time",
        };
        if self.failures == 0 {
            tracing::warn!(category, message, "{what} the leader's lease failed");
        } else {
            tracing::debug!(category, message, "{what} the leader's lease failed again");
        }
        self.failures = self.failures.saturating_add(1);
    }

    fn left(&self, renewed: Moment) -> Duration {
        (renewed + self.settings.renew_deadline).since(self.clock.boottime())
    }

    fn check_deadline(&mut self) {
        if let Role::Leading { renewed } = self.role
            && self.left(renewed).is_zero()
        {
            self.lose(Role::Draining, "the lease couldn't be renewed in time");
        }
    }

    fn lead(&mut self, renewed: Moment) {
        tracing::info!(identity = self.settings.identity, "this process leads now");
        self.role = Role::Leading { renewed };
        let since = self.clock.boottime();
        self.leadership.send_replace(Leadership::Leading { since });
    }

    fn lose(&mut self, role: Role, why: &'static str) {
        tracing::warn!(identity = self.settings.identity, why, "this process doesn't lead any more");
        self.role = role;
        self.leadership.send_replace(Leadership::Lost);
    }

    /// Gives the Lease back, if it still is ours.
    async fn release(&mut self) {
        self.role = Role::Draining;
        self.leadership.send_replace(Leadership::Lost);
        for _ in 0..2 {
            if !self.seen.current && self.look().await.is_err() {
                return;
            }
            let Some(record) = self.seen.record() else {
                return;
            };
            if holder(record) != Some(&self.settings.identity) {
                return;
            }
            let free = released(record, self.clock.wall());
            match self.write(free).await {
                Ok(()) => {
                    tracing::info!(identity = self.settings.identity, "the lease is given back");
                    return;
                }
                Err(Trouble::Conflict) => {}
                Err(Trouble::Other) => return,
            }
        }
    }
}

#[derive(Debug)]
enum Trouble {
    /// Somebody wrote since we read.
    Conflict,
    /// Reported already.
    Other,
}

#[cfg(test)]
mod tests;
