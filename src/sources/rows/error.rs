//! Why a report can't be read.

/// The maximum size of a row in bytes.
pub(super) const MAX_ROW_BYTES: u64 = 1 << 20;

/// Why a report can't be read completely. No message repeats its content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowsError {
    /// An HTML or XML page.
    #[error("it is a page of HTML or XML instead of a report: check the URL and spec.query")]
    Html,
    /// It ends too early.
    #[error("it is cut off")]
    Truncated,
    /// Invalid syntax.
    #[error("it isn't valid {0} (line {1})")]
    Syntax(&'static str, u64),
    /// Valid JSON, but without an array at the path.
    #[error(
        "there is no array of rows at {}: set spec.rows to the path of the array",
        if .0.is_empty() { "the top of its body" } else { .0 }
    )]
    NoArray(String),
    /// A row that isn't an object.
    #[error("row {0} isn't an object")]
    NotAnObject(u64),
    /// Two columns with the same heading.
    #[error("columns {0} and {1} have the same heading")]
    DuplicateHeading(usize, usize),
    /// A first row without headings.
    #[error("its first row has values where the headings of the columns should be")]
    NoHeadings,
    /// A row with two cells of the same name.
    #[error("row {0} has two cells of one name")]
    DuplicateCell(u64),
    /// A row with another number of cells than the headings.
    #[error("row {0} has another number of cells than the headings: it may be cut off")]
    CellCount(u64),
    /// More bytes than the limit.
    #[error("it is larger than {} MiB", .0 >> 20)]
    TooLarge(u64),
    /// A row with more bytes than the limit.
    #[error("a row is larger than {} KiB", MAX_ROW_BYTES >> 10)]
    RowTooLarge,
}
