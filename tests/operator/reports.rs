//! Reports: what becomes of their rows, who shares a fetch, and what happens when they can't be read.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::objects::{condition, message, reason};
use crate::support::wait::{ensure, eventually, holds_for};
use crate::support::{Kind, Operator, World, audit};

/// An interval of 5 minutes takes three seconds.
const HURRY: u32 = 100;

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/reports.yaml");

fn world() -> (World, Operator) {
    let world = World::new();
    let operator = world.operator().fast(HURRY).mortal().start();
    world.connect_reports(json!({}));
    (world, operator)
}

/// An operator on the true clock: nothing is due a second time while a test looks.
fn calm() -> (World, Operator) {
    let world = World::new();
    let operator = world.operator().mortal().start();
    world.connect_reports(json!({}));
    (world, operator)
}

/// Metrics of the report on accounts.
fn mapped() -> Value {
    json!({
        "columns": [{"name": "Last Engaged", "date": "%Y-%m-%dT%H:%M:%SZ"}],
        "newestColumn": "Last Engaged",
        "metrics": [
            {"name": "clicks", "operation": "sum", "column": "Clicks"},
            {"name": "impressions", "operation": "sum", "column": "Impressions"},
            {"name": "engaged_accounts", "operation": "distinct", "column": "Account Domain"},
            {"name": "rows", "operation": "count"},
            {"name": "latest", "operation": "max", "column": "Last Engaged"},
        ],
        "ratios": [{"name": "click_rate", "numerator": "clicks", "denominator": "impressions"}],
    })
}

/// The same, a few rows at a time.
fn with(mut spec: Value, more: Value) -> Value {
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    spec
}

fn value<'a>(status: &'a Value, name: &str, group: &str) -> Option<&'a str> {
    let values = status["values"].as_array()?;
    let found = values.iter().find(|v| v["name"] == name && v["group"].as_str().unwrap_or_default() == group)?;
    found["value"].as_str()
}

/// Waits until a report was read once more than at this time.
fn fetched_after(world: &World, name: &str, last: &Value) -> Value {
    eventually(&format!("report {name} is read once more"), || {
        let report = world.get(Kind::Report, name);
        ensure(reason(&report) == "Fetched" && report["status"]["lastSuccess"] != *last, || {
            report["status"].to_string()
        })?;
        Ok::<_, String>(report)
    })
}

