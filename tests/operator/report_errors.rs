//! Reports that can't be read or are incomplete: what is reported, and that the last values are kept.

use serde_json::json;

use super::reports::{fetched_after, spec_with_metrics, value, with, world, world_in_real_time};
use crate::support::Kind;
use crate::support::objects::{condition, message, reason};
use crate::support::wait::{ensure, eventually};

#[test]
fn rotated_urls_are_reported_and_do_not_stop_creates() {
    let (world, operator) = world_in_real_time();
    world.report("accounts", "account_engagement", with(spec_with_metrics(), json!({"interval": "5m"})));
    let before = world.wait_reason(Kind::Report, "accounts", "Fetched");
    for status in [401, 403, 404] {
        world.simulator.borrow().set_reports(json!({"goneStatus": status}));
        world.simulator.borrow().rotate_reports();
        let annotation = json!({"metadata": {"annotations": {"abm.propensity.com/requestedAt": status.to_string()}}});
        world.objects.patch(Kind::Report, "accounts", annotation);
        let rejected = world.wait_message(Kind::Report, "accounts", "CredentialsRejected", &format!("HTTP {status}"));
        for text in
            ["the entry account_engagement of the Secret", "The reported numbers are from 2", "Creates aren't affected"]
        {
            assert!(message(&rejected).contains(text), "{}", message(&rejected));
        }
        assert_eq!(rejected["status"]["values"], before["status"]["values"]);
        world.accounts(&format!("after-{status}"), &[&format!("after-{status}.example.com")]);
        world.wait_reason(Kind::Accounts, &format!("after-{status}"), "Created");
        assert!(!operator.metrics().contains("propensity_operator_workspace_breaker_open{} 1"));
        world.report_secret();
        world.wait_reason(Kind::Report, "accounts", "Fetched");
    }
    world.wait_event("accounts", "CredentialsRejected");
    let workspace = world.get(Kind::Workspace, "default");
    assert_eq!(reason(&workspace), "Connected");
}

#[test]
fn an_unreadable_report_keeps_its_last_values_and_reports_the_error() {
    let (world, _operator) = world_in_real_time();
    world.report("accounts", "account_engagement", with(spec_with_metrics(), json!({"interval": "5m", "maxMiB": 2})));
    let good = world.wait_reason(Kind::Report, "accounts", "Fetched");
    let row = |cells: &str| format!("[{{\"Account Domain\": \"canary.example.com\", {cells}}}]");
    let whole = "\"Impressions\": 1, \"Last Engaged\": \"2026-11-20T09:30:00Z\"";
    let bodies = [
        ("<!DOCTYPE html><p>canary".to_owned(), "ReportUnreadable", "a page of HTML or XML"),
        ("[{\"Clicks\": 1}, {\"canary".to_owned(), "ReportUnreadable", "cut off"),
        (String::new(), "ReportUnreadable", "cut off"),
        ("{\"rows\": [{\"canary\": 1}]}".to_owned(), "ReportUnreadable", "no array of rows"),
        ("[1, 2]".to_owned(), "ReportUnreadable", "row 1 isn't an object"),
        (row(&format!("\"Clicks\": NaN, {whole}")), "ReportUnreadable", "isn't valid JSON"),
        (row(&format!("\"Clicks\": 1e999, {whole}")), "ReportUnreadable", "isn't valid JSON"),
        (row(&format!("\"Clicks\": 1, \"Clicks\": 2, {whole}")), "ReportUnreadable", "two cells of one name"),
        (row(whole), "ColumnsMissing", "no column Clicks"),
        (row(&format!("\"Clicks\": \"canary\", {whole}")), "ColumnFormatMismatch", "no cell of column Clicks"),
        (row(&format!("\"Clicks\": [1], {whole}")), "ColumnFormatMismatch", "no cell of column Clicks"),
        (row(&format!("\"Clicks\": 1e300, {whole}")), "ColumnFormatMismatch", "no cell of column Clicks"),
        ("\u{fffd}\u{0}[".to_owned(), "ReportUnreadable", "isn't valid JSON"),
    ];
    let faults = [
        (json!({"fault": "endless"}), "ReportUnreadable", "larger than 2 MiB"),
        (json!({"fault": "oversized", "sizeBytes": 3_000_000}), "ReportUnreadable", "larger than 2 MiB"),
        (json!({"fault": "truncated"}), "ApiUnreachable", "cut off"),
        (json!({"fault": "closeBeforeReading"}), "ApiUnreachable", "cut off"),
        (
            json!({"fault": "redirect", "location": "http://canary.example.com/canary"}),
            "ReportUnreadable",
            "redirects (HTTP 307)",
        ),
        (json!({"fault": "status", "status": 400}), "ReportUnreadable", "HTTP 400. Check spec.query"),
        (json!({"fault": "status", "status": 503}), "ApiUnreachable", "HTTP 503"),
        (json!({"fault": "empty"}), "ReportUnreadable", "cut off"),
        (json!({"fault": "garbage"}), "ReportUnreadable", ""),
    ];
    let mut number = 0;
    let mut expect_error = |why: &str, expected: &str, what: &str| {
        number += 1;
        let annotation = json!({"metadata": {"annotations": {"abm.propensity.com/requestedAt": number.to_string()}}});
        world.objects.patch(Kind::Report, "accounts", annotation);
        let report = eventually(&format!("{what} is {why}: {expected}"), || {
            let report = world.get(Kind::Report, "accounts");
            let handled = report["status"]["lastHandledRequestedAt"] == json!(number.to_string());
            ensure(handled && reason(&report) == why && message(&report).contains(expected), || {
                report["status"].to_string()
            })?;
            Ok::<_, String>(report)
        });
        let text = message(&report);
        assert!(text.contains("report account_engagement") || text.contains("of report account_engagement"), "{text}");
        assert!(text.contains("The reported numbers are from 2"), "{text}");
        assert!(!report.to_string().contains("canary"), "{report:#}");
        for field in ["values", "rows", "bytes", "lastSuccess", "newestRow"] {
            assert_eq!(report["status"][field], good["status"][field], "{field} after {what}");
        }
    };
    for (body, why, text) in &bodies {
        world.simulator.borrow().set_reports(json!({"report": "account_engagement", "body": body}));
        expect_error(why, text, body);
    }
    world.simulator.borrow().set_reports(json!({"report": "account_engagement", "rows": 40}));
    for (fault, why, text) in &faults {
        world.simulator.borrow().fault(with(fault.clone(), json!({"endpoint": "account_engagement", "times": 1})));
        expect_error(why, text, &fault.to_string());
    }
    world.objects.patch(
        Kind::Report,
        "accounts",
        json!({"metadata": {"annotations": {"abm.propensity.com/requestedAt": "last"}}}),
    );
    fetched_after(&world, "accounts", &good["status"]["lastSuccess"]);
}

