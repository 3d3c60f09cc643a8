//! The settings of the operator: flags, each with an environment variable of the same name.
//!
//! All values are checked at startup. Errors name the flag and a valid form. No flag contains a secret: keys are read
//! from Secrets, by name.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{ArgAction, CommandFactory, Parser, ValueEnum};
use url::Url;

use crate::clock::Clock;

mod list;
mod values;

pub use list::List;
pub use values::duration;

/// Creates audiences in Propensity workspaces from lists in this cluster.
///
/// The operator watches PropensityWorkspace, ContactAudience and AccountAudience objects and creates each list once:
/// every attempt is recorded in the cluster before its request is sent.
#[derive(Clone, Debug, Parser)]
#[command(name = "propensity-operator", version, max_term_width = 100)]
#[command(after_help = "Each flag can be set by its environment variable; the flag takes precedence.")]
pub struct Settings {
    /// The URL of the Propensity API. Its host is part of the identity of every list: with another host, all lists
    /// are created again
    #[arg(
        long,
        env = "PROPENSITY_OPERATOR_API_URL",
        value_name = "URL",
        default_value = "https://api.propensity.com/"
    )]
    #[arg(help_heading = "Propensity", value_parser = values::api_url, hide_env_values = true)]
    pub api_url: Url,

    /// Hosts that keys may be sent to, comma-separated; `*.example.com` matches all names below example.com. URLs of
    /// reports, which are read from Secrets, must match too
    #[arg(long, env = "PROPENSITY_OPERATOR_ALLOWED_HOSTS", value_name = "HOSTS", default_value = "*.propensity.com")]
    #[arg(help_heading = "Propensity", value_parser = values::host_patterns, hide_env_values = true)]
    pub allowed_hosts: List,

    /// A PEM file of additional certificate authorities for the Propensity API, for example of a proxy that inspects
    /// TLS
    #[arg(long, env = "PROPENSITY_OPERATOR_CA_FILE", value_name = "FILE")]
    #[arg(help_heading = "Propensity", hide_env_values = true)]
    pub ca_file: Option<PathBuf>,

    /// Hosts from which lists may be fetched by URL (`from.http`), comma-separated, with patterns as in
    /// --allowed-hosts; empty: none
    #[arg(long, env = "PROPENSITY_OPERATOR_SOURCE_HOSTS", value_name = "HOSTS", default_value = "")]
    #[arg(help_heading = "Lists", value_parser = values::host_patterns)]
    #[arg(hide_default_value = true, hide_env_values = true)]
    pub source_hosts: List,

    /// Private networks in which these hosts may be, comma-separated, such as 10.1.0.0/16; empty: only the public
    /// internet
    #[arg(long, env = "PROPENSITY_OPERATOR_SOURCE_NETWORKS", value_name = "NETWORKS", default_value = "")]
    #[arg(help_heading = "Lists", value_parser = values::networks)]
    #[arg(hide_default_value = true, hide_env_values = true)]
    pub source_networks: List,

    /// Create no audiences. Lists are still read, counted and hashed, and reports are still fetched
    #[arg(long, env = "PROPENSITY_OPERATOR_SUSPEND", value_name = "BOOL", default_value_t = false)]
    #[arg(action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(help_heading = "Propensity", hide_env_values = true)]
    pub suspend: bool,

    /// How long a recorded attempt may wait before its request is sent; after that it is abandoned
    #[arg(long, env = "PROPENSITY_OPERATOR_SEND_BY", value_name = "DURATION", default_value = "10s")]
    #[arg(hide = true, value_parser = values::positive_duration, hide_env_values = true)]
    pub send_by: Duration,

    /// Names of the Secrets that the operator may read in all watched namespaces, comma-separated. Each Secret is
    /// watched by name, so that RBAC can be limited to these names
    #[arg(long, env = "PROPENSITY_OPERATOR_SECRET_NAMES", value_name = "NAMES", default_value = "propensity")]
    #[arg(help_heading = "Cluster", value_parser = values::object_names, hide_env_values = true)]
    pub secret_names: List,

    /// Namespaces to watch, comma-separated; empty: all
    #[arg(long, env = "PROPENSITY_OPERATOR_WATCH_NAMESPACES", value_name = "NAMES", default_value = "")]
    #[arg(help_heading = "Cluster", value_parser = values::namespaces)]
    #[arg(hide_default_value = true, hide_env_values = true)]
    pub watch_namespaces: List,

    /// Elect a leader among the replicas; the others are standbys. Use `--leader-elect=false` only for local
    /// development
    #[arg(long, env = "PROPENSITY_OPERATOR_LEADER_ELECT", value_name = "BOOL", default_value_t = true)]
    #[arg(action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(help_heading = "Leader election", hide_env_values = true)]
    pub leader_elect: bool,

    /// Name of the Lease for leader election
    #[arg(long, env = "PROPENSITY_OPERATOR_LEASE_NAME", value_name = "NAME", default_value = "propensity-operator")]
    #[arg(help_heading = "Leader election", value_parser = values::object_name, hide_env_values = true)]
    pub lease_name: String,

    /// Namespace of the Lease [default: the namespace of the pod or of the kubeconfig]
    #[arg(long, env = "PROPENSITY_OPERATOR_LEASE_NAMESPACE", value_name = "NAME")]
    #[arg(help_heading = "Leader election", value_parser = values::namespace, hide_env_values = true)]
    pub lease_namespace: Option<String>,

    /// How long standbys wait for a leader that doesn't renew before one of them takes over; whole seconds
    #[arg(long, env = "PROPENSITY_OPERATOR_LEASE_DURATION", value_name = "DURATION", default_value = "15s")]
    #[arg(help_heading = "Leader election", value_parser = values::positive_duration, hide_env_values = true)]
    pub lease_duration: Duration,

    /// How long a leader that can't renew the Lease continues before it stops; must be shorter than the lease
    /// duration
    #[arg(long, env = "PROPENSITY_OPERATOR_RENEW_DEADLINE", value_name = "DURATION", default_value = "10s")]
    #[arg(help_heading = "Leader election", value_parser = values::positive_duration, hide_env_values = true)]
    pub renew_deadline: Duration,

    /// How often to renew or check the Lease; must be less than half of the renew deadline
    #[arg(long, env = "PROPENSITY_OPERATOR_RETRY_PERIOD", value_name = "DURATION", default_value = "2s")]
    #[arg(help_heading = "Leader election", value_parser = values::positive_duration, hide_env_values = true)]
    pub retry_period: Duration,

    /// Name of this process in the Lease, in receipts and in events; must be unique [default: the name of the pod or
    /// host with a random suffix]
    #[arg(long, env = "PROPENSITY_OPERATOR_IDENTITY", value_name = "NAME")]
    #[arg(help_heading = "Leader election", value_parser = values::identity, hide_env_values = true)]
    pub identity: Option<String>,

    /// Address for /livez, /readyz and /metrics
    #[arg(long, env = "PROPENSITY_OPERATOR_LISTEN", value_name = "ADDRESS", default_value = "0.0.0.0:8080")]
    #[arg(help_heading = "Telemetry", value_parser = values::listen, hide_env_values = true)]
    pub listen: SocketAddr,

    /// Format of log lines
    #[arg(long, env = "PROPENSITY_OPERATOR_LOG_FORMAT", value_name = "FORMAT", default_value = "text")]
    #[arg(help_heading = "Telemetry", hide_env_values = true)]
    pub log_format: LogFormat,

    /// What to log: error, warn, info, debug or trace, or directives such as
    /// `info,propensity_operator::ledger=debug`. Libraries never log what they send or receive
    #[arg(long, env = "PROPENSITY_OPERATOR_LOG_LEVEL", value_name = "LEVEL", default_value = "info")]
    #[arg(help_heading = "Telemetry", value_parser = values::log_level, hide_env_values = true)]
    pub log_level: String,

    /// Runs the operator's clock this many times faster, for tests
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

