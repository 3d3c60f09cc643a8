//! Why the operator ended.

use crate::controller::kube::cluster::ConnectError;
use crate::propensity::{ClientError, EndpointError};
use crate::telemetry::http::ListenError;

/// Why the operator ended without a signal.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// No way to the API server.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// No client of the Propensity API.
    #[error("no client of the Propensity API: {0}")]
    Client(#[from] ClientError),
    /// The allow-list of hosts can't be read.
    #[error("--allowed-hosts: {0}")]
    AllowedHosts(EndpointError),
    /// The list of hosts that lists may be fetched from can't be read.
    #[error("--source-hosts: {0}")]
    SourceHosts(EndpointError),
    /// A network that isn't one.
    #[error("--source-networks: {0:?} isn't a network: write it as in 10.1.0.0/16")]
    SourceNetworks(String),
    /// The base URL can't be used at all.
    #[error("--api-url: {0}")]
    ApiUrl(EndpointError),
    /// The file of extra authorities can't be read.
    #[error("--ca-file {path} can't be read: {source}")]
    CaFile {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The address for probes and metrics is taken.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// Signals can't be listened for.
    #[error("signals can't be listened for: {0}")]
    Signals(std::io::Error),
    /// Another process leads now.
    #[error(
        "leadership is lost: this process stopped claiming, waited for its requests, and ends so that it can be restarted"
    )]
    LeadershipLost,
    /// A part ended that should never end.
    #[error("a part of the operator ended unexpectedly; the process ends so that it can be restarted")]
    PartEnded,
}
