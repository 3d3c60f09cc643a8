//! The summary of a report, computed in one pass over its rows.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::aggregate::{Aggregate, MAX_DISTINCT, RowView, Value, Values};
use super::plan::{Binding, ColumnFormat};
use super::value::{self, Cell};

/// The maximum number of columns in a summary. A report with more is wrong, and a longer list wouldn't help.
pub const MAX_COLUMNS: usize = 200;

/// Maximum length of a column name in a summary, in bytes. Columns with longer names are left out.
const MAX_NAME_BYTES: usize = 256;

/// A row: its cells with the names of their columns.
pub type Row<'a> = [(Cow<'a, str>, Cell<'a>)];

/// A column of the report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Column {
    /// The types of its values.
    pub kinds: Kinds,
    /// If numbers or dates are expected: how many of its cells are valid.
    pub parsed: u64,
    /// If numbers or dates are expected: how many of its cells are invalid and not empty.
    pub unparsed: u64,
}

/// Types of values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "a set of four")]
pub struct Kinds {
    /// Text.
    pub text: bool,
    /// Numbers.
    pub number: bool,
    /// True or false.
    pub bool: bool,
    /// Arrays or objects.
    pub nested: bool,
}

/// The summary of a report.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// The number of rows.
    pub rows: u64,
    /// Its columns.
    pub columns: BTreeMap<String, Column>,
    /// Identifies the set of columns and their types, as twelve hexadecimal digits.
    pub fingerprint: String,
    /// The metrics and ratios.
    pub values: Values,
    /// The latest date in the plan's `newest` column.
    pub newest: Option<Timestamp>,
    /// Columns that the plan names and no row has.
    pub missing: Vec<String>,
    /// Columns in which numbers or dates are expected and that have values, but no valid one.
    pub unreadable: Vec<String>,
    /// Metrics that aren't available: they have too many different values, or too large a sum.
    pub uncounted: Vec<String>,
    /// Whether the number of rows is so round that the report may be truncated.
    pub possibly_truncated: bool,
}

/// Computes a summary from rows.
pub struct Summariser {
    binding: Arc<Binding>,
    aggregate: Aggregate,
    room: usize,
    rows: u64,
    /// The columns in the order in which they were first seen. In most rows the cells have the same order.
    columns: Vec<Seen>,
    by_name: HashMap<String, usize>,
    latest: Option<Timestamp>,
    /// Whether a needed column was in any row, by column number.
    seen: Vec<bool>,
}

struct Seen {
    name: String,
    column: Column,
    wanted: Option<usize>,
}

impl Summariser {
    /// Starts a summary.
    #[must_use]
    pub fn new(binding: Arc<Binding>) -> Self {
        Self {
            aggregate: Aggregate::new(&binding),
            room: MAX_DISTINCT,
            rows: 0,
            columns: vec![],
            by_name: HashMap::new(),
            latest: None,
            seen: vec![false; binding.columns.len()],
            binding,
        }
    }

    /// Adds a row and returns its needed cells. Of two cells with the same name the first counts.
    pub fn push<'r>(&mut self, row: &'r Row<'r>) -> RowView<'r> {
        self.rows += 1;
        let wanted = self.binding.columns.len();
        let mut view = RowView { cells: vec![None; wanted], values: vec![None; wanted] };
        for (position, (name, cell)) in row.iter().enumerate() {
            let seen = self.at(position, name);
            let wanted = match seen {
                Some(seen) => self.columns[seen].wanted,
                None => self.binding.wanted.get(&**name).copied(),
            };
            let found = wanted.and_then(|wanted| value_of(self.binding.columns[wanted].format.as_ref(), cell));
            if let Some(seen) = seen {
                let is_numeric = wanted.is_some_and(|wanted| self.binding.columns[wanted].is_numeric);
                self.columns[seen].column.note(cell, is_numeric.then_some(found.is_some()));
            }
            if let Some(wanted) = wanted {
                self.seen[wanted] = true;
                if view.cells[wanted].is_none() {
                    (view.cells[wanted], view.values[wanted]) = (Some(cell), found);
                }
            }
        }
        if let Some(Value::Date(date)) = self.binding.newest.and_then(|column| view.values[column]) {
            self.latest = self.latest.max(Some(date));
        }
        self.aggregate.push(&self.binding, &view, &mut self.room);
        view
    }

