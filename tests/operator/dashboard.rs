//! The chart's dashboard and alerts, with a real Prometheus that scrapes the real operator: each panel and rule finds
//! its metrics, with the names and labels that it uses.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::cluster::{SYSTEM, cluster};
use crate::support::programs::{BIN, Prometheus, root};
use crate::support::wait::{ensure, eventually};
use crate::support::{Kind, Operator, World, http};

const DASHBOARD: &str = "charts/propensity-operator/dashboards/propensity.json";
const RULES: &str = "charts/propensity-operator/rules/propensity.yaml";
/// Their reports have the metric names that the dashboard and the rules use.
const EXAMPLES: [&str; 3] = ["accounts.yaml", "contacts.yaml", "reports.yaml"];

/// Panels whose query may return nothing in this test, and why.
const MAY_BE_EMPTY: [(&str, &str); 1] =
    [("Failed requests to the Kubernetes API", "its counter is created by the first failure, and nothing fails here")];

/// Applies all examples of reports and the audiences that use them. Then causes problems for the other metrics: a
/// rotated URL, a lost response, and an audience that waits to be sent.
fn set_up() -> (World, Operator, Prometheus) {
    let world = World::new();
    let operator = world.operator().short_lease().start();
    let rules = root().join(RULES);
    let binary = cluster().bin.join("prometheus");
    let served = operator.log_lines().into_iter().find(|line| line["message"] == "probes and metrics are served");
    let target = served.expect("a log line with the address")["address"]
        .as_str()
        .expect("an address")
        .parse()
        .expect("an address");
    let prometheus = Prometheus::start(&binary, &world.namespace, &rules, SYSTEM, target);
    // Before the workspace exists, so that they wait for it first.
    for file in EXAMPLES {
        let path = root().join("examples").join(file);
        world.kubectl(&["apply", "--server-side", "-f", path.to_str().expect("UTF-8")]).expect_success();
    }
    world.wait_reason(Kind::Accounts, "target-accounts", "WorkspaceNotFound");
    world.connect_reports(json!({}));
    for report in world.objects.list(Kind::Report) {
        world.wait_reason(Kind::Report, report["metadata"]["name"].as_str().expect("a name"), "Fetched");
    }
    for (kind, name) in [(Kind::Accounts, "target-accounts"), (Kind::Contacts, "q4-security-leaders")] {
        world.wait_ready(kind, name);
        eventually(&format!("{name} reports values from its report"), || {
            let engagement = world.get(kind, name)["status"]["engagement"].clone();
            ensure(engagement[0]["rows"].as_u64() > Some(0), || engagement.to_string())
        });
    }
    let reports = json!({"reports": ["website_analytics"]}).to_string();
    let simulator = world.simulator.borrow().address();
    let rotated = http::request(simulator, "POST", "/_sim/reports/rotate", &reports).expect("the simulator answers");
    assert_eq!(rotated.status, 200, "{}", rotated.body);
    let now = json!({"metadata": {"annotations": {"abm.propensity.com/requestedAt": "1"}}});
    world.objects.patch(Kind::Report, "website-analytics", now);
    world.wait_reason(Kind::Report, "website-analytics", "CredentialsRejected");
    world.simulator.borrow().fault(json!({"fault": "storeThenStatus", "status": 503, "times": 1}));
    world.accounts("lost", &["lost.example.com"]);
    world.wait_reason(Kind::Accounts, "lost", "OutcomeUnknown");
    // After an unknown outcome, the next list is sent only after a wait.
    world.accounts("waits", &["waits.example.com"]);
    world.wait_reason(Kind::Accounts, "waits", "CreatesSerialized");
    (world, operator, prometheus)
}

/// The results of all queries of the dashboard.
fn promcheck(prometheus: &Prometheus) -> Vec<Value> {
    let mut promcheck = Command::new(BIN.join("promcheck"));
    promcheck.args(["--dashboard", DASHBOARD, "--range", "15m", "--prometheus"]);
    promcheck.arg(format!("http://{}", prometheus.address)).current_dir(root());
    let output = promcheck.output().expect("promcheck can be started");
    let (lines, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let failed: Vec<_> =
        lines.iter().filter(|line| !line["error"].is_null() || line["warnings"] != json!([])).collect();
    assert!(output.status.success() && failed.is_empty(), "{errors}{failed:#?}");
    let exists = |panel: &str| lines.iter().any(|line| line["panel"] == panel);
    assert!(MAY_BE_EMPTY.iter().all(|(panel, _)| exists(panel)), "{lines:#?}");
    lines
}

#[test]
fn every_panel_finds_its_metrics_and_every_rule_is_evaluated() {
    let (world, operator, prometheus) = set_up();
    eventually("every query of the dashboard returns something", || {
        let lines = promcheck(&prometheus);
        let may_be = |line: &Value| MAY_BE_EMPTY.iter().any(|(panel, _)| line["panel"] == *panel);
        let empty: Vec<_> = lines.iter().filter(|line| line["series"] == 0 && !may_be(line)).collect();
        ensure(empty.is_empty(), || format!("no result: {empty:#?}\n{}", operator.metrics()))
    });

    let rules = eventually("all rules are evaluated", || {
        let rules: Vec<Value> = prometheus.query("/api/v1/rules")["groups"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|group| group["rules"].as_array().cloned().unwrap_or_default())
            .collect();
        let healthy =
            |rule: &Value| rule["health"] == "ok" && rule["lastError"].as_str().unwrap_or_default().is_empty();
        ensure(!rules.is_empty() && rules.iter().all(healthy), || format!("{rules:#?}"))?;
        Ok::<_, String>(rules)
    });
    let text = std::fs::read_to_string(root().join(RULES)).expect("a file of the repository");
    assert_eq!(rules.len(), text.matches("- alert: ").count(), "{rules:#?}");

    // The problems of this test, and nothing else, become alerts. How much of a budget is spent depends on the day.
    let expected = [
        ("PropensityOutcomeUnknown", "workspace", "default"),
        ("PropensityReportCredentialsRejected", "report", "website-analytics"),
    ];
    eventually("the problems are pending alerts", || {
        let alerts = prometheus.query("/api/v1/alerts")["alerts"].as_array().cloned().unwrap_or_default();
        let label = |alert: &Value, name: &str| alert["labels"][name].as_str().unwrap_or_default().to_owned();
        let names: BTreeSet<_> = alerts.iter().map(|alert| label(alert, "alertname")).collect();
        let counts = |name: &String| name != "PropensityCampaignBudgetNearEnd";
        let all = names.into_iter().filter(counts).eq(expected.iter().map(|(name, ..)| (*name).to_owned()));
        let labelled = expected.iter().all(|(name, of, value)| {
            let mut named = alerts.iter().filter(|alert| label(alert, "alertname") == *name);
            named.any(|alert| label(alert, of) == *value && label(alert, "namespace") == world.namespace)
        });
        ensure(all && labelled, || format!("{alerts:#?}"))
    });
}
