//! Metrics, in the OpenMetrics text format.
//!
//! Labels are limited to fixed words of the source code, names of resources, and text from their specs; they are
//! removed with the resource. State gauges are replaced as a whole under the lock of a scrape, so that a scrape never
//! sees a part of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::families::{Count, ReportMetrics, Seconds, add, add_seconds};
use super::labels::{
    Build, Category, EndpointClass, EndpointLabel, KindClass, KindLabel, KindOutcome, KindReason, Reason, State,
    WorkspaceLabel,
};
use super::process::Process;
use crate::clock::Stopwatch;

pub use super::labels::{CreateClass, Endpoint, FetchOutcome, Kind, Outcome, kube_category};

/// The content type of [`Metrics::encode`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

const PREFIX: &str = "propensity_operator";
/// Metrics of reports are about campaigns and not about the operator.
const REPORTS_PREFIX: &str = "propensity";
const RECONCILE_SECONDS: [f64; 10] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0];
const REQUEST_SECONDS: [f64; 11] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0];

/// The numbers of one workspace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WorkspaceNumbers {
    /// Attempts with an unknown outcome that isn't resolved.
    pub open_unknowns: u64,
    /// Attempts counted against today's budget.
    pub budget_used: u64,
    /// Today's budget.
    pub budget_limit: u64,
    /// Creates are stopped because the key or the configuration was rejected.
    pub breaker_open: bool,
    /// The API asked for a pause.
    pub paused: bool,
    /// Creates are sent one at a time after an unknown outcome.
    pub caution: bool,
}

/// All metrics. Clones share their values.
#[derive(Clone, Debug)]
pub struct Metrics(pub(super) Arc<Inner>);

#[derive(Debug)]
pub(super) struct Inner {
    registry: Mutex<Registry>,
    reconciles: Family<KindOutcome, Counter>,
    reconcile_seconds: Seconds<KindLabel>,
    reconciles_in_progress: Family<KindLabel, Gauge>,
    create_outcomes: Family<KindClass, Counter>,
    api_requests: Family<EndpointClass, Counter>,
    api_request_seconds: Seconds<EndpointLabel>,
    kube_errors: Family<Category, Counter>,
    waits: Family<Reason, Counter>,
    waiting: Family<Reason, Count>,
    audiences: Family<KindReason, Count>,
    suppressed_members_sent: Family<KindLabel, Count>,
    list_rows: Family<KindClass, Count>,
    open_receipts: Family<State, Count>,
    open_unknowns: Family<WorkspaceLabel, Count>,
    budget_used: Family<WorkspaceLabel, Count>,
    budget_limit: Family<WorkspaceLabel, Count>,
    breaker_open: Family<WorkspaceLabel, Count>,
    paused: Family<WorkspaceLabel, Count>,
    caution: Family<WorkspaceLabel, Count>,
    leader: Count,
    pub(super) reports: ReportMetrics,
}

