//! Parses list files into rows. An error of the whole file is a [`FileError`] that names the position but never the
//! content: a file that can't be read completely gives no list. Errors of single rows are reported by the normaliser.

mod columns;
mod csv;
mod error;
mod format;
mod kind;
mod pack;
mod tree;

pub use columns::Columns;
pub use error::{FileError, MAX_FILE_BYTES, MAX_ROWS};
pub use format::Format;
pub use kind::FileSummary;
pub use pack::unpack;

use crate::audience::{Kind, Member};

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

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
