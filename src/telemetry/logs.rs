//! Log lines, on standard error.
//!
//! Libraries handle whole objects and requests: kube logs the text of a response that it can't decode as a warning,
//! and reqwest logs URLs. Therefore all targets except our own have a maximum level that `--log-level` can't raise
//! (`max_level`). A panic is logged with its location only, since its message may contain data.

use std::any::Any;
use std::io::{self, IsTerminal};
use std::panic::{self, PanicHookInfo};

use tracing::level_filters::LevelFilter;
use tracing::{Dispatch, Metadata};
use tracing_subscriber::filter::{FilterExt, ParseError, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::prelude::*;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt};

use crate::settings::LogFormat;

/// Why logging can't be started.
#[derive(Debug, thiserror::Error)]
pub enum LogsError {
    /// The value of `--log-level` is invalid.
    #[error("--log-level is invalid: use a level such as info, or directives such as info,kube=warn")]
    Directives(#[from] ParseError),
    /// Logging was started before.
    #[error("logging was started twice")]
    Twice(#[from] tracing::dispatcher::SetGlobalDefaultError),
}

/// Starts logging for the whole process, including panics.
pub fn init(format: LogFormat, directives: &str) -> Result<(), LogsError> {
    let colours = io::stderr().is_terminal();
    let dispatch = dispatch(format, directives, colours, io::stderr)?;
    tracing::dispatcher::set_global_default(dispatch)?;
    panic::set_hook(Box::new(log_panic));
    Ok(())
}

fn dispatch<W>(format: LogFormat, directives: &str, colours: bool, writer: W) -> Result<Dispatch, ParseError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    // `debug` alone applies to our own code; a library must be named.
    let directives = format!("hyper=warn,hyper_util=warn,{directives}");
    let levels = EnvFilter::builder().parse(directives)?;
    let filter = levels.and(filter_fn(|line| *line.level() <= max_level(line)));
    let layer = fmt::layer().with_ansi(colours).with_writer(writer);
    let layer = match format {
        LogFormat::Text => layer.boxed(),
        LogFormat::Json => layer.json().flatten_event(true).with_current_span(false).boxed(),
    };
    Ok(Dispatch::new(Registry::default().with(layer.with_filter(filter))))
}

/// The highest level that a target may log.
fn max_level(line: &Metadata<'_>) -> LevelFilter {
    let target = line.target();
    let within = |krate: &str| target.strip_prefix(krate).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"));
    if within(env!("CARGO_CRATE_NAME")) {
        LevelFilter::TRACE
    } else if within("kube_client::client") {
        // Warnings contain the whole text of a response that can't be decoded.
        LevelFilter::ERROR
    } else if within("hyper_util") {
        // Addresses and ports of connections, never a path.
        LevelFilter::DEBUG
    } else {
        // At lower levels, kube's watchers and reqwest log errors, responses and URLs.
        LevelFilter::WARN
    }
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current();
    tracing::error!(
        target: concat!(env!("CARGO_CRATE_NAME"), "::panic"),
        place,
        thread = thread.name().unwrap_or("unnamed"),
        why = fixed_text(panic.payload()),
        "the operator panicked, which is a bug: please report it with the place"
    );
}

/// A panic's message, but only if it is a literal of the source code.
fn fixed_text(payload: &(dyn Any + Send)) -> &'static str {
    payload.downcast_ref::<&'static str>().copied().unwrap_or("not shown, it may hold data")
}

#[cfg(test)]
mod tests {
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
}
