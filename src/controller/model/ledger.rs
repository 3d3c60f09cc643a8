//! What is known of the ledger that a workspace uses.

/// What is known of a workspace's ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LedgerState {
    /// Not read yet.
    #[default]
    Unknown,
    /// It is the expected one; its ID.
    Present(String),
    /// It isn't; why, as a sentence.
    Missing(String),
}
