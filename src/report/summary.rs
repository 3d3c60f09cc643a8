//! One pass over the rows of a report.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::plan::{Binding, Meaning};
use super::tally::{MOST_DISTINCT, Reading, Tally, Value, Values};
use super::value::{self, Cell};

/// Columns that are told of; a report with more is wrong in a way that a longer list doesn't help.
pub const MOST_COLUMNS: usize = 200;

/// Bytes of the name of a column that is told of.
const LONGEST_NAME: usize = 256;

/// A row: its cells with the names of their columns.
pub type Row<'a> = [(Cow<'a, str>, Cell<'a>)];

/// A column as it was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Column {
    /// What was in it.
    pub kinds: Kinds,
    /// Where numbers or dates are expected: how many of its cells are one.
    pub parsed: u64,
    /// And how many aren't, though something is in them.
    pub unparsed: u64,
}

/// Kinds of values.
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

/// What became of a report.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// How many rows it has.
    pub rows: u64,
    /// Its columns.
    pub columns: BTreeMap<String, Column>,
    /// Tells one set of columns and kinds from another, in twelve hexadecimal digits.
    pub fingerprint: String,
    /// The metrics and ratios.
    pub values: Values,
    /// The latest date of the column that tells it.
    pub newest: Option<Timestamp>,
    /// Columns that the plan names and no row has.
    pub missing: Vec<String>,
    /// Columns without a single cell that is the number or date which is expected there, though something is in them.
    pub unreadable: Vec<String>,
    /// Metrics with more different values than are counted.
    pub uncounted: Vec<String>,
    /// Whether there are so suspiciously round a number of rows that the report may have been cut off.
    pub possibly_truncated: bool,
}

/// Takes rows one by one.
pub struct Summariser {
    binding: Arc<Binding>,
    tally: Tally,
    room: usize,
    rows: u64,
    /// The columns in the order in which they were first seen, which is the order of the cells of nearly every row.
    columns: Vec<Seen>,
    by_name: HashMap<String, usize>,
    latest: Option<Timestamp>,
    /// Which of the needed columns were seen.
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
            tally: Tally::new(&binding),
            room: MOST_DISTINCT,
            rows: 0,
            columns: vec![],
            by_name: HashMap::new(),
            latest: None,
            seen: vec![false; binding.columns.len()],
            binding,
        }
    }

    /// Adds a row, and gives what is needed of it. Of two cells with one name the first counts.
    pub fn push<'r>(&mut self, row: &'r Row<'r>) -> Reading<'r> {
        self.rows += 1;
        let wanted = self.binding.columns.len();
        let mut reading = Reading { cells: vec![None; wanted], values: vec![None; wanted] };
        for (position, (name, cell)) in row.iter().enumerate() {
            let seen = self.at(position, name);
            let wanted = match seen {
                Some(seen) => self.columns[seen].wanted,
                None => self.binding.wanted.get(&**name).copied(),
            };
            let found = wanted.and_then(|wanted| value_of(self.binding.columns[wanted].meaning.as_ref(), cell));
            if let Some(seen) = seen {
                let is_numeric = wanted.is_some_and(|wanted| self.binding.columns[wanted].is_numeric);
                self.columns[seen].column.note(cell, is_numeric.then_some(found.is_some()));
            }
            if let Some(wanted) = wanted {
                self.seen[wanted] = true;
                if reading.cells[wanted].is_none() {
                    (reading.cells[wanted], reading.values[wanted]) = (Some(cell), found);
                }
            }
        }
        if let Some(Value::Date(date)) = self.binding.newest.and_then(|column| reading.values[column]) {
            self.latest = self.latest.max(Some(date));
        }
        self.tally.push(&self.binding, &reading, &mut self.room);
        reading
    }

    /// Where a column stands; `None` for one too many, or with a name that is too long.
    fn at(&mut self, position: usize, name: &str) -> Option<usize> {
        if self.columns.get(position).is_some_and(|seen| seen.name == name) {
            return Some(position);
        }
        if let Some(number) = self.by_name.get(name) {
            return Some(*number);
        }
        let number = self.columns.len();
        if number == MOST_COLUMNS || name.len() > LONGEST_NAME {
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

    /// The summary.
    #[must_use]
    pub fn finish(self) -> Summary {
        let Self { binding, tally, rows, columns, latest, seen, .. } = self;
        let unreadable = columns.iter().filter(|seen| seen.column.parsed == 0 && seen.column.unparsed > 0);
        let mut unreadable: Vec<_> = unreadable.map(|seen| seen.name.clone()).collect();
        let missing = binding.columns.iter().zip(seen).filter(|(wanted, seen)| wanted.is_planned && !seen && rows > 0);
        let mut missing: Vec<_> = missing.map(|(wanted, _)| wanted.name.clone()).collect();
        missing.sort_unstable();
        unreadable.sort_unstable();
        let columns = columns.into_iter().map(|seen| (seen.name, seen.column)).collect();
        let (values, uncounted) = tally.finish(&binding);
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

/// What a cell means: a number is one by itself, text only where its column's form is declared.
fn value_of(meaning: Option<&Meaning>, cell: &Cell<'_>) -> Option<Value> {
    match (meaning, cell) {
        (None | Some(Meaning::Number(_)), Cell::Number(number)) => value::sane(*number).map(Value::Number),
        #[allow(clippy::cast_precision_loss, reason = "a sum needs no more digits")]
        (None | Some(Meaning::Number(_)), Cell::Integer(number)) => value::sane(*number as f64).map(Value::Number),
        (Some(Meaning::Number(format)), Cell::Text(text)) => format.read(text).map(Value::Number),
        (Some(Meaning::Date(format)), Cell::Text(text)) => format.read(text).map(Value::Date),
        (Some(Meaning::Date(format)), Cell::Number(_) | Cell::Integer(_)) => {
            cell.text().and_then(|text| format.read(&text)).map(Value::Date)
        }
        _ => None,
    }
}

/// Names and kinds; how many rows there are and what is in them doesn't matter.
fn fingerprint(columns: &BTreeMap<String, Column>) -> String {
    let mut hasher = Sha256::new();
    for (name, Column { kinds: Kinds { text, number, bool, nested }, .. }) in columns {
        hasher.update(name);
        hasher.update([0, u8::from(*text), u8::from(*number), u8::from(*bool), u8::from(*nested)]);
    }
    HEXLOWER.encode(&hasher.finalize())[..12].to_owned()
}

/// A one, a two or a five with at least two zeros: what page sizes and limits look like.
fn is_suspicious(rows: u64) -> bool {
    let mut rest = rows;
    while rest >= 10 && rest.is_multiple_of(10) {
        rest /= 10;
    }
    rows >= 100 && matches!(rest, 1 | 2 | 5)
}

#[cfg(test)]
mod tests;
