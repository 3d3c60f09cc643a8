#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::api::REQUESTED_AT_ANNOTATION;
use crate::api::condition::Reason;
use crate::controller::decide::fault_meaning::meaning;
use crate::controller::decide::sentences;
use crate::controller::fixtures::{at, report, shown};
use crate::controller::model::fetch::FetchEnd;
use crate::propensity::{EndpointError, ReportFault};
use crate::sources::rows::RowsError;
use crate::telemetry::metrics::FetchOutcome;

/// A report whose last fetch succeeded at second 0.
fn fetched_before() -> PropensityReport {
    let status = ReportStatus {
        last_success: Some(at(0)),
        rows: Some(7),
        bytes: Some(70),
        values: vec![MetricValue { name: "visits".into(), group: String::new(), value: "7".into() }],
        newest_row: Some(at(-60)),
        columns: vec![column("email", &["text"], 0)],
        columns_fingerprint: Some("aaaaaaaaaaaa".into()),
        last_handled_requested_at: Some("1".into()),
        ..ReportStatus::default()
    };
    PropensityReport { status: Some(status), ..report(json!({})) }
}

fn column(name: &str, types: &[&str], unparsed: u64) -> ObservedColumn {
    ObservedColumn { name: name.into(), types: types.iter().map(|t| (*t).to_owned()).collect(), unparsed }
}

/// A summary of 2 rows with a column of text and a column of numbers.
fn summary() -> Summary {
    let text = Column { kinds: Kinds { text: true, ..Kinds::default() }, ..Column::default() };
    let numbers = Column { kinds: Kinds { number: true, text: true, ..Kinds::default() }, parsed: 1, unparsed: 1 };
    Summary {
        rows: 2,
        columns: BTreeMap::from([("email".into(), text), ("visits".into(), numbers)]),
        fingerprint: "bbbbbbbbbbbb".into(),
        values: Values::from([(("visits".into(), String::new()), Value::Number(2.5))]),
        newest: Some(at(50)),
        ..Summary::default()
    }
}

fn read(summary: Summary, problem: Option<Verdict>) -> ReportResult {
    ReportResult::Read(Box::new(ReportRead { summary, bytes: 20, problem, at: at(100) }))
}

fn unusable() -> Verdict {
    Verdict::new(Reason::ColumnsMissing, "why")
}

fn condition<'a>(status: &'a ReportStatus, type_: &str) -> Option<(&'a str, &'a str, &'a str)> {
    let found = status.conditions.iter().find(|c| c.type_ == type_)?;
    Some((&found.status, &found.reason, &found.message))
}

/// Every fault, with what follows from it.
fn faults() -> Vec<(Fault, FetchEnd, FetchOutcome, Reason, Phase)> {
    use FetchEnd::{FailedForNow, FailedUntilChanged};
    use Phase::{Reconciling, Stalled};
    let host = || "evil.example".to_owned();
    let unreachable = |fault| (fault, FailedForNow, FetchOutcome::Unreachable, Reason::ApiUnreachable, Reconciling);
    let unreadable = |fault| (fault, FailedUntilChanged, FetchOutcome::Unreadable, Reason::ReportUnreadable, Stalled);
    let refused = |endpoint, reason| {
        (ReportFault::Endpoint(endpoint).into(), FailedUntilChanged, FetchOutcome::Refused, reason, Reconciling)
    };
    vec![
        (
            ReportFault::Rejected(403).into(),
            FailedUntilChanged,
            FetchOutcome::Credentials,
            Reason::CredentialsRejected,
            Reconciling,
        ),
        refused(EndpointError::NotAllowed { host: host() }, Reason::HostNotAllowed),
        refused(EndpointError::NotAUrl, Reason::UrlInvalid),
        refused(EndpointError::NotHttps { host: host() }, Reason::UrlInvalid),
        (
            ReportFault::RateLimited(None).into(),
            FailedForNow,
            FetchOutcome::RateLimited,
            Reason::RateLimited,
            Reconciling,
        ),
        unreachable(ReportFault::Unreachable.into()),
        unreachable(ReportFault::ConnectionLost.into()),
        unreachable(ReportFault::Server(502).into()),
        unreachable(Fault::TooSlow),
        unreachable(Fault::WorkspaceGone),
        (RowsError::Truncated.into(), FailedForNow, FetchOutcome::Unreadable, Reason::ReportUnreadable, Reconciling),
        unreadable(RowsError::Html.into()),
        unreadable(RowsError::NoHeadings.into()),
        unreadable(ReportFault::Redirect(302).into()),
        unreadable(ReportFault::Status(418).into()),
        unreadable(Fault::SamePage(1, 2)),
        unreadable(Fault::TooManyPages(3)),
    ]
}

