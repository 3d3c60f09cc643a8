#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::*;
use crate::api::REQUESTED_AT_ANNOTATION;
use crate::api::condition::{DesiredCondition, Verdict};
use crate::controller::fixtures::report as report_of;
use crate::propensity::{ApiKey, ReportUrl};

const MINUTE: Duration = Duration::from_secs(60);

/// A report with an interval of 1 h.
fn report() -> PropensityReport {
    report_of(json!({"interval": "1h"}))
}

/// A memory that has a record of the report.
fn memory() -> ReportMemory {
    let memory = ReportMemory::default();
    memory.records.begin(uid(&report()));
    memory
}

fn key(text: &str) -> KeyId {
    ApiKey::from_bytes(text.as_bytes()).unwrap().id()
}

fn url(path: &str) -> UrlId {
    ReportUrl::from_bytes(format!("https://reports.example/{path}").as_bytes()).unwrap().id()
}

fn inputs(report: &PropensityReport) -> FetchInputs {
    FetchInputs::of(report, url("a"), key("canary-key"))
}

fn requested(report: &PropensityReport, at: &str) -> PropensityReport {
    let mut report = report.clone();
    report.metadata.annotations = Some(BTreeMap::from([(REQUESTED_AT_ANNOTATION.to_owned(), at.to_owned())]));
    report
}

/// A memory with these ends of fetches of a report.
fn after(clock: &Clock, report: &PropensityReport, ends: &[FetchEnd]) -> ReportMemory {
    let memory = memory();
    ends.iter().for_each(|end| memory.ended(clock, report, inputs(report), *end));
    memory
}

/// Whether a report is due after this time, with up to 5% of jitter and a minute for a slow machine.
fn is_about(due: Duration, expected: Duration) -> bool {
    due <= expected.mul_f64(1.05) && due + MINUTE.min(expected / 2) >= expected
}

#[test]
fn a_report_that_was_never_fetched_is_due() {
    let (clock, report) = (Clock::new(), report());
    let memory = memory();
    assert_eq!(memory.due(&clock, &report, &inputs(&report), false), Duration::ZERO);
    assert_eq!(memory.left(&report, clock.boottime()), Duration::ZERO);
    assert!(!memory.is_recent(&report, clock.boottime()));
}

#[test]
fn the_next_fetch_is_due_by_how_the_last_ones_ended() {
    use FetchEnd::{FailedForNow, FailedUntilChanged, Succeeded};
    let table: [(&[FetchEnd], u64); 9] = [
        (&[Succeeded], 3600),
        (&[FailedForNow], 30),
        (&[FailedForNow; 2], 60),
        (&[FailedForNow; 4], 240),
        (&[FailedForNow; 40], 3600),
        (&[FailedUntilChanged], 300),
        (&[FailedUntilChanged; 2], 600),
        (&[FailedUntilChanged, FailedForNow], 60),
        (&[FailedForNow, FailedForNow, Succeeded, FailedForNow], 30),
    ];
    let (clock, report) = (Clock::new(), report());
    for (ends, seconds) in table {
        let memory = after(&clock, &report, ends);
        let due = memory.due(&clock, &report, &inputs(&report), false);
        assert!(is_about(due, Duration::from_secs(seconds)), "{ends:?}: {due:?}");
        assert!(is_about(memory.left(&report, clock.boottime()), Duration::from_secs(seconds)), "{ends:?}");
    }
}

#[test]
fn a_report_is_due_at_once_where_it_would_be_fetched_with_anything_else() {
    let (clock, report) = (Clock::new(), report());
    let memory = after(&clock, &report, &[FetchEnd::Succeeded]);
    let mut edited = report.clone();
    edited.metadata.generation = Some(4);
    let changed = [
        ("the spec", inputs(&edited)),
        ("the URL", FetchInputs::of(&report, url("b"), key("canary-key"))),
        ("the key", FetchInputs::of(&report, url("a"), key("another-key"))),
        ("a request", inputs(&requested(&report, "1"))),
    ];
    for (what, inputs) in changed {
        assert_eq!(memory.due(&clock, &report, &inputs, false), Duration::ZERO, "{what}");
    }
    assert!(memory.due(&clock, &report, &inputs(&report), false) > Duration::ZERO);
    memory.forget_inputs(&report);
    assert_eq!(memory.due(&clock, &report, &inputs(&report), false), Duration::ZERO);
}

#[test]
fn an_audience_that_is_new_to_a_report_waits_for_at_most_five_minutes_unless_fetches_fail() {
    let (clock, report) = (Clock::new(), report());
    let five = 5 * MINUTE;
    let memory = after(&clock, &report, &[FetchEnd::Succeeded]);
    let due = |has_waiting| memory.due(&clock, &report, &inputs(&report), has_waiting);
    assert!(is_about(due(true), five) && due(true) <= five, "{:?}", due(true));
    memory.expect_audience(&report);
    assert!(due(false) <= five, "it is matched in another way");
    memory.audiences_read(&report);
    assert!(due(false) > five, "its members were read");

    let failing =
        after(&clock, &report, &[FetchEnd::Succeeded, FetchEnd::FailedUntilChanged, FetchEnd::FailedUntilChanged]);
    failing.expect_audience(&report);
    assert!(failing.due(&clock, &report, &inputs(&report), true) > five);

    let often = report_of(json!({"interval": "2m"}));
    let memory = after(&clock, &often, &[FetchEnd::Succeeded]);
    assert!(is_about(memory.due(&clock, &often, &inputs(&often), true), 2 * MINUTE), "the interval is shorter");
}

