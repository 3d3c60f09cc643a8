//! The states of a receipt.

use serde::{Deserialize, Serialize};

/// The state of a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum State {
    /// An attempt is recorded and its outcome isn't.
    Claimed,
    /// The last attempt provably sent nothing; the next may be claimed.
    NotSent,
    /// The API rejected the list.
    Rejected,
    /// The audience may or may not have been created.
    Unknown,
    /// A resolution allows one more attempt.
    Authorised,
    /// The audience was created.
    Created,
    /// A person decided not to send it again.
    Dismissed,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 7] =
        [Self::Claimed, Self::NotSent, Self::Rejected, Self::Unknown, Self::Authorised, Self::Created, Self::Dismissed];

    /// The state as it is stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Claimed => "Claimed",
            Self::NotSent => "NotSent",
            Self::Rejected => "Rejected",
            Self::Unknown => "Unknown",
            Self::Authorised => "Authorised",
            Self::Created => "Created",
            Self::Dismissed => "Dismissed",
        }
    }

    /// Whether something may still happen to the receipt. Closed receipts need no watch.
    #[must_use]
    pub fn is_open(self) -> bool {
        !matches!(self, Self::Created | Self::Dismissed)
    }
}
