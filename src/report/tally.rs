//! The numbers of some rows of a report: of all, or of those about an audience.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::hash::BuildHasher as _;

use foldhash::fast::FixedState;
use jiff::Timestamp;

use super::plan::{Binding, Bound, Operation, Ratio};
use super::value::{self, Cell};

/// Different values that all `distinct` metrics of a report may count together: they are what takes memory.
pub const MOST_DISTINCT: usize = 1_000_000;

/// A number that was made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// A number.
    Number(f64),
    /// A date.
    Date(Timestamp),
}

/// Numbers by metric or ratio and group; one without a group has an empty one. Absent where nothing was found that could make it.
pub type Values = BTreeMap<(String, String), Value>;

/// A row, as far as it is needed: by the numbers of the columns.
pub struct Reading<'r> {
    pub(super) cells: Vec<Option<&'r Cell<'r>>>,
    pub(super) values: Vec<Option<Value>>,
}

impl<'r> Reading<'r> {
    /// What stands in a column, as text.
    #[must_use]
    pub fn text(&self, column: usize) -> Option<Cow<'r, str>> {
        self.cells[column].and_then(Cell::text)
    }
}

/// What rows come to so far.
pub struct Tally(Vec<Vec<SoFar>>);

#[derive(Default)]
struct SoFar {
    /// Rows that had a part in it.
    count: u64,
    value: Option<Value>,
    /// What a sum lost to rounding.
    lost: f64,
    distinct: HashSet<u64, FixedState>,
    /// There were more different values than there is room for, or the sum is too large.
    is_overflowing: bool,
}

impl Tally {
    /// Of no rows yet.
    #[must_use]
    pub fn new(binding: &Binding) -> Self {
        let groups = |metric: &Bound| metric.groups.iter().map(|_| SoFar::default()).collect();
        Self(binding.metrics.iter().map(groups).collect())
    }

    /// Adds a row. `room` is how many different values may still be remembered.
    pub fn push(&mut self, binding: &Binding, row: &Reading<'_>, room: &mut usize) {
        for (metric, groups) in binding.metrics.iter().zip(&mut self.0) {
            metric.push(groups, row, room);
        }
    }

    /// The numbers, and the metrics that can't be told: for too many different values, or too large a sum.
    #[must_use]
    pub fn finish(self, binding: &Binding) -> (Values, Vec<String>) {
        let (mut values, mut uncounted) = (Values::new(), vec![]);
        for ((metric, bound), groups) in binding.plan.metrics.iter().zip(&binding.metrics).zip(self.0) {
            if groups.iter().any(|so_far| so_far.is_overflowing) {
                uncounted.push(metric.name.clone());
                continue;
            }
            let last = bound.groups.len() - 1;
            for (number, (group, so_far)) in bound.groups.iter().zip(groups).enumerate() {
                // What is other is told only where there is any.
                let is_told = so_far.count > 0 || number < last || bound.group_by.is_none();
                if let Some(value) = so_far.value_of(bound.operation).filter(|_| is_told) {
                    values.insert((metric.name.clone(), group.clone()), value);
                }
            }
        }
        for Ratio { name, of, to } in &binding.plan.ratios {
            let number = |metric: &String, group: &String| match values.get(&(metric.clone(), group.clone())) {
                Some(Value::Number(number)) => Some(*number),
                _ => None,
            };
            let groups = values.keys().filter(|(metric, _)| metric == of).map(|(_, group)| group);
            let divided: Vec<_> = groups
                .filter_map(|group| {
                    let (of, to) = (number(of, group)?, number(to, group).filter(|to| *to != 0.0)?);
                    Some(((name.clone(), group.clone()), Value::Number(value::sane(of / to)?)))
                })
                .collect();
            values.extend(divided);
        }
        (values, uncounted)
    }
}

impl Bound {
    fn push(&self, groups: &mut [SoFar], row: &Reading<'_>, room: &mut usize) {
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
        let so_far = &mut groups[group];
        so_far.count += 1;
        if self.operation == Operation::Distinct {
            if let Some(text) = cell.flatten().and_then(Cell::text) {
                so_far.remember(&text, room);
            }
        } else if let Some(value) = self.column.and_then(|column| row.values[column]) {
            so_far.add(self.operation, value);
        }
    }
}

impl SoFar {
    fn remember(&mut self, text: &str, room: &mut usize) {
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
                let sum = value::sane(old + new);
                self.is_overflowing |= sum.is_none();
                // Neumaier's way of adding up: the order of the rows must not show.
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

    /// No rows come to none; the smallest of none isn't known.
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
