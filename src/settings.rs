//! What the operator is told when it starts: flags, each with an environment variable of the same name.
//!
//! Everything is checked here, before anything is done, with errors that name the flag and say what to write instead.
//! No flag takes a secret: keys are read from Secrets, by name.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{ArgAction, CommandFactory, Parser, ValueEnum};
use url::Url;

use crate::clock::Clock;

mod values;

pub use values::duration;

/// Makes Propensity workspaces follow the audience lists in this cluster.
///
/// It watches PropensityWorkspace, ContactAudience and AccountAudience objects and creates each list once: every
/// attempt is recorded in the cluster before its request is sent.
#[derive(Clone, Debug, Parser)]
#[command(name = "propensity-operator", version, max_term_width = 100)]
#[command(
    after_help = "Every flag can be set by the environment variable shown with it; a flag wins over its variable."
)]
pub struct Settings {
    /// The Propensity API's address. Its host is part of every list's identity: another host is another workspace,
    /// and gets every list again
    #[arg(
        long,
        env = "PROPENSITY_OPERATOR_API_URL",
        value_name = "URL",
        default_value = "https://api.propensity.com/"
    )]
    #[arg(help_heading = "Propensity", value_parser = values::api_url, hide_env_values = true)]
    pub api_url: Url,

    /// Hosts that keys may be sent to, comma-separated; `*.example.com` stands for every name below example.com.
    /// Report addresses, which come from Secrets, must match too
    #[arg(long, env = "PROPENSITY_OPERATOR_ALLOWED_HOSTS", value_name = "HOSTS", default_value = "*.propensity.com")]
    #[arg(help_heading = "Propensity", value_parser = values::host_patterns, hide_env_values = true)]
    pub allowed_hosts: List,

    /// A PEM file of certificate authorities to trust for the Propensity API, for example those of a proxy
    /// that inspects TLS
    #[arg(long, env = "PROPENSITY_OPERATOR_CA_FILE", value_name = "FILE")]
    #[arg(help_heading = "Propensity", hide_env_values = true)]
    pub ca_file: Option<PathBuf>,

    /// Hosts that lists may be fetched from by URL (`from.http`), comma-separated, as in --allowed-hosts; empty means none
    #[arg(long, env = "PROPENSITY_OPERATOR_SOURCE_HOSTS", value_name = "HOSTS", default_value = "")]
    #[arg(help_heading = "Lists", value_parser = values::host_patterns, hide_default_value = true, hide_env_values = true)]
    pub source_hosts: List,

    /// Private networks that such hosts may be in, comma-separated, as in 10.1.0.0/16; empty means the open internet only
    #[arg(long, env = "PROPENSITY_OPERATOR_SOURCE_NETWORKS", value_name = "NETWORKS", default_value = "")]
    #[arg(help_heading = "Lists", value_parser = values::networks, hide_default_value = true, hide_env_values = true)]
    pub source_networks: List,

    /// Send nothing: lists are still read, counted and hashed, and reports go on
    #[arg(long, env = "PROPENSITY_OPERATOR_SUSPEND", value_name = "BOOL", default_value_t = false)]
    #[arg(action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(help_heading = "Propensity", hide_env_values = true)]
    pub suspend: bool,

    /// How long a recorded attempt may wait before its request is sent; after that it is given up unsent
    #[arg(long, env = "PROPENSITY_OPERATOR_SEND_BY", value_name = "DURATION", default_value = "10s")]
    #[arg(hide = true, value_parser = values::positive_duration, hide_env_values = true)]
    pub send_by: Duration,

    /// Names of the Secrets that may be read, comma-separated, in every watched namespace. Each is watched by its name,
    /// so that access can be granted to just these
    #[arg(long, env = "PROPENSITY_OPERATOR_SECRET_NAMES", value_name = "NAMES", default_value = "propensity")]
    #[arg(help_heading = "Cluster", value_parser = values::object_names, hide_env_values = true)]
    pub secret_names: List,

    /// Namespaces to watch, comma-separated; empty means all of them
    #[arg(long, env = "PROPENSITY_OPERATOR_WATCH_NAMESPACES", value_name = "NAMES", default_value = "")]
    #[arg(help_heading = "Cluster", value_parser = values::namespaces, hide_default_value = true, hide_env_values = true)]
    pub watch_namespaces: List,

    /// Let one of several replicas lead; the others stand by. `--leader-elect=false` is for running it on a desk
    #[arg(long, env = "PROPENSITY_OPERATOR_LEADER_ELECT", value_name = "BOOL", default_value_t = true)]
    #[arg(action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(help_heading = "Leader election", hide_env_values = true)]
    pub leader_elect: bool,

    /// The name of the Lease that replicas compete for
    #[arg(long, env = "PROPENSITY_OPERATOR_LEASE_NAME", value_name = "NAME", default_value = "propensity-operator")]
    #[arg(help_heading = "Leader election", value_parser = values::object_name, hide_env_values = true)]
    pub lease_name: String,

    /// The Lease's namespace [default: the pod's own, or the kubeconfig's]
    #[arg(long, env = "PROPENSITY_OPERATOR_LEASE_NAMESPACE", value_name = "NAME")]
    #[arg(help_heading = "Leader election", value_parser = values::namespace, hide_env_values = true)]
    pub lease_namespace: Option<String>,

    /// How long standbys wait for a silent leader before one takes over; whole seconds
    #[arg(long, env = "PROPENSITY_OPERATOR_LEASE_DURATION", value_name = "DURATION", default_value = "15s")]
    #[arg(help_heading = "Leader election", value_parser = values::positive_duration, hide_env_values = true)]
    pub lease_duration: Duration,

    /// How long a leader that can't renew goes on before it stops; shorter than the lease duration
    #[arg(long, env = "PROPENSITY_OPERATOR_RENEW_DEADLINE", value_name = "DURATION", default_value = "10s")]
    #[arg(help_heading = "Leader election", value_parser = values::positive_duration, hide_env_values = true)]
    pub renew_deadline: Duration,

    /// How often the Lease is renewed or looked at; less than half the renew deadline
    #[arg(long, env = "PROPENSITY_OPERATOR_RETRY_PERIOD", value_name = "DURATION", default_value = "2s")]
    #[arg(help_heading = "Leader election", value_parser = values::positive_duration, hide_env_values = true)]
    pub retry_period: Duration,

    /// This process's name in the Lease, in receipts and events; no two processes may share one
    /// [default: the pod's or the host's name, with a random ending]
    #[arg(long, env = "PROPENSITY_OPERATOR_IDENTITY", value_name = "NAME")]
    #[arg(help_heading = "Leader election", value_parser = values::identity, hide_env_values = true)]
    pub identity: Option<String>,

    /// Where /livez, /readyz and /metrics are served
    #[arg(long, env = "PROPENSITY_OPERATOR_LISTEN", value_name = "ADDRESS", default_value = "0.0.0.0:8080")]
    #[arg(help_heading = "Telemetry", value_parser = values::listen, hide_env_values = true)]
    pub listen: SocketAddr,

    /// How log lines are written
    #[arg(long, env = "PROPENSITY_OPERATOR_LOG_FORMAT", value_name = "FORMAT", default_value = "text")]
    #[arg(help_heading = "Telemetry", hide_env_values = true)]
    pub log_format: LogFormat,

    /// What is logged: error, warn, info, debug or trace, or directives such as `info,propensity_operator::ledger=debug`.
    /// Libraries never get to log what they send or receive
    #[arg(long, env = "PROPENSITY_OPERATOR_LOG_LEVEL", value_name = "LEVEL", default_value = "info")]
    #[arg(help_heading = "Telemetry", value_parser = values::log_level, hide_env_values = true)]
    pub log_level: String,

    /// Makes the operator's clock run this many times faster, for tests
    #[arg(long, env = "PROPENSITY_OPERATOR_DEV_TIME_SCALE", value_name = "N", default_value_t = 1)]
    #[arg(hide = true, value_parser = clap::value_parser!(u32).range(1..=1_000_000), hide_env_values = true)]
    pub dev_time_scale: u32,

    /// The pod's name, from the downward API.
    #[arg(long, env = "POD_NAME", hide = true)]
    pub pod_name: Option<String>,

    /// The pod's namespace, from the downward API.
    #[arg(long, env = "POD_NAMESPACE", hide = true)]
    pub pod_namespace: Option<String>,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people at a terminal.
    Text,
    /// One JSON object a line, for log collectors.
    Json,
}

