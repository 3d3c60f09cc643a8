//! What the `Ready` condition of an object reports.

use std::borrow::Cow;
use std::time::Duration;

use crate::api::condition::{Reason, Verdict};

/// What kind of state an object is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The object is as its spec asks: an audience is in the workspace, a workspace can be used, a report is fetched.
    Ready,
    /// It goes on by itself, or after a change in the cluster.
    Reconciling,
    /// A person must act.
    Stalled,
    /// Suspended on purpose.
    Idle,
}

/// The state of an object with its reason and message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// Why, and what to do.
    pub verdict: Verdict,
    /// Which kind of state that is.
    pub phase: Phase,
}

impl Readiness {
    /// A state with its reason and message.
    pub fn new(phase: Phase, reason: Reason, message: impl Into<Cow<'static, str>>) -> Self {
        Self { verdict: Verdict::new(reason, message), phase }
    }

    /// As the spec asks.
    pub fn ready(reason: Reason, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Phase::Ready, reason, message)
    }

    /// It goes on by itself, or after a change in the cluster.
    pub fn reconciling(reason: Reason, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Phase::Reconciling, reason, message)
    }

    /// A person must act.
    pub fn stalled(reason: Reason, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Phase::Stalled, reason, message)
    }

    /// Suspended on purpose.
    pub fn idle(reason: Reason, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Phase::Idle, reason, message)
    }

    /// The reason of the condition.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.verdict.reason
    }
}

/// Why something can't go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// What the condition reports.
    pub readiness: Readiness,
    /// When to try again, where it may pass without a change in the cluster.
    pub retry_after: Option<Duration>,
}

impl From<Readiness> for Blocked {
    fn from(readiness: Readiness) -> Self {
        Self { readiness, retry_after: None }
    }
}
