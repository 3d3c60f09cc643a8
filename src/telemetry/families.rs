//! Families of metrics, registered with their help texts.

use std::hash::Hash;
use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};

use super::labels::{EngagedLabel, ReportLabel, ReportOutcome, ReportReason, ReportValue};

pub(super) type Count = Gauge<u64, AtomicU64>;
pub(super) type Number = Gauge<f64, AtomicU64>;
pub(super) type Seconds<L> = Family<L, Histogram, fn() -> Histogram>;

pub(super) fn add<M: Metric + Clone + Default>(registry: &mut Registry, name: &str, help: &str) -> M {
    let metric = M::default();
    registry.register(name, help, metric.clone());
    metric
}

pub(super) fn add_seconds<L>(registry: &mut Registry, name: &str, help: &str, new: fn() -> Histogram) -> Seconds<L>
where
    Seconds<L>: Metric,
    L: Clone + Hash + Eq,
{
    let family = Seconds::<L>::new_with_constructor(new);
    registry.register(name, help, family.clone());
    family
}

/// The metrics of reports.
#[derive(Debug)]
pub(super) struct ReportMetrics {
    pub(super) fetches: Family<ReportOutcome, Counter>,
    pub(super) values: Family<ReportValue, Number>,
    pub(super) states: Family<ReportReason, Count>,
    pub(super) rows: Family<ReportLabel, Count>,
    pub(super) intervals: Family<ReportLabel, Count>,
    pub(super) successes: Family<ReportLabel, Number>,
    pub(super) newest_rows: Family<ReportLabel, Number>,
    pub(super) engaged_members: Family<EngagedLabel, Count>,
    pub(super) engagement_rows: Family<EngagedLabel, Count>,
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
