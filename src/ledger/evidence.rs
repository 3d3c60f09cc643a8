//! What an answer proves about an attempt. The client classifies every answer; the ledger needs only this.

/// What the end of a request proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Evidence {
    /// The API confirmed that the audience was created.
    Created,
    /// The API rejected the list.
    Rejected,
    /// The API refused the request for now (429, 401, 403); nothing was stored.
    NothingStored,
    /// A 503 that the workspace lists as refused. It is trusted only
    /// [`TRUSTED_UNAVAILABLE`](super::TRUSTED_UNAVAILABLE) times for one receipt.
    Unavailable,
    /// No byte of the request was sent.
    NothingSent,
    /// It proves nothing: the audience may or may not have been created.
    Unclear,
}
