//! What is remembered of reports between passes: when each is due, and which fetches run.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Ready, audiences};
use crate::api::condition::{self, ConditionType, Reason};
use crate::api::report::{Paging, ReportFormat, ReportStatus};
use crate::api::workspace::Freshness;
use crate::api::{PropensityReport, requested_at};
use crate::clock::{Clock, Moment};
use crate::controller::context::shared::Context;
use crate::controller::state::written::Written;
use crate::propensity::{KeyId, UrlId};
use jiff::Timestamp;

/// Fetches at once, each with what it holds of members and rows; no two of them with one key.
const AT_ONCE: usize = 2;

/// No report is fetched more often for the sake of an audience that came to it.
const SOONEST: Duration = Duration::from_secs(300);

/// What is remembered of reports.
#[derive(Default)]
pub struct State {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// By UID.
    known: HashMap<String, Known>,
    running: HashSet<Group>,
    turns: Vec<KeyId>,
}

#[derive(Default)]
struct Known {
    written: Written<ReportStatus>,
    held: Option<Moment>,
    tried: Option<Tried>,
    last: Option<Moment>,
    next: Moment,
    failures: u32,
    /// An audience came to it, or is matched in another way now.
    is_expected: bool,
}

/// Reports with the same group have the same rows.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Group {
    namespace: Option<String>,
    workspace: String,
    report: String,
    query: BTreeMap<String, String>,
    format: ReportFormat,
    rows: String,
    paging: Option<Paging>,
    max_mib: u32,
}

impl Group {
    pub(super) fn of(report: &PropensityReport) -> Self {
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

/// What a fetch was tried with: with anything else it is due at once.
#[derive(Clone, PartialEq)]
pub(super) struct Tried {
    generation: Option<i64>,
    url: UrlId,
    key: KeyId,
    requested: Option<String>,
}

impl Tried {
    pub(super) fn of(report: &PropensityReport, ready: &Ready) -> Self {
        Self {
            generation: report.metadata.generation,
            url: ready.url.id(),
            key: ready.key.id(),
            requested: requested_at(&report.metadata),
        }
    }
}

/// How a fetch ended, as far as it decides when the next one is due.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// As it should.
    Well,
    /// In a way that another try soon may mend.
    Passing,
    /// In a way that only a change mends.
    Lasting,
}

/// A fetch that runs.
pub(super) struct Running<'a>(&'a State, Group);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.lock().running.remove(&self.1);
    }
}

