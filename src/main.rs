//! Parses the arguments and runs the operator.

use std::process::ExitCode;

use propensity_operator::{controller, settings::Settings, telemetry::logs};

fn main() -> ExitCode {
    let settings = Settings::read(std::env::args_os()).unwrap_or_else(|error| error.exit());
    if let Err(error) = logs::init(settings.log_format, &settings.log_level) {
        return fail(&error);
    }
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        tracing::warn!("another TLS provider is installed already; it is used instead of ring");
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error),
    };
    match runtime.block_on(controller::run(settings)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

fn fail(error: &dyn std::error::Error) -> ExitCode {
    tracing::error!("{error}");
    ExitCode::FAILURE
}