/// A comma-separated list, trimmed, without empty entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List(Vec<String>);

impl std::ops::Deref for List {
    type Target = [String];

    fn deref(&self) -> &[String] {
        &self.0
    }
}

impl Settings {
    /// Reads arguments (the program's name first) and environment. The error prints itself, `--help` and `--version`
    /// included: [`clap::Error::exit`].
    pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let settings = Self::try_parse_from(arguments)?;
        settings.check().map_err(|message| Self::command().error(ErrorKind::ValueValidation, message))?;
        Ok(settings)
    }

    /// What no flag can tell alone.
    fn check(&self) -> Result<(), String> {
        if self.lease_duration.subsec_nanos() != 0 {
            return Err("--lease-duration must be whole seconds, since a Lease holds no less".to_owned());
        }
        if self.renew_deadline >= self.lease_duration {
            return Err("--renew-deadline must be shorter than --lease-duration: a leader has to stop before another \
                        may start"
                .to_owned());
        }
        if self.retry_period * 2 >= self.renew_deadline {
            return Err("--retry-period must be less than half of --renew-deadline, so that a leader can try again \
                        in time"
                .to_owned());
        }
        if self.secret_names.is_empty() {
            return Err("--secret-names must name at least one Secret: keys are read from there".to_owned());
        }
        Ok(())
    }

    /// The clock to use: the true one, but for `--dev-time-scale`.
    pub fn clock(&self) -> Clock {
        Clock::scaled(self.dev_time_scale)
    }

    /// The Lease's namespace. `fallback` is the client's own: [`kube::Client::default_namespace`], which is the
    /// service account's in a pod and the kubeconfig's elsewhere.
    pub fn lease_namespace_or(&self, fallback: &str) -> String {
        let given = [&self.lease_namespace, &self.pod_namespace];
        let given = given.into_iter().flatten().find(|name| !name.is_empty());
        given.map_or_else(|| fallback.to_owned(), Clone::clone)
    }

    /// This process's name. Without `--identity` it differs at every start, so that a container that was restarted in
    /// its pod isn't taken for the process that died there.
    pub fn identity_or_random(&self, clock: &Clock) -> String {
        if let Some(identity) = &self.identity {
            return identity.clone();
        }
        let hostname = || std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let name = self.pod_name.clone().filter(|name| !name.is_empty()).unwrap_or_else(hostname);
        // An event's reporting instance holds 128 characters.
        let name: String = name.chars().filter(char::is_ascii_graphic).take(100).collect();
        let name = if name.is_empty() { "local" } else { &name };
        format!("{name}_{}", clock.random_id())
    }
}

#[cfg(test)]
mod tests;