/// A turn to fetch.
pub(super) struct Turn<'a>(&'a State, KeyId);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.lock().turns.retain(|key| *key != self.1);
    }
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<R>(&self, report: &PropensityReport, change: impl FnOnce(&mut Known) -> R) -> R {
        let uid = report.metadata.uid.clone().unwrap_or_default();
        change(self.lock().known.entry(uid).or_default())
    }

    /// A turn to fetch with a key, unless enough others do.
    pub(super) fn turn(&self, key: KeyId) -> Option<Turn<'_>> {
        let mut inner = self.lock();
        if inner.turns.len() == AT_ONCE || inner.turns.contains(&key) {
            return None;
        }
        inner.turns.push(key);
        Some(Turn(self, key))
    }

    /// Begins the fetch of a group, unless one runs.
    pub(super) fn begin(&self, group: &Group) -> Option<Running<'_>> {
        self.lock().running.insert(group.clone()).then(|| Running(self, group.clone()))
    }

    /// The report with the newest status that is known: the watch's, or one that was written and that the watch hasn't shown yet.
    pub(super) fn newest(&self, report: &PropensityReport) -> PropensityReport {
        let mut report = report.clone();
        let shown = report.metadata.resource_version.as_deref();
        if let Some((version, status)) = self.with(&report, |known| known.written.newer_than(shown)) {
            (report.metadata.resource_version, report.status) = (Some(version), Some(status));
        }
        report
    }

    pub(super) fn wrote(&self, report: &PropensityReport, version: String, status: ReportStatus) {
        self.with(report, |known| known.written.note(version, status));
    }

    /// Since when something is missing.
    pub(super) fn held_since(&self, report: &PropensityReport, now: Moment) -> Moment {
        self.with(report, |known| *known.held.get_or_insert(now))
    }

    /// Forgets the last try, so that the next is due as soon as it is possible.
    pub(super) fn forget_try(&self, report: &PropensityReport) {
        self.with(report, |known| known.tried = None);
    }

    /// How long until a report is due.
    pub(super) fn due(&self, ctx: &Context, report: &PropensityReport, tried: &Tried, now: Moment) -> Duration {
        let waits = audiences::waiting(ctx, report);
        self.with(report, |known| {
            known.held = None;
            if known.last.is_none() && known.tried.is_none() {
                known.resume(&ctx.clock, report, tried, now);
            }
            if known.tried.as_ref() != Some(tried) {
                return Duration::ZERO;
            }
            let is_expected = (waits || known.is_expected) && known.failures == 0;
            let next = match known.last.filter(|_| is_expected) {
                Some(last) => known.next.min(last + SOONEST),
                None => known.next,
            };
            next.since(now)
        })
    }

    /// How long until a report is due by its interval.
    pub(super) fn left(&self, report: &PropensityReport, now: Moment) -> Duration {
        self.with(report, |known| known.next.since(now))
    }

    /// Whether a report was fetched less than half an interval ago, with what its spec says now.
    pub(super) fn is_young(&self, report: &PropensityReport, now: Moment) -> bool {
        let half = Duration::from(report.spec.interval) / 2;
        self.with(report, |known| {
            let same = known.tried.as_ref().is_some_and(|tried| tried.generation == report.metadata.generation);
            same && known.failures == 0 && known.last.is_some_and(|last| now.since(last) < half)
        })
    }

    /// Notes how a fetch ended, and when the next is due.
    pub(super) fn ended(&self, clock: &Clock, report: &PropensityReport, tried: Tried, ended: Ended) {
        let now = clock.boottime();
        let interval = Duration::from(report.spec.interval);
        self.with(report, |known| {
            known.failures = if ended == Ended::Well { 0 } else { known.failures.saturating_add(1) };
            let first = match ended {
                Ended::Well => interval,
                Ended::Passing => Duration::from_secs(30),
                Ended::Lasting => Duration::from_secs(300),
            };
            let wait = first.saturating_mul(1 << known.failures.saturating_sub(1).min(16)).min(interval);
            known.next = now + clock.jittered(wait, 0.05);
            known.last = Some(now);
            known.tried = Some(tried);
        });
    }

    /// Notes that the audiences of a report are looked at now.
    pub(super) fn expected(&self, report: &PropensityReport) {
        self.with(report, |known| known.is_expected = false);
    }

    /// Notes that an audience is matched with a report in another way than before.
    pub fn expect(&self, report: &PropensityReport) {
        self.with(report, |known| known.is_expected = true);
    }

    /// Forgets a report that is gone.
    pub fn forget(&self, uid: &str) {
        self.lock().known.remove(uid);
    }
}

impl Known {
    /// Goes on from what the status says, when this process sees a report for the first time.
    fn resume(&mut self, clock: &Clock, report: &PropensityReport, tried: &Tried, now: Moment) {
        let Some(status) = &report.status else { return };
        let is_fetched = condition::find(&status.conditions, ConditionType::Ready)
            .is_some_and(|ready| ready.reason == Reason::Fetched.as_str());
        let is_current = status.observed_generation == report.metadata.generation
            && status.last_handled_requested_at == tried.requested;
        if let Some(last) = status.last_success.filter(|_| is_fetched && is_current) {
            let interval = Duration::from(report.spec.interval);
            let left = clock.jittered(interval, 0.05).saturating_sub(age(clock, last));
            self.next = now + left;
            self.last = Some(now.earlier_by(age(clock, last)));
            self.tried = Some(tried.clone());
        }
    }
}

/// How long ago a time was, on the clock that may run faster.
fn age(clock: &Clock, time: Timestamp) -> Duration {
    let real = Duration::try_from(clock.wall().duration_since(time)).unwrap_or_default();
    // How long a second of the clock really takes.
    real.div_f64(clock.real(Duration::from_secs(1)).as_secs_f64().max(f64::MIN_POSITIVE))
}

/// How current a report's numbers are, and how long that stays so by itself.
#[must_use]
pub fn freshness(clock: &Clock, report: &PropensityReport) -> (Freshness, Option<Duration>) {
    let last = report.status.as_ref().and_then(|status| status.last_success);
    match last {
        _ if report.spec.suspend => (Freshness::Suspended, None),
        None => (Freshness::Never, None),
        Some(last) => {
            let left = (Duration::from(report.spec.interval) * 2).saturating_sub(age(clock, last));
            if left.is_zero() { (Freshness::Stale, None) } else { (Freshness::Fresh, Some(left)) }
        }
    }
}
