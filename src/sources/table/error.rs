//! Why a list file can't be read, and the limits of its size.

use super::format::Format;
use crate::audience::Field;

/// The maximum size of an unpacked file in bytes; about 600,000 contacts.
pub const MAX_FILE_BYTES: usize = 64 << 20;

/// The maximum number of rows of a file.
pub const MAX_ROWS: u64 = 1_000_000;

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
