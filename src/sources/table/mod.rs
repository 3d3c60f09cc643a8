//! Parses list files into rows. An error of the whole file is a [`FileError`] that names the position but never the
//! content: a file that can't be read completely gives no list. Errors of single rows are reported by the normaliser.

mod columns;
mod csv;
mod pack;
mod tree;

use std::fmt;

pub use columns::Columns;
pub use pack::unpack;

use crate::audience::{Field, Kind, Member};

/// The maximum size of an unpacked file in bytes; about 600,000 contacts.
pub const MAX_FILE_BYTES: usize = 64 << 20;

/// The maximum number of rows of a file.
pub const MAX_ROWS: u64 = 1_000_000;

/// The format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Values separated by commas, semicolons or tabs. The first row has the headings.
    Csv,
    /// An array of objects, or a request body of the API.
    Json,
    /// One JSON object per line.
    Ndjson,
    /// The same as JSON, in YAML.
    Yaml,
}

impl Format {
    /// The format by the extension of a file name; `.gz` at the end is ignored.
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

/// Numbers about a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileSummary {
    /// The number of rows that aren't blank.
    pub rows: u64,
    /// The number of columns or fields that this kind of audience doesn't use.
    pub ignored_columns: u64,
}

/// Why a file can't be read. No message repeats its content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// It is empty or contains only white space.
    #[error("it is empty")]
    Empty,
    /// It has another encoding.
    #[error("it isn't UTF-8 (byte {0}): save it as UTF-8")]
    Encoding(usize),
    /// It is larger than [`MAX_FILE_BYTES`].
    #[error("it is larger than {} MiB: split it", MAX_FILE_BYTES >> 20)]
    TooLarge,
    /// All files of a list together are larger than [`MAX_FILE_BYTES`].
    #[error(
        "together, the files of the list and of its suppression lists are larger than {} MiB: divide them among \
            several \
         audiences",
        MAX_FILE_BYTES >> 20
    )]
    TotalTooLarge,
    /// It has more rows than [`MAX_ROWS`].
    #[error("it has more than {MAX_ROWS} rows: split it")]
    TooManyRows,
    /// It begins like gzip but can't be unpacked.
    #[error("it can't be unpacked: the gzip data is damaged or incomplete")]
    Gzip,
    /// No column is a field of this kind of audience.
    #[error("no column is known: the first row must have headings such as {0}; map other headings with columns")]
    NoKnownColumn(&'static str),
    /// Two columns are for the same field.
    #[error("columns {first} and {second} are both for {field}: select one with columns")]
    TwoColumns {
        /// The field.
        field: Field,
        /// The first column, counted from 1.
        first: usize,
        /// The second column, counted from 1.
        second: usize,
    },
    /// A heading of `columns` doesn't exist.
    #[error("the file has no column with the heading that columns sets for {0}: correct the heading")]
    ColumnMissing(Field),
    /// A row has another number of cells than the headings: the end is missing, or a cell isn't quoted.
    #[error(
        "row {row} has {found} cells and the headings have {expected}: quote cells that contain the separator; the \
            file \
         may be cut off"
    )]
    Ragged {
        /// The row; the headings are row 1.
        row: u64,
        /// The number of headings.
        expected: u64,
        /// The number of cells.
        found: u64,
    },
    /// A quote that never ends.
    #[error("a quote is never closed: the file may be cut off")]
    OpenQuote,
    /// Invalid syntax.
    #[error("it isn't valid {format} (line {line}); the file may be cut off")]
    Syntax {
        /// The format.
        format: Format,
        /// The line, counted from 1.
        line: u64,
    },
    /// Valid syntax, but not a list.
    #[error("it isn't a list: it must be an array of objects, or an object with the array under {0:?}")]
    NotAList(&'static str),
    /// A row that isn't an object, or a value that isn't a string.
    #[error("row {0} isn't an object with strings: quote numbers, and set one value per field")]
    NotText(u64),
    /// The same field twice in one row.
    #[error("row {row} has two values for {field}: remove one")]
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

/// Reads an unpacked file and calls `row` with each row and its number. In CSV the headings are row 1 and blank lines
/// aren't counted; in NDJSON the number is the line; otherwise it is the position in the list, from 1.
///
/// # Errors
/// If the file can't be read completely. `row` may have been called before.
pub fn read(
    bytes: &[u8],
    kind: Kind,
    format: Format,
    columns: &Columns,
    row: impl FnMut(u64, &mut Member),
) -> Result<FileSummary, FileError> {
    if bytes.len() > MAX_FILE_BYTES {
        return Err(FileError::TooLarge);
    }
    let text = std::str::from_utf8(bytes).map_err(|error| FileError::Encoding(error.valid_up_to()))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Err(FileError::Empty);
    }
    match format {
        Format::Csv => csv::read(text, kind, columns, row),
        Format::Json | Format::Ndjson | Format::Yaml => tree::read(text, kind, format, columns, row),
    }
}

/// The fields of a kind of audience.
fn fields(kind: Kind) -> &'static [Field] {
    match kind {
        Kind::Contacts => &Field::ALL,
        Kind::Accounts => &[Field::Website],
    }
}

/// Example headings for error messages.
fn headings(kind: Kind) -> &'static str {
    match kind {
        Kind::Contacts => "first_name, last_name, company_name, website, email and linkedin_url",
        Kind::Accounts => "website",
    }
}

/// The field of the API's request body that contains the list.
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
