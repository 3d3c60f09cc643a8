//! What an answer proves about an attempt. The client classes every answer; the ledger only needs this.

/// What is proven by the way a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Evidence {
    /// The API said that the audience was created.
    Created,
    /// The API refused the list for good.
    Rejected,
    /// The API refused the request for now (429, 401, 403); nothing was stored.
    NothingStored,
    /// A 503 that the workspace lists as refused. Believed only so often.
    Unavailable,
    /// No byte of the request left.
    NothingSent,
    /// Nothing is proven.
    Unclear,
}