#[test]
fn a_report_becomes_numbers_in_its_status_and_metrics() {
    let (world, operator) = calm();
    world.report("accounts", "account_engagement", mapped());
    let report = world.settled(Kind::Report, "accounts", "Fetched");
    let status = &report["status"];
    let text = world.simulator.borrow().report("account_engagement");
    let rows: Vec<Value> = serde_json::from_str(&text).unwrap();
    let sum = |column: &str| rows.iter().filter_map(|row| row[column].as_f64()).sum::<f64>();
    let domains: BTreeSet<_> = rows.iter().map(|row| row["Account Domain"].as_str().unwrap()).collect();
    let latest = rows.iter().filter_map(|row| row["Last Engaged"].as_str()).max().unwrap();
    assert_eq!((&status["rows"], &status["bytes"]), (&json!(rows.len()), &json!(text.len())));
    for (name, wanted) in [
        ("clicks", sum("Clicks").to_string()),
        ("rows", rows.len().to_string()),
        ("engaged_accounts", domains.len().to_string()),
        ("latest", latest.to_owned()),
    ] {
        assert_eq!(value(status, name, ""), Some(wanted.as_str()), "{name} in {status:#}");
    }
    let rate: f64 = value(status, "click_rate", "").unwrap().parse().unwrap();
    assert!((rate - sum("Clicks") / sum("Impressions")).abs() < 1e-12, "{rate}");
    assert_eq!(status["newestRow"], latest);
    let column = |name: &str| status["columns"].as_array().unwrap().iter().find(|c| c["name"] == name).cloned();
    assert_eq!(column("Clicks"), Some(json!({"name": "Clicks", "types": ["number"]})));
    assert_eq!(column("Account Name"), Some(json!({"name": "Account Name", "types": ["text"]})));
    assert_eq!(status["columnsFingerprint"].as_str().map(str::len), Some(12));

    let labels = format!("namespace=\"{}\",report=\"accounts\"", world.namespace);
    let clicks = format!("propensity_report_value{{{labels},metric=\"clicks\",group=\"\"}}");
    eventually("the numbers are metrics", || {
        ensure(operator.metric(&clicks) == Some(sum("Clicks")), || operator.metrics())
    });
    for (metric, wanted) in [
        (format!("propensity_report_rows{{{labels}}}"), rows.len() as f64),
        (format!("propensity_report_interval_seconds{{{labels}}}"), 3600.0),
        (format!("propensity_report_state{{{labels},reason=\"Fetched\"}}"), 1.0),
        (format!("propensity_report_fetches_total{{{labels},outcome=\"ok\"}}"), 1.0),
        (format!("propensity_report_fetches_total{{{labels},outcome=\"credentials\"}}"), 0.0),
    ] {
        assert_eq!(operator.metric(&metric), Some(wanted), "{metric}");
    }
    for time in ["last_success", "newest_row"] {
        let metric = format!("propensity_report_{time}_timestamp_seconds{{{labels}}}");
        assert!(operator.metric(&metric).is_some_and(|time| time > 1.7e9), "{metric}");
    }
    let shown = world.kubectl(&["get", "preport"]).fine();
    assert!(shown.contains("Fetched") && shown.contains("account_engagement"), "{shown}");
    let fresh = json!([{"name": "accounts", "report": "account_engagement", "freshness": "Fresh"}]);
    eventually("the workspace lists it", || {
        let workspace = world.get(Kind::Workspace, "default");
        ensure(workspace["status"]["reports"] == fresh, || workspace["status"].to_string())
    });
    // What every request must carry goes with it, and its URL is nowhere.
    let request =
        world.simulator.borrow().requests().into_iter().find(|r| r["report"] == "account_engagement").unwrap();
    assert!(request["headerNames"].to_string().contains("workspace_api_key"), "{request}");
    world.objects.delete(Kind::Report, "accounts");
    eventually("its series go with it", || {
        ensure(!operator.metrics().contains("report=\"accounts\""), || operator.metrics())
    });
}

#[test]
fn the_examples_map_all_nine_reports() {
    let (world, _operator) = calm();
    world.kubectl(&["apply", "--server-side", "-f", EXAMPLES]).fine();
    let reports = world.objects.list(Kind::Report);
    assert_eq!(reports.len(), 9);
    for report in reports {
        let name = report["metadata"]["name"].as_str().unwrap();
        let read = world.settled(Kind::Report, name, "Fetched");
        let status = &read["status"];
        assert!(
            status["rows"].as_u64() > Some(0) && !status["values"].as_array().unwrap().is_empty(),
            "{name}: {status:#}"
        );
        assert!(status["newestRow"].is_string() || read["spec"]["newestColumn"].is_null(), "{name}: {status:#}");
        assert_eq!(condition(&read, "CellsUnparsed"), None, "{name}");
    }
}

