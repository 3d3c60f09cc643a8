//! The limits of a report, and how much of it was read.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use super::error::{MAX_ROW_BYTES, RowsError};

/// The limit that was exceeded.
#[derive(Clone, Copy)]
enum Exceeded {
    Row,
    Report { max_bytes: u64 },
}

/// How much was read. Shared between the [`LimitedReader`] and the parser that uses it.
#[derive(Clone, Default)]
pub(super) struct Progress {
    bytes: Rc<Cell<u64>>,
    /// Bytes since the current row began.
    row_bytes: Rc<Cell<u64>>,
    exceeded: Rc<Cell<Option<Exceeded>>>,
}

impl Progress {
    /// All bytes that were read.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.get()
    }

    /// A new row begins.
    pub(super) fn begin_row(&self) {
        self.row_bytes.set(0);
    }

    /// The error of the limit that was exceeded; otherwise the given error of the parser.
    pub(super) fn error_or(&self, otherwise: RowsError) -> RowsError {
        match self.exceeded.get() {
            Some(Exceeded::Row) => RowsError::RowTooLarge,
            Some(Exceeded::Report { max_bytes }) => RowsError::TooLarge(max_bytes),
            None => otherwise,
        }
    }
}

/// A reader that fails if the report or one of its rows is too large.
pub(super) struct LimitedReader<R> {
    inner: R,
    progress: Progress,
    max_bytes: u64,
}

impl<R> LimitedReader<R> {
    pub(super) fn new(inner: R, progress: Progress, max_bytes: u64) -> Self {
        Self { inner, progress, max_bytes }
    }
}

impl<R: Read> Read for LimitedReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let Progress { bytes, row_bytes, exceeded } = &self.progress;
        bytes.set(bytes.get() + count as u64);
        row_bytes.set(row_bytes.get() + count as u64);
        if bytes.get() > self.max_bytes {
            exceeded.set(Some(Exceeded::Report { max_bytes: self.max_bytes }));
        } else if row_bytes.get() > MAX_ROW_BYTES {
            exceeded.set(Some(Exceeded::Row));
        }
        if exceeded.get().is_some() { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(count) }
    }
}