    /// The position of a column in `columns`. `None` if there are too many columns or the name is too long.
    fn at(&mut self, position: usize, name: &str) -> Option<usize> {
        if self.columns.get(position).is_some_and(|seen| seen.name == name) {
            return Some(position);
        }
        if let Some(number) = self.by_name.get(name) {
            return Some(*number);
        }
        let number = self.columns.len();
        if number == MAX_COLUMNS || name.len() > MAX_NAME_BYTES {
            return None;
        }
        let wanted = self.binding.wanted.get(name).copied();
        self.columns.push(Seen { name: name.to_owned(), column: Column::default(), wanted });
        self.by_name.insert(name.to_owned(), number);
        Some(number)
    }

    /// Whether a needed column was in any row.
    #[must_use]
    pub fn has_seen(&self, column: usize) -> bool {
        self.seen[column]
    }

    /// Returns the summary.
    #[must_use]
    pub fn finish(self) -> Summary {
        let Self { binding, aggregate, rows, columns, latest, seen, .. } = self;
        let unreadable = columns.iter().filter(|seen| seen.column.parsed == 0 && seen.column.unparsed > 0);
        let mut unreadable: Vec<_> = unreadable.map(|seen| seen.name.clone()).collect();
        let missing = binding.columns.iter().zip(seen).filter(|(wanted, seen)| wanted.is_planned && !seen && rows > 0);
        let mut missing: Vec<_> = missing.map(|(wanted, _)| wanted.name.clone()).collect();
        missing.sort_unstable();
        unreadable.sort_unstable();
        let columns = columns.into_iter().map(|seen| (seen.name, seen.column)).collect();
        let (values, uncounted) = aggregate.finish(&binding);
        Summary {
            rows,
            fingerprint: fingerprint(&columns),
            columns,
            values,
            newest: latest,
            missing,
            unreadable,
            uncounted,
            possibly_truncated: is_suspicious(rows),
        }
    }
}

impl Column {
    fn note(&mut self, cell: &Cell<'_>, is_parsed: Option<bool>) {
        match cell {
            Cell::Nothing => {}
            Cell::Bool(_) => self.kinds.bool = true,
            Cell::Number(_) | Cell::Integer(_) => self.kinds.number = true,
            Cell::Text(_) => self.kinds.text = true,
            Cell::Nested => self.kinds.nested = true,
        }
        match is_parsed {
            Some(true) => self.parsed += 1,
            Some(false) if !cell.is_blank() => self.unparsed += 1,
            _ => {}
        }
    }
}

/// The value of a cell. A number is a value by itself, a text only if the format of its column is declared.
fn value_of(format: Option<&ColumnFormat>, cell: &Cell<'_>) -> Option<Value> {
    match (format, cell) {
        (None | Some(ColumnFormat::Number(_)), Cell::Number(number)) => value::in_range(*number).map(Value::Number),
        #[allow(clippy::cast_precision_loss, reason = "a sum needs no more digits")]
        (None | Some(ColumnFormat::Number(_)), Cell::Integer(number)) => {
            value::in_range(*number as f64).map(Value::Number)
        }
        (Some(ColumnFormat::Number(format)), Cell::Text(text)) => format.read(text).map(Value::Number),
        (Some(ColumnFormat::Date(format)), Cell::Text(text)) => format.read(text).map(Value::Date),
        (Some(ColumnFormat::Date(format)), Cell::Number(_) | Cell::Integer(_)) => {
            cell.text().and_then(|text| format.read(&text)).map(Value::Date)
        }
        _ => None,
    }
}

/// A hash of the names and types of the columns. It doesn't depend on the rows.
fn fingerprint(columns: &BTreeMap<String, Column>) -> String {
    let mut hasher = Sha256::new();
    for (name, Column { kinds: Kinds { text, number, bool, nested }, .. }) in columns {
        hasher.update(name);
        hasher.update([0, u8::from(*text), u8::from(*number), u8::from(*bool), u8::from(*nested)]);
    }
    HEXLOWER.encode(&hasher.finalize())[..12].to_owned()
}

/// Whether the number of rows looks like a page size or limit: 1, 2 or 5 with at least two zeros.
fn is_suspicious(rows: u64) -> bool {
    let mut rest = rows;
    while rest >= 10 && rest.is_multiple_of(10) {
        rest /= 10;
    }
    rows >= 100 && matches!(rest, 1 | 2 | 5)
}

#[cfg(test)]
mod tests;
