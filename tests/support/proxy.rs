//! The proxies between one operator process and its servers: all its requests to the API server and to the Propensity
//! API pass here. A trap can catch one request; all other requests of the process are then paused until the test has
//! decided what happens to the caught one. Random faults can be injected too.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

use super::call::Journal;
use super::cluster::{RUNTIME, cluster};
use super::intercept::{Cut, Decision, Interceptor, Server, Trap};
use super::programs::{RUN, unique_name};
use super::random_faults::RandomFaults;

/// The address of the Propensity API for all processes of a case. It must be the same for all, because the names of
/// receipts depend on it. The kernel's tables show which process a connection belongs to.
pub struct Gateway {
    pub journal: Journal,
    simulator: SocketAddr,
    address: SocketAddr,
    faults: Arc<Mutex<Option<RandomFaults>>>,
    processes: Arc<Processes>,
    accepting: AbortHandle,
}

/// The proxy of one process. When it is dropped, it closes everything and forwards nothing more.
pub struct Proxy {
    interceptor: Arc<Interceptor>,
    /// The address of the Propensity API for the process.
    pub api: SocketAddr,
    /// The kubeconfig for the process.
    pub kubeconfig: PathBuf,
    processes: Arc<Processes>,
    accepting: AbortHandle,
}

/// Process IDs and their proxies.
type Processes = Mutex<Vec<(u32, Weak<Interceptor>)>>;

impl Gateway {
    /// Starts a gateway in front of a simulator.
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
                        // While the kernel's table changes, a line can be missing. If the process isn't found at all,
                        // it is dead already.
                        for _ in 0..20 {
                            let owner = owner(&known, peer.port(), address.port());
                            if let Some(interceptor) = owner.and_then(|interceptor| interceptor.upgrade()) {
                                return serve(stream, interceptor, Server::Propensity).await;
                            }
                            tokio::time::sleep(Duration::from_millis(10)).await;
                        }
                    });
                }
            });
            let accepting = accepting.abort_handle();
            Self { journal: Journal::default(), simulator, address, faults: Arc::default(), processes, accepting }
        })
    }

    /// Starts or ends random faults for all processes.
    pub fn set_faults(&self, faults: Option<RandomFaults>) {
        *self.faults.lock().expect("not poisoned") = faults;
    }

    /// How many faults were injected so far.
    pub fn fault_count(&self) -> usize {
        self.faults.lock().expect("not poisoned").as_ref().map_or(0, RandomFaults::count)
    }

    /// A proxy for a process that isn't started yet.
    pub fn proxy(&self) -> Proxy {
        self.proxy_with(None)
    }

    /// The same, with another API server for lists and watches.
    pub fn proxy_with(&self, stale: Option<Client>) -> Proxy {
        RUNTIME.block_on(async {
            let mut propensity = Config::new(format!("http://{}", self.simulator).parse().expect("a loopback URL"));
            propensity.default_retry = false;
            let propensity = Client::try_from(propensity).expect("plain HTTP needs no TLS");
            let kubernetes = upstream(&cluster().kubeconfig).await;
            let (journal, faults) = (self.journal.clone(), Arc::clone(&self.faults));
            let interceptor = Arc::new(Interceptor::new(kubernetes, stale, propensity, journal, faults));
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            let address = listener.local_addr().expect("it is bound");
            let text = fs::read_to_string(&cluster().operator_kubeconfig).expect("the cluster wrote it");
            let mut config: Value = serde_saphyr::from_str(&text).expect("a kubeconfig is YAML");
            config["clusters"][0]["cluster"] = json!({"server": format!("http://{address}")});
            let kubeconfig = RUN.join(unique_name("proxy.kubeconfig"));
            fs::write(&kubeconfig, config.to_string()).expect("the run's folder can be written");
            let serving = Arc::clone(&interceptor);
            let accepting = tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(serve(stream, Arc::clone(&serving), Server::Kubernetes));
                }
            });
            let (accepting, processes) = (accepting.abort_handle(), Arc::clone(&self.processes));
            Proxy { interceptor, api: self.address, kubeconfig, processes, accepting }
        })
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// The proxy of the process at the other end of a connection, from its port to the gateway's.
fn owner(known: &Processes, port: u16, gateway: u16) -> Option<Weak<Interceptor>> {
    let table = fs::read_to_string("/proc/net/tcp").ok()?;
    let ends = format!(" 0100007F:{port:04X} 0100007F:{gateway:04X} ");
    let line = table.lines().find(|line| line.contains(&ends))?;
    let socket = format!("socket:[{}]", line.split_whitespace().nth(9)?);
    let known = known.lock().expect("not poisoned");
    let mut found = known.iter().filter(|(pid, _)| {
        let files = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        files.filter_map(|file| fs::read_link(file.path()).ok()).any(|link| link.as_os_str() == socket.as_str())
    });
    found.next().map(|(_, interceptor)| interceptor.clone())
}

impl Proxy {
    /// Sets the process that this proxy is for.
    pub fn register_process(&self, pid: u32) {
        self.processes.lock().expect("not poisoned").push((pid, Arc::downgrade(&self.interceptor)));
    }

    /// Sets the trap.
    pub fn arm(&self, trap: Trap) {
        *self.interceptor.trap.lock().expect("not poisoned") = Some(trap);
    }

    /// Whether the trap has caught a request.
    pub fn has_caught(&self) -> bool {
        *self.interceptor.caught.borrow()
    }

    /// Forwards the caught request to its server; its response still waits.
    pub fn forward_caught(&self) {
        self.interceptor.request.send_replace(Decision::Deliver);
    }

    /// Resumes all requests. The caught request is forwarded, and its response is delivered or lost.
    pub fn resume(&self, lose_response: bool) {
        self.interceptor.response.send_replace(if lose_response { Decision::Lose } else { Decision::Deliver });
        self.forward_caught();
        self.interceptor.paused.send_replace(false);
    }

    /// Closes the connection of the caught request and resumes all others. [`Proxy::forward_caught`] can still forward
    /// the caught request.
    pub fn cut(&self) {
        self.interceptor.response.send_replace(Decision::Lose);
        self.interceptor.paused.send_replace(false);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        // Only a request that still waits is lost; one that was forwarded before is not.
        self.interceptor.request.send_if_modified(|decision| {
            let pending = *decision == Decision::Pending;
            *decision = if pending { Decision::Lose } else { *decision };
            pending
        });
        self.interceptor.response.send_replace(Decision::Lose);
        self.interceptor.paused.send_replace(false);
        let _ = fs::remove_file(&self.kubeconfig);
    }
}

/// A client of an API server without credentials of its own: the operator's credentials are passed on.
pub async fn upstream(kubeconfig: &std::path::Path) -> Client {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).expect("a kubeconfig");
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    let mut config = config.expect("a usable kubeconfig");
    config.auth_info = AuthInfo::default();
    config.default_retry = false;
    config.read_timeout = None;
    Client::try_from(config).expect("a usable kubeconfig")
}

async fn serve(stream: TcpStream, interceptor: Arc<Interceptor>, server: Server) {
    let service = service_fn(move |request| {
        // A separate task, so that the request continues when its sender is dead.
        let handling = tokio::spawn(Arc::clone(&interceptor).handle(server, request));
        async { handling.await.unwrap_or(Err(Cut)) }
    });
    let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // Cut connections are expected here.
    let _ = connection.await;
}
