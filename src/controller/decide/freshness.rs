//! How current the numbers of a report are.

use std::time::Duration;

use crate::api::PropensityReport;
use crate::api::workspace::Freshness;

/// How current a report's numbers are that are `age` old, and how long that stays so by itself. They count as stale
/// after two intervals.
#[must_use]
pub fn freshness(report: &PropensityReport, age: Option<Duration>) -> (Freshness, Option<Duration>) {
    match age {
        _ if report.spec.suspend => (Freshness::Suspended, None),
        None => (Freshness::Never, None),
        Some(age) => {
            let left = (Duration::from(report.spec.interval) * 2).saturating_sub(age);
            if left.is_zero() { (Freshness::Stale, None) } else { (Freshness::Fresh, Some(left)) }
        }
    }
}

#[cfg(test)]
mod tests;
