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
mod tests;
