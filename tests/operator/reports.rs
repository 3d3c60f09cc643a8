//! Reports: their values in status and metrics, paging, and who shares a fetch.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::objects::{condition, reason};
use crate::support::wait::{consistently, ensure, eventually};
use crate::support::{Kind, Operator, World, audit};

/// An interval of 5 minutes takes three seconds.
const SPEEDUP: u32 = 100;

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/reports.yaml");

pub fn world() -> (World, Operator) {
    let world = World::new();
    let operator = world.operator().fast(SPEEDUP).short_lease().start();
    world.connect_reports(json!({}));
    (world, operator)
}

/// An operator with real time: during a test, no report is fetched a second time.
pub fn world_in_real_time() -> (World, Operator) {
    let world = World::new();
    let operator = world.operator().short_lease().start();
    world.connect_reports(json!({}));
    (world, operator)
}

/// A spec with metrics of the report `account_engagement`.
pub fn spec_with_metrics() -> Value {
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

/// A spec with additional fields.
pub fn with(mut spec: Value, more: Value) -> Value {
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    spec
}

pub fn value<'a>(status: &'a Value, name: &str, group: &str) -> Option<&'a str> {
    let values = status["values"].as_array()?;
    let found = values.iter().find(|v| v["name"] == name && v["group"].as_str().unwrap_or_default() == group)?;
    found["value"].as_str()
}

/// Waits until a report has been read again after this time.
pub fn fetched_after(world: &World, name: &str, last: &Value) -> Value {
    eventually(&format!("report {name} is read again"), || {
        let report = world.get(Kind::Report, name);
        ensure(reason(&report) == "Fetched" && report["status"]["lastSuccess"] != *last, || {
            report["status"].to_string()
        })?;
        Ok::<_, String>(report)
    })
}