#[test]
fn cells_that_cannot_be_parsed_are_counted_and_reported() {
    let (world, _operator) = world_in_real_time();
    let body = "[{\"n\": \"$1,000.50\", \"d\": \"2026-11-20\"}, {\"n\": \"free\", \"d\": \"soon\"}, {\"n\": null}]";
    world.simulator.borrow().set_reports(json!({"report": "campaign_pacing", "body": body}));
    let columns = json!([{"name": "n", "number": {"group": ",", "prefix": "$"}}, {"name": "d", "date": "%Y-%m-%d"}]);
    let metrics = json!([{"name": "spend", "operation": "sum", "column": "n"}]);
    world.report("pacing", "campaign_pacing", json!({"columns": columns, "metrics": metrics, "newestColumn": "d"}));
    let report = world.wait_reason(Kind::Report, "pacing", "Fetched");
    assert_eq!(value(&report["status"], "spend", ""), Some("1000.5"));
    let unparsed = condition(&report, "CellsUnparsed").expect("the condition is set");
    assert!(unparsed["message"].as_str().unwrap().ends_with("1 in d, 1 in n"), "{unparsed}");
}

#[test]
fn zero_rows_are_valid_and_a_round_number_is_reported_as_possibly_truncated() {
    let (world, _operator) = world_in_real_time();
    world.simulator.borrow().set_reports(json!({"report": "account_engagement", "rows": 0}));
    world.simulator.borrow().set_reports(json!({"report": "asset_analytics", "rows": 500}));
    world.report("accounts", "account_engagement", spec_with_metrics());
    world.report("assets", "asset_analytics", json!({"format": "NDJSON"}));
    let none = world.wait_reason(Kind::Report, "accounts", "Fetched");
    assert_eq!((&none["status"]["rows"], value(&none["status"], "clicks", "")), (&json!(0), Some("0")));
    assert!(none["status"]["possiblyTruncated"].is_null());
    let round = world.wait_message(Kind::Report, "assets", "Fetched", "a limit cut it off");
    assert_eq!(round["status"]["possiblyTruncated"], true);
}