#[test]
fn a_fetch_is_recent_for_half_an_interval() {
    let (clock, report) = (Clock::new(), report());
    let memory = after(&clock, &report, &[FetchEnd::Succeeded]);
    let now = clock.boottime();
    assert!(memory.is_recent(&report, now + 29 * MINUTE));
    assert!(!memory.is_recent(&report, now + 30 * MINUTE));
    let mut edited = report.clone();
    edited.metadata.generation = Some(4);
    assert!(!memory.is_recent(&edited, now), "another spec");
    assert!(!after(&clock, &report, &[FetchEnd::FailedForNow]).is_recent(&report, now), "a fetch that failed");
}

#[test]
fn after_a_restart_a_report_continues_from_its_status() {
    let clock = Clock::new();
    let with = |reason: Reason, generation, handled: Option<&str>| {
        let verdict = Verdict::new(reason, "why");
        let ready = DesiredCondition { type_: ConditionType::Ready, status: reason == Reason::Fetched, verdict };
        let last = clock.wall() - jiff::SignedDuration::from_mins(20);
        let status = ReportStatus {
            observed_generation: Some(generation),
            conditions: condition::update(&[], &[ready], Some(generation), last),
            last_success: Some(last),
            last_handled_requested_at: handled.map(str::to_owned),
            ..ReportStatus::default()
        };
        PropensityReport { status: Some(status), ..report() }
    };
    let due = |report: &PropensityReport| memory().due(&clock, report, &inputs(report), false);
    let fetched = with(Reason::Fetched, 3, None);
    let left = due(&fetched);
    assert!(left >= 39 * MINUTE && left <= 43 * MINUTE, "40 minutes and up to 5% of an hour: {left:?}");
    assert_eq!(due(&with(Reason::ApiUnreachable, 3, None)), Duration::ZERO, "the last fetch failed");
    assert_eq!(due(&with(Reason::Fetched, 2, None)), Duration::ZERO, "of another generation");
    assert_eq!(due(&requested(&fetched, "1")), Duration::ZERO, "a request that wasn't handled");
    assert!(due(&requested(&with(Reason::Fetched, 3, Some("1")), "1")) > Duration::ZERO, "one that was");
    let memory = memory();
    assert!(memory.due(&clock, &fetched, &inputs(&fetched), true) == Duration::ZERO, "an audience has waited enough");
}

#[test]
fn two_reports_are_fetched_at_once_and_one_with_each_key() {
    let memory = memory();
    let first = memory.turn(key("a"));
    assert!(first.is_some());
    assert!(memory.turn(key("a")).is_none(), "its key is in use");
    let second = memory.turn(key("b"));
    assert!(second.is_some());
    assert!(memory.turn(key("c")).is_none(), "two are enough");
    drop(first);
    assert!(memory.turn(key("b")).is_none());
    assert!(memory.turn(key("a")).is_some());
}

#[test]
fn one_fetch_of_a_group_runs_at_a_time() {
    let memory = memory();
    let group = FetchGroup::of(&report());
    let running = memory.begin(&group);
    assert!(running.is_some());
    assert!(memory.begin(&group).is_none());
    let others = [
        json!({"report": "clicks"}),
        json!({"workspaceRef": {"name": "other"}}),
        json!({"query": {"days": "7"}}),
        json!({"format": "CSV"}),
        json!({"rows": "/data"}),
        json!({"paging": {"parameter": "page"}}),
        json!({"maxMiB": 7}),
    ];
    for changes in others {
        assert!(memory.begin(&FetchGroup::of(&report_of(changes.clone()))).is_some(), "{changes}");
    }
    let mut elsewhere = report();
    elsewhere.metadata.namespace = Some("other".to_owned());
    assert!(memory.begin(&FetchGroup::of(&elsewhere)).is_some());
    drop(running);
    assert!(memory.begin(&group).is_some());
}

#[test]
fn reports_that_differ_only_in_what_is_made_of_the_rows_are_one_group() {
    let same = |changes: Value| FetchGroup::of(&report_of(changes)) == FetchGroup::of(&report_of(json!({})));
    assert!(same(json!({"interval": "2h"})));
    assert!(same(json!({"metrics": [{"name": "m", "operation": "count"}]})));
    assert!(same(json!({"columns": [{"name": "c", "number": {}}]})));
    assert!(!same(json!({"report": "clicks"})));
}

#[test]
fn a_status_that_was_written_counts_until_the_watch_shows_it() {
    let seen = |version: &str| {
        let mut report = report();
        report.metadata.resource_version = Some(version.to_owned());
        report
    };
    let memory = memory();
    memory.audiences_read(&seen("9"));
    let status = ReportStatus { rows: Some(7), ..ReportStatus::default() };
    memory.records.wrote("uid of weekly", "12".to_owned(), status.clone());
    let newest = memory.newest(&seen("9"));
    assert_eq!((newest.metadata.resource_version.as_deref(), newest.status), (Some("12"), Some(status)));
    assert_eq!(memory.newest(&seen("12")), seen("12"));
    assert_eq!(memory.newest(&seen("9")), seen("9"), "once shown, it is dropped");
}
