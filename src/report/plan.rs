//! What shall become of a report, and where its columns are told apart.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::value::{DateFormat, NumberFormat};

/// Numbers that one report may make, all groups counted: each is a line of a status and a time series.
pub const MOST_VALUES: usize = 500;

/// The group of rows whose value isn't among the permitted ones.
pub const OTHER: &str = "other";

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

impl Operation {
    /// Whether it works on numbers and dates alone.
    fn is_numeric(self) -> bool {
        !matches!(self, Self::Count | Self::Distinct)
    }
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
    /// The sum of dates.
    #[error("metric {0} adds up dates: choose min, max or last, or another column")]
    SumOfDates(String),
    /// A date where the newest row shall be told and none is declared.
    #[error("newestColumn {0} needs a date format: declare it in columns")]
    NewestIsNoDate(String),
    /// A form of dates that means nothing.
    #[error("the date format of column {0} isn't one: write it as strftime does, such as %Y-%m-%d")]
    DateFormat(String),
    /// A form of numbers that means nothing.
    #[error(
        "the number format of column {0} isn't one: decimal and group are different characters and neither digits nor signs"
    )]
    NumberFormat(String),
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
    /// More numbers than one report may make.
    #[error("metrics and ratios come to {0} values with their groups: at most {MOST_VALUES} are possible")]
    TooMany(usize),
}

/// A plan whose columns have numbers.
#[derive(Debug)]
pub struct Binding {
    pub(super) plan: Plan,
    /// The number of each column that is needed.
    pub(super) wanted: HashMap<String, usize>,
    /// By those numbers: what the text means, and whether the report has no use without it.
    pub(super) columns: Vec<Wanted>,
    pub(super) metrics: Vec<Bound>,
    pub(super) newest: Option<usize>,
}

/// A column that is needed.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    pub(super) name: String,
    pub(super) meaning: Option<Meaning>,
    /// Whether numbers or dates are expected in it.
    pub(super) is_numeric: bool,
    /// Whether the plan itself names it, and not only who is matched with its rows.
    pub(super) is_planned: bool,
}

/// A metric with the numbers of its columns.
#[derive(Debug)]
pub(super) struct Bound {
    pub(super) operation: Operation,
    pub(super) column: Option<usize>,
    pub(super) filters: Vec<(usize, HashSet<String>)>,
    pub(super) group_by: Option<(usize, HashMap<String, usize>)>,
    /// The names of its groups; what is other comes last. One without a name, where there is no grouping.
    pub(super) groups: Vec<String>,
}

impl Binding {
    /// Checks a plan and gives its columns numbers.
    ///
    /// # Errors
    /// When the plan contradicts itself.
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
        for (column, meaning) in binding.plan.meanings.clone() {
            let number = binding.planned(&column);
            binding.columns[number].meaning = Some(meaning);
            binding.columns[number].is_numeric = true;
        }
        binding.newest = binding.plan.newest.clone().map(|column| binding.planned(&column));
        Ok(binding)
    }

    /// The number of a column, which is needed from now on.
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
    if let Some(twice) = named.into_iter().find(|name| !names.insert(name.as_str())) {
        return Err(PlanError::Twice(twice.clone()));
    }
    for Ratio { name, of, to } in &plan.ratios {
        if let Some(metric) = [of, to].into_iter().find(|metric| !plan.metrics.iter().any(|m| m.name == **metric)) {
            return Err(PlanError::NoSuchMetric { ratio: name.clone(), metric: metric.clone() });
        }
    }
    let is_date = |column: &String| matches!(plan.meanings.get(column), Some(Meaning::Date(_)));
    for Metric { name, operation, column, group_by, .. } in &plan.metrics {
        if column.is_none() && *operation != Operation::Count {
            return Err(PlanError::NoColumn(name.clone()));
        }
        if *operation == Operation::Sum && column.as_ref().is_some_and(is_date) {
            return Err(PlanError::SumOfDates(name.clone()));
        }
        let mut groups = HashSet::from([OTHER]);
        let grouped = group_by.iter().flat_map(|group| &group.values);
        if let Some(twice) = grouped.into_iter().find(|value| !groups.insert(value)) {
            return Err(PlanError::Twice(format!("group {twice} of metric {name}")));
        }
    }
    for (column, meaning) in &plan.meanings {
        match meaning {
            Meaning::Date(format) if !format.is_one() => return Err(PlanError::DateFormat(column.clone())),
            Meaning::Number(format) if !format.is_one() => return Err(PlanError::NumberFormat(column.clone())),
            _ => {}
        }
    }
    if let Some(newest) = plan.newest.as_ref().filter(|newest| !is_date(newest)) {
        return Err(PlanError::NewestIsNoDate(newest.clone()));
    }
    let values = |metric: &Metric| metric.group_by.as_ref().map_or(1, |group| group.values.len() + 1);
    let of_ratio = |ratio: &Ratio| plan.metrics.iter().find(|m| m.name == ratio.of).map_or(0, values);
    let all = plan.metrics.iter().map(values).sum::<usize>() + plan.ratios.iter().map(of_ratio).sum::<usize>();
    if all > MOST_VALUES { Err(PlanError::TooMany(all)) } else { Ok(()) }
}
