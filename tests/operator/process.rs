//! The process: flags, probes, metrics, logs, watched namespaces.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::cluster::cluster;
use crate::support::objects::reason;
use crate::support::operator::BINARY;
use crate::support::programs::{RUN, unique_name};
use crate::support::wait::{ensure, eventually};
use crate::support::{Kind, World};

#[test]
fn help_shows_the_flags_and_their_environment_variables() {
    let help = Command::new(BINARY).arg("--help").env_clear().output().unwrap();
    assert!(help.status.success());
    let text = String::from_utf8(help.stdout).unwrap();
    for words in [
        "Usage: propensity-operator",
        "--api-url",
        "PROPENSITY_OPERATOR_API_URL",
        "--watch-namespaces",
        "--suspend",
        "--log-format",
        "every attempt is recorded",
    ] {
        assert!(text.split_whitespace().collect::<Vec<_>>().join(" ").contains(words), "{words:?} isn't in:\n{text}");
    }
    assert!(!text.contains("dev-time-scale"), "flags for tests are hidden");
}

#[test]
fn an_invalid_flag_is_named_in_the_error_message() {
    for (args, words) in [
        (vec!["--api-url=http://example.com/"], "--api-url"),
        (vec!["--lease-duration=5s", "--renew-deadline=9s"], "--renew-deadline"),
        (vec!["--nonsense"], "--nonsense"),
    ] {
        let output = Command::new(BINARY).args(&args).env_clear().output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.contains(words), "{args:?}: {stderr}");
    }
}

#[test]
fn without_a_cluster_the_error_message_says_what_to_do() {
    let output = Command::new(BINARY).arg("--listen=127.0.0.1:0").env_clear().env("HOME", &*RUN).output().unwrap();
    assert!(!output.status.success());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("KUBECONFIG"), "{stderr}");
}

#[test]
fn probes_and_metrics_are_served() {
    let world = World::new();
    let operator = world.operator().start();
    world.connect();
    world.accounts("targets", &["example.com"]);
    world.wait_reason(Kind::Accounts, "targets", "Created");
    let live = operator.get("/livez").unwrap();
    assert_eq!((live.status, live.body.as_str()), (200, "ok\n"));
    assert!(operator.is_leading());
    let metric = |name: &str| operator.metric(name);
    eventually("the metrics count the create", || {
        let count = metric(r#"propensity_operator_audiences{kind="AccountAudience",reason="Created"}"#);
        ensure(count == Some(1.0), || operator.metrics())
    });
    assert_eq!(
        metric(r#"propensity_operator_create_outcomes_total{kind="AccountAudience",class="created"}"#),
        Some(1.0)
    );
    assert_eq!(
        metric(r#"propensity_operator_create_outcomes_total{kind="AccountAudience",class="unknown"}"#),
        Some(0.0)
    );
    assert_eq!(
        metric(r#"propensity_operator_api_requests_total{endpoint="create_account_audience",class="created"}"#),
        Some(1.0)
    );
    let labels = format!(r#"{{namespace="{}",workspace="default"}}"#, world.namespace);
    assert_eq!(metric(&format!("propensity_operator_workspace_breaker_open{labels}")), Some(0.0));
    assert!(operator.metric_sum("propensity_operator_reconciles_total") > 0.0);
    assert!(operator.metrics().ends_with("# EOF\n"));

    world.objects.delete(Kind::Accounts, "targets");
    world.objects.delete(Kind::Workspace, "default");
    eventually("deleted objects have no metrics", || {
        let text = operator.metrics();
        let gone = !text.contains(&world.namespace) && operator.metric_sum("propensity_operator_audiences") == 0.0;
        ensure(gone, || text)
    });
}

#[test]
fn a_standby_is_ready_and_is_not_the_leader() {
    let world = World::new();
    let first = world.operator().start();
    first.wait_leading();
    let second = world.operator().start();
    assert_eq!(second.metric("propensity_operator_leader"), Some(0.0));
    assert_eq!(first.metric("propensity_operator_leader"), Some(1.0));
    assert_eq!(second.get("/livez").unwrap().status, 200);
}

#[test]
fn json_logs_are_complete_and_report_what_happened() {
    let world = World::new();
    let mut operator = world.operator().flag("log-format", "json").flag("log-level", "info").start();
    world.connect();
    world.accounts("targets", &["example.com"]);
    world.wait_reason(Kind::Accounts, "targets", "Created");
    operator.signal("TERM");
    assert_eq!(operator.wait_ended(), "exit 0");
    let lines = operator.log_lines();
    for (line, text) in lines.iter().zip(operator.log().lines()) {
        let complete = ["timestamp", "level", "target", "message"].iter().all(|field| line[field].is_string());
        assert!(complete, "incomplete line: {text}");
    }
    let logged = lines.iter().any(|line| line["level"] == "INFO" && line.to_string().contains("targets"));
    assert!(logged, "the create isn't logged:\n{}", operator.log());
    let errors: Vec<&Value> = lines.iter().filter(|line| line["level"] == "ERROR" || line["level"] == "WARN").collect();
    assert!(errors.is_empty(), "errors or warnings: {errors:#?}");
}

#[test]
fn text_logs_are_readable() {
    let world = World::new();
    let operator = world.operator().flag("log-format", "text").start();
    operator.wait_leading();
    let log = operator.log();
    assert!(log.contains(" INFO ") && !log.contains("{\"") && !log.contains('\u{1b}'), "{log}");
}

#[test]
fn objects_in_other_namespaces_are_ignored() {
    let world = World::new();
    let other = World::new();
    for world in [&world, &other] {
        world.connect();
        world.accounts("targets", &["example.com"]);
    }
    let _operator = world.operator().start();
    world.wait_reason(Kind::Accounts, "targets", "Created");
    assert_eq!(reason(&other.get(Kind::Accounts, "targets")), "");
    assert!(other.objects.list(Kind::Receipt).is_empty());
}

#[test]
fn several_namespaces_can_be_watched_by_one_operator() {
    let world = World::new();
    let other = World::new();
    let _operator =
        world.operator().flag("watch-namespaces", &format!("{},{}", world.namespace, other.namespace)).start();
    let key = world.simulator.borrow().key().to_owned();
    for world in [&world, &other] {
        world.secret("propensity", &key);
        world.workspace(json!({}));
        world.accounts("targets", &["example.com"]);
        world.wait_reason(Kind::Accounts, "targets", "Created");
    }
    assert_eq!(world.simulator.borrow().requests().len(), 2);
}

/// If the chart is installed for some namespaces, it grants no permission outside of them.
#[test]
fn a_namespaced_install_works_without_cluster_roles() {
    let world = World::new();
    let system = unique_name("propensity-system");
    let watched = format!("watchNamespaces={{{}}}", world.namespace);
    let values = [watched.as_str(), "crds.install=false", "rbac.userRoles=false"];
    cluster().install_chart(&system, &values);
    let kubeconfig = RUN.join(format!("{system}.kubeconfig"));
    cluster().write_kubeconfig(&system, &kubeconfig);
    let launch = world.operator().flag("lease-namespace", &system).kubeconfig(kubeconfig);
    let _operator = launch.start();
    world.connect();
    world.accounts("targets", &["example.com"]);
    world.wait_reason(Kind::Accounts, "targets", "Created");
    world.wait_event("targets", "Created");
    world.assert_sent(1, 1);
}