#[test]
fn audiences_tell_what_a_report_says_of_their_members() {
    let (world, operator) = world();
    let people = json!([
        {"firstName": "Ada", "lastName": "Lovelace", "companyName": "Engines", "email": "ada@example.com", "linkedinUrl": ""},
        {"firstName": "Bo", "lastName": "Ek", "companyName": "Looms"},
        {"firstName": "Cy", "lastName": "Dahl", "companyName": "Nobody"},
    ]);
    let rows = "First Name,Last Name,Company,Email,LinkedIn URL,Impressions,Clicks,Last Engaged\n\
        ,,,ADA@example.com,,10,1,\n,,,ada@example.com,,20,2,\nBO,ek,looms,,,40,4,\nCy,Dahl,Somebody,,,80,8,\n";
    let sites = "[{\"Account Domain\":\"https://WWW.Example.com/\",\"Clicks\":3},{\"Account Domain\":\"example.com\",\"Clicks\":4},\
        {\"Account Domain\":\"example.net\",\"Clicks\":50},{\"Account Domain\":null,\"Clicks\":60}]";
    {
        let simulator = world.simulator.borrow();
        simulator.reports(json!({"report": "contact_engagement", "body": rows, "contentType": "text/csv"}));
        simulator.reports(json!({"report": "account_engagement", "body": sites}));
    }
    let clicks = json!({"interval": "5m", "metrics": [{"name": "clicks", "operation": "sum", "column": "Clicks"}]});
    let engagement = json!([{"report": "accounts", "columns": {"website": "Account Domain"}}]);
    world.accounts_with("targets", &["example.com", "example.org"], json!({"engagement": engagement}));
    // It isn't there yet.
    eventually("the audience says that there is no such report", || {
        let told = world.get(Kind::Accounts, "targets")["status"]["engagement"].clone();
        ensure(told.to_string().contains("there is no PropensityReport accounts"), || told.to_string())
    });
    let spec = json!({"spec": {"contacts": people, "engagement": [{"report": "people", "columns": {
        "firstName": "First Name", "lastName": "Last Name", "companyName": "Company", "email": "Email"}}]}});
    world.apply(Kind::Contacts, "leaders", spec);
    world.report("accounts", "account_engagement", clicks.clone());
    let number = json!({"columns": [{"name": "Clicks", "number": {}}], "format": "CSV"});
    world.report("people", "contact_engagement", with(clicks, number));
    for (kind, name, report, wanted) in [
        (
            Kind::Accounts,
            "targets",
            "accounts",
            json!({"membersMatched": 1, "rows": 2, "values": [{"name": "clicks", "value": "7"}]}),
        ),
        (
            Kind::Contacts,
            "leaders",
            "people",
            json!({"membersMatched": 2, "rows": 3, "values": [{"name": "clicks", "value": "7"}]}),
        ),
    ] {
        let wanted = with(wanted, json!({"report": report}));
        eventually(&format!("{name} tells what {report} says"), || {
            let told = world.get(kind, name)["status"]["engagement"].clone();
            ensure(told == json!([wanted]), || told.to_string())
        });
    }
    let labels =
        format!("namespace=\"{}\",kind=\"AccountAudience\",audience=\"targets\",report=\"accounts\"", world.namespace);
    eventually("it is a metric too", || {
        let metric = operator.metric(&format!("propensity_audience_engaged_members{{{labels}}}"));
        ensure(metric == Some(1.0), || operator.metrics())
    });

    // The same once more: one write for each report, and none for the audiences.
    let before = (audit::writes(&world.namespace).len(), world.get(Kind::Accounts, "targets"));
    let last = world.get(Kind::Report, "accounts")["status"]["lastSuccess"].clone();
    fetched_after(&world, "accounts", &last);
    let writes = audit::writes(&world.namespace);
    assert!(
        writes[before.0..].iter().all(|write| write.contains("propensityreports") || write.contains("leases")),
        "{:#?}",
        &writes[before.0..]
    );
    assert_eq!(
        world.get(Kind::Accounts, "targets")["metadata"]["resourceVersion"],
        before.1["metadata"]["resourceVersion"]
    );

    // No rows are rows about nobody, whatever columns they lack.
    world.simulator.borrow().reports(json!({"report": "account_engagement", "body": "[]"}));
    let none =
        json!([{"report": "accounts", "membersMatched": 0, "rows": 0, "values": [{"name": "clicks", "value": "0"}]}]);
    eventually("nobody is matched", || {
        let told = world.get(Kind::Accounts, "targets")["status"]["engagement"].clone();
        ensure(told == none, || told.to_string())
    });
    world.simulator.borrow().reports(json!({"report": "account_engagement", "body": sites}));

    // A column that isn't there, and then no engagement any more.
    let wrong = json!([{"report": "accounts", "columns": {"website": "Website"}}]);
    world.accounts_with("targets", &["example.com", "example.org"], json!({"engagement": wrong}));
    eventually("the audience names the column", || {
        let told = world.get(Kind::Accounts, "targets")["status"]["engagement"].clone();
        ensure(told.to_string().contains("a column Website"), || told.to_string())
    });
    world.accounts("targets", &["example.com", "example.org"]);
    eventually("nothing is told any more", || {
        let status = world.get(Kind::Accounts, "targets")["status"].clone();
        ensure(status["engagement"].is_null(), || status.to_string())
    });
    // None of this sent anything.
    let creates = world.simulator.borrow().audiences().len();
    assert_eq!(creates, 2);
}

