//! What a proxy does with each request of its process: forward it, pause it, lose it, or inject a fault.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::{StreamExt as _, stream};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::header::{CONNECTION, HOST, TRANSFER_ENCODING};
use hyper::{Request, Response};
use kube::Client;
use serde_json::json;
use tokio::sync::watch;

use super::call::{Call, Journal, Step};
use super::random_faults::{Fault, RandomFaults};

/// The point of a request's way at which it is caught.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Point {
    /// Before it is sent: it is forwarded when the process continues, and never if the process is killed.
    Unsent,
    /// It is received, and applied later: when the process is dead, or while it is stopped.
    Unapplied,
    /// It is applied, and its response is lost.
    Unanswered,
    /// The process has its response; all later requests of the process are paused.
    Answered,
}

impl Point {
    pub const ALL: [Self; 4] = [Self::Unsent, Self::Unapplied, Self::Unanswered, Self::Answered];
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format!("{self:?}").to_lowercase())
    }
}

/// Which request is caught, and at which point: the `nth` of its kind since the trap was set, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trap {
    pub call: Call,
    pub nth: u32,
    pub point: Point,
}

/// The server that a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Server {
    Kubernetes,
    Propensity,
}

/// What the test has decided about a caught request, or about its response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Pending,
    Deliver,
    Lose,
}

/// The state of one proxy.
pub(super) struct Interceptor {
    pub(super) kubernetes: Client,
    /// The API server for lists and watches, if it is another one.
    pub(super) stale: Option<Client>,
    pub(super) propensity: Client,
    pub(super) journal: Journal,
    pub(super) trap: Mutex<Option<Trap>>,
    pub(super) faults: Arc<Mutex<Option<RandomFaults>>>,
    /// Whether all requests of the process wait.
    pub(super) paused: watch::Sender<bool>,
    /// Whether the trap has caught a request.
    pub(super) caught: watch::Sender<bool>,
    pub(super) request: watch::Sender<Decision>,
    pub(super) response: watch::Sender<Decision>,
}

/// The body of a response, possibly of a watch.
type Body = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// The connection is closed without a response.
#[derive(Debug, thiserror::Error)]
#[error("the connection is cut")]
pub(super) struct Cut;

impl Interceptor {
    pub(super) fn new(
        kubernetes: Client,
        stale: Option<Client>,
        propensity: Client,
        journal: Journal,
        faults: Arc<Mutex<Option<RandomFaults>>>,
    ) -> Self {
        Self {
            kubernetes,
            stale,
            propensity,
            journal,
            trap: Mutex::default(),
            faults,
            paused: watch::Sender::new(false),
            caught: watch::Sender::new(false),
            request: watch::Sender::new(Decision::Pending),
            response: watch::Sender::new(Decision::Pending),
        }
    }

