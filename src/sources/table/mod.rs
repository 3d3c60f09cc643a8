//! From the bytes of a file to rows. Whatever is wrong with the whole of it is an [`Unreadable`] that says where and never what: a file that can't be read to
//! its end gives no list at all. What is wrong with one row is for the normaliser to say.

mod columns;
mod csv;
mod pack;
mod tree;

use std::fmt;

pub use columns::Columns;
pub use pack::unpack;

use crate::audience::{Field, Kind, Member};

/// Bytes that a file may have once it is unpacked: some 600,000 contacts.
pub const LARGEST_FILE: usize = 64 << 20;

/// Rows that a file may have.
pub const MOST_ROWS: u64 = 1_000_000;

/// How a file is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Cells between commas, semicolons or tabs, under a row of headings.
    Csv,
    /// An array of objects, or the API's own body.
    Json,
    /// An object on each line.
    Ndjson,
    /// The same as JSON, in YAML.
    Yaml,
}

impl Format {
    /// The format that a file's name ends in, a `.gz` behind it aside.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        let name = name.strip_suffix(".gz").unwrap_or(name);
        let (_, ending) = name.rsplit_once('.')?;
        Some(match ending.to_ascii_lowercase().as_str() {
            "csv" | "tsv" => Self::Csv,
            "json" => Self::Json,
            "ndjson" | "jsonl" => Self::Ndjson,
            "yaml" | "yml" => Self::Yaml,
            _ => return None,
        })
    }
}

/// What a file holds beside its rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Rows, without those that are blank.
    pub rows: u64,
    /// Columns, or names of fields, that mean nothing to this kind of audience.
    pub ignored_columns: u64,
}

/// Why a file can't be read. None of them repeats what is in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is empty, or white space.
    #[error("it is empty")]
    Empty,
    /// It is in another encoding.
    #[error("it isn't UTF-8 (byte {0}): save it as UTF-8")]
    Encoding(usize),
    /// It is larger than [`LARGEST_FILE`].
    #[error("it is larger than {} MiB: split it", LARGEST_FILE >> 20)]
    TooLarge,
    /// The files of a list are larger together than [`LARGEST_FILE`].
    #[error("together, the files of the list and of its suppression lists are larger than {} MiB: make several lists of it", LARGEST_FILE >> 20)]
    TooMuch,
    /// It has more rows than [`MOST_ROWS`].
    #[error("it has more than {MOST_ROWS} rows: split it")]
    TooManyRows,
    /// What begins like gzip can't be unpacked.
    #[error("it can't be unpacked: the gzip data is damaged or incomplete")]
    Gzip,
    /// No column is a field that this kind of audience has.
    #[error("no column is known: the first row must hold headings such as {0}, or name yours under columns")]
    NoKnownColumn(&'static str),
    /// Two columns are the same field.
    #[error("columns {first} and {second} both mean {field}: name the one to use under columns")]
    TwoColumns {
        /// The field.
        field: Field,
        /// The first column, counted from 1.
        first: usize,
        /// The other.
        second: usize,
    },
    /// A heading that `columns` names isn't there.
    #[error("the column that columns names for {0} isn't there: correct it")]
    ColumnMissing(Field),
    /// A row with another number of cells than the headings: the end is missing, or a cell isn't quoted.
    #[error(
        "row {row} has {found} cells and the headings have {expected}: quote cells that hold the separator; the file may be cut off"
    )]
    Ragged {
        /// The row, the headings being the first.
        row: u64,
        /// Cells of the headings.
        expected: u64,
        /// Cells of the row.
        found: u64,
    },
    /// A quote that never ends.
    #[error("a quote is never closed: the file may be cut off")]
    OpenQuote,
    /// Not what the format says, at a line.
    #[error("it isn't valid {format} (line {line}); the file may be cut off")]
    Syntax {
        /// The format.
        format: Format,
        /// Where, counted from 1.
        line: u64,
    },
    /// Valid, and not a list.
    #[error("it isn't a list: it must be an array of objects, or an object with the array under {0:?}")]
    NotAList(&'static str),
    /// A row that isn't an object, or a value in it that isn't text.
    #[error("row {0} isn't an object of texts: quote numbers, and give each field one value")]
    NotText(u64),
    /// The same field twice in one row.
    #[error("row {row} gives {field} twice: remove one")]
    FieldTwice {
        /// The row, counted from 1.
        row: u64,
        /// The field.
        field: Field,
    },
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Csv => "CSV",
            Self::Json => "JSON",
            Self::Ndjson => "NDJSON",
            Self::Yaml => "YAML",
        })
    }
}

/// Reads a file that is unpacked, and gives each row with its number: in CSV the headings are row 1 and blank lines are none; in NDJSON its line; else its place
/// in the list, counted from 1.
///
/// # Errors
/// When the file can't be read to its end. Rows may have been given before.
pub fn read(
    bytes: &[u8],
    kind: Kind,
    format: Format,
    columns: &Columns,
    row: impl FnMut(u64, &mut Member),
) -> Result<Tally, Unreadable> {
    if bytes.len() > LARGEST_FILE {
        return Err(Unreadable::TooLarge);
    }
    let text = std::str::from_utf8(bytes).map_err(|error| Unreadable::Encoding(error.valid_up_to()))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Err(Unreadable::Empty);
    }
    match format {
        Format::Csv => csv::read(text, kind, columns, row),
        Format::Json | Format::Ndjson | Format::Yaml => tree::read(text, kind, format, columns, row),
    }
}

/// The fields that a kind of audience has.
fn fields(kind: Kind) -> &'static [Field] {
    match kind {
        Kind::Contacts => &Field::ALL,
        Kind::Accounts => &[Field::Website],
    }
}

/// Headings to name to whoever has none.
fn headings(kind: Kind) -> &'static str {
    match kind {
        Kind::Contacts => "first_name, last_name, company_name, website, email and linkedin_url",
        Kind::Accounts => "website",
    }
}

/// What a list stands under in the API's own body.
fn body_field(kind: Kind) -> &'static str {
    match kind {
        Kind::Contacts => "contacts",
        Kind::Accounts => "accounts",
    }
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
