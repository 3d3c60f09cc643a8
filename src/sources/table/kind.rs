//! What a list file has for each kind of audience.

use crate::audience::{Field, Kind};

/// Numbers about a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileSummary {
    /// The number of rows that aren't blank.
    pub rows: u64,
    /// The number of columns or fields that this kind of audience doesn't use.
    pub ignored_columns: u64,
}

/// The fields of a kind of audience.
pub(super) fn fields(kind: Kind) -> &'static [Field] {
    match kind {
        Kind::Contacts => &Field::ALL,
        Kind::Accounts => &[Field::Website],
    }
}

/// Example headings for error messages.
pub(super) fn headings(kind: Kind) -> &'static str {
    match kind {
        Kind::Contacts => "first_name, last_name, company_name, website, email and linkedin_url",
        Kind::Accounts => "website",
    }
}

/// The field of the API's request body that contains the list.
pub(super) fn body_field(kind: Kind) -> &'static str {
    match kind {
        Kind::Contacts => "contacts",
        Kind::Accounts => "accounts",
    }
}
