//! One pass over the rows of a report.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::value::{self, Cell, DateFormat, NumberFormat};

/// Columns that are told of; a report with more is wrong in a way that a longer list doesn't help.
const MOST_COLUMNS: usize = 500;

/// Different values of a column that `distinct` counts.
const MOST_DISTINCT: usize = 1_000_000;

/// The group of rows whose value isn't among the permitted ones.
const OTHER: &str = "other";

/// What shall become of a report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// What the text of a column means, by its name.
    pub meanings: BTreeMap<String, Meaning>,
    /// The numbers to make of it.
    pub metrics: Vec<Metric>,
    /// Of two of them, one divided by the other.
    pub ratios: Vec<Ratio>,
    /// The column of the date that tells how new a row is.
    pub newest: Option<String>,
}

/// What the text of a column means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Numbers in this form.
    Number(NumberFormat),
    /// Dates in this form.
    Date(DateFormat),
}

/// A number to make of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name.
    pub name: String,
    /// How it is made.
    pub operation: Operation,
    /// Of which column; none for a count of rows.
    pub column: Option<String>,
    /// Of which rows: those that all of these let through.
    pub filters: Vec<Filter>,
    /// For which values of a column each.
    pub group_by: Option<Group>,
}

/// How a metric is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Rows; with a column, those where something is in it.
    Count,
    /// Different values.
    Distinct,
    /// The sum of numbers.
    Sum,
    /// The smallest number or the earliest date.
    Min,
    /// The largest number or the latest date.
    Max,
    /// The number or date of the last row that has one.
    Last,
}

/// Lets rows through that have one of these values in a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// The column.
    pub column: String,
    /// The values.
    pub values: Vec<String>,
}

/// A number for each of these values of a column; rows with any other are one group more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The column.
    pub column: String,
    /// The values.
    pub values: Vec<String>,
}

/// One metric divided by another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ratio {
    /// Its name.
    pub name: String,
    /// What is divided.
    pub of: String,
    /// By what.
    pub to: String,
}

/// A plan that can't be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A metric of an operation that needs a column.
    #[error("metric {0} needs a column")]
    NoColumn(String),
    /// The same name twice.
    #[error("{0} is declared twice: give one of them another name")]
    Twice(String),
    /// A ratio of something that isn't there.
    #[error("ratio {ratio} names {metric}, which is no metric")]
    NoSuchMetric {
        /// The ratio.
        ratio: String,
        /// What it names.
        metric: String,
    },
}

/// A number that was made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// A number.
    Number(f64),
    /// A date.
    Date(Timestamp),
}

/// A column as it was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Column {
    /// What was in it.
    pub kinds: Kinds,
    /// How many of its cells aren't of their declared form.
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
    /// The metrics and ratios by name and group; a metric without a group has an empty one. One that nothing was found for is absent.
    pub values: BTreeMap<(String, String), Value>,
    /// The latest date of the column that tells it.
    pub newest: Option<Timestamp>,
    /// Columns that the plan names and no row has.
    pub missing: Vec<String>,
    /// Whether there are so suspiciously round a number of rows that the report may have been cut off.
    pub possibly_truncated: bool,
}

/// Takes rows one by one.
pub struct Summariser {
    plan: Plan,
    /// The numbers of the columns that the plan names.
    wanted: HashMap<String, usize>,
    metrics: Vec<Bound>,
    newest: Option<usize>,
    rows: u64,
    columns: BTreeMap<String, Column>,
    latest: Option<Timestamp>,
    /// Which of the wanted columns were seen.
    seen: Vec<bool>,
}

/// A metric with the numbers of its columns, and what it comes to so far, by group.
struct Bound {
    operation: Operation,
    column: Option<usize>,
    filters: Vec<(usize, HashSet<String>)>,
    group_by: Option<(usize, HashSet<String>)>,
    so_far: BTreeMap<String, SoFar>,
}

#[derive(Default)]
struct SoFar {
    count: u64,
    value: Option<Value>,
    distinct: HashSet<u64>,
}

