//! What happens to the process whose request is caught, step by step, while the test goes on.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::case::{Case, Replica};
use crate::support::intercept::Point;
use crate::support::proxy::Proxy;

/// What happens to the process whose request is caught.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Nothing: all requests are resumed.
    Wait,
    /// SIGKILL, and a new process is started.
    Kill,
    /// SIGKILL while a second replica is on standby.
    Failover,
    /// SIGSTOP until a second replica is the leader and had time to reconcile everything, then SIGCONT.
    Pause,
    /// SIGTERM while a second replica starts.
    Rollout,
    /// Only the connection of the request is cut.
    Cut,
}

impl Action {
    pub const ALL: [Self; 6] = [Self::Wait, Self::Kill, Self::Failover, Self::Pause, Self::Rollout, Self::Cut];
}

/// The progress of the action.
pub enum Phase {
    /// No request is caught so far.
    NotCaught,
    /// The process is killed. Its request is forwarded when another process is the leader.
    Killed {
        proxy: Proxy,
        since: Instant,
    },
    /// The process is stopped until another one is the leader and had some time.
    Stopped {
        replica: Replica,
        since: Instant,
        led: Option<Instant>,
    },
    /// The process has received SIGTERM.
    Terminating {
        replica: Replica,
    },
    /// The connection is cut, and the request is forwarded a little later.
    Disconnected {
        since: Instant,
    },
    Done,
}

impl Case {
    /// Continues the action, and replaces processes that have exited, like a kubelet.
    pub(super) fn tick(&mut self) {
        self.phase = match std::mem::replace(&mut self.phase, Phase::Done) {
            Phase::NotCaught if self.trap.is_some() && self.replicas[0].proxy.has_caught() => self.start_action(),
            Phase::Killed { proxy, since } => self.after_kill(proxy, since),
            Phase::Stopped { replica, since, led } => self.while_stopped(replica, since, led),
            Phase::Terminating { mut replica } => {
                if replica.operator.has_ended() {
                    Phase::Done
                } else {
                    Phase::Terminating { replica }
                }
            }
            Phase::Disconnected { since } if since.elapsed() > Duration::from_millis(300) => {
                self.replicas[0].proxy.forward_caught();
                Phase::Done
            }
            phase => phase,
        };
        let armed = matches!(self.phase, Phase::NotCaught) && self.trap.is_some();
        for at in (0..self.replicas.len()).rev() {
            if self.replicas[at].operator.has_ended() {
                assert!(
                    !(armed && at == 0),
                    "the process with the trap has exited: {}",
                    self.replicas[at].operator.wait_ended()
                );
                self.replicas.remove(at);
            }
        }
        if self.replicas.is_empty() && !matches!(self.phase, Phase::Stopped { .. }) {
            self.start(None);
        }
    }

    /// The request is caught: the user makes the next change, and the action starts.
    fn start_action(&mut self) -> Phase {
        if let Some(scenario) = self.scenario {
            scenario.while_paused(self);
        }
        let point = self.trap.expect("it has caught a request").point;
        let lose_response = point == Point::Unanswered;
        let now = Instant::now();
        match self.action {
            Action::Wait => {
                self.replicas[0].proxy.resume(false);
                Phase::Done
            }
            Action::Cut => {
                self.replicas[0].proxy.cut();
                if point == Point::Unapplied { Phase::Disconnected { since: now } } else { Phase::Done }
            }
            Action::Kill | Action::Failover => {
                let Replica { mut operator, proxy } = self.replicas.remove(0);
                operator.kill();
                Phase::Killed { proxy, since: now }
            }
            Action::Pause => {
                let mut replica = self.replicas.remove(0);
                replica.operator.signal("STOP");
                replica.operator.wait_stopped(true);
                Phase::Stopped { replica, since: now, led: None }
            }
            Action::Rollout => {
                let mut replica = self.replicas.remove(0);
                replica.operator.signal("TERM");
                self.start(None);
                replica.proxy.resume(lose_response);
                Phase::Terminating { replica }
            }
        }
    }

    /// Forwards a late request when another process is the leader, which is the worst moment for it.
    fn after_kill(&self, proxy: Proxy, since: Instant) -> Phase {
        let late = self.trap.expect("it has caught a request").point == Point::Unapplied;
        if late && !self.has_leader() && since.elapsed() < Duration::from_secs(15) {
            return Phase::Killed { proxy, since };
        }
        if late {
            proxy.forward_caught();
            // A dropped proxy loses requests that haven't left yet.
            sleep(Duration::from_millis(50));
        }
        Phase::Done
    }

    fn while_stopped(&mut self, mut replica: Replica, since: Instant, led: Option<Instant>) -> Phase {
        let point = self.trap.expect("it has caught a request").point;
        let led = led.or_else(|| {
            let leads = self.has_leader() || since.elapsed() > Duration::from_secs(15);
            leads.then(|| {
                if point == Point::Unapplied {
                    replica.proxy.forward_caught();
                }
                Instant::now()
            })
        });
        let had_time = led.is_some_and(|led| led.elapsed() > Duration::from_millis(1500));
        if !had_time {
            return Phase::Stopped { replica, since, led };
        }
        replica.operator.signal("CONT");
        replica.operator.wait_stopped(false);
        replica.proxy.resume(point == Point::Unanswered);
        // It exits if it was the leader before, and stays on standby if it wasn't.
        self.replicas.push(replica);
        Phase::Done
    }
}
