//! The plan of a report's metrics, and its binding to columns.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::value::{DateFormat, NumberFormat};

/// The maximum number of values of one report, including all groups. Each is an entry in the status and a time series.
pub const MAX_VALUES: usize = 500;

/// The group of rows whose value isn't declared.
pub const OTHER: &str = "other";

/// The metrics to compute from a report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The format of a column's text, by column name.
    pub formats: BTreeMap<String, ColumnFormat>,
    /// The metrics.
    pub metrics: Vec<Metric>,
    /// One metric divided by another.
    pub ratios: Vec<Ratio>,
    /// The column with the date of a row, for the freshness of the report.
    pub newest: Option<String>,
}

/// The format of a column's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ColumnFormat {
    /// Numbers in this format.
    Number(NumberFormat),
    /// Dates in this format.
    Date(DateFormat),
}

/// A metric of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name.
    pub name: String,
    /// How it is computed.
    pub operation: Operation,
    /// Its column; `None` for a count of rows.
    pub column: Option<String>,
    /// It includes only the rows that match all of these filters.
    pub filters: Vec<Filter>,
    /// Computes one value for each of these groups.
    pub group_by: Option<Group>,
}

/// How a metric is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// The number of rows. With a column, the number of rows with a value in it.
    Count,
    /// The number of different values.
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

impl Operation {
    /// Whether it needs numbers or dates.
    fn is_numeric(self) -> bool {
        !matches!(self, Self::Count | Self::Distinct)
    }
}

/// Matches rows with one of these values in a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// The column.
    pub column: String,
    /// The values.
    pub values: Vec<String>,
}

/// One group for each of these values of a column, and one more for all other values.
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
    /// The metric that is divided.
    pub numerator: String,
    /// The metric that it is divided by.
    pub denominator: String,
}

/// Why a plan is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The operation of a metric needs a column.
    #[error("metric {0} needs a column")]
    NoColumn(String),
    /// A sum of dates.
    #[error("metric {0} adds up dates: choose min, max or last, or another column")]
    SumOfDates(String),
    /// The newest column has no date format.
    #[error("newestColumn {0} needs a date format: declare it in columns")]
    NewestNotDate(String),
    /// An invalid date format.
    #[error("the date format of column {0} is invalid: use strftime notation, such as %Y-%m-%d")]
    DateFormat(String),
    /// An invalid number format.
    #[error(
        "the number format of column {0} is invalid: decimal and group must be two different characters, \
         and neither digits nor signs"
    )]
    NumberFormat(String),
    /// A name is declared twice.
    #[error("{0} is declared twice: give one of them another name")]
    Duplicate(String),
    /// A ratio of a metric that doesn't exist.
    #[error("ratio {ratio} names {metric}, which isn't a metric: declare it in metrics, or correct the ratio")]
    NoSuchMetric {
        /// The ratio.
        ratio: String,
        /// The missing metric.
        metric: String,
    },
    /// More values than one report may have.
    #[error("metrics and ratios have {0} values including their groups: at most {MAX_VALUES} are possible")]
    TooManyValues(usize),
}

/// A plan with its column names resolved to column numbers.
#[derive(Debug)]
pub struct Binding {
    pub(super) plan: Plan,
    /// The number of each needed column, by name.
    pub(super) wanted: HashMap<String, usize>,
    /// The needed columns, by number.
    pub(super) columns: Vec<Wanted>,
    pub(super) metrics: Vec<Bound>,
    pub(super) newest: Option<usize>,
}

/// A needed column.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    pub(super) name: String,
    pub(super) format: Option<ColumnFormat>,
    /// Whether it should contain numbers or dates.
    pub(super) is_numeric: bool,
    /// Whether the plan names it. Other columns are needed only to match audiences.
    pub(super) is_planned: bool,
}

/// A metric with column numbers instead of names.
#[derive(Debug)]
pub(super) struct Bound {
    pub(super) operation: Operation,
    pub(super) column: Option<usize>,
    pub(super) filters: Vec<(usize, HashSet<String>)>,
    pub(super) group_by: Option<(usize, HashMap<String, usize>)>,
    /// The names of its groups; the last one is [`OTHER`]. A metric without groups has one group with an empty name.
    pub(super) groups: Vec<String>,
}

