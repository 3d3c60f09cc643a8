//! When an audience is reconciled again.

use std::time::Duration;

use crate::controller::decide::progress::Wait;
use crate::telemetry::metrics::Outcome;

/// When to reconcile an audience again, and how the reconcile counts.
#[derive(Clone, Copy, Debug)]
pub struct Next {
    /// After this time of the process's clock; none: after a change.
    pub after: Option<Duration>,
    /// For the metrics.
    pub outcome: Outcome,
}

impl Next {
    /// After a change.
    #[must_use]
    pub const fn done(outcome: Outcome) -> Self {
        Self { after: None, outcome }
    }

    /// After a wait.
    #[must_use]
    pub const fn waiting(wait: Wait) -> Self {
        Self { after: wait.after, outcome: Outcome::Waiting }
    }
}