#[test]
fn every_fault_has_a_reason_and_a_time_for_the_next_try() {
    for (fault, end, outcome, reason, phase) in faults() {
        let found = meaning(&fault);
        assert_eq!((found.end, found.reason, found.phase), (end, reason, phase), "{fault:?}");
        assert_eq!(format!("{:?}", found.outcome), format!("{outcome:?}"), "{fault:?}");
    }
}

#[test]
fn a_failed_fetch_is_reported_with_its_fault_and_the_age_of_the_numbers_that_remain() {
    for (fault, _, _, reason, phase) in faults() {
        let mut message = format!("report visits can't be read: {}", sentences::of_error(&fault));
        if reason == Reason::CredentialsRejected {
            message += " Copy the current URL from Propensity into the entry visits of the Secret of \
                        PropensityWorkspace default; it is used within seconds. Creates aren't affected.";
        }
        let failed = ReportResult::Failed(fault);
        assert_eq!(shown(readiness(&report(json!({})), &failed)), (reason, message.clone(), phase));
        let message = sentences::with(message, "The reported numbers are from 2026-01-05 00:00:00 UTC.");
        assert_eq!(shown(readiness(&fetched_before(), &failed)), (reason, message, phase));
    }
}

#[test]
fn what_prevents_a_fetch_is_reported_with_the_age_of_the_numbers_that_remain() {
    let blocked = ReportResult::Blocked(Readiness::reconciling(Reason::SecretNotFound, "why"));
    let expected = |message: &str| (Reason::SecretNotFound, message.to_owned(), Phase::Reconciling);
    assert_eq!(shown(readiness(&report(json!({})), &blocked)), expected("why"));
    let message = "why. The reported numbers are from 2026-01-05 00:00:00 UTC.";
    assert_eq!(shown(readiness(&fetched_before(), &blocked)), expected(message));
}

#[test]
fn a_report_that_was_read_is_ready_unless_its_numbers_are_useless() {
    let truncated = Summary { possibly_truncated: true, ..summary() };
    let table = [
        (summary(), None, Reason::Fetched, Phase::Ready, "report visits was read completely"),
        (
            truncated,
            None,
            Reason::Fetched,
            Phase::Ready,
            "report visits was read completely, but its round number of rows may mean that a limit cut it off. Compare \
             it with Propensity; if rows are missing, narrow spec.query or set spec.paging.",
        ),
        (
            summary(),
            Some(unusable()),
            Reason::ColumnsMissing,
            Phase::Stalled,
            "why. The reported numbers are from 2026-01-05 00:00:00 UTC.",
        ),
    ];
    for (summary, problem, reason, phase, message) in table {
        let found = readiness(&fetched_before(), &read(summary, problem));
        assert_eq!(shown(found), (reason, message.to_owned(), phase));
    }
}

#[test]
fn numbers_are_useless_without_their_columns_forms_or_counts() {
    let names = |count: u32| (1..=count).map(|number| format!("c{number}")).collect::<Vec<_>>();
    let plain = Summary::default;
    let table = [
        (plain(), None),
        (
            Summary { missing: names(1), unreadable: names(1), uncounted: names(1), ..plain() },
            Some((
                Reason::ColumnsMissing,
                "report visits has no column c1, which its spec names. Correct the spec: status.columns lists the \
                 report's columns.",
            )),
        ),
        (
            Summary { missing: names(6), ..plain() },
            Some((
                Reason::ColumnsMissing,
                "report visits has no column c1, c2, c3, c4, c5, which its spec names. Correct the spec: \
                 status.columns lists the report's columns.",
            )),
        ),
        (
            Summary { unreadable: names(2), uncounted: names(1), ..plain() },
            Some((
                Reason::ColumnFormatMismatch,
                "no cell of column c1, c2 of report visits is a number or date in the declared format. Correct \
                 spec.columns; a number in text needs a format too.",
            )),
        ),
        (
            Summary { uncounted: names(1), ..plain() },
            Some((
                Reason::ReportUnreadable,
                "metric c1 of report visits can't be computed: it has too many different values, or its sum is too \
                 large. Narrow it with filters or spec.query.",
            )),
        ),
    ];
    for (summary, expected) in table {
        let expected = expected.map(|(reason, message)| Verdict::new(reason, message));
        assert_eq!(problem(&report(json!({})), &summary), expected);
    }
}

