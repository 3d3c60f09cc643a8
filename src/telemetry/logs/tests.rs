#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::sync::{Arc, Mutex};

use axum::Router;
use k8s_openapi::api::core::v1::ConfigMap;
use tracing::dispatcher::with_default;

use super::*;

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn logged(format: LogFormat, directives: &str, what: impl FnOnce()) -> String {
    let captured = Captured::default();
    let writer = captured.clone();
    let dispatch = dispatch(format, directives, false, move || writer.clone()).unwrap();
    with_default(&dispatch, what);
    captured.text()
}

#[test]
fn text_lines_are_for_people() {
    let text = logged(LogFormat::Text, "info", || {
        tracing::info!(members = 3, "created");
        tracing::debug!("not asked for");
    });
    assert!(text.contains(" INFO ") && text.contains("created members=3"), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[test]
fn json_lines_hold_time_level_target_message_fields_and_spans() {
    let text = logged(LogFormat::Json, "info", || {
        let span = tracing::info_span!("reconcile", kind = "ContactAudience");
        span.in_scope(|| tracing::info!(members = 3, "created"));
    });
    let line: serde_json::Value = serde_json::from_str(&text).unwrap();
    let time: jiff::Timestamp = line["timestamp"].as_str().unwrap().parse().unwrap();
    assert!(time.as_second() > 0);
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["target"], module_path!());
    assert_eq!(line["message"], "created");
    assert_eq!(line["members"], 3);
    assert_eq!(line["spans"][0]["kind"], "ContactAudience");
}

#[test]
fn a_level_for_one_module_is_kept() {
    let text = logged(LogFormat::Text, "warn,propensity_operator::telemetry=trace", || {
        tracing::trace!("asked for");
        tracing::info!(target: "propensity_operator::ledger", "too quiet");
    });
    assert!(text.contains("asked for") && !text.contains("too quiet"), "{text}");
}

#[test]
fn libraries_never_log_above_their_maximum_level() {
    for level in ["trace", "trace,kube_client=trace,reqwest=trace,kube_client::client=trace"] {
        let text = logged(LogFormat::Text, level, || {
            tracing::warn!(target: "kube_client::client", "canary 1");
            tracing::debug!(target: "kube_client::client::builder", "canary 2");
            tracing::info!(target: "kube_runtime::watcher", "canary 3");
            tracing::debug!(target: "reqwest::redirect", "canary 4");
            tracing::trace!(target: "hyper_util::client", "canary 5");
            tracing::trace!(target: "propensity_operator_like", "canary 6");
            tracing::error!(target: "kube_client::client::builder", "an error");
            tracing::warn!(target: "kube_runtime::watcher", "a warning");
        });
        assert!(!text.contains("canary"), "{text}");
        assert!(text.contains("an error") && text.contains("a warning"), "{text}");
    }
}

#[test]
fn connections_are_logged_only_when_asked_for_by_name() {
    let connect = || tracing::debug!(target: "hyper_util::client", "connecting");
    assert_eq!(logged(LogFormat::Text, "debug", connect), "");
    assert!(logged(LogFormat::Text, "hyper_util=debug", connect).contains("connecting"));
}

#[test]
fn an_answer_that_cannot_be_decoded_is_not_logged_by_the_client() {
    let answer = r#"{"kind":"ConfigMap","apiVersion":"v1","data":["canary@example.com"]}"#;
    let text = logged(LogFormat::Text, "trace", || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let service = Router::new().fallback(move || async move { answer });
            let client = kube::Client::new(service, "default");
            let api = kube::Api::<ConfigMap>::default_namespaced(client);
            assert!(api.get("leaders").await.is_err());
            tracing::info!("still here");
        });
    });
    assert!(text.contains("still here") && !text.contains("canary"), "{text}");
}

#[test]
fn a_panic_shows_its_message_only_where_it_is_fixed_text() {
    let literal: Box<dyn Any + Send> = Box::new("a literal");
    assert_eq!(fixed_text(&*literal), "a literal");
    let canary: Box<dyn Any + Send> = Box::new("canary@example.com".to_owned());
    assert_eq!(fixed_text(&*canary), "not shown, it may hold data");
}