impl Summariser {
    /// Starts a summary.
    ///
    /// # Errors
    /// When the plan contradicts itself.
    pub fn new(plan: Plan) -> Result<Self, PlanError> {
        let mut names = HashSet::new();
        let named = plan.metrics.iter().map(|m| &m.name).chain(plan.ratios.iter().map(|r| &r.name));
        if let Some(twice) = named.into_iter().find(|name| !names.insert(name.as_str())) {
            return Err(PlanError::Twice(twice.clone()));
        }
        for Ratio { name, of, to } in &plan.ratios {
            if let Some(metric) = [of, to].into_iter().find(|metric| !plan.metrics.iter().any(|m| m.name == **metric)) {
                return Err(PlanError::NoSuchMetric { ratio: name.clone(), metric: metric.clone() });
            }
        }
        let mut wanted = HashMap::new();
        let mut number = |column: &str| {
            let next = wanted.len();
            *wanted.entry(column.to_owned()).or_insert(next)
        };
        let mut metrics = vec![];
        for Metric { name, operation, column, filters, group_by } in &plan.metrics {
            if column.is_none() && *operation != Operation::Count {
                return Err(PlanError::NoColumn(name.clone()));
            }
            let set = |values: &[String]| values.iter().cloned().collect();
            metrics.push(Bound {
                operation: *operation,
                column: column.as_deref().map(&mut number),
                filters: filters.iter().map(|f| (number(&f.column), set(&f.values))).collect(),
                group_by: group_by.as_ref().map(|group| (number(&group.column), set(&group.values))),
                so_far: BTreeMap::new(),
            });
        }
        plan.meanings.keys().for_each(|column| {
            number(column);
        });
        let newest = plan.newest.as_deref().map(&mut number);
        let seen = vec![false; wanted.len()];
        Ok(Self { plan, wanted, metrics, newest, rows: 0, columns: BTreeMap::new(), latest: None, seen })
    }

    /// Adds a row. Of two cells with one name the first counts.
    pub fn push<'a>(&mut self, row: impl IntoIterator<Item = (&'a str, Cell<'a>)>) {
        self.rows += 1;
        let mut cells: Vec<Option<Cell<'a>>> = vec![None; self.wanted.len()];
        let mut read: Vec<Option<Value>> = vec![None; self.wanted.len()];
        for (name, cell) in row {
            let meaning = self.plan.meanings.get(name);
            let found = value_of(meaning, &cell);
            self.note(name, &cell, meaning.is_some() && found.is_none() && !cell.is_blank());
            if let Some(&number) = self.wanted.get(name) {
                self.seen[number] = true;
                if cells[number].is_none() {
                    (cells[number], read[number]) = (Some(cell), found);
                }
            }
        }
        if let Some(Value::Date(date)) = self.newest.and_then(|number| read[number]) {
            self.latest = self.latest.max(Some(date));
        }
        for metric in &mut self.metrics {
            metric.push(&cells, &read);
        }
    }

    fn note(&mut self, name: &str, cell: &Cell<'_>, unparsed: bool) {
        if !self.columns.contains_key(name) {
            if self.columns.len() == MOST_COLUMNS {
                return;
            }
            self.columns.insert(name.to_owned(), Column::default());
        }
        let Some(column) = self.columns.get_mut(name) else { return };
        match cell {
            Cell::Nothing => {}
            Cell::Bool(_) => column.kinds.bool = true,
            Cell::Number(_) => column.kinds.number = true,
            Cell::Text(_) => column.kinds.text = true,
            Cell::Nested => column.kinds.nested = true,
        }
        column.unparsed += u64::from(unparsed);
    }

    /// The summary.
    #[must_use]
    pub fn finish(self) -> Summary {
        let Self { plan, wanted, metrics, rows, columns, latest, seen, .. } = self;
        let mut values = BTreeMap::new();
        for (metric, bound) in plan.metrics.iter().zip(metrics) {
            for (group, so_far) in bound.so_far {
                if let Some(value) = so_far.value_of(bound.operation) {
                    values.insert((metric.name.clone(), group), value);
                }
            }
        }
        for Ratio { name, of, to } in &plan.ratios {
            let groups: Vec<_> =
                values.keys().filter(|(metric, _)| metric == of).map(|(_, group)| group.clone()).collect();
            for group in groups {
                let number = |metric: &String| match values.get(&(metric.clone(), group.clone())) {
                    Some(Value::Number(number)) => Some(*number),
                    _ => None,
                };
                if let (Some(of), Some(to)) = (number(of), number(to).filter(|to| *to != 0.0)) {
                    values.insert((name.clone(), group), Value::Number(of / to));
                }
            }
        }
        let mut missing: Vec<_> =
            wanted.into_iter().filter(|(_, number)| !seen[*number]).map(|(name, _)| name).collect();
        missing.sort_unstable();
        Summary {
            rows,
            fingerprint: fingerprint(&columns),
            columns,
            values,
            newest: latest,
            missing: if rows == 0 { vec![] } else { missing },
            possibly_truncated: is_suspicious(rows),
        }
    }
}