#[test]
fn one_fetch_an_interval_serves_all_who_share_it() {
    let (world, _operator) = world();
    for name in ["a.example.com", "b.example.com", "c.example.com"] {
        let engagement = json!([{"report": "one", "columns": {"website": "Account Domain"}}]);
        world.accounts_with(&name[..1], &[name], json!({"engagement": engagement}));
        world.ready(Kind::Accounts, &name[..1]);
    }
    for name in ["one", "two", "three"] {
        world.report(name, "account_engagement", with(mapped(), json!({"interval": "5m"})));
        world.settled(Kind::Report, name, "Fetched");
    }
    // Those that came later were read as they came; from the first fetch on that serves all, each serves all.
    let last = |name: &str| world.get(Kind::Report, name)["status"]["lastSuccess"].clone();
    let together = eventually("one fetch serves all", || {
        let all = ["one", "two", "three"].map(last);
        let close = all.iter().all(|time| time.as_str().unwrap()[..19] == all[0].as_str().unwrap()[..19]);
        ensure(close, || format!("{all:?}")).map(|()| all)
    });
    let requests = world.simulator.borrow().report_requests("account_engagement");
    let writes = audit::writes(&world.namespace).len();
    for (name, last) in ["one", "two", "three"].into_iter().zip(&together) {
        fetched_after(&world, name, last);
    }
    assert_eq!(world.simulator.borrow().report_requests("account_engagement"), requests + 1);
    let written = audit::writes(&world.namespace);
    let of_reports = written[writes..].iter().filter(|write| write.contains("propensityreports")).count();
    assert_eq!(of_reports, 3, "{:#?}", &written[writes..]);
}

#[test]
fn rotated_urls_are_told_stop_no_create_and_are_followed_within_seconds() {
    let (world, operator) = calm();
    world.report("accounts", "account_engagement", with(mapped(), json!({"interval": "5m"})));
    let before = world.settled(Kind::Report, "accounts", "Fetched");
    for status in [401, 403, 404] {
        world.simulator.borrow().reports(json!({"goneStatus": status}));
        world.simulator.borrow().rotate_reports();
        let annotation = json!({"metadata": {"annotations": {"abm.propensity.com/requestedAt": status.to_string()}}});
        world.objects.patch(Kind::Report, "accounts", annotation);
        let rejected = world.says(Kind::Report, "accounts", "CredentialsRejected", &format!("HTTP {status}"));
        for text in
            ["the entry account_engagement of the Secret", "The numbers are those of 2", "Creates aren't held up"]
        {
            assert!(message(&rejected).contains(text), "{}", message(&rejected));
        }
        assert_eq!(rejected["status"]["values"], before["status"]["values"]);
        world.accounts(&format!("after-{status}"), &[&format!("after-{status}.example.com")]);
        world.settled(Kind::Accounts, &format!("after-{status}"), "Created");
        assert!(!operator.metrics().contains("propensity_operator_workspace_breaker_open{} 1"));
        world.report_secret();
        world.settled(Kind::Report, "accounts", "Fetched");
    }
    world.event("accounts", "CredentialsRejected");
    let workspace = world.get(Kind::Workspace, "default");
    assert_eq!(reason(&workspace), "Connected");
}