#[test]
fn the_values_of_a_report_are_in_its_status_and_in_metrics() {
    let (world, operator) = world_in_real_time();
    world.report("accounts", "account_engagement", spec_with_metrics());
    let report = world.wait_reason(Kind::Report, "accounts", "Fetched");
    let status = &report["status"];
    let text = world.simulator.borrow().fetch_report("account_engagement");
    let rows: Vec<Value> = serde_json::from_str(&text).unwrap();
    let sum = |column: &str| rows.iter().filter_map(|row| row[column].as_f64()).sum::<f64>();
    let domains: BTreeSet<_> = rows.iter().map(|row| row["Account Domain"].as_str().unwrap()).collect();
    let latest = rows.iter().filter_map(|row| row["Last Engaged"].as_str()).max().unwrap();
    assert_eq!((&status["rows"], &status["bytes"]), (&json!(rows.len()), &json!(text.len())));
    for (name, expected) in [
        ("clicks", sum("Clicks").to_string()),
        ("rows", rows.len().to_string()),
        ("engaged_accounts", domains.len().to_string()),
        ("latest", latest.to_owned()),
    ] {
        assert_eq!(value(status, name, ""), Some(expected.as_str()), "{name} in {status:#}");
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
    eventually("the values are metrics", || {
        ensure(operator.metric(&clicks) == Some(sum("Clicks")), || operator.metrics())
    });
    for (metric, expected) in [
        (format!("propensity_report_rows{{{labels}}}"), rows.len() as f64),
        (format!("propensity_report_interval_seconds{{{labels}}}"), 3600.0),
        (format!("propensity_report_state{{{labels},reason=\"Fetched\"}}"), 1.0),
        (format!("propensity_report_fetches_total{{{labels},outcome=\"ok\"}}"), 1.0),
        (format!("propensity_report_fetches_total{{{labels},outcome=\"credentials\"}}"), 0.0),
    ] {
        assert_eq!(operator.metric(&metric), Some(expected), "{metric}");
    }
    for time in ["last_success", "newest_row"] {
        let metric = format!("propensity_report_{time}_timestamp_seconds{{{labels}}}");
        assert!(operator.metric(&metric).is_some_and(|time| time > 1.7e9), "{metric}");
    }
    let table = world.kubectl(&["get", "preport"]).expect_success();
    assert!(table.contains("Fetched") && table.contains("account_engagement"), "{table}");
    let fresh = json!([{"name": "accounts", "report": "account_engagement", "freshness": "Fresh"}]);
    eventually("the workspace lists it", || {
        let workspace = world.get(Kind::Workspace, "default");
        ensure(workspace["status"]["reports"] == fresh, || workspace["status"].to_string())
    });
    // The request has the API key in its headers.
    let request =
        world.simulator.borrow().requests().into_iter().find(|r| r["report"] == "account_engagement").unwrap();
    assert!(request["headerNames"].to_string().contains("workspace_api_key"), "{request}");
    world.objects.delete(Kind::Report, "accounts");
    eventually("its series are deleted", || {
        ensure(!operator.metrics().contains("report=\"accounts\""), || operator.metrics())
    });
}

#[test]
fn the_examples_map_all_nine_reports() {
    let (world, _operator) = world_in_real_time();
    world.kubectl(&["apply", "--server-side", "-f", EXAMPLES]).expect_success();
    let reports = world.objects.list(Kind::Report);
    assert_eq!(reports.len(), 9);
    for report in reports {
        let name = report["metadata"]["name"].as_str().unwrap();
        let read = world.wait_reason(Kind::Report, name, "Fetched");
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
fn reports_with_the_same_url_share_one_fetch_per_interval() {
    let (world, _operator) = world();
    for name in ["a.example.com", "b.example.com", "c.example.com"] {
        let engagement = json!([{"report": "one", "columns": {"website": "Account Domain"}}]);
        world.accounts_with(&name[..1], &[name], json!({"engagement": engagement}));
        world.wait_ready(Kind::Accounts, &name[..1]);
    }
    for name in ["one", "two", "three"] {
        world.report(name, "account_engagement", with(spec_with_metrics(), json!({"interval": "5m"})));
        world.wait_reason(Kind::Report, name, "Fetched");
    }
    // The later ones were first read when they were applied. After the first shared fetch, all fetches are shared.
    let last = |name: &str| world.get(Kind::Report, name)["status"]["lastSuccess"].clone();
    let together = eventually("one fetch is shared by all", || {
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
fn pages_are_requested_as_declared() {
    let (world, _operator) = world_in_real_time();
    let query = json!({"per_page": "15"});
    let paging = json!({"parameter": "page"});
    world.report("pages", "account_engagement", with(spec_with_metrics(), json!({"query": query, "paging": paging})));
    let report = world.wait_reason(Kind::Report, "pages", "Fetched");
    assert_eq!(report["status"]["rows"], 40);
    // Pages of 15, 15, 10 and 0 rows.
    assert_eq!(world.simulator.borrow().report_requests("account_engagement"), 4);
    let paging = json!({"parameter": "offset", "first": 0, "step": 15, "pageRows": 15});
    let offsets = json!({"query": {"limit": "15", "x": "a b&c"}, "paging": paging});
    world.report("offsets", "account_engagement", with(spec_with_metrics(), offsets));
    let offsets = world.wait_reason(Kind::Report, "offsets", "Fetched");
    assert_eq!(offsets["status"]["values"], report["status"]["values"]);
    assert_eq!(world.simulator.borrow().report_requests("account_engagement"), 7);
    world.report("ignored", "account_engagement", json!({"paging": {"parameter": "nonsense"}}));
    world.wait_message(Kind::Report, "ignored", "ReportUnreadable", "pages 1 and 2 are the same");
    world.report(
        "few",
        "account_engagement",
        json!({"query": {"per_page": "15"}, "paging": {"parameter": "page", "maxPages": 2}}),
    );
    world.wait_message(Kind::Report, "few", "ReportUnreadable", "more than 2 pages");
}

#[test]
fn creates_are_sent_before_reports_are_fetched() {
    let world = World::new();
    let _operator = world.operator().short_lease().start();
    world.connect_reports(json!({"rateLimit": {"requestsPerMinute": 240, "burst": 1}}));
    world.report("accounts", "account_engagement", json!({"suspend": true}));
    world.wait_reason(Kind::Report, "accounts", "Suspended");
    for number in 0..40 {
        world.accounts(&format!("a{number}"), &[&format!("a{number}.example.com")]);
    }
    world.simulator.borrow().wait_requests(5);
    world.report("accounts", "account_engagement", json!({}));
    world.wait_reason(Kind::Report, "accounts", "Fetched");
    let requests = world.simulator.borrow().requests();
    let at = requests.iter().position(|request| request["report"] == "account_engagement").unwrap();
    // Creates that have their permit may still be on their way: at most the workspace's concurrentCreates of 3.
    assert!((37..=40).contains(&at), "the report was fetched after {at} of 40 creates");
    world.simulator.borrow().wait_requests(41);
    eventually("all creates are stored", || {
        let stored = world.simulator.borrow().audiences().len();
        ensure(stored == 40, || format!("{stored} of 40"))
    });
}

#[test]
fn a_429_for_a_report_pauses_creates_too() {
    let (world, _operator) = world_in_real_time();
    world.simulator.borrow().fault(json!({"fault": "rateLimited", "retryAfter": 3, "times": 1, "endpoint": "reports"}));
    world.report("accounts", "account_engagement", spec_with_metrics());
    world.wait_message(Kind::Report, "accounts", "RateLimited", "asks for a pause");
    world.wait_workspace_condition("Paused");
    world.accounts("later", &["example.com"]);
    world.wait_reason(Kind::Accounts, "later", "Created");
}

#[test]
fn a_restart_fetches_nothing_and_reports_the_same_values() {
    let world = World::new();
    let mut operator = world.operator().short_lease().start();
    // A Secret with another name than the default one is known only after the workspace is reconciled.
    world.connect_reports(json!({"secretRef": {"name": "of-the-team"}}));
    let mut entries = world.simulator.borrow().report_urls();
    entries.insert("workspace_api_key".to_owned(), world.simulator.borrow().key().into());
    world.apply(Kind::Secret, "of-the-team", json!({"stringData": entries}));
    let rules = json!([{"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["of-the-team"], "verbs": ["get", "list", "watch"]}]);
    world.apply(Kind::Role, "of-the-team", json!({"rules": rules}));
    let binding = world.get(Kind::RoleBinding, "propensity-operator-leader-election");
    let role = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "of-the-team"});
    world.apply(Kind::RoleBinding, "of-the-team", json!({"roleRef": role, "subjects": binding["subjects"]}));
    world.report("accounts", "account_engagement", spec_with_metrics());
    let before = world.wait_reason(Kind::Report, "accounts", "Fetched");
    operator.signal("TERM");
    operator.wait_ended();
    let operator = world.operator().short_lease().start();
    let labels = format!("namespace=\"{}\",report=\"accounts\",metric=\"rows\",group=\"\"", world.namespace);
    eventually("the values are metrics again", || {
        ensure(operator.metric(&format!("propensity_report_value{{{labels}}}")) == Some(40.0), || operator.metrics())
    });
    consistently(Duration::from_secs(3), "nothing is fetched or written", || {
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
fn a_deleted_workspace_is_reported_by_its_reports_until_it_exists_again() {
    let (world, _operator) = world_in_real_time();
    world.report("accounts", "account_engagement", spec_with_metrics());
    let before = world.wait_reason(Kind::Report, "accounts", "Fetched");
    world.objects.delete(Kind::Workspace, "default");
    let deleted = world.wait_message(Kind::Report, "accounts", "WorkspaceNotFound", "The reported numbers are from 2");
    assert_eq!(deleted["status"]["values"], before["status"]["values"]);
    world.workspace(json!({}));
    world.wait_reason(Kind::Report, "accounts", "Fetched");
    // A report that is deleted and created again starts without values.
    world.objects.delete(Kind::Report, "accounts");
    world.report("accounts", "account_engagement", json!({}));
    let again = world.wait_reason(Kind::Report, "accounts", "Fetched");
    assert!(again["status"]["values"].is_null(), "{:#}", again["status"]);
}

#[test]
fn old_values_are_reported_as_stale() {
    let (world, _operator) = world();
    world.report("accounts", "account_engagement", with(spec_with_metrics(), json!({"interval": "5m"})));
    world.wait_reason(Kind::Report, "accounts", "Fetched");
    let freshness = |expected: &str| {
        eventually(&format!("the workspace reports {expected}"), || {
            let workspace = world.get(Kind::Workspace, "default");
            ensure(workspace["status"]["reports"][0]["freshness"] == expected, || workspace["status"].to_string())
        });
    };
    freshness("Fresh");
    world.simulator.borrow().rotate_reports();
    world.wait_reason(Kind::Report, "accounts", "CredentialsRejected");
    freshness("Stale");
    world.report_secret();
    freshness("Fresh");
}

#[test]
fn a_million_rows_are_read_with_little_memory() {
    let (world, operator) = world_in_real_time();
    world.simulator.borrow().set_reports(json!({"report": "contact_engagement", "rows": 1_000_000}));
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
