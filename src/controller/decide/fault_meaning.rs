//! What follows from a fault of a fetch: when the next one is due, how it counts, and the state of the report.

use crate::api::condition::Reason;
use crate::controller::model::fetch::{Fault, FetchEnd};
use crate::controller::model::readiness::Phase;
use crate::propensity::{EndpointError, ReportFault};
use crate::sources::rows::RowsError;
use crate::telemetry::metrics::FetchOutcome;

/// What follows from a fault.
pub struct Meaning {
    /// When the next fetch is due.
    pub end: FetchEnd,
    /// How the fetch counts.
    pub outcome: FetchOutcome,
    /// The reason of the condition.
    pub reason: Reason,
    /// The phase of the report.
    pub phase: Phase,
}

/// What follows from a fault.
#[must_use]
pub fn meaning(fault: &Fault) -> Meaning {
    use FetchEnd::{FailedForNow, FailedUntilChanged};
    use Phase::{Reconciling, Stalled};
    let (end, outcome, reason, phase) = match fault {
        Fault::Report(ReportFault::Rejected(_)) => {
            (FailedUntilChanged, FetchOutcome::Credentials, Reason::CredentialsRejected, Reconciling)
        }
        Fault::Report(ReportFault::Endpoint(EndpointError::NotAllowed { .. })) => {
            (FailedUntilChanged, FetchOutcome::Refused, Reason::HostNotAllowed, Reconciling)
        }
        Fault::Report(ReportFault::Endpoint(_)) => {
            (FailedUntilChanged, FetchOutcome::Refused, Reason::UrlInvalid, Reconciling)
        }
        Fault::Report(ReportFault::RateLimited(_)) => {
            (FailedForNow, FetchOutcome::RateLimited, Reason::RateLimited, Reconciling)
        }
        Fault::Report(ReportFault::Unreachable | ReportFault::ConnectionLost | ReportFault::Server(_))
        | Fault::TooSlow
        | Fault::WorkspaceGone => (FailedForNow, FetchOutcome::Unreachable, Reason::ApiUnreachable, Reconciling),
        Fault::Rows(RowsError::Truncated) => {
            (FailedForNow, FetchOutcome::Unreadable, Reason::ReportUnreadable, Reconciling)
        }
        Fault::Report(ReportFault::Redirect(_) | ReportFault::Status(_))
        | Fault::Rows(_)
        | Fault::SamePage(..)
        | Fault::TooManyPages(_) => (FailedUntilChanged, FetchOutcome::Unreadable, Reason::ReportUnreadable, Stalled),
    };
    Meaning { end, outcome, reason, phase }
}
