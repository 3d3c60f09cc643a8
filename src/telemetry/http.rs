//! The HTTP endpoints for probes and Prometheus: `/livez`, `/readyz` and `/metrics`.
//!
//! They are open to the whole cluster network, so their use of resources is limited: a connection serves one request,
//! ends after ten seconds in any case, and the number of connections has a limit.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;
use tokio_util::sync::CancellationToken;

use super::metrics::{CONTENT_TYPE, Metrics};
use crate::clock::Stopwatch;

/// The main loop counts as hanging if it doesn't report for longer than this.
const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(60);
const MAX_CONNECTIONS: usize = 128;
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(10);

/// Whether the process is live and ready. Clones share their state.
#[derive(Clone, Debug)]
pub struct Health(Arc<Mutex<HealthState>>);

#[derive(Debug)]
struct HealthState {
    ready: BTreeMap<&'static str, bool>,
    failed: Option<&'static str>,
    beat: Stopwatch,
    timeout: Duration,
}

impl Health {
    /// Live, and ready when all these components are ready.
    pub fn new(required: &[&'static str]) -> Self {
        Self::with_timeout(required, HEARTBEAT_TIMEOUT)
    }

    fn with_timeout(required: &[&'static str], timeout: Duration) -> Self {
        Self(Arc::new(Mutex::new(HealthState {
            ready: required.iter().map(|&component| (component, false)).collect(),
            failed: None,
            beat: Stopwatch::start(),
            timeout,
        })))
    }

    /// Sets whether a component is ready. A new name becomes a required component.
    pub fn set_ready(&self, component: &'static str, ready: bool) {
        self.lock().ready.insert(component, ready);
    }

    /// Reports that the main loop runs. Must be called at least once a minute, also by a standby and during shutdown.
    pub fn beat(&self) {
        self.lock().beat = Stopwatch::start();
    }

    /// Reports a failure that only a restart can repair.
    pub fn fail(&self, why: &'static str) {
        self.lock().failed = Some(why);
    }

    fn alive(&self) -> Result<(), &'static str> {
        let state = self.lock();
        match state.failed {
            Some(why) => Err(why),
            None if state.beat.elapsed() > state.timeout => Err("the main loop hangs"),
            None => Ok(()),
        }
    }

    /// Whether everything is ready, with a line for each component.
    fn ready(&self) -> (bool, String) {
        let state = self.lock();
        let mut lines = String::new();
        for (component, &ready) in &state.ready {
            let word = if ready { "ok" } else { "not ready" };
            writeln!(lines, "{component}: {word}").expect("writing to a string can't fail");
        }
        (state.ready.values().all(|&ready| ready), lines)
    }

    fn lock(&self) -> MutexGuard<'_, HealthState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Listening on the address failed.
#[derive(Debug, thiserror::Error)]
#[error("can't listen on {address} for probes and metrics; choose another address with --listen")]
pub struct ListenError {
    address: SocketAddr,
    source: io::Error,
}

/// Listens on the address. Port 0 selects a free port.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, ListenError> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|source| ListenError { address, source })
}

/// Serves until `stop` is cancelled.
pub async fn serve(listener: TcpListener, health: Health, metrics: Metrics, stop: CancellationToken) {
    serve_for(listener, health, metrics, stop, CONNECTION_TIMEOUT).await;
}

async fn serve_for(
    listener: TcpListener,
    health: Health,
    metrics: Metrics,
    stop: CancellationToken,
    lifetime: Duration,
) {
    let probes = Router::new()
        .route("/", get(|| async { "/livez\n/readyz\n/metrics\n" }))
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .with_state(health);
    let app = Router::new()
        .route("/metrics", get(scrape))
        .with_state(metrics)
        .merge(probes)
        .layer(map_response(one_request_a_connection));
    let limited = LimitedListener { listener, connections: Arc::new(Semaphore::new(MAX_CONNECTIONS)), lifetime };
    let served = axum::serve(limited, app).with_graceful_shutdown(stop.cancelled_owned());
    served.await.expect("serving ends only on request");
}

async fn livez(State(health): State<Health>) -> Response {
    match health.alive() {
        Ok(()) => "ok\n".into_response(),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
    }
}

async fn readyz(State(health): State<Health>) -> Response {
    let (ready, lines) = health.ready();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, lines).into_response()
}

async fn scrape(State(metrics): State<Metrics>) -> Response {
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], metrics.encode()).into_response()
}

async fn one_request_a_connection(mut response: Response) -> Response {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// A listener that limits the number and the lifetime of connections.
struct LimitedListener {
    listener: TcpListener,
    connections: Arc<Semaphore>,
    lifetime: Duration,
}

impl Listener for LimitedListener {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let permit = Arc::clone(&self.connections).acquire_owned().await;
        let permit = permit.expect("the semaphore is never closed");
        let (stream, address) = Listener::accept(&mut self.listener).await;
        let connection = Connection { stream, end: Box::pin(tokio::time::sleep(self.lifetime)), _permit: permit };
        (connection, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that fails at the end of its lifetime.
struct Connection {
    stream: TcpStream,
    end: Pin<Box<Sleep>>,
    _permit: OwnedSemaphorePermit,
}

impl Connection {
    fn poll_end(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        match self.end.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::ErrorKind::TimedOut.into()),
            Poll::Pending => Ok(()),
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.poll_end(context)?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_end(context)?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_end(context)?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests;
