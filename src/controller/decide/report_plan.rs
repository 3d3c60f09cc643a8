//! The plan of a report's numbers, from what its spec declares.

use crate::api::report::{self as api, Operation as ApiOperation, PropensityReportSpec};
use crate::report::{ColumnFormat, DateFormat, Filter, Group, Metric, NumberFormat, Operation, Plan, Ratio};

/// What a spec declares.
#[must_use]
pub fn plan(spec: &PropensityReportSpec) -> Plan {
    let first = |text: &String, otherwise| text.chars().next().unwrap_or(otherwise);
    let meaning = |format: &api::ColumnFormat| match (&format.number, &format.date) {
        (_, Some(date)) => Some(ColumnFormat::Date(DateFormat(date.clone()))),
        (Some(api::NumberFormat { decimal, group, prefix, suffix }), None) => {
            Some(ColumnFormat::Number(NumberFormat {
                decimal: first(decimal, '.'),
                group: group.as_ref().map(|group| first(group, ',')),
                prefix: prefix.clone(),
                suffix: suffix.clone(),
            }))
        }
        (None, None) => None,
    };
    let metric = |metric: &api::Metric| Metric {
        name: metric.name.clone(),
        operation: match metric.operation {
            ApiOperation::Count => Operation::Count,
            ApiOperation::Distinct => Operation::Distinct,
            ApiOperation::Sum => Operation::Sum,
            ApiOperation::Min => Operation::Min,
            ApiOperation::Max => Operation::Max,
            ApiOperation::Last => Operation::Last,
        },
        column: metric.column.clone(),
        filters: metric.filters.iter().map(|f| Filter { column: f.column.clone(), values: f.values.clone() }).collect(),
        group_by: metric.group_by.as_ref().map(|g| Group { column: g.column.clone(), values: g.values.clone() }),
    };
    let ratio = |ratio: &api::Ratio| Ratio {
        name: ratio.name.clone(),
        numerator: ratio.numerator.clone(),
        denominator: ratio.denominator.clone(),
    };
    Plan {
        formats: spec.columns.iter().filter_map(|c| Some((c.name.clone(), meaning(c)?))).collect(),
        metrics: spec.metrics.iter().map(metric).collect(),
        ratios: spec.ratios.iter().map(ratio).collect(),
        newest: spec.newest_column.clone(),
    }
}

#[cfg(test)]
mod tests;