impl Bound {
    fn push(&mut self, cells: &[Option<Cell<'_>>], read: &[Option<Value>]) {
        let text = |number: usize| cells[number].as_ref().and_then(Cell::text);
        let passes =
            |(number, values): &(usize, HashSet<String>)| text(*number).is_some_and(|text| values.contains(&*text));
        if !self.filters.iter().all(passes) {
            return;
        }
        let cell = self.column.map(|number| cells[number].as_ref().filter(|cell| !cell.is_blank()));
        if cell == Some(None) {
            return;
        }
        let group = match &self.group_by {
            None => String::new(),
            Some((number, values)) => match text(*number) {
                Some(text) if values.contains(&*text) => text.into_owned(),
                _ => OTHER.to_owned(),
            },
        };
        let so_far = self.so_far.entry(group).or_default();
        so_far.count += 1;
        if self.operation == Operation::Distinct
            && so_far.distinct.len() < MOST_DISTINCT
            && let Some(text) = cell.flatten().and_then(Cell::text)
        {
            let mut hasher = DefaultHasher::new();
            text.hash(&mut hasher);
            so_far.distinct.insert(hasher.finish());
        }
        if let Some(value) = self.column.and_then(|number| read[number]) {
            so_far.add(self.operation, value);
        }
    }
}

impl SoFar {
    fn add(&mut self, operation: Operation, new: Value) {
        let value = match (operation, self.value, new) {
            (Operation::Count | Operation::Distinct, ..) | (Operation::Sum, _, Value::Date(_)) => return,
            (Operation::Sum, Some(Value::Number(old)), Value::Number(new)) => value::sane(old + new).map(Value::Number),
            (Operation::Min, Some(Value::Number(old)), Value::Number(new)) => Some(Value::Number(old.min(new))),
            (Operation::Max, Some(Value::Number(old)), Value::Number(new)) => Some(Value::Number(old.max(new))),
            (Operation::Min, Some(Value::Date(old)), Value::Date(new)) => Some(Value::Date(old.min(new))),
            (Operation::Max, Some(Value::Date(old)), Value::Date(new)) => Some(Value::Date(old.max(new))),
            (_, _, new) => Some(new),
        };
        self.value = value.or(self.value);
    }

    #[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    fn value_of(&self, operation: Operation) -> Option<Value> {
        match operation {
            Operation::Count => Some(Value::Number(self.count as f64)),
            Operation::Distinct => Some(Value::Number(self.distinct.len() as f64)),
            _ => self.value,
        }
    }
}

/// What a cell means: a number is one by itself, text only where its column's form is declared.
fn value_of(meaning: Option<&Meaning>, cell: &Cell<'_>) -> Option<Value> {
    match (meaning, cell) {
        (None | Some(Meaning::Number(_)), Cell::Number(number)) => value::sane(*number).map(Value::Number),
        (Some(Meaning::Number(format)), Cell::Text(text)) => format.read(text).map(Value::Number),
        (Some(Meaning::Date(format)), Cell::Text(text)) => format.read(text).map(Value::Date),
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