#[test]
fn what_is_no_report_keeps_the_last_numbers_and_says_what_is_wrong() {
    let (world, _operator) = calm();
    world.report("accounts", "account_engagement", with(mapped(), json!({"interval": "5m", "maxMiB": 2})));
    let good = world.settled(Kind::Report, "accounts", "Fetched");
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
        (row(&format!("\"Clicks\": \"canary\", {whole}")), "ColumnFormatMismatch", "not one cell of column Clicks"),
        (row(&format!("\"Clicks\": [1], {whole}")), "ColumnFormatMismatch", "not one cell of column Clicks"),
        (row(&format!("\"Clicks\": 1e300, {whole}")), "ColumnFormatMismatch", "not one cell of column Clicks"),
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
        (json!({"fault": "status", "status": 400}), "ReportUnreadable", "HTTP 400: check spec.query"),
        (json!({"fault": "status", "status": 503}), "ApiUnreachable", "HTTP 503"),
        (json!({"fault": "empty"}), "ReportUnreadable", "cut off"),
        (json!({"fault": "garbage"}), "ReportUnreadable", ""),
    ];
    let mut number = 0;
    let mut bad = |why: &str, text: &str, what: &str| {
        number += 1;
        let annotation = json!({"metadata": {"annotations": {"abm.propensity.com/requestedAt": number.to_string()}}});
        world.objects.patch(Kind::Report, "accounts", annotation);
        let report = eventually(&format!("{what} is {why}: {text}"), || {
            let report = world.get(Kind::Report, "accounts");
            let handled = report["status"]["lastHandledRequestedAt"] == json!(number.to_string());
            ensure(handled && reason(&report) == why && message(&report).contains(text), || {
                report["status"].to_string()
            })?;
            Ok::<_, String>(report)
        });
        let said = message(&report);
        assert!(said.contains("report account_engagement") || said.contains("of report account_engagement"), "{said}");
        assert!(said.contains("The numbers are those of 2"), "{said}");
        assert!(!report.to_string().contains("canary"), "{report:#}");
        for field in ["values", "rows", "bytes", "lastSuccess", "newestRow"] {
            assert_eq!(report["status"][field], good["status"][field], "{field} after {what}");
        }
    };
    for (body, why, text) in &bodies {
        world.simulator.borrow().reports(json!({"report": "account_engagement", "body": body}));
        bad(why, text, body);
    }
    world.simulator.borrow().reports(json!({"report": "account_engagement", "rows": 40}));
    for (fault, why, text) in &faults {
        world.simulator.borrow().fault(with(fault.clone(), json!({"endpoint": "account_engagement", "times": 1})));
        bad(why, text, &fault.to_string());
    }
    world.objects.patch(
        Kind::Report,
        "accounts",
        json!({"metadata": {"annotations": {"abm.propensity.com/requestedAt": "last"}}}),
    );
    fetched_after(&world, "accounts", &good["status"]["lastSuccess"]);
}

#[test]
fn some_cells_of_another_form_are_counted_and_told() {
    let (world, _operator) = calm();
    let body = "[{\"n\": \"$1,000.50\", \"d\": \"2026-11-20\"}, {\"n\": \"free\", \"d\": \"soon\"}, {\"n\": null}]";
    world.simulator.borrow().reports(json!({"report": "campaign_pacing", "body": body}));
    let columns = json!([{"name": "n", "number": {"group": ",", "prefix": "$"}}, {"name": "d", "date": "%Y-%m-%d"}]);
    let metrics = json!([{"name": "spend", "operation": "sum", "column": "n"}]);
    world.report("pacing", "campaign_pacing", json!({"columns": columns, "metrics": metrics, "newestColumn": "d"}));
    let report = world.settled(Kind::Report, "pacing", "Fetched");
    assert_eq!(value(&report["status"], "spend", ""), Some("1000.5"));
    let told = condition(&report, "CellsUnparsed").expect("it is told");
    assert!(told["message"].as_str().unwrap().ends_with("1 in d, 1 in n"), "{told}");
}

#[test]
fn zero_rows_are_fine_and_round_numbers_are_told() {
    let (world, _operator) = calm();
    world.simulator.borrow().reports(json!({"report": "account_engagement", "rows": 0}));
    world.simulator.borrow().reports(json!({"report": "asset_analytics", "rows": 500}));
    world.report("accounts", "account_engagement", mapped());
    world.report("assets", "asset_analytics", json!({"format": "NDJSON"}));
    let none = world.settled(Kind::Report, "accounts", "Fetched");
    assert_eq!((&none["status"]["rows"], value(&none["status"], "clicks", "")), (&json!(0), Some("0")));
    assert!(none["status"]["possiblyTruncated"].is_null());
    let round = world.says(Kind::Report, "assets", "Fetched", "a limit cut it off");
    assert_eq!(round["status"]["possiblyTruncated"], true);
}

#[test]
fn an_event_tells_of_other_columns() {
    let (world, _operator) = calm();
    world.simulator.borrow().reports(json!({"report": "campaign_pacing", "body": "[{\"a\": 1, \"b\": \"x\"}]"}));
    world.report("pacing", "campaign_pacing", json!({}));
    world.settled(Kind::Report, "pacing", "Fetched");
    let body = "[{\"a\": \"1\", \"c\": 1, \"ada@example.com\": 1}]";
    world.simulator.borrow().reports(json!({"report": "campaign_pacing", "body": body}));
    world.objects.patch(
        Kind::Report,
        "pacing",
        json!({"metadata": {"annotations": {"abm.propensity.com/requestedAt": "1"}}}),
    );
    let note = world.event("pacing", "ColumnsChanged");
    assert!(note.ends_with("changed: new: (hidden), c; gone: b; of other types: a"), "{note}");
}

