//! Reports as comma-separated values.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Read;

use ::csv::{ErrorKind, ReaderBuilder, StringRecord};

use super::error::RowsError;
use super::limits::Progress;
use super::sink::Sink;
use crate::report::{Cell, looks_like_value};

pub(super) fn read(bytes: impl Read, progress: &Progress, row: &mut Sink<'_>) -> Result<(), RowsError> {
    let mut reader = ReaderBuilder::new().has_headers(false).from_reader(bytes);
    let mut record = StringRecord::new();
    let mut headings: Option<Vec<String>> = None;
    let mut number = 0;
    loop {
        progress.begin_row();
        number += 1;
        let more = reader.read_record(&mut record).map_err(|error| {
            progress.error_or(match error.kind() {
                ErrorKind::UnequalLengths { .. } => RowsError::CellCount(number),
                ErrorKind::Io(_) => RowsError::Truncated,
                _ => RowsError::Syntax("CSV", number),
            })
        })?;
        if !more {
            return Ok(());
        }
        let Some(names) = &headings else {
            headings = Some(headings_of(&record)?);
            continue;
        };
        let names = names.iter().map(|name| Cow::Borrowed(name.as_str()));
        let cells: Vec<_> = names.zip(record.iter().map(|cell| Cell::Text(cell.into()))).collect();
        row(&cells);
    }
}

fn headings_of(record: &StringRecord) -> Result<Vec<String>, RowsError> {
    let names: Vec<String> = record.iter().map(|name| name.trim().to_owned()).collect();
    if names.iter().any(|name| looks_like_value(name)) {
        return Err(RowsError::NoHeadings);
    }
    let mut known = HashMap::new();
    for (at, name) in names.iter().enumerate() {
        if let Some(first) = known.insert(name, at) {
            return Err(RowsError::DuplicateHeading(first + 1, at + 1));
        }
    }
    Ok(names)
}