impl Metrics {
    /// All metrics at zero, for an operator of this version that started at this time.
    pub fn new(version: &'static str, started: Timestamp) -> Self {
        let mut root = Registry::default();
        root.register_collector(Box::new(Process { started }));
        let reports = ReportMetrics::new(root.sub_registry_with_prefix(REPORTS_PREFIX));
        let r = root.sub_registry_with_prefix(PREFIX);
        r.register("build", "The operator's version", Info::new(Build { version }));
        let inner = Inner {
            reconciles: add(r, "reconciles", "Reconciliations of an object, by outcome"),
            reconcile_seconds: add_seconds(r, "reconcile_duration_seconds", "Duration of a reconciliation", || {
                Histogram::new(RECONCILE_SECONDS)
            }),
            reconciles_in_progress: add(r, "reconciles_in_progress", "Reconciliations in progress"),
            create_outcomes: add(r, "create_outcomes", "Create requests, by outcome"),
            api_requests: add(r, "api_requests", "Requests to the Propensity API, by class of answer"),
            api_request_seconds: add_seconds(
                r,
                "api_request_duration_seconds",
                "Duration of requests to the Propensity API",
                || Histogram::new(REQUEST_SECONDS),
            ),
            kube_errors: add(r, "kube_request_errors", "Failed requests to the Kubernetes API"),
            waits: add(r, "waits", "How often an audience began to wait, by reason"),
            waiting: add(r, "waiting", "Audiences that wait before a create, by reason"),
            audiences: add(r, "audiences", "Audiences, by the reason of the condition Ready"),
            suppressed_members_sent: add(
                r,
                "suppressed_members_sent",
                "Minimum number of members of created audiences that were suppressed later; remove them manually",
            ),
            list_rows: add(r, "list_rows", "Rows of the current lists, by result"),
            open_receipts: add(r, "open_receipts", "Receipts that are neither created nor dismissed"),
            open_unknowns: add(r, "workspace_open_unknowns", "Attempts with an unknown outcome that isn't resolved"),
            budget_used: add(r, "workspace_budget_used", "Creates counted against today's budget"),
            budget_limit: add(r, "workspace_budget_limit", "Creates allowed per UTC day"),
            breaker_open: add(r, "workspace_breaker_open", "1 while the key or the configuration is rejected"),
            paused: add(r, "workspace_paused", "1 while creates are paused at the request of the Propensity API"),
            caution: add(r, "workspace_caution", "1 while creates are sent one at a time after an unknown outcome"),
            leader: add(r, "leader", "1 while this process is the leader"),
            reports,
            registry: Mutex::new(root),
        };
        let metrics = Self(Arc::new(inner));
        metrics.start_at_zero();
        metrics
    }

    /// Counters in alerts must exist from the start; otherwise Prometheus misses their first increase.
    fn start_at_zero(&self) {
        for kind in [Kind::ContactAudience, Kind::AccountAudience] {
            for class in CreateClass::ALL {
                let (kind, class) = (kind.as_str(), class.as_str());
                let _ = self.0.create_outcomes.get_or_create(&KindClass { kind, class });
            }
        }
        for kind in Kind::ALL {
            for outcome in [Outcome::Done, Outcome::Error] {
                let (kind, outcome) = (kind.as_str(), outcome.as_str());
                let _ = self.0.reconciles.get_or_create(&KindOutcome { kind, outcome });
            }
        }
    }

    /// Counts and times a reconciliation, until the guard is finished or dropped.
    #[must_use]
    pub fn reconcile(&self, kind: Kind) -> Reconcile {
        self.in_progress(kind).inc();
        Reconcile { metrics: self.clone(), kind, outcome: Outcome::Dropped, watch: Stopwatch::start() }
    }

    fn in_progress(&self, kind: Kind) -> Gauge {
        let kind = kind.as_str();
        self.0.reconciles_in_progress.get_or_create_owned(&KindLabel { kind })
    }

    /// Counts a create request by outcome.
    pub fn create_outcome(&self, kind: Kind, class: CreateClass) {
        let (kind, class) = (kind.as_str(), class.as_str());
        self.0.create_outcomes.get_or_create(&KindClass { kind, class }).inc();
    }

    /// Counts a request to the Propensity API by the class of its answer or error.
    pub fn api_request(&self, endpoint: Endpoint, class: &'static str, took: Duration) {
        let endpoint = endpoint.as_str();
        self.0.api_requests.get_or_create(&EndpointClass { endpoint, class }).inc();
        let label = EndpointLabel { endpoint };
        self.0.api_request_seconds.get_or_create(&label).observe(took.as_secs_f64());
    }

    /// Counts a failed request to the Kubernetes API by its [`kube_category`].
    pub fn kube_error(&self, category: &'static str) {
        self.0.kube_errors.get_or_create(&Category { category }).inc();
    }

    /// Counts that an audience began to wait.
    pub fn wait(&self, reason: &'static str) {
        self.0.waits.get_or_create(&Reason { reason }).inc();
    }

    /// Sets how many audiences wait now; other reasons are removed.
    pub fn set_waiting(&self, counts: &BTreeMap<&'static str, u64>) {
        let labelled = counts.iter().map(|(&reason, &n)| (Reason { reason }, n));
        self.replace(&self.0.waiting, labelled);
    }

