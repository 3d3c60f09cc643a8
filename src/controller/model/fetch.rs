//! How the fetch of a report ends.

use std::time::Duration;

use crate::propensity::ReportFault;
use crate::sources::rows::RowsError;

/// How long one page of a report may take.
pub const PAGE_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// How a fetch ended, as far as it decides when the next one is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchEnd {
    /// It succeeded.
    Succeeded,
    /// It failed, and another try soon may succeed.
    FailedForNow,
    /// It failed, and only a change helps.
    FailedUntilChanged,
}

/// Why a report isn't read to its end. It contains no text from a server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The request failed.
    #[error(transparent)]
    Report(#[from] ReportFault),
    /// It can't be understood.
    #[error("{0}")]
    Rows(#[from] RowsError),
    /// The parameter has no effect.
    #[error("pages {0} and {1} are the same: the report ignores the parameter of spec.paging")]
    SamePage(u32, u32),
    /// More pages than are wanted.
    #[error("it has more than {0} pages: raise spec.paging.maxPages, or narrow spec.query")]
    TooManyPages(u32),
    /// Nobody uses its key any more.
    #[error("its workspace or key was removed while it was read")]
    WorkspaceGone,
    /// It goes on for too long.
    #[error("a request for it took longer than {} minutes", PAGE_TIMEOUT.as_secs() / 60)]
    TooSlow,
}
