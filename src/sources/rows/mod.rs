//! Parses the rows of a report while its bytes arrive: neither the body nor more than one row is ever in memory.

mod csv;
mod error;
mod json;
mod limits;
mod sink;

use std::io::{self, BufRead, BufReader, Read};

use crate::report::Row;
use limits::{LimitedReader, Progress};

pub use error::RowsError;

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
