//! The metrics of reports. All but the outcomes of fetches are computed from statuses, so they are the same after a
//! restart.
//!
//! Labels are names of resources, and names and groups from their specs: no content of a report becomes a label.

use super::labels::{EngagedLabel, FetchOutcome, Kind, ReportLabel, ReportOutcome, ReportReason, ReportValue};
use super::metrics::Metrics;
use crate::api::PropensityReport;
use crate::api::audience_status::EngagementStatus;
use crate::api::condition::{self, ConditionType};
use jiff::Timestamp;

impl Metrics {
    /// Counts the fetch of a report by outcome.
    pub fn report_fetch(&self, report: &PropensityReport, outcome: FetchOutcome) {
        let ReportLabel { namespace, report } = label(report);
        for each in FetchOutcome::ALL {
            // All outcomes start at zero; otherwise Prometheus misses the first increase.
            let label = ReportOutcome { namespace: namespace.clone(), report: report.clone(), outcome: each.as_str() };
            self.0.reports.fetches.get_or_create(&label).inc_by(u64::from(*each == outcome));
        }
    }

    /// Removes the metrics of a deleted report.
    pub fn remove_report(&self, namespace: &str, name: &str) {
        for outcome in FetchOutcome::ALL {
            let (namespace, report) = (namespace.to_owned(), name.to_owned());
            self.0.reports.fetches.remove(&ReportOutcome { namespace, report, outcome: outcome.as_str() });
        }
    }

    /// Sets the metrics of all reports; series of other reports are removed.
    pub fn set_reports<'a>(&self, reports: impl IntoIterator<Item = &'a PropensityReport>) {
        let m = &self.0.reports;
        let _no_scrape = self.registry();
        m.values.clear();
        m.states.clear();
        m.rows.clear();
        m.intervals.clear();
        m.successes.clear();
        m.newest_rows.clear();
        for report in reports {
            let label = label(report);
            m.intervals.get_or_create(&label).set(std::time::Duration::from(report.spec.interval).as_secs());
            let Some(status) = &report.status else { continue };
            if let Some(ready) = condition::find(&status.conditions, ConditionType::Ready) {
                let ReportLabel { namespace, report } = label.clone();
                m.states.get_or_create(&ReportReason { namespace, report, reason: ready.reason.clone() }).set(1);
            }
            for (family, time) in [(&m.successes, status.last_success), (&m.newest_rows, status.newest_row)] {
                if let Some(time) = time {
                    family.get_or_create(&label).set(seconds(time));
                }
            }
            if let Some(rows) = status.rows {
                m.rows.get_or_create(&label).set(rows);
            }
            for value in &status.values {
                let time = || value.value.parse::<Timestamp>().ok().map(seconds);
                let Some(number) = value.value.parse().ok().or_else(time) else { continue };
                let ReportLabel { namespace, report } = label.clone();
                let (metric, group) = (value.name.clone(), value.group.clone());
                m.values.get_or_create(&ReportValue { namespace, report, metric, group }).set(number);
            }
        }
    }

    /// Sets how reports match audiences: the kind, namespace, name and result of each; other series are removed.
    pub fn set_engagement<'a>(&self, all: impl IntoIterator<Item = (Kind, &'a str, &'a str, &'a EngagementStatus)>) {
        let m = &self.0.reports;
        let _no_scrape = self.registry();
        m.engaged_members.clear();
        m.engagement_rows.clear();
        for (kind, namespace, audience, status) in all {
            let label = EngagedLabel {
                namespace: namespace.to_owned(),
                kind: kind.as_str(),
                audience: audience.to_owned(),
                report: status.report.clone(),
            };
            if let (Some(members), Some(rows)) = (status.members_matched, status.rows) {
                m.engaged_members.get_or_create(&label).set(members);
                m.engagement_rows.get_or_create(&label).set(rows);
            }
        }
    }
}

fn label(report: &PropensityReport) -> ReportLabel {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    ReportLabel { namespace: text(&report.metadata.namespace), report: text(&report.metadata.name) }
}

#[allow(clippy::cast_precision_loss, reason = "whole seconds of our time")]
fn seconds(time: Timestamp) -> f64 {
    time.as_millisecond() as f64 / 1000.0
}
