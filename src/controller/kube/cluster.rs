//! Calls to the API server: each is bounded in time, none is repeated automatically, and each failure is classified.

use std::future::Future;
use std::time::Duration;

use kube::core::{NamespaceResourceScope, Resource};
use kube::{Api, Client, Config};
use tokio::sync::Semaphore;

use crate::telemetry::metrics::Metrics;

/// How long a call may take. The API server's own limit is 60 s; nothing here is worth waiting that long for.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);

/// Calls in flight at once in each lane. More wait here, so that a burst of audiences doesn't become a burst on the API
/// server.
const CALLS_AT_ONCE: usize = 24;

/// Which calls a call waits behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// The calls of an attempt, which has a permit and a deadline: they don't wait behind status writes.
    Attempt,
    /// All others.
    Ordinary,
}

/// Access to the API server.
pub struct Cluster {
    client: Client,
    flights: Semaphore,
    ordinary: Semaphore,
    metrics: Metrics,
}

/// The class of a failed call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum CallError {
    /// No such object, or no such resource.
    #[error("not found")]
    NotFound,
    /// The object is of another version than the one the write was for.
    #[error("conflict")]
    Conflict,
    /// An object of this name exists.
    #[error("already exists")]
    AlreadyExists,
    /// Missing permission.
    #[error("forbidden: the operator's role lacks a permission")]
    Forbidden,
    /// The API server refused the content.
    #[error("refused as invalid")]
    Invalid,
    /// The answer says that nothing was done; later it may work.
    #[error("the API server is overloaded")]
    Throttled,
    /// It isn't known whether the call had its effect: a timeout, a lost connection, a server error.
    #[error("no clear answer from the API server")]
    Unclear,
    /// The answer can't be decoded.
    #[error("unreadable answer from the API server")]
    Unreadable,
}

impl CallError {
    /// The word for metrics.
    #[must_use]
    pub fn category(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::AlreadyExists => "already_exists",
            Self::Forbidden => "forbidden",
            Self::Invalid => "invalid",
            Self::Throttled => "throttled",
            Self::Unclear => "unclear",
            Self::Unreadable => "unreadable",
        }
    }

    /// Whether a write may have had its effect although the call failed.
    #[must_use]
    pub fn is_unclear(self) -> bool {
        matches!(self, Self::Unclear | Self::Unreadable)
    }
}

/// A client for this cluster that repeats nothing by itself: a claim that was answered 504 after it was stored would
/// come back as a conflict with ourselves.
///
/// # Errors
/// When neither a kubeconfig nor a service account is there, or it can't be used.
pub async fn connect() -> Result<Client, ConnectError> {
    let mut config = Config::infer().await.map_err(|_| ConnectError::NoConfig)?;
    config.default_retry = false;
    config.connect_timeout = Some(Duration::from_secs(10));
    // A list or the start of a watch on a dead connection must end too; a live watch is ended by the API server before
    // this.
    config.read_timeout = Some(Duration::from_secs(330));
    Client::try_from(config).map_err(|_| ConnectError::BadConfig)
}

/// Why there is no client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// Nothing says where the API server is.
    #[error(
        "no way to the Kubernetes API server: no service account is mounted and no kubeconfig was found. Set KUBECONFIG, or run in a pod"
    )]
    NoConfig,
    /// The configuration can't be used.
    #[error("the kubeconfig or service account can't be used: check its certificates, server and credentials")]
    BadConfig,
}

impl Cluster {
    /// Access through a client from [`connect`].
    #[must_use]
    pub fn new(client: Client, metrics: Metrics) -> Self {
        Self { client, flights: Semaphore::new(CALLS_AT_ONCE), ordinary: Semaphore::new(CALLS_AT_ONCE), metrics }
    }

    /// The client, for watches.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The objects of a kind in a namespace.
    #[must_use]
    pub fn api<K>(&self, namespace: &str) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.client.clone(), namespace)
    }

    /// Makes one call, bounded in time.
    ///
    /// # Errors
    /// The class of the failure.
    pub async fn call<T>(&self, call: impl Future<Output = kube::Result<T>>) -> Result<T, CallError> {
        self.call_in(Lane::Ordinary, call).await
    }

    /// Makes one call of a lane, bounded in time.
    ///
    /// # Errors
    /// The class of the failure.
    pub async fn call_in<T>(&self, lane: Lane, call: impl Future<Output = kube::Result<T>>) -> Result<T, CallError> {
        let calls = match lane {
            Lane::Attempt => &self.flights,
            Lane::Ordinary => &self.ordinary,
        };
        let _turn = calls.acquire().await.map_err(|_| CallError::Unclear)?;
        let result = match tokio::time::timeout(CALL_TIMEOUT, call).await {
            Ok(result) => result.map_err(|e| meaning(&e)),
            Err(_) => Err(CallError::Unclear),
        };
        if let Err(error) = result.as_ref().map(|_| ()) {
            self.metrics.kube_error(error.category());
        }
        result
    }
}

/// The class of a client error. Its text isn't passed on: it can repeat the content of an object.
fn meaning(error: &kube::Error) -> CallError {
    match error {
        kube::Error::Api(status) => match (status.code, status.reason.as_str()) {
            (404, _) => CallError::NotFound,
            (409, "AlreadyExists") => CallError::AlreadyExists,
            (409, _) => CallError::Conflict,
            (401 | 403, _) => CallError::Forbidden,
            (400 | 405 | 406 | 413 | 415 | 422, _) => CallError::Invalid,
            (429, _) => CallError::Throttled,
            _ => CallError::Unclear,
        },
        kube::Error::SerdeError(_) => CallError::Unreadable,
        _ => CallError::Unclear,
    }
}