impl Binding {
    /// Validates a plan and resolves its column names to numbers.
    ///
    /// # Errors
    /// The plan is invalid.
    pub fn new(plan: Plan) -> Result<Self, PlanError> {
        check(&plan)?;
        let mut binding = Self { wanted: HashMap::new(), columns: vec![], metrics: vec![], newest: None, plan };
        for Metric { operation, column, filters, group_by, .. } in binding.plan.metrics.clone() {
            let set = |values: Vec<String>| values.into_iter().collect();
            let column = column.map(|column| {
                let number = binding.planned(&column);
                binding.columns[number].is_numeric |= operation.is_numeric();
                number
            });
            let filters = filters.into_iter().map(|f| (binding.planned(&f.column), set(f.values))).collect();
            let groups = group_by.as_ref().map_or_else(
                || vec![String::new()],
                |group| group.values.iter().cloned().chain([OTHER.to_owned()]).collect(),
            );
            let group_by =
                group_by.map(|group| (binding.planned(&group.column), group.values.into_iter().zip(0..).collect()));
            binding.metrics.push(Bound { operation, column, filters, group_by, groups });
        }
        for (column, format) in binding.plan.formats.clone() {
            let number = binding.planned(&column);
            binding.columns[number].format = Some(format);
            binding.columns[number].is_numeric = true;
        }
        binding.newest = binding.plan.newest.clone().map(|column| binding.planned(&column));
        Ok(binding)
    }

    /// The number of a column. Adds the column if it is new.
    pub fn column(&mut self, name: &str) -> usize {
        if let Some(number) = self.wanted.get(name) {
            return *number;
        }
        let number = self.columns.len();
        self.wanted.insert(name.to_owned(), number);
        self.columns.push(Wanted { name: name.to_owned(), ..Wanted::default() });
        number
    }

    fn planned(&mut self, name: &str) -> usize {
        let number = self.column(name);
        self.columns[number].is_planned = true;
        number
    }
}

fn check(plan: &Plan) -> Result<(), PlanError> {
    let mut names = HashSet::new();
    let named = plan.metrics.iter().map(|m| &m.name).chain(plan.ratios.iter().map(|r| &r.name));
    if let Some(duplicate) = named.into_iter().find(|name| !names.insert(name.as_str())) {
        return Err(PlanError::Duplicate(duplicate.clone()));
    }
    for Ratio { name, numerator, denominator } in &plan.ratios {
        let named = [numerator, denominator];
        if let Some(metric) = named.into_iter().find(|metric| !plan.metrics.iter().any(|m| m.name == **metric)) {
            return Err(PlanError::NoSuchMetric { ratio: name.clone(), metric: metric.clone() });
        }
    }
    let is_date = |column: &String| matches!(plan.formats.get(column), Some(ColumnFormat::Date(_)));
    for Metric { name, operation, column, group_by, .. } in &plan.metrics {
        if column.is_none() && *operation != Operation::Count {
            return Err(PlanError::NoColumn(name.clone()));
        }
        if *operation == Operation::Sum && column.as_ref().is_some_and(is_date) {
            return Err(PlanError::SumOfDates(name.clone()));
        }
        let mut groups = HashSet::from([OTHER]);
        let grouped = group_by.iter().flat_map(|group| &group.values);
        if let Some(duplicate) = grouped.into_iter().find(|value| !groups.insert(value)) {
            return Err(PlanError::Duplicate(format!("group {duplicate} of metric {name}")));
        }
    }
    for (column, format) in &plan.formats {
        match format {
            ColumnFormat::Date(format) if !format.is_valid() => return Err(PlanError::DateFormat(column.clone())),
            ColumnFormat::Number(format) if !format.is_valid() => return Err(PlanError::NumberFormat(column.clone())),
            _ => {}
        }
    }
    if let Some(newest) = plan.newest.as_ref().filter(|newest| !is_date(newest)) {
        return Err(PlanError::NewestNotDate(newest.clone()));
    }
    let values = |metric: &Metric| metric.group_by.as_ref().map_or(1, |group| group.values.len() + 1);
    let of_ratio = |ratio: &Ratio| plan.metrics.iter().find(|m| m.name == ratio.numerator).map_or(0, values);
    let all = plan.metrics.iter().map(values).sum::<usize>() + plan.ratios.iter().map(of_ratio).sum::<usize>();
    if all > MAX_VALUES { Err(PlanError::TooManyValues(all)) } else { Ok(()) }
}