#[test]
fn a_report_that_was_read_replaces_all_numbers() {
    let before = fetched_before();
    let status = next(&before, &read(summary(), None), at(200));
    let expected = ReportStatus {
        observed_generation: Some(3),
        conditions: status.conditions.clone(),
        last_success: Some(at(100)),
        rows: Some(2),
        bytes: Some(20),
        values: vec![MetricValue { name: "visits".into(), group: String::new(), value: "2.5".into() }],
        newest_row: Some(at(50)),
        possibly_truncated: false,
        columns: vec![column("email", &["text"], 0), column("visits", &["number", "text"], 1)],
        columns_fingerprint: Some("bbbbbbbbbbbb".into()),
        last_handled_requested_at: Some("1".into()),
    };
    assert_eq!(status, expected);
    assert_eq!(condition(&status, "Ready"), Some(("True", "Fetched", "report visits was read completely")));
    let message = "cells that aren't a number or date in the declared format are ignored: 1 in visits";
    assert_eq!(condition(&status, "CellsUnparsed"), Some(("True", "ColumnFormatMismatch", message)));
}

#[test]
fn a_report_with_a_problem_shows_its_columns_and_keeps_the_numbers() {
    let before = fetched_before();
    let status = next(&before, &read(summary(), Some(unusable())), at(200));
    let old = before.status.unwrap();
    let expected = ReportStatus {
        observed_generation: Some(3),
        conditions: status.conditions.clone(),
        columns: vec![column("email", &["text"], 0), column("visits", &["number", "text"], 1)],
        columns_fingerprint: Some("bbbbbbbbbbbb".into()),
        ..old
    };
    assert_eq!(status, expected);
    assert_eq!(
        condition(&status, "Stalled").map(|(status, reason, _)| (status, reason)),
        Some(("True", "ColumnsMissing"))
    );
    assert_eq!(condition(&status, "CellsUnparsed"), None, "the numbers that remain had none");
}

#[test]
fn a_report_without_rows_has_new_numbers_and_the_columns_of_before() {
    let nothing = Summary { values: Values::new(), columns: BTreeMap::new(), rows: 0, newest: None, ..summary() };
    let status = next(&fetched_before(), &read(nothing, None), at(200));
    assert_eq!((status.rows, status.values.len(), status.newest_row), (Some(0), 0, None));
    assert_eq!(status.last_success, Some(at(100)));
    assert_eq!(status.columns, [column("email", &["text"], 0)]);
    assert_eq!(status.columns_fingerprint.as_deref(), Some("aaaaaaaaaaaa"));
}

#[test]
fn unparsed_cells_are_reported_as_long_as_the_numbers_without_them_remain() {
    let with = |status| PropensityReport { status: Some(status), ..report(json!({})) };
    let first = next(&report(json!({})), &read(summary(), None), at(1));
    let unparsed = condition(&first, "CellsUnparsed").map(|(_, _, message)| message.to_owned());
    assert!(unparsed.is_some());
    for result in [
        ReportResult::Failed(Fault::TooSlow),
        ReportResult::Blocked(Readiness::idle(Reason::Suspended, "why")),
        read(summary(), Some(unusable())),
    ] {
        let status = next(&with(first.clone()), &result, at(2));
        assert_eq!(condition(&status, "CellsUnparsed").map(|(_, _, message)| message.to_owned()), unparsed);
        let again = next(&with(status.clone()), &result, at(3));
        assert_eq!(again, status, "and once only");
    }
    let mut parsed = summary();
    parsed.columns.values_mut().for_each(|column| column.unparsed = 0);
    assert_eq!(condition(&next(&with(first), &read(parsed, None), at(2)), "CellsUnparsed"), None);
}

#[test]
fn no_more_than_five_columns_with_unparsed_cells_are_named() {
    let mut many = summary();
    let wrong = Column { unparsed: 3, parsed: 1, ..Column::default() };
    many.columns = (1..=6).map(|number| (format!("c{number}"), wrong)).collect();
    let status = next(&report(json!({})), &read(many, None), at(1));
    let message = "cells that aren't a number or date in the declared format are ignored: 3 in c1, 3 in c2, 3 in c3, 3 \
                   in c4, 3 in c5";
    assert_eq!(condition(&status, "CellsUnparsed").map(|(_, _, message)| message), Some(message));
}

