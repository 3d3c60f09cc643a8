#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use super::*;

fn metrics() -> Metrics {
    Metrics::new("1.2.3", "2026-01-02T03:04:05Z".parse().unwrap())
}

/// The value of a series, written as in the text format.
fn value(metrics: &Metrics, series: &str) -> Option<f64> {
    let text = metrics.encode();
    let line = text.lines().find_map(|l| l.strip_prefix(series)?.strip_prefix(' ').map(str::to_owned));
    line.map(|v| v.parse().unwrap())
}

#[test]
fn every_metric_has_help_a_prefix_and_its_unit_in_the_name() {
    let metrics = metrics();
    drop(metrics.reconcile(Kind::ContactAudience));
    let text = metrics.encode();
    assert!(text.ends_with("# EOF\n"), "{text}");
    for line in text.lines().filter_map(|l| l.strip_prefix("# TYPE ")) {
        let name = line.split(' ').next().unwrap();
        assert!(name.starts_with("propensity_operator_") || name.starts_with("process_"), "{line}");
        assert!(text.contains(&format!("# HELP {name} ")), "{line}");
        assert!(!line.ends_with("histogram") || name.ends_with("_seconds"), "{line}");
    }
    assert_eq!(value(&metrics, r#"propensity_operator_build_info{version="1.2.3"}"#), Some(1.0));
}

#[test]
fn a_process_shows_what_it_uses() {
    let metrics = metrics();
    assert_eq!(value(&metrics, "process_start_time_seconds"), Some(1_767_323_045.0));
    assert!(value(&metrics, "process_resident_memory_bytes").unwrap() > 1e6);
    assert!(value(&metrics, "process_open_fds").unwrap() >= 3.0);
    assert!(value(&metrics, "process_cpu_seconds_total").unwrap() > 0.0);
}

#[test]
fn a_reconciliation_is_counted_timed_and_shown_while_it_runs() {
    let metrics = metrics();
    let running = r#"propensity_operator_reconciles_in_progress{kind="ContactAudience"}"#;
    let reconciliation = metrics.reconcile(Kind::ContactAudience);
    assert_eq!(value(&metrics, running), Some(1.0));
    reconciliation.finish(Outcome::Done);
    assert_eq!(value(&metrics, running), Some(0.0));
    let done = r#"propensity_operator_reconciles_total{kind="ContactAudience",outcome="done"}"#;
    assert_eq!(value(&metrics, done), Some(1.0));
    let timed = r#"propensity_operator_reconcile_duration_seconds_count{kind="ContactAudience"}"#;
    assert_eq!(value(&metrics, timed), Some(1.0));
}

#[test]
fn a_reconciliation_that_panics_counts_as_dropped() {
    let metrics = metrics();
    let inside = metrics.clone();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
        let _reconciliation = inside.reconcile(Kind::Report);
        panic!("on purpose");
    }));
    assert!(panicked.is_err());
    let dropped = r#"propensity_operator_reconciles_total{kind="PropensityReport",outcome="dropped"}"#;
    assert_eq!(value(&metrics, dropped), Some(1.0));
    let running = r#"propensity_operator_reconciles_in_progress{kind="PropensityReport"}"#;
    assert_eq!(value(&metrics, running), Some(0.0));
}