#[test]
fn changed_columns_are_reported_by_an_event() {
    let (world, _operator) = world_in_real_time();
    world.simulator.borrow().set_reports(json!({"report": "campaign_pacing", "body": "[{\"a\": 1, \"b\": \"x\"}]"}));
    world.report("pacing", "campaign_pacing", json!({}));
    world.wait_reason(Kind::Report, "pacing", "Fetched");
    let body = "[{\"a\": \"1\", \"c\": 1, \"ada@example.com\": 1}]";
    world.simulator.borrow().set_reports(json!({"report": "campaign_pacing", "body": body}));
    world.objects.patch(
        Kind::Report,
        "pacing",
        json!({"metadata": {"annotations": {"abm.propensity.com/requestedAt": "1"}}}),
    );
    let note = world.wait_event("pacing", "ColumnsChanged");
    assert!(note.ends_with("changed: new: (hidden), c; removed: b; with other types: a"), "{note}");
}

#[test]
fn missing_or_invalid_urls_and_workspaces_are_named_in_the_message() {
    let (world, _operator) = world();
    world.report("none", "a_tenth_report", json!({}));
    world.wait_message(Kind::Report, "none", "UrlMissing", "the entry a_tenth_report of Secret propensity");
    let entries = json!({
        "workspace_api_key": world.simulator.borrow().key(),
        "a_tenth_report": "canary",
        "elsewhere": "https://canary-user:canary@evil.example/canary?canary",
        "plain": "http://reports.propensity.com/canary",
    });
    world.apply(Kind::Secret, "propensity", json!({"stringData": entries}));
    world.wait_message(Kind::Report, "none", "UrlInvalid", "it isn't a URL");
    world.report("elsewhere", "elsewhere", json!({}));
    let rejected = world.wait_message(Kind::Report, "elsewhere", "HostNotAllowed", "host evil.example is not allowed");
    world.report("plain", "plain", json!({}));
    world.wait_message(Kind::Report, "plain", "UrlInvalid", "must begin with https://");
    assert!(!rejected.to_string().contains("canary"), "{rejected}");
    world.report("lost", "a_tenth_report", json!({"workspaceRef": {"name": "another"}}));
    world.wait_message(Kind::Report, "lost", "WorkspaceNotFound", "PropensityWorkspace another");
    world.report("twice", "a_tenth_report", json!({"metrics": [{"name": "a", "operation": "count"}], "ratios": [{"name": "a", "numerator": "a", "denominator": "a"}]}));
    world.wait_message(Kind::Report, "twice", "InvalidSpec", "a is declared twice");
    world.report("idle", "a_tenth_report", json!({"suspend": true}));
    world.wait_message(Kind::Report, "idle", "Suspended", "spec.suspend is true");
    // A report that isn't one of the nine known ones works too.
    let url = world.simulator.borrow().report_urls()["campaign_pacing"].clone();
    let entries = json!({"workspace_api_key": world.simulator.borrow().key(), "a_tenth_report": url});
    world.apply(Kind::Secret, "propensity", json!({"stringData": entries}));
    world.report("none", "a_tenth_report", json!({"rows": "/rows"}));
    world.wait_reason(Kind::Report, "none", "Fetched");
}

#[test]
fn invalid_specs_are_rejected() {
    let (world, _operator) = world_in_real_time();
    for (spec, why) in [
        (json!({"report": "workspace_api_key"}), "is the workspace's key and no report"),
        (json!({"report": "a/b"}), "report"),
        (json!({"report": "a", "interval": "1m"}), "interval must be a duration such as 1h, from 5m to 168h"),
        (json!({"report": "a", "format": "CSV", "rows": "/a"}), "rows is a place in a JSON body"),
        (json!({"report": "a", "rows": "a"}), "rows"),
        (
            json!({"report": "a", "metrics": [{"name": "n", "operation": "sum"}]}),
            "column is needed for every operation but count",
        ),
        (
            json!({"report": "a", "metrics": [{"name": "n", "operation": "average", "column": "c"}]}),
            "Unsupported value",
        ),
        (json!({"report": "a", "columns": [{"name": "c"}]}), "give either number or date"),
        (json!({"report": "a", "query": {"q": "x".repeat(300)}}), "query"),
    ] {
        let rejected = world.objects.apply(Kind::Report, "bad", json!({"spec": spec})).expect_err(why).to_string();
        assert!(rejected.contains(why), "{rejected}");
    }
    let columns = json!([{"report": "a", "columns": {"firstName": "a"}}]);
    let spec = json!({"spec": {"accounts": [{"website": "example.com"}], "engagement": columns}});
    let rejected = world.objects.apply(Kind::Accounts, "bad", spec).expect_err("no column to match on").to_string();
    assert!(rejected.contains("columns must name what to match on"), "{rejected}");
}
