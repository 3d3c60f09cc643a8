//! The metrics of reports. All but the outcomes of fetches are computed from statuses, so they are the same after a
//! restart.
//!
//! Labels are names of resources, and names and groups from their specs: no content of a report becomes a label.

use jiff::Timestamp;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::labels::{EngagedLabel, FetchOutcome, Kind, ReportLabel, ReportOutcome, ReportReason, ReportValue};
use super::metrics::{Count, Metrics, Number, add};
use crate::api::PropensityReport;
use crate::api::audience_status::EngagementStatus;
use crate::api::condition::{self, ConditionType};

/// The metrics of reports.
#[derive(Debug)]
pub(super) struct ReportMetrics {
    fetches: Family<ReportOutcome, Counter>,
    values: Family<ReportValue, Number>,
    states: Family<ReportReason, Count>,
    rows: Family<ReportLabel, Count>,
    intervals: Family<ReportLabel, Count>,
    successes: Family<ReportLabel, Number>,
    newest_rows: Family<ReportLabel, Number>,
    engaged_members: Family<EngagedLabel, Count>,
    engagement_rows: Family<EngagedLabel, Count>,
}

impl ReportMetrics {
    pub(super) fn new(r: &mut Registry) -> Self {
        Self {
            fetches: add(r, "report_fetches", "Fetches of a report, by outcome"),
            values: add(r, "report_value", "A metric or ratio of a report, as of its last successful fetch"),
            states: add(r, "report_state", "1 for the reason of the report's condition Ready"),
            rows: add(r, "report_rows", "Rows of a report, as of its last successful fetch"),
            intervals: add(r, "report_interval_seconds", "The interval at which a report is fetched"),
            successes: add(r, "report_last_success_timestamp_seconds", "When a report was last read completely"),
            newest_rows: add(r, "report_newest_row_timestamp_seconds", "The date of a report's newest row"),
            engaged_members: add(r, "audience_engaged_members", "Members of an audience with rows in a report"),
            engagement_rows: add(r, "audience_engagement_rows", "Rows of a report that match members of an audience"),
        }
    }
}

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