#[test]
fn counters_that_alerts_watch_exist_before_their_first_increase() {
    let metrics = metrics();
    for kind in ["ContactAudience", "AccountAudience"] {
        for class in ["created", "rejected", "not_sent", "unknown"] {
            let series = format!(r#"propensity_operator_create_outcomes_total{{kind="{kind}",class="{class}"}}"#);
            assert_eq!(value(&metrics, &series), Some(0.0), "{series}");
        }
    }
    assert_eq!(value(&metrics, "propensity_operator_leader"), Some(0.0));
}

#[test]
fn requests_waits_and_errors_are_counted_by_fixed_words() {
    let metrics = metrics();
    metrics.api_request(Endpoint::CreateContactAudience, "2xx", Duration::from_millis(300));
    metrics.kube_error("conflict");
    metrics.wait("Queued");
    metrics.create_outcome(Kind::AccountAudience, CreateClass::NotSent);
    metrics.set_leader(true);
    for (series, expected) in [
        (r#"api_requests_total{endpoint="create_contact_audience",class="2xx"}"#, 1.0),
        (r#"api_request_duration_seconds_sum{endpoint="create_contact_audience"}"#, 0.3),
        (r#"api_request_duration_seconds_bucket{le="0.25",endpoint="create_contact_audience"}"#, 0.0),
        (r#"api_request_duration_seconds_bucket{le="0.5",endpoint="create_contact_audience"}"#, 1.0),
        (r#"kube_request_errors_total{category="conflict"}"#, 1.0),
        (r#"waits_total{reason="Queued"}"#, 1.0),
        (r#"create_outcomes_total{kind="AccountAudience",class="not_sent"}"#, 1.0),
        ("leader", 1.0),
    ] {
        let series = format!("propensity_operator_{series}");
        assert_eq!(value(&metrics, &series), Some(expected), "{series}\n{}", metrics.encode());
    }
}

#[test]
fn states_without_objects_are_removed() {
    let metrics = metrics();
    let created = r#"propensity_operator_audiences{kind="ContactAudience",reason="Created"}"#;
    let unknown = r#"propensity_operator_audiences{kind="ContactAudience",reason="OutcomeUnknown"}"#;
    metrics.set_audiences(&BTreeMap::from([((Kind::ContactAudience, "OutcomeUnknown"), 2)]));
    assert_eq!(value(&metrics, unknown), Some(2.0));
    metrics.set_audiences(&BTreeMap::from([((Kind::ContactAudience, "Created"), 3)]));
    assert_eq!((value(&metrics, unknown), value(&metrics, created)), (None, Some(3.0)));

    metrics.set_open_receipts(&BTreeMap::from([("Unknown", 2)]));
    metrics.set_waiting(&BTreeMap::from([("BudgetSpent", 5)]));
    assert_eq!(value(&metrics, r#"propensity_operator_open_receipts{state="Unknown"}"#), Some(2.0));
    assert_eq!(value(&metrics, r#"propensity_operator_waiting{reason="BudgetSpent"}"#), Some(5.0));
    metrics.set_waiting(&BTreeMap::new());
    assert_eq!(value(&metrics, r#"propensity_operator_waiting{reason="BudgetSpent"}"#), None);
}

#[test]
fn a_deleted_workspace_leaves_no_series() {
    let metrics = metrics();
    let numbers = WorkspaceNumbers {
        open_unknowns: 1,
        budget_used: 2,
        budget_limit: 3,
        breaker_open: true,
        paused: false,
        caution: true,
    };
    metrics.set_workspace("team", "default", &numbers);
    metrics.set_workspace("other", "default", &WorkspaceNumbers::default());
    for (name, expected) in [
        ("open_unknowns", 1.0),
        ("budget_used", 2.0),
        ("budget_limit", 3.0),
        ("breaker_open", 1.0),
        ("paused", 0.0),
        ("caution", 1.0),
    ] {
        let series = format!(r#"propensity_operator_workspace_{name}{{namespace="team",workspace="default"}}"#);
        assert_eq!(value(&metrics, &series), Some(expected), "{series}");
    }
    metrics.remove_workspace("team", "default");
    let text = metrics.encode();
    assert!(!text.contains("team") && text.contains(r#"namespace="other""#), "{text}");
}

#[test]
fn a_scrape_never_sees_a_part_of_a_replacement() {
    let metrics = metrics();
    let states: [&'static str; 4] = ["Claimed", "NotSent", "Rejected", "Unknown"];
    let counts: BTreeMap<_, _> = states.into_iter().map(|state| (state, 1)).collect();
    metrics.set_open_receipts(&counts);
    let writer = metrics.clone();
    let writing = std::thread::spawn(move || {
        for _ in 0..500 {
            writer.set_open_receipts(&counts);
        }
    });
    while !writing.is_finished() {
        let text = metrics.encode();
        assert_eq!(text.matches("propensity_operator_open_receipts{").count(), 4, "{text}");
    }
    writing.join().unwrap();
}

#[test]
fn failed_requests_to_the_cluster_have_fixed_words() {
    let api = |code| kube::Error::Api(kube::core::Status::failure("canary", "x").with_code(code).boxed());
    for (code, word) in [(403, "forbidden"), (409, "conflict"), (500, "server"), (504, "timeout"), (418, "refused")] {
        assert_eq!(kube_category(&api(code)), word, "{code}");
    }
    assert_eq!(kube_category(&kube::Error::Service("canary".into())), "connection");
}