    /// Handles one request.
    pub(super) async fn handle(
        self: Arc<Self>,
        server: Server,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, Cut> {
        let (mut parts, body) = request.into_parts();
        let body = body.collect().await.map_err(|_| Cut)?.to_bytes();
        let call = match server {
            Server::Propensity => Call::Post,
            Server::Kubernetes => {
                let query = parts.uri.query().unwrap_or_default();
                Call::of_kubernetes(&parts.method, parts.uri.path(), query, &body)
            }
        };
        for header in [HOST, CONNECTION, TRANSFER_ENCODING] {
            parts.headers.remove(header);
        }
        let request = Request::from_parts(parts, body);
        wait_for(&self.paused, |paused| !paused).await;
        if let Some(point) = self.take_trap(call) {
            return self.catch(server, call, point, request).await;
        }
        let fault = self.faults.lock().expect("not poisoned").as_mut().and_then(|faults| faults.choose(call));
        if let Some(fault) = fault {
            return self.inject(server, call, fault, request).await;
        }
        let response = self.forward(server, call, request).await?;
        wait_for(&self.paused, |paused| !paused).await;
        Ok(response)
    }

    /// Whether the trap is for this request. If so, the trap is removed and all later requests are paused.
    fn take_trap(&self, call: Call) -> Option<Point> {
        let mut trap = self.trap.lock().expect("not poisoned");
        let set = trap.as_mut().filter(|trap| trap.call == call)?;
        set.nth -= 1;
        if set.nth > 0 {
            return None;
        }
        let point = set.point;
        *trap = None;
        self.paused.send_replace(true);
        Some(point)
    }

    /// Handles the request that the trap has caught.
    async fn catch(
        self: &Arc<Self>,
        server: Server,
        call: Call,
        point: Point,
        request: Request<Bytes>,
    ) -> Result<Response<Body>, Cut> {
        match point {
            Point::Answered => {
                let response = self.forward(server, call, request).await?;
                let interceptor = Arc::clone(self);
                tokio::spawn(async move {
                    // Long enough for the process to read the response. Its next request is paused anyway.
                    tokio::time::sleep(Duration::from_millis(30)).await;
                    interceptor.caught.send_replace(true);
                });
                Ok(response)
            }
            Point::Unanswered => {
                let response = self.forward(server, call, request).await;
                self.caught.send_replace(true);
                self.unless_lost(async { response }).await
            }
            Point::Unsent | Point::Unapplied => {
                self.caught.send_replace(true);
                let interceptor = Arc::clone(self);
                let forwarding = tokio::spawn(async move {
                    match wait_for(&interceptor.request, |decision| *decision != Decision::Pending).await {
                        Decision::Lose => Err(Cut),
                        _ => interceptor.forward(server, call, request).await,
                    }
                });
                self.unless_lost(async { forwarding.await.unwrap_or(Err(Cut)) }).await
            }
        }
    }

    /// Waits for the test's decision about the response.
    async fn unless_lost(
        &self,
        response: impl Future<Output = Result<Response<Body>, Cut>>,
    ) -> Result<Response<Body>, Cut> {
        match wait_for(&self.response, |decision| *decision != Decision::Pending).await {
            Decision::Lose => Err(Cut),
            _ => response.await,
        }
    }

    async fn forward(&self, server: Server, call: Call, request: Request<Bytes>) -> Result<Response<Body>, Cut> {
        let client = match (server, call) {
            (Server::Propensity, _) => &self.propensity,
            (Server::Kubernetes, Call::List | Call::Watch) => self.stale.as_ref().unwrap_or(&self.kubernetes),
            (Server::Kubernetes, _) => &self.kubernetes,
        };
        self.journal.add(Step::Forwarded(call));
        let mut response = client.send(request.map(kube::client::Body::from)).await.map_err(|_| Cut)?;
        self.journal.add(Step::Answered(call, response.status().as_u16()));
        for header in [CONNECTION, TRANSFER_ENCODING] {
            response.headers_mut().remove(header);
        }
        Ok(response.map(|body| body.map_err(Into::into).boxed_unsync()))
    }

    async fn inject(
        &self,
        server: Server,
        call: Call,
        fault: Fault,
        request: Request<Bytes>,
    ) -> Result<Response<Body>, Cut> {
        match fault {
            Fault::Refused(status) => Ok(error_response(status)),
            Fault::Applied(status) => {
                self.forward(server, call, request).await?;
                Ok(error_response(status))
            }
            Fault::Cut => Err(Cut),
            Fault::CutApplied => {
                self.forward(server, call, request).await?;
                Err(Cut)
            }
            Fault::Hang => std::future::pending().await,
            Fault::CutAfter(time) => {
                let response = self.forward(server, call, request).await?;
                Ok(response.map(|body| cut_after(body, time)))
            }
        }
    }
}

/// An error response in the API server's format.
fn error_response(status: u16) -> Response<Body> {
    let reason = match status {
        409 => "Conflict",
        410 => "Expired",
        429 => "TooManyRequests",
        504 => "Timeout",
        _ => "InternalError",
    };
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "injected fault", "reason": reason, "code": status,
    });
    let mut response = Response::new(Full::from(body.to_string()).map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = hyper::StatusCode::from_u16(status).expect("a valid status");
    response.headers_mut().insert("content-type", "application/json".parse().expect("a valid header"));
    if status == 429 {
        response.headers_mut().insert("retry-after", "1".parse().expect("a valid header"));
    }
    response
}

/// A body whose connection is closed after this time.
fn cut_after(body: Body, time: Duration) -> Body {
    let cut = stream::once(tokio::time::sleep(time)).map(|()| Err(Cut.into()));
    let frames = stream::select(body.into_data_stream().map(|data| data.map(Frame::data)), cut);
    StreamBody::new(frames).boxed_unsync()
}

/// Waits until a value meets a condition, and returns it.
async fn wait_for<T: Copy>(watched: &watch::Sender<T>, condition: impl FnMut(&T) -> bool) -> T {
    *watched.subscribe().wait_for(condition).await.expect("the sender still exists")
}
