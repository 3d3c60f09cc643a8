//! Parses the rows of a report while its bytes arrive: neither the body nor more than one row is ever in memory.

mod csv;
mod json;
mod limits;

use std::io::{self, BufRead, BufReader, Read};

use crate::report::Row;
use limits::{LimitedReader, MAX_ROW_BYTES, Progress};

/// The format of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layout {
    /// A JSON array of objects at this path in the body; each part of the path is the name of a field.
    Json(Vec<String>),
    /// One JSON object per line.
    Ndjson,
    /// Comma-separated values. The first row has the headings.
    Csv,
}

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

/// Gets the cells of each row, with the names of their columns.
type Sink<'a> = dyn FnMut(&Row<'_>) + 'a;

/// Calls `row` with each row of a report, and returns the report's size in bytes, which may be at most `max_bytes`.
///
/// # Errors
/// If the report can't be read completely. `row` may have been called before.
pub fn read(
    report: impl Read,
    layout: &Layout,
    max_bytes: u64,
    mut row: impl FnMut(&Row<'_>),
) -> Result<u64, RowsError> {
    let progress = Progress::default();
    let limited = LimitedReader::new(report, progress.clone(), max_bytes);
    let mut bytes = BufReader::with_capacity(64 << 10, limited);
    let first = skip_blank(&mut bytes).map_err(|_| progress.error_or(RowsError::Truncated))?;
    if first == Some(b'<') {
        return Err(RowsError::Html);
    }
    match layout {
        Layout::Json(path) => json::read_array(bytes, path, &progress, &mut row)?,
        Layout::Ndjson => json::read_lines(bytes, &progress, &mut row)?,
        Layout::Csv => csv::read(bytes, &progress, &mut row)?,
    }
    Ok(progress.bytes())
}

/// Skips white space and a byte-order mark. Returns the first byte after them.
fn skip_blank(bytes: &mut impl BufRead) -> io::Result<Option<u8>> {
    loop {
        let buffer = bytes.fill_buf()?;
        let mark = if buffer.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let blank = buffer[mark..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let (skip, first) = (mark + blank, buffer.get(mark + blank).copied());
        bytes.consume(skip);
        if first.is_some() || skip == 0 {
            return Ok(first);
        }
    }
}

#[cfg(test)]
mod tests;