    /// Sets the number of audiences by kind and reason; other series are removed.
    pub fn set_audiences(&self, counts: &BTreeMap<(Kind, &'static str), u64>) {
        let labelled = counts.iter().map(|(&(kind, reason), &n)| {
            let kind = kind.as_str();
            (KindReason { kind, reason }, n)
        });
        self.replace(&self.0.audiences, labelled);
    }

    /// Sets the number of members of created audiences that are suppressed now.
    pub fn set_suppressed_members_sent(&self, counts: impl IntoIterator<Item = (Kind, u64)>) {
        for (kind, many) in counts {
            self.0.suppressed_members_sent.get_or_create(&KindLabel { kind: kind.as_str() }).set(many);
        }
    }

    /// Sets the number of rows of the current lists, by result.
    pub fn set_list_rows(&self, counts: impl IntoIterator<Item = (Kind, &'static str, u64)>) {
        for (kind, class, many) in counts {
            self.0.list_rows.get_or_create(&KindClass { kind: kind.as_str(), class }).set(many);
        }
    }

    /// Sets the number of open receipts by state; other states are removed.
    pub fn set_open_receipts(&self, counts: &BTreeMap<&'static str, u64>) {
        let labelled = counts.iter().map(|(&state, &n)| (State { state }, n));
        self.replace(&self.0.open_receipts, labelled);
    }

    pub(super) fn replace<L>(&self, family: &Family<L, Count>, counts: impl Iterator<Item = (L, u64)>)
    where
        L: Clone + std::hash::Hash + Eq,
    {
        let _no_scrape = self.registry();
        family.clear();
        for (label, count) in counts {
            family.get_or_create(&label).set(count);
        }
    }

    /// Sets the numbers of one workspace.
    pub fn set_workspace(&self, namespace: &str, name: &str, numbers: &WorkspaceNumbers) {
        let &WorkspaceNumbers { open_unknowns, budget_used, budget_limit, breaker_open, paused, caution } = numbers;
        let values = [open_unknowns, budget_used, budget_limit, breaker_open.into(), paused.into(), caution.into()];
        let label = WorkspaceLabel::new(namespace, name);
        let _no_scrape = self.registry();
        for (family, value) in self.of_workspaces().into_iter().zip(values) {
            family.get_or_create(&label).set(value);
        }
    }

    /// Removes the metrics of a deleted workspace.
    pub fn remove_workspace(&self, namespace: &str, name: &str) {
        let label = WorkspaceLabel::new(namespace, name);
        let _no_scrape = self.registry();
        for family in self.of_workspaces() {
            family.remove(&label);
        }
    }

    /// In the order of [`WorkspaceNumbers`].
    fn of_workspaces(&self) -> [&Family<WorkspaceLabel, Count>; 6] {
        let m = &*self.0;
        [&m.open_unknowns, &m.budget_used, &m.budget_limit, &m.breaker_open, &m.paused, &m.caution]
    }

    /// Sets whether this process is the leader.
    pub fn set_leader(&self, leads: bool) {
        self.0.leader.set(leads.into());
    }

    /// All metrics as text: see [`CONTENT_TYPE`].
    pub fn encode(&self) -> String {
        let mut text = String::new();
        text::encode(&mut text, &self.registry()).expect("writing to a string can't fail");
        text
    }

    pub(super) fn registry(&self) -> MutexGuard<'_, Registry> {
        self.0.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts and times one reconciliation: [`Metrics::reconcile`].
#[derive(Debug)]
pub struct Reconcile {
    metrics: Metrics,
    kind: Kind,
    outcome: Outcome,
    watch: Stopwatch,
}

impl Reconcile {
    /// Ends the reconciliation. Otherwise it counts as [`Outcome::Dropped`].
    pub fn finish(mut self, outcome: Outcome) {
        self.outcome = outcome;
    }
}

impl Drop for Reconcile {
    fn drop(&mut self) {
        let (kind, outcome) = (self.kind.as_str(), self.outcome.as_str());
        let inner = &*self.metrics.0;
        inner.reconciles.get_or_create(&KindOutcome { kind, outcome }).inc();
        let seconds = self.watch.elapsed().as_secs_f64();
        inner.reconcile_seconds.get_or_create(&KindLabel { kind }).observe(seconds);
        self.metrics.in_progress(self.kind).dec();
    }
}

#[cfg(test)]
mod tests;
