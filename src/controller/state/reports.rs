//! What is kept in memory of reports between reconciles: when each is due, and which fetches run.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::record::Records;
use crate::api::condition::{self, ConditionType, Reason};
use crate::api::report::{Paging, ReportFormat, ReportStatus};
use crate::api::{PropensityReport, requested_at};
use crate::clock::{Clock, Moment};
use crate::controller::model::fetch::FetchEnd;
use crate::propensity::{KeyId, UrlId};

/// Fetches at once, each with the members and rows that it holds; no two of them with one key.
const FETCHES_AT_ONCE: usize = 2;

/// A report isn't fetched more often than this for an audience that was added to it.
const MIN_EARLY_INTERVAL: Duration = Duration::from_secs(300);

/// What is kept of all reports.
#[derive(Default)]
pub struct ReportMemory {
    /// The record of each.
    pub records: Records<ReportStatus, ReportDetails>,
    fetches: Mutex<Fetches>,
}

/// What is kept of one report beside what is kept of every object.
#[derive(Default)]
pub struct ReportDetails {
    last_inputs: Option<FetchInputs>,
    last_fetch: Option<Moment>,
    next_fetch: Moment,
    /// Fetches that failed in a row.
    failures: u32,
    /// An audience was added to it, or is matched in another way now.
    has_new_audience: bool,
}

#[derive(Default)]
struct Fetches {
    running: HashSet<FetchGroup>,
    keys: Vec<KeyId>,
}

/// Reports of the same group have the same rows, so one fetch serves all of them.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct FetchGroup {
    namespace: Option<String>,
    workspace: String,
    report: String,
    query: BTreeMap<String, String>,
    format: ReportFormat,
    rows: String,
    paging: Option<Paging>,
    max_mib: u32,
}

impl FetchGroup {
    /// The group of a report.
    #[must_use]
    pub fn of(report: &PropensityReport) -> Self {
        let spec = &report.spec;
        Self {
            namespace: report.metadata.namespace.clone(),
            workspace: spec.workspace_ref.name.clone(),
            report: spec.report.clone(),
            query: spec.query.clone(),
            format: spec.format,
            rows: spec.rows.clone(),
            paging: spec.paging.clone(),
            max_mib: spec.max_mib,
        }
    }
}

/// What a fetch was made with. With anything else the report is due at once.
#[derive(Clone, PartialEq)]
pub struct FetchInputs {
    generation: Option<i64>,
    url: UrlId,
    key: KeyId,
    requested: Option<String>,
}

impl FetchInputs {
    /// What a fetch of this report would be made with now.
    #[must_use]
    pub fn of(report: &PropensityReport, url: UrlId, key: KeyId) -> Self {
        Self { generation: report.metadata.generation, url, key, requested: requested_at(&report.metadata) }
    }
}

/// A fetch that runs.
pub struct RunningFetch<'a>(&'a ReportMemory, FetchGroup);

impl Drop for RunningFetch<'_> {
    fn drop(&mut self) {
        self.0.fetches().running.remove(&self.1);
    }
}

/// A turn to fetch with a key.
pub struct FetchTurn<'a>(&'a ReportMemory, KeyId);

impl Drop for FetchTurn<'_> {
    fn drop(&mut self) {
        self.0.fetches().keys.retain(|key| *key != self.1);
    }
}

fn uid(report: &PropensityReport) -> &str {
    report.metadata.uid.as_deref().unwrap_or_default()
}

impl ReportMemory {
    fn fetches(&self) -> MutexGuard<'_, Fetches> {
        self.fetches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<R: Default>(&self, report: &PropensityReport, change: impl FnOnce(&mut ReportDetails) -> R) -> R {
        self.records.with_known(uid(report), |record| change(&mut record.details))
    }

