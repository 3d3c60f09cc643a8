//! The result of evaluating a list.

use crate::audience;

/// The result of evaluating a list, without its members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListSummary {
    /// SHA-256 of the normalised list.
    pub hash: audience::ListHash,
    /// SHA-256 of the rows that aren't suppressed, where any is.
    pub kept_hash: Option<audience::ListHash>,
    /// How many rows were read, left out and kept.
    pub funnel: audience::Funnel,
    /// The first invalid rows.
    pub problems: Vec<audience::Problem>,
    /// Columns of its sources that have no meaning to the operator.
    pub ignored_columns: u64,
    /// What is reported and blocks nothing.
    pub warnings: audience::Warnings,
    /// Its parts, where it is split.
    pub parts: Vec<ListPart>,
}

/// What is sent as one audience: a list, or a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListPart {
    /// Its name among the parts; empty for a whole list.
    pub name: String,
    /// SHA-256 of its normalised rows.
    pub hash: audience::ListHash,
    /// SHA-256 of those that aren't suppressed, where any is.
    pub kept_hash: Option<audience::ListHash>,
    /// Members to send.
    pub to_send: u64,
    /// Members that are suppressed.
    pub excluded: u64,
}

impl ListPart {
    /// The summary of a part.
    #[must_use]
    pub fn of(part: &audience::Part) -> Self {
        Self {
            name: part.name.clone(),
            hash: part.list.hash().clone(),
            kept_hash: part.list.kept_hash().cloned(),
            to_send: part.list.len(),
            excluded: part.excluded,
        }
    }

    /// The variant of an audience of these rows: it differs where other members are suppressed.
    #[must_use]
    pub fn variant(&self) -> String {
        self.kept_hash.as_ref().unwrap_or(&self.hash).as_str().to_owned()
    }
}