#[test]
fn pages_are_asked_for_as_declared() {
    let (world, _operator) = calm();
    let query = json!({"per_page": "15"});
    let paging = json!({"parameter": "page"});
    world.report("pages", "account_engagement", with(mapped(), json!({"query": query, "paging": paging})));
    let report = world.settled(Kind::Report, "pages", "Fetched");
    assert_eq!(report["status"]["rows"], 40);
    // 15, 15, 10 and none.
    assert_eq!(world.simulator.borrow().report_requests("account_engagement"), 4);
    let paging = json!({"parameter": "offset", "first": 0, "step": 15, "pageRows": 15});
    let offsets = json!({"query": {"limit": "15", "x": "a b&c"}, "paging": paging});
    world.report("offsets", "account_engagement", with(mapped(), offsets));
    let offsets = world.settled(Kind::Report, "offsets", "Fetched");
    assert_eq!(offsets["status"]["values"], report["status"]["values"]);
    assert_eq!(world.simulator.borrow().report_requests("account_engagement"), 7);
    world.report("ignored", "account_engagement", json!({"paging": {"parameter": "nonsense"}}));
    world.says(Kind::Report, "ignored", "ReportUnreadable", "pages 1 and 2 are the same");
    world.report(
        "few",
        "account_engagement",
        json!({"query": {"per_page": "15"}, "paging": {"parameter": "page", "maxPages": 2}}),
    );
    world.says(Kind::Report, "few", "ReportUnreadable", "more than 2 pages");
}

#[test]
fn what_is_missing_is_named_with_what_to_do() {
    let (world, _operator) = world();
    world.report("none", "a_tenth_report", json!({}));
    world.says(Kind::Report, "none", "UrlMissing", "the entry a_tenth_report of Secret propensity");
    let entries = json!({
        "workspace_api_key": world.simulator.borrow().key(),
        "a_tenth_report": "canary",
        "elsewhere": "https://canary-user:canary@evil.example/canary?canary",
        "plain": "http://reports.propensity.com/canary",
    });
    world.apply(Kind::Secret, "propensity", json!({"stringData": entries}));
    world.says(Kind::Report, "none", "UrlInvalid", "it isn't a URL");
    world.report("elsewhere", "elsewhere", json!({}));
    let refused = world.says(Kind::Report, "elsewhere", "HostNotAllowed", "host evil.example is not allowed");
    world.report("plain", "plain", json!({}));
    world.says(Kind::Report, "plain", "UrlInvalid", "must begin with https://");
    assert!(!refused.to_string().contains("canary"), "{refused}");
    world.report("lost", "a_tenth_report", json!({"workspaceRef": {"name": "another"}}));
    world.says(Kind::Report, "lost", "WorkspaceNotFound", "PropensityWorkspace another");
    world.report("twice", "a_tenth_report", json!({"metrics": [{"name": "a", "operation": "count"}], "ratios": [{"name": "a", "numerator": "a", "denominator": "a"}]}));
    world.says(Kind::Report, "twice", "InvalidSpec", "a is declared twice");
    world.report("idle", "a_tenth_report", json!({"suspend": true}));
    world.says(Kind::Report, "idle", "Suspended", "spec.suspend is true");
    // A tenth report is one like the others.
    let url = world.simulator.borrow().report_urls()["campaign_pacing"].clone();
    let entries = json!({"workspace_api_key": world.simulator.borrow().key(), "a_tenth_report": url});
    world.apply(Kind::Secret, "propensity", json!({"stringData": entries}));
    world.report("none", "a_tenth_report", json!({"rows": "/rows"}));
    world.settled(Kind::Report, "none", "Fetched");
}