    /// A turn to fetch with a key, unless enough other fetches run.
    #[must_use]
    pub fn turn(&self, key: KeyId) -> Option<FetchTurn<'_>> {
        let mut fetches = self.fetches();
        if fetches.keys.len() == FETCHES_AT_ONCE || fetches.keys.contains(&key) {
            return None;
        }
        fetches.keys.push(key);
        Some(FetchTurn(self, key))
    }

    /// Begins the fetch of a group, unless one runs.
    #[must_use]
    pub fn begin(&self, group: &FetchGroup) -> Option<RunningFetch<'_>> {
        self.fetches().running.insert(group.clone()).then(|| RunningFetch(self, group.clone()))
    }

    /// The report with the newest status that is known: the one of the watch, or one that was written and that the
    /// watch hasn't shown yet.
    #[must_use]
    pub fn newest(&self, report: &PropensityReport) -> PropensityReport {
        let mut report = report.clone();
        let shown = report.metadata.resource_version.as_deref();
        if let Some((version, status)) = self.records.newer_than(uid(&report), shown) {
            (report.metadata.resource_version, report.status) = (Some(version), Some(status));
        }
        report
    }

    /// Forgets what the last fetch was made with, so that the next one is due as soon as it is possible.
    pub fn forget_inputs(&self, report: &PropensityReport) {
        self.with(report, |details| details.last_inputs = None);
    }

    /// How long until a report is due. `has_waiting` is whether an audience has nothing from it yet.
    #[must_use]
    pub fn due(&self, clock: &Clock, report: &PropensityReport, inputs: &FetchInputs, has_waiting: bool) -> Duration {
        let now = clock.boottime();
        self.with(report, |details| {
            if details.last_fetch.is_none() && details.last_inputs.is_none() {
                details.resume(clock, report, inputs, now);
            }
            if details.last_inputs.as_ref() != Some(inputs) {
                return Duration::ZERO;
            }
            let is_early = (has_waiting || details.has_new_audience) && details.failures == 0;
            let next = match details.last_fetch.filter(|_| is_early) {
                Some(last) => details.next_fetch.min(last + MIN_EARLY_INTERVAL),
                None => details.next_fetch,
            };
            next.since(now)
        })
    }

    /// How long until a report is due by its interval.
    #[must_use]
    pub fn left(&self, report: &PropensityReport, now: Moment) -> Duration {
        self.with(report, |details| details.next_fetch.since(now))
    }

    /// Whether a report was fetched less than half an interval ago, with what its spec says now.
    #[must_use]
    pub fn is_recent(&self, report: &PropensityReport, now: Moment) -> bool {
        let half = Duration::from(report.spec.interval) / 2;
        self.with(report, |details| {
            let inputs = details.last_inputs.as_ref();
            let same = inputs.is_some_and(|inputs| inputs.generation == report.metadata.generation);
            same && details.failures == 0 && details.last_fetch.is_some_and(|last| now.since(last) < half)
        })
    }

    /// Keeps how a fetch ended, and when the next one is due.
    pub fn ended(&self, clock: &Clock, report: &PropensityReport, inputs: FetchInputs, end: FetchEnd) {
        let now = clock.boottime();
        let interval = Duration::from(report.spec.interval);
        self.with(report, |details| {
            details.failures = if end == FetchEnd::Succeeded { 0 } else { details.failures.saturating_add(1) };
            let first = match end {
                FetchEnd::Succeeded => interval,
                FetchEnd::FailedForNow => Duration::from_secs(30),
                FetchEnd::FailedUntilChanged => Duration::from_secs(300),
            };
            let wait = first.saturating_mul(1 << details.failures.saturating_sub(1).min(16)).min(interval);
            details.next_fetch = now + clock.jittered(wait, 0.05);
            details.last_fetch = Some(now);
            details.last_inputs = Some(inputs);
        });
    }

    /// The audiences of a report are read now, new ones included.
    pub fn audiences_read(&self, report: &PropensityReport) {
        self.with(report, |details| details.has_new_audience = false);
    }

    /// An audience is matched with a report in another way than before.
    pub fn expect_audience(&self, report: &PropensityReport) {
        self.with(report, |details| details.has_new_audience = true);
    }
}

impl ReportDetails {
    /// Continues from the status, when this process sees a report for the first time.
    fn resume(&mut self, clock: &Clock, report: &PropensityReport, inputs: &FetchInputs, now: Moment) {
        let Some(status) = &report.status else { return };
        let is_fetched = condition::find(&status.conditions, ConditionType::Ready)
            .is_some_and(|ready| ready.reason == Reason::Fetched.as_str());
        let is_current = status.observed_generation == report.metadata.generation
            && status.last_handled_requested_at == inputs.requested;
        if let Some(last) = status.last_success.filter(|_| is_fetched && is_current) {
            let interval = Duration::from(report.spec.interval);
            let left = clock.jittered(interval, 0.05).saturating_sub(clock.age(last));
            self.next_fetch = now + left;
            self.last_fetch = Some(now.earlier_by(clock.age(last)));
            self.last_inputs = Some(inputs.clone());
        }
    }
}

#[cfg(test)]
mod tests;
