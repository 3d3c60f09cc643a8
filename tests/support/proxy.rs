//! A man in the middle for one operator process: all that it asks of the API server and of the Propensity API passes here. One
//! request can be caught, at a point of its way; the world then stands still for this process until the test has decided what
//! becomes of it. And a weather can be ordered: troubles that befall requests at random, by a seed.

use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use futures::{StreamExt as _, stream};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::header::{CONNECTION, HOST, TRANSFER_ENCODING};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::call::{Call, Journal, Passed};
use super::cluster::{RUNTIME, cluster};
use super::programs::{RUN, numbered};
use super::weather::{Trouble, Weather};

/// Where on its way a request is caught.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Point {
    /// Before it is sent: it arrives when the process goes on, and never if that is killed.
    Unsent,
    /// It is received, and applied later: when the process is dead, or while it sleeps.
    Unapplied,
    /// It is applied, and its answer is lost.
    Unanswered,
    /// Its answer has arrived; whatever the process asks next stands still.
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

/// Which request is caught, and where: the `nth` of its kind since the trap was set, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trap {
    pub call: Call,
    pub nth: u32,
    pub point: Point,
}

/// Where all the processes of a case find the Propensity API: at one address, since that is a part of what receipts are named after.
/// Which process a connection comes from is looked up with the kernel.
pub struct Gateway {
    pub journal: Journal,
    simulator: SocketAddr,
    address: SocketAddr,
    weather: Arc<Mutex<Option<Weather>>>,
    processes: Arc<Processes>,
    accepting: AbortHandle,
}

/// A proxy of one process. Dropped, it lets go of everything and applies nothing more.
pub struct Proxy {
    shared: Arc<Shared>,
    /// Where the process finds the Propensity API.
    pub api: SocketAddr,
    /// Where the process finds the API server.
    pub kubeconfig: PathBuf,
    processes: Arc<Processes>,
    accepting: AbortHandle,
}

/// Processes by their IDs, with their proxies.
type Processes = Mutex<Vec<(u32, Weak<Shared>)>>;

/// On which side of the operator a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Kubernetes,
    Propensity,
}

/// What becomes of a request that is caught.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Open,
    Go,
    Lost,
}

struct Shared {
    kubernetes: Client,
    /// Where lists and watches go, if not to the same API server.
    stale: Option<Client>,
    propensity: Client,
    journal: Journal,
    trap: Mutex<Option<Trap>>,
    weather: Arc<Mutex<Option<Weather>>>,
    still: watch::Sender<bool>,
    caught: watch::Sender<bool>,
    request: watch::Sender<Fate>,
    answer: watch::Sender<Fate>,
}

/// The body of an answer, which may be a watch that lasts.
type Body = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// The connection ends without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is cut")]
struct Cut;

impl Gateway {
    /// Starts one in front of a simulator.
    pub fn start(simulator: SocketAddr) -> Self {
        RUNTIME.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            let address = listener.local_addr().expect("it is bound");
            let processes = Arc::<Processes>::default();
            let known = Arc::clone(&processes);
            let accepting = tokio::spawn(async move {
                while let Ok((stream, peer)) = listener.accept().await {
                    let known = Arc::clone(&known);
                    tokio::spawn(async move {
                        // The kernel's table can miss a line while it changes; a process that nobody knows is dead already.
                        for _ in 0..20 {
                            if let Some(shared) =
                                owner(&known, peer.port(), address.port()).and_then(|shared| shared.upgrade())
                            {
                                return serve(stream, shared, Side::Propensity).await;
                            }
                            tokio::time::sleep(Duration::from_millis(10)).await;
                        }
                    });
                }
            });
            let accepting = accepting.abort_handle();
            Self { journal: Journal::default(), simulator, address, weather: Arc::default(), processes, accepting }
        })
    }

    /// Orders troubles for all processes, or their end.
    pub fn weather(&self, weather: Option<Weather>) {
        *self.weather.lock().expect("nobody panics with it") = weather;
    }

    /// How often troubles have befallen a request.
    pub fn troubles(&self) -> usize {
        self.weather.lock().expect("nobody panics with it").as_ref().map_or(0, Weather::count)
    }

    /// A proxy for a process that is yet to be started.
    pub fn proxy(&self) -> Proxy {
        self.proxy_with(None)
    }

    /// The same, with another API server for lists and watches.
    pub fn proxy_with(&self, stale: Option<Client>) -> Proxy {
        RUNTIME.block_on(async {
            let mut propensity = Config::new(format!("http://{}", self.simulator).parse().expect("a URL of loopback"));
            propensity.default_retry = false;
            let shared = Arc::new(Shared {
                kubernetes: upstream(&cluster().kubeconfig).await,
                stale,
                propensity: Client::try_from(propensity).expect("plain HTTP needs no TLS"),
                journal: self.journal.clone(),
                trap: Mutex::default(),
                weather: Arc::clone(&self.weather),
                still: watch::Sender::new(false),
                caught: watch::Sender::new(false),
                request: watch::Sender::new(Fate::Open),
                answer: watch::Sender::new(Fate::Open),
            });
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            let address = listener.local_addr().expect("it is bound");
            let text = fs::read_to_string(&cluster().operator_kubeconfig).expect("the cluster wrote it");
            let mut config: Value = serde_saphyr::from_str(&text).expect("a kubeconfig is YAML");
            config["clusters"][0]["cluster"] = json!({"server": format!("http://{address}")});
            let kubeconfig = RUN.join(numbered("proxy.kubeconfig"));
            fs::write(&kubeconfig, config.to_string()).expect("the run's folder can be written");
            let serving = Arc::clone(&shared);
            let accepting = tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(serve(stream, Arc::clone(&serving), Side::Kubernetes));
                }
            });
            let (accepting, processes) = (accepting.abort_handle(), Arc::clone(&self.processes));
            Proxy { shared, api: self.address, kubeconfig, processes, accepting }
        })
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Whose is the other end of a connection, from this port to ours.
fn owner(known: &Processes, port: u16, ours: u16) -> Option<Weak<Shared>> {
    let table = fs::read_to_string("/proc/net/tcp").ok()?;
    let ends = format!(" 0100007F:{port:04X} 0100007F:{ours:04X} ");
    let line = table.lines().find(|line| line.contains(&ends))?;
    let socket = format!("socket:[{}]", line.split_whitespace().nth(9)?);
    let known = known.lock().expect("nobody panics with it");
    let mut found = known.iter().filter(|(pid, _)| {
        let files = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        files.filter_map(|file| fs::read_link(file.path()).ok()).any(|link| link.as_os_str() == socket.as_str())
    });
    found.next().map(|(_, shared)| shared.clone())
}

