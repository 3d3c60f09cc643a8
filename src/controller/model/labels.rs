//! Labels of metrics for the controller's values.

use super::readiness::Phase;
use crate::audience::Kind;
use crate::telemetry::metrics::{self, Outcome};

/// The kind of an audience.
#[must_use]
pub fn kind(kind: Kind) -> metrics::Kind {
    match kind {
        Kind::Contacts => metrics::Kind::ContactAudience,
        Kind::Accounts => metrics::Kind::AccountAudience,
    }
}

/// The endpoint that creates an audience of this kind.
#[must_use]
pub fn endpoint(kind: Kind) -> metrics::Endpoint {
    match kind {
        Kind::Contacts => metrics::Endpoint::CreateContactAudience,
        Kind::Accounts => metrics::Endpoint::CreateAccountAudience,
    }
}

/// How a reconcile counts that ends in this phase.
#[must_use]
pub fn outcome(phase: Phase) -> Outcome {
    match phase {
        Phase::Ready | Phase::Idle => Outcome::Done,
        Phase::Reconciling => Outcome::Waiting,
        Phase::Stalled => Outcome::Stalled,
    }
}