/// The format of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Text for a terminal.
    Text,
    /// One JSON object per line, for log collectors.
    Json,
}

impl Settings {
    /// Parses the arguments (the program's name first) and the environment. The error prints itself, also for
    /// `--help` and `--version`: [`clap::Error::exit`].
    pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let settings = Self::try_parse_from(arguments)?;
        settings.check().map_err(|message| Self::command().error(ErrorKind::ValueValidation, message))?;
        Ok(settings)
    }

    /// Checks that involve several flags.
    fn check(&self) -> Result<(), String> {
        if self.lease_duration.subsec_nanos() != 0 {
            return Err("--lease-duration must be whole seconds: a Lease has no smaller unit".to_owned());
        }
        if self.renew_deadline >= self.lease_duration {
            return Err("--renew-deadline must be shorter than --lease-duration: a leader must stop before another \
                        one starts"
                .to_owned());
        }
        if self.retry_period * 2 >= self.renew_deadline {
            return Err(
                "--retry-period must be less than half of --renew-deadline, so that a leader can retry in time"
                    .to_owned(),
            );
        }
        if self.secret_names.is_empty() {
            return Err("--secret-names must contain at least one name: keys are read from these Secrets".to_owned());
        }
        Ok(())
    }

    /// The clock: the real one, except with `--dev-time-scale`.
    pub fn clock(&self) -> Clock {
        Clock::scaled(self.dev_time_scale)
    }

    /// The namespace of the Lease. `fallback` is the client's default namespace
    /// ([`kube::Client::default_namespace`]): that of the service account in a pod, otherwise that of the kubeconfig.
    pub fn lease_namespace_or(&self, fallback: &str) -> String {
        let given = [&self.lease_namespace, &self.pod_namespace];
        let given = given.into_iter().flatten().find(|name| !name.is_empty());
        given.map_or_else(|| fallback.to_owned(), Clone::clone)
    }

    /// The name of this process. Without `--identity` it is different at each start, so that a restarted container in
    /// the same pod isn't taken for the previous process.
    pub fn identity_or_random(&self, clock: &Clock) -> String {
        if let Some(identity) = &self.identity {
            return identity.clone();
        }
        let hostname = || std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let name = self.pod_name.clone().filter(|name| !name.is_empty()).unwrap_or_else(hostname);
        // The reporting instance of an event has at most 128 characters.
        let name: String = name.chars().filter(char::is_ascii_graphic).take(100).collect();
        let name = if name.is_empty() { "local" } else { &name };
        format!("{name}_{}", clock.random_id())
    }
}

#[cfg(test)]
mod tests;