#[test]
fn specs_that_make_no_sense_are_refused() {
    let (world, _operator) = calm();
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
        let refused = world.objects.apply(Kind::Report, "bad", json!({"spec": spec})).expect_err(why).to_string();
        assert!(refused.contains(why), "{refused}");
    }
    let columns = json!([{"report": "a", "columns": {"firstName": "a"}}]);
    let spec = json!({"spec": {"accounts": [{"website": "example.com"}], "engagement": columns}});
    let refused = world.objects.apply(Kind::Accounts, "bad", spec).expect_err("no column to match on").to_string();
    assert!(refused.contains("columns must name what to match on"), "{refused}");
}

#[test]
fn creates_go_first() {
    let world = World::new();
    let _operator = world.operator().mortal().start();
    world.connect_reports(json!({"rateLimit": {"requestsPerMinute": 600, "burst": 1}}));
    world.report("accounts", "account_engagement", json!({"suspend": true}));
    world.settled(Kind::Report, "accounts", "Suspended");
    for number in 0..40 {
        world.accounts(&format!("a{number}"), &[&format!("a{number}.example.com")]);
    }
    world.simulator.borrow().wait_requests(5);
    world.report("accounts", "account_engagement", json!({}));
    world.settled(Kind::Report, "accounts", "Fetched");
    let requests = world.simulator.borrow().requests();
    let at = requests.iter().position(|request| request["report"] == "account_engagement").unwrap();
    assert_eq!((at, world.simulator.borrow().audiences().len()), (40, 40));
}

#[test]
fn a_pause_that_a_report_is_asked_for_holds_creates_too() {
    let (world, _operator) = calm();
    world.simulator.borrow().fault(json!({"fault": "rateLimited", "retryAfter": 3, "times": 1, "endpoint": "reports"}));
    world.report("accounts", "account_engagement", mapped());
    world.says(Kind::Report, "accounts", "RateLimited", "asks for a pause");
    world.workspace_has("Paused");
    world.accounts("later", &["example.com"]);
    world.settled(Kind::Accounts, "later", "Created");
}

