//! Computes metrics and ratios over some rows of a report: over all rows, or over the rows of one audience.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::hash::BuildHasher as _;

use foldhash::fast::FixedState;
use jiff::Timestamp;

use super::plan::{Binding, Bound, Operation, Ratio};
use super::value::{self, Cell};

/// The maximum number of different values that all `distinct` metrics of a report store together. It limits memory.
pub const MAX_DISTINCT: usize = 1_000_000;

/// The value of a metric or ratio.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// A number.
    Number(f64),
    /// A date.
    Date(Timestamp),
}

/// Values by name of the metric or ratio and by group. The group is empty if there is no grouping. A value is absent if
/// no row has data for it.
pub type Values = BTreeMap<(String, String), Value>;

/// The needed cells of a row and their values, by column number.
pub struct RowView<'r> {
    pub(super) cells: Vec<Option<&'r Cell<'r>>>,
    pub(super) values: Vec<Option<Value>>,
}

impl<'r> RowView<'r> {
    /// The cell of a column as text.
    #[must_use]
    pub fn text(&self, column: usize) -> Option<Cow<'r, str>> {
        self.cells[column].and_then(Cell::text)
    }
}

/// The metrics over the rows added so far: for each metric, one accumulator for each group.
pub struct Aggregate(Vec<Vec<Accumulator>>);

#[derive(Default)]
struct Accumulator {
    /// The number of rows included.
    count: u64,
    value: Option<Value>,
    /// The rounding error of the sum, for compensation.
    lost: f64,
    /// Hashes of the different values.
    distinct: HashSet<u64, FixedState>,
    /// There are more different values than the limit allows, or the sum is too large.
    is_overflowing: bool,
}

impl Aggregate {
    /// An aggregate of no rows.
    #[must_use]
    pub fn new(binding: &Binding) -> Self {
        let groups = |metric: &Bound| metric.groups.iter().map(|_| Accumulator::default()).collect();
        Self(binding.metrics.iter().map(groups).collect())
    }

    /// Adds a row. `room` is how many more different values may be stored.
    pub fn push(&mut self, binding: &Binding, row: &RowView<'_>, room: &mut usize) {
        for (metric, groups) in binding.metrics.iter().zip(&mut self.0) {
            metric.push(groups, row, room);
        }
    }

    /// The values, and the metrics that aren't available because of too many different values or too large a sum.
    #[must_use]
    pub fn finish(self, binding: &Binding) -> (Values, Vec<String>) {
        let (mut values, mut uncounted) = (Values::new(), vec![]);
        for ((metric, bound), groups) in binding.plan.metrics.iter().zip(&binding.metrics).zip(self.0) {
            if groups.iter().any(|accumulator| accumulator.is_overflowing) {
                uncounted.push(metric.name.clone());
                continue;
            }
            let last = bound.groups.len() - 1;
            for (number, (group, accumulator)) in bound.groups.iter().zip(groups).enumerate() {
                // The group `other` is included only if it has rows.
                let is_included = accumulator.count > 0 || number < last || bound.group_by.is_none();
                if let Some(value) = accumulator.value_of(bound.operation).filter(|_| is_included) {
                    values.insert((metric.name.clone(), group.clone()), value);
                }
            }
        }
        for Ratio { name, numerator, denominator } in &binding.plan.ratios {
            let number = |metric: &String, group: &String| match values.get(&(metric.clone(), group.clone())) {
                Some(Value::Number(number)) => Some(*number),
                _ => None,
            };
            let groups = values.keys().filter(|(metric, _)| metric == numerator).map(|(_, group)| group);
            let divided: Vec<_> = groups
                .filter_map(|group| {
                    let dividend = number(numerator, group)?;
                    let divisor = number(denominator, group).filter(|divisor| *divisor != 0.0)?;
                    Some(((name.clone(), group.clone()), Value::Number(value::in_range(dividend / divisor)?)))
                })
                .collect();
            values.extend(divided);
        }
        (values, uncounted)
    }
}

impl Bound {
    fn push(&self, groups: &mut [Accumulator], row: &RowView<'_>, room: &mut usize) {
        let passes =
            |(column, values): &(usize, HashSet<String>)| row.text(*column).is_some_and(|t| values.contains(&*t));
        if !self.filters.iter().all(passes) {
            return;
        }
        let cell = self.column.map(|column| row.cells[column].filter(|cell| !cell.is_blank()));
        if cell == Some(None) {
            return;
        }
        let group = match &self.group_by {
            None => 0,
            Some((column, values)) => {
                row.text(*column).and_then(|text| values.get(&*text)).copied().unwrap_or(groups.len() - 1)
            }
        };
        let accumulator = &mut groups[group];
        accumulator.count += 1;
        if self.operation == Operation::Distinct {
            if let Some(text) = cell.flatten().and_then(Cell::text) {
                accumulator.add_distinct(&text, room);
            }
        } else if let Some(value) = self.column.and_then(|column| row.values[column]) {
            accumulator.add(self.operation, value);
        }
    }
}

impl Accumulator {
    fn add_distinct(&mut self, text: &str, room: &mut usize) {
        let hash = FixedState::default().hash_one(text);
        if *room > 0 {
            *room -= usize::from(self.distinct.insert(hash));
        } else if !self.distinct.contains(&hash) {
            self.is_overflowing = true;
        }
    }

    fn add(&mut self, operation: Operation, new: Value) {
        let value = match (operation, self.value, new) {
            (Operation::Count | Operation::Distinct, ..) | (Operation::Sum, _, Value::Date(_)) => return,
            (Operation::Sum, Some(Value::Number(old)), Value::Number(new)) => {
                let sum = value::in_range(old + new);
                self.is_overflowing |= sum.is_none();
                // Neumaier summation, so that the sum doesn't depend on the order of the rows.
                let sum = sum.unwrap_or(old);
                self.lost += if old.abs() >= new.abs() { (old - sum) + new } else { (new - sum) + old };
                Some(Value::Number(sum))
            }
            (Operation::Min, Some(Value::Number(old)), Value::Number(new)) => Some(Value::Number(old.min(new))),
            (Operation::Max, Some(Value::Number(old)), Value::Number(new)) => Some(Value::Number(old.max(new))),
            (Operation::Min, Some(Value::Date(old)), Value::Date(new)) => Some(Value::Date(old.min(new))),
            (Operation::Max, Some(Value::Date(old)), Value::Date(new)) => Some(Value::Date(old.max(new))),
            (_, _, new) => Some(new),
        };
        self.value = value.or(self.value);
    }

    /// The value for an operation. Without rows, a count or sum is zero, and min, max and last have no value.
    #[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    fn value_of(&self, operation: Operation) -> Option<Value> {
        match operation {
            Operation::Count => Some(Value::Number(self.count as f64)),
            Operation::Distinct => Some(Value::Number(self.distinct.len() as f64)),
            Operation::Sum => match self.value {
                Some(Value::Number(sum)) => Some(Value::Number(sum + self.lost)),
                _ => Some(Value::Number(0.0)),
            },
            Operation::Min | Operation::Max | Operation::Last => self.value,
        }
    }
}