impl Proxy {
    /// Tells which process this is for.
    pub fn serve(&self, pid: u32) {
        self.processes.lock().expect("nobody panics with it").push((pid, Arc::downgrade(&self.shared)));
    }

    /// Sets the trap.
    pub fn arm(&self, trap: Trap) {
        *self.shared.trap.lock().expect("nobody panics with it") = Some(trap);
    }

    /// Whether a request is in the trap, or was.
    pub fn has_caught(&self) -> bool {
        *self.shared.caught.borrow()
    }

    /// Lets a caught request reach its server; its answer waits.
    pub fn apply(&self) {
        self.shared.request.send_replace(Fate::Go);
    }

    /// The world goes on; the caught request reaches its server and is answered, unless it is lost.
    pub fn go_on(&self, answer_lost: bool) {
        self.shared.answer.send_replace(if answer_lost { Fate::Lost } else { Fate::Go });
        self.apply();
        self.shared.still.send_replace(false);
    }

    /// The world goes on, with the connection of the caught request cut; [`Proxy::apply`] can still let the request through.
    pub fn cut(&self) {
        self.shared.answer.send_replace(Fate::Lost);
        self.shared.still.send_replace(false);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        // Only what still waits: what was let through before is on its way.
        self.shared.request.send_if_modified(|fate| {
            let open = *fate == Fate::Open;
            *fate = if open { Fate::Lost } else { *fate };
            open
        });
        self.shared.answer.send_replace(Fate::Lost);
        self.shared.still.send_replace(false);
        let _ = fs::remove_file(&self.kubeconfig);
    }
}

/// A client of an API server that brings no credentials of its own: those of the operator pass through.
pub async fn upstream(kubeconfig: &std::path::Path) -> Client {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).expect("a kubeconfig");
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    let mut config = config.expect("a usable kubeconfig");
    config.auth_info = AuthInfo::default();
    config.default_retry = false;
    config.read_timeout = None;
    Client::try_from(config).expect("a usable kubeconfig")
}

async fn serve(stream: TcpStream, shared: Arc<Shared>, side: Side) {
    let service = service_fn(move |request| {
        // A task of its own, so that what is on its way goes on when its sender is dead.
        let passing = tokio::spawn(Arc::clone(&shared).pass(side, request));
        async { passing.await.unwrap_or(Err(Cut)) }
    });
    let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // That a connection is cut is what this is for.
    let _ = connection.await;
}

impl Shared {
    async fn pass(self: Arc<Self>, side: Side, request: Request<Incoming>) -> Result<Response<Body>, Cut> {
        let (mut parts, body) = request.into_parts();
        let body = body.collect().await.map_err(|_| Cut)?.to_bytes();
        let call = match side {
            Side::Propensity => Call::Post,
            Side::Kubernetes => {
                let query = parts.uri.query().unwrap_or_default();
                Call::of_kubernetes(&parts.method, parts.uri.path(), query, &body)
            }
        };
        for header in [HOST, CONNECTION, TRANSFER_ENCODING] {
            parts.headers.remove(header);
        }
        let request = Request::from_parts(parts, body);
        until(&self.still, |still| !still).await;
        if let Some(point) = self.spring(call) {
            return self.hold(side, call, point, request).await;
        }
        let trouble = self.weather.lock().expect("nobody panics with it").as_mut().and_then(|w| w.befalls(call));
        if let Some(trouble) = trouble {
            return self.suffer(side, call, trouble, request).await;
        }
        let answer = self.forward(side, call, request).await?;
        until(&self.still, |still| !still).await;
        Ok(answer)
    }