#[test]
fn a_request_of_a_person_is_handled_by_a_fetch_however_it_ends() {
    let mut asking = fetched_before();
    asking.metadata.annotations = Some(BTreeMap::from([(REQUESTED_AT_ANNOTATION.to_owned(), "2".to_owned())]));
    let table = [
        (ReportResult::Blocked(Readiness::reconciling(Reason::SecretNotFound, "why")), "1"),
        (ReportResult::Failed(Fault::TooSlow), "2"),
        (read(summary(), Some(unusable())), "2"),
        (read(summary(), None), "2"),
    ];
    for (result, handled) in table {
        let status = next(&asking, &result, at(1));
        assert_eq!(status.last_handled_requested_at.as_deref(), Some(handled));
        let unasked = next(&fetched_before(), &result, at(1));
        assert_eq!(unasked.last_handled_requested_at.as_deref(), Some("1"));
    }
}

#[test]
fn names_of_columns_that_look_like_values_are_hidden_and_long_ones_are_cut() {
    let mut odd = summary();
    let all = Column { kinds: Kinds { bool: true, nested: true, number: true, text: true }, ..Column::default() };
    let long = "x".repeat(200);
    odd.columns = [("canary@example.com", Column::default()), (&long, all)].map(|(n, c)| (n.to_owned(), c)).into();
    let status = next(&report(json!({})), &read(odd, None), at(1));
    let types = ["bool", "nested", "number", "text"];
    assert_eq!(status.columns, [column("(hidden)", &[], 0), column(&"x".repeat(100), &types, 0)]);
}

#[test]
fn an_event_names_the_columns_that_changed() {
    let status = |fingerprint: &str, columns: &[(&str, &str)]| ReportStatus {
        columns: columns.iter().map(|(name, type_)| column(name, &[*type_], 0)).collect(),
        columns_fingerprint: Some(fingerprint.to_owned()).filter(|fingerprint| !fingerprint.is_empty()),
        ..ReportStatus::default()
    };
    let many: Vec<_> = ["a", "b", "c", "d", "e", "f", "g"].map(|name| (name, "text")).into();
    let table = [
        ("the first ones", status("", &[]), status("1", &[("a", "text")]), None),
        ("the same", status("1", &[("a", "text")]), status("1", &[("a", "text")]), None),
        ("a new one", status("1", &[("a", "text")]), status("2", &[("a", "text"), ("b", "text")]), Some("new: b")),
        (
            "one is gone",
            status("1", &[("a", "text"), ("b", "text")]),
            status("2", &[("a", "text")]),
            Some(
                "removed: \
          b",
            ),
        ),
        ("another type", status("1", &[("a", "text")]), status("2", &[("a", "number")]), Some("with other types: a")),
        (
            "all of it",
            status("1", &[("a", "text"), ("b", "text")]),
            status("2", &[("a", "number"), ("c", "text")]),
            Some("new: c; removed: b; with other types: a"),
        ),
        ("many", status("1", &[]), status("2", &many), Some("new: a, b, c, d, e and 2 more")),
        (
            "hidden ones",
            status("1", &[("(hidden)", "text")]),
            status("2", &[("(hidden)", "text")]),
            Some("only those whose names are hidden or cut off"),
        ),
    ];
    for (what, old, new, difference) in table {
        let event = columns_changed(&report(json!({})), &old, &new);
        let note = difference.map(|difference| format!("the columns of report visits changed: {difference}"));
        let expected =
            note.map(|note| NewEvent { type_: EventType::Warning, reason: "ColumnsChanged", action: "Fetch", note });
        assert_eq!(event, expected, "{what}");
    }
}

#[test]
fn numbers_have_fifteen_digits_and_dates_are_in_rfc_3339() {
    let table = [
        (0.0, "0"),
        (-0.0, "0"),
        (1.0, "1"),
        (-2.5, "-2.5"),
        (0.1 + 0.2, "0.3"),
        (1.0 / 3.0, "0.333333333333333"),
        (12_345_678_901_234_567.0, "12345678901234600"),
        (1e18, "1000000000000000000"),
        (1e-18, "0.000000000000000001"),
        (1e39, "1000000000000000000000000000000000000000"),
        (1e300, "1e300"),
    ];
    let key = |name: &str, group: &str| (name.to_owned(), group.to_owned());
    for (number, text) in table {
        let found = values(&Values::from([(key("n", ""), Value::Number(number))]));
        assert_eq!(found[0].value, text);
    }
    let both = Values::from([(key("last", "b"), Value::Date(at(1))), (key("last", "a"), Value::Number(1.0))]);
    let expected = [("last", "a", "1"), ("last", "b", "2026-01-05T00:00:01Z")];
    let expected = expected.map(|(n, g, v)| MetricValue { name: n.into(), group: g.into(), value: v.into() });
    assert_eq!(values(&both), expected);
}
