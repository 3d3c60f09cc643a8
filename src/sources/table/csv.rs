//! Comma-separated values, as exported by spreadsheets and databases.

use csv::{ErrorKind, ReaderBuilder, StringRecord};

use super::columns::Columns;
use super::error::{FileError, MAX_ROWS};
use super::format::Format;
use super::kind::{FileSummary, headings};
use crate::audience::{Field, Kind, Member};

/// Reads a text with the headings in its first row.
pub(super) fn read(
    text: &str,
    kind: Kind,
    columns: &Columns,
    mut row: impl FnMut(u64, &mut Member),
) -> Result<FileSummary, FileError> {
    // The CSV reader accepts a quote that isn't closed at the end of the text.
    if !text.bytes().filter(|byte| *byte == b'"').count().is_multiple_of(2) {
        return Err(FileError::OpenQuote);
    }
    let mut reader = ReaderBuilder::new().delimiter(delimiter(text)).has_headers(false).from_reader(text.as_bytes());
    let mut record = StringRecord::new();
    let mut fields: Option<Vec<Option<Field>>> = None;
    let mut summary = FileSummary::default();
    let mut number = 0;
    let mut member = Member::default();
    while reader.read_record(&mut record).map_err(|error| file_error(&error))? {
        number += 1;
        if number > MAX_ROWS + 1 {
            return Err(FileError::TooManyRows);
        }
        let Some(fields) = &fields else {
            let found = fields_of(&record, kind, columns)?;
            summary.ignored_columns = found.iter().filter(|field| field.is_none()).count() as u64;
            fields = Some(found);
            continue;
        };
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        summary.rows += 1;
        for (field, cell) in fields.iter().zip(record.iter().map(str::trim)) {
            let Some(field) = *field else { continue };
            match member.field_mut(field) {
                value @ Some(_) if cell.is_empty() => *value = None,
                None if cell.is_empty() => {}
                // Reuses the memory of the previous row.
                Some(text) => {
                    text.clear();
                    text.push_str(cell);
                }
                value @ None => *value = Some(cell.to_owned()),
            }
        }
        row(number, &mut member);
    }
    Ok(summary)
}

/// The field of each column.
fn fields_of(headings_row: &StringRecord, kind: Kind, columns: &Columns) -> Result<Vec<Option<Field>>, FileError> {
    let fields: Vec<_> = headings_row.iter().map(|heading| columns.field_of(heading, kind)).collect();
    for (at, field) in fields.iter().enumerate() {
        let Some(field) = field else { continue };
        if let Some(first) = fields[..at].iter().position(|other| *other == Some(*field)) {
            return Err(FileError::TwoColumns { field: *field, first: first + 1, second: at + 1 });
        }
    }
    if let Some(field) = columns.missing(&fields, kind) {
        return Err(FileError::ColumnMissing(field));
    }
    if fields.iter().all(Option::is_none) {
        return Err(FileError::NoKnownColumn(headings(kind)));
    }
    Ok(fields)
}

/// The delimiter that the headings use.
fn delimiter(text: &str) -> u8 {
    let headings = text.trim_start().lines().next().unwrap_or_default();
    let mut quoted = false;
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0)];
    for byte in headings.bytes() {
        quoted ^= byte == b'"';
        if let Some((_, count)) = counts.iter_mut().find(|(delimiter, _)| *delimiter == byte && !quoted) {
            *count += 1;
        }
    }
    // If the counts are equal, the first one: a single column is read with commas.
    let most = counts.iter().rev().max_by_key(|(_, count)| *count);
    most.map_or(b',', |(delimiter, _)| *delimiter)
}

fn file_error(error: &csv::Error) -> FileError {
    match error.kind() {
        ErrorKind::UnequalLengths { pos, expected_len, len } => FileError::Ragged {
            row: pos.as_ref().map_or(0, |position| position.record() + 1),
            expected: *expected_len,
            found: *len,
        },
        // The text is UTF-8 and in memory, so only syntax errors remain.
        _ => FileError::Syntax { format: Format::Csv, line: error.position().map_or(0, csv::Position::line) },
    }
}