    /// Whether this request springs the trap.
    fn spring(&self, call: Call) -> Option<Point> {
        let mut trap = self.trap.lock().expect("nobody panics with it");
        let set = trap.as_mut().filter(|trap| trap.call == call)?;
        set.nth -= 1;
        if set.nth > 0 {
            return None;
        }
        let point = set.point;
        *trap = None;
        self.still.send_replace(true);
        Some(point)
    }

    async fn hold(
        self: &Arc<Self>,
        side: Side,
        call: Call,
        point: Point,
        request: Request<Bytes>,
    ) -> Result<Response<Body>, Cut> {
        match point {
            Point::Answered => {
                let answer = self.forward(side, call, request).await?;
                let shared = Arc::clone(self);
                tokio::spawn(async move {
                    // Long enough for the answer to be read; what comes next is held anyway.
                    tokio::time::sleep(Duration::from_millis(30)).await;
                    shared.caught.send_replace(true);
                });
                Ok(answer)
            }
            Point::Unanswered => {
                let answer = self.forward(side, call, request).await;
                self.caught.send_replace(true);
                self.unless_lost(async { answer }).await
            }
            Point::Unsent | Point::Unapplied => {
                self.caught.send_replace(true);
                let shared = Arc::clone(self);
                let forwarding = tokio::spawn(async move {
                    match until(&shared.request, |fate| *fate != Fate::Open).await {
                        Fate::Lost => Err(Cut),
                        _ => shared.forward(side, call, request).await,
                    }
                });
                self.unless_lost(async { forwarding.await.unwrap_or(Err(Cut)) }).await
            }
        }
    }

    async fn unless_lost(
        &self,
        answer: impl Future<Output = Result<Response<Body>, Cut>>,
    ) -> Result<Response<Body>, Cut> {
        match until(&self.answer, |fate| *fate != Fate::Open).await {
            Fate::Lost => Err(Cut),
            _ => answer.await,
        }
    }

    async fn forward(&self, side: Side, call: Call, request: Request<Bytes>) -> Result<Response<Body>, Cut> {
        let client = match (side, call) {
            (Side::Propensity, _) => &self.propensity,
            (Side::Kubernetes, Call::List | Call::Watch) => self.stale.as_ref().unwrap_or(&self.kubernetes),
            (Side::Kubernetes, _) => &self.kubernetes,
        };
        self.journal.add(Passed::Forwarded(call));
        let mut answer = client.send(request.map(kube::client::Body::from)).await.map_err(|_| Cut)?;
        self.journal.add(Passed::Answered(call, answer.status().as_u16()));
        for header in [CONNECTION, TRANSFER_ENCODING] {
            answer.headers_mut().remove(header);
        }
        Ok(answer.map(|body| body.map_err(Into::into).boxed_unsync()))
    }

    async fn suffer(
        &self,
        side: Side,
        call: Call,
        trouble: Trouble,
        request: Request<Bytes>,
    ) -> Result<Response<Body>, Cut> {
        match trouble {
            Trouble::Refused(status) => Ok(refusal(status)),
            Trouble::Applied(status) => {
                self.forward(side, call, request).await?;
                Ok(refusal(status))
            }
            Trouble::Cut => Err(Cut),
            Trouble::CutApplied => {
                self.forward(side, call, request).await?;
                Err(Cut)
            }
            Trouble::Hang => std::future::pending().await,
            Trouble::Short(time) => {
                let answer = self.forward(side, call, request).await?;
                Ok(answer.map(|body| shortened(body, time)))
            }
        }
    }
}

/// An answer of the API server that tells of an error.
fn refusal(status: u16) -> Response<Body> {
    let reason = match status {
        409 => "Conflict",
        410 => "Expired",
        429 => "TooManyRequests",
        504 => "Timeout",
        _ => "InternalError",
    };
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "trouble to order", "reason": reason, "code": status,
    });
    let mut answer = Response::new(Full::from(body.to_string()).map_err(|never| match never {}).boxed_unsync());
    *answer.status_mut() = hyper::StatusCode::from_u16(status).expect("a status");
    answer.headers_mut().insert("content-type", "application/json".parse().expect("a header"));
    if status == 429 {
        answer.headers_mut().insert("retry-after", "1".parse().expect("a header"));
    }
    answer
}

/// A body whose connection is cut after so long.
fn shortened(body: Body, time: Duration) -> Body {
    let cut = stream::once(tokio::time::sleep(time)).map(|()| Err(Cut.into()));
    let frames = stream::select(body.into_data_stream().map(|data| data.map(Frame::data)), cut);
    StreamBody::new(frames).boxed_unsync()
}

/// Waits until a value is so, and gives it.
async fn until<T: Copy>(watched: &watch::Sender<T>, so: impl FnMut(&T) -> bool) -> T {
    *watched.subscribe().wait_for(so).await.expect("the sender is borrowed here")
}