#[test]
fn a_restart_asks_for_nothing_and_shows_the_same_numbers() {
    let world = World::new();
    let mut operator = world.operator().mortal().start();
    // A Secret of another name than the operator's own is known only after a workspace was looked at.
    world.connect_reports(json!({"secretRef": {"name": "of-the-team"}}));
    let mut entries = world.simulator.borrow().report_urls();
    entries.insert("workspace_api_key".to_owned(), world.simulator.borrow().key().into());
    world.apply(Kind::Secret, "of-the-team", json!({"stringData": entries}));
    let rules = json!([{"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["of-the-team"], "verbs": ["get", "list", "watch"]}]);
    world.apply(Kind::Role, "of-the-team", json!({"rules": rules}));
    let binding = world.get(Kind::RoleBinding, "propensity-operator-leader-election");
    let role = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "of-the-team"});
    world.apply(Kind::RoleBinding, "of-the-team", json!({"roleRef": role, "subjects": binding["subjects"]}));
    world.report("accounts", "account_engagement", mapped());
    let before = world.settled(Kind::Report, "accounts", "Fetched");
    operator.signal("TERM");
    operator.wait_ended();
    let operator = world.operator().mortal().start();
    let labels = format!("namespace=\"{}\",report=\"accounts\",metric=\"rows\",group=\"\"", world.namespace);
    eventually("the numbers are metrics again", || {
        ensure(operator.metric(&format!("propensity_report_value{{{labels}}}")) == Some(40.0), || operator.metrics())
    });
    holds_for(Duration::from_secs(3), "nothing is asked for or written", || {
        let requests = world.simulator.borrow().report_requests("account_engagement");
        ensure(
            requests == 1
                && world.get(Kind::Report, "accounts")["metadata"]["resourceVersion"]
                    == before["metadata"]["resourceVersion"],
            || requests.to_string(),
        )
    });
}

#[test]
fn a_workspace_that_goes_and_comes_is_told_at_its_reports() {
    let (world, _operator) = calm();
    world.report("accounts", "account_engagement", mapped());
    let before = world.settled(Kind::Report, "accounts", "Fetched");
    world.objects.delete(Kind::Workspace, "default");
    let gone = world.says(Kind::Report, "accounts", "WorkspaceNotFound", "The numbers are those of 2");
    assert_eq!(gone["status"]["values"], before["status"]["values"]);
    world.workspace(json!({}));
    world.settled(Kind::Report, "accounts", "Fetched");
    // One that is deleted and made again is another one.
    world.objects.delete(Kind::Report, "accounts");
    world.report("accounts", "account_engagement", json!({}));
    let again = world.settled(Kind::Report, "accounts", "Fetched");
    assert!(again["status"]["values"].is_null(), "{:#}", again["status"]);
}

#[test]
fn numbers_that_grow_old_are_stale() {
    let (world, _operator) = world();
    world.report("accounts", "account_engagement", with(mapped(), json!({"interval": "5m"})));
    world.settled(Kind::Report, "accounts", "Fetched");
    let freshness = |wanted: &str| {
        eventually(&format!("the workspace says {wanted}"), || {
            let workspace = world.get(Kind::Workspace, "default");
            ensure(workspace["status"]["reports"][0]["freshness"] == wanted, || workspace["status"].to_string())
        });
    };
    freshness("Fresh");
    world.simulator.borrow().rotate_reports();
    world.settled(Kind::Report, "accounts", "CredentialsRejected");
    freshness("Stale");
    world.report_secret();
    freshness("Fresh");
}

#[test]
fn a_million_rows_are_read_in_little_memory() {
    let (world, operator) = calm();
    world.simulator.borrow().reports(json!({"report": "contact_engagement", "rows": 1_000_000}));
    let numbers = json!([{"name": "Clicks", "number": {}}]);
    let metrics = json!([{"name": "clicks", "operation": "sum", "column": "Clicks"}]);
    let before = operator.metric("process_resident_memory_bytes").unwrap();
    world.report("people", "contact_engagement", json!({"format": "CSV", "columns": numbers, "metrics": metrics}));
    let report = crate::support::wait::eventually_for(Duration::from_secs(180), "a million rows are read", || {
        let report = world.get(Kind::Report, "people");
        ensure(reason(&report) == "Fetched", || report["status"].to_string()).map(|()| report)
    });
    assert_eq!(report["status"]["rows"], 1_000_000);
    let grown = operator.metric("process_resident_memory_bytes").unwrap() - before;
    assert!(grown < 64.0 * 1024.0 * 1024.0, "{grown} bytes more");
}

/// Audiences that one fetch is matched with.
const MANY: usize = 200;

#[test]
fn many_audiences_are_matched_in_one_fetch_and_written_only_when_they_change() {
    let (world, operator) = calm();
    let site = |number: usize| format!("account-{number}.example.com");
    for number in 0..MANY {
        let engagement = json!([{"report": "accounts", "columns": {"website": "Account Domain"}}]);
        world.accounts_with(
            &format!("a{number}"),
            &[&site(number)],
            json!({"suspend": true, "engagement": engagement}),
        );
    }
    let rows = |extra: usize| {
        let domains: Vec<_> = (0..MANY).chain(0..extra).map(site).collect();
        world
            .simulator
            .borrow()
            .reports(json!({"report": "account_engagement", "domains": domains, "rows": domains.len()}));
    };
    let matched = |number: usize, rows: usize| {
        eventually(&format!("audience {number} has {rows} rows"), || {
            let told = world.get(Kind::Accounts, &format!("a{number}"))["status"]["engagement"].clone();
            ensure(told[0]["rows"] == rows && told[0]["membersMatched"] == 1, || told.to_string())
        });
    };
    rows(0);
    world.report("accounts", "account_engagement", json!({"metrics": [{"name": "rows", "operation": "count"}]}));
    (0..MANY).for_each(|number| matched(number, 1));
    assert_eq!(world.simulator.borrow().report_requests("account_engagement"), 1);
    eventually("all of it is metrics", || {
        let members = operator.metric_sum("propensity_audience_engaged_members");
        ensure(members == MANY as f64, || members.to_string())
    });
    // Three of them have a row more now.
    let before = audit::writes(&world.namespace).len();
    rows(3);
    world.objects.patch(
        Kind::Report,
        "accounts",
        json!({"metadata": {"annotations": {"abm.propensity.com/requestedAt": "1"}}}),
    );
    (0..3).for_each(|number| matched(number, 2));
    let writes = audit::writes(&world.namespace);
    let of =
        |kind: &str| writes[before..].iter().filter(|write| write.contains(kind) && write.contains("status")).count();
    assert_eq!((of("accountaudiences"), of("propensityreports")), (3, 1), "{:#?}", &writes[before..]);
}
