//! A second API server on the same etcd. Its connection to etcd can be frozen; it then returns old data.

use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::cluster::{RUNTIME, cluster};
use super::programs::{BIN, ChildProcess, root};
use super::proxy::upstream;

/// A second API server of the cluster.
pub struct StaleApiServer {
    frozen: Arc<watch::Sender<bool>>,
    accepting: AbortHandle,
    client: Client,
    _process: ChildProcess,
}

impl StaleApiServer {
    /// Starts it, with a working connection to etcd.
    pub fn start() -> Self {
        let frozen = Arc::new(watch::Sender::new(false));
        let (link, accepting) = RUNTIME.block_on(listen(Arc::clone(&frozen)));
        let mut command = Command::new(BIN.join("cluster"));
        command.args(["join", "--hold", "stdin", "--dir"]).arg(&cluster().dir);
        command.args(["--etcd", &format!("http://{link}")]).current_dir(root());
        let process = ChildProcess::start(&mut command, Stdio::inherit());
        let line = process.line(Duration::from_mins(3)).expect("the server must start; the reason is printed above");
        let about: Value = serde_json::from_str(&line).expect("one line of JSON");
        let kubeconfig = about["kubeconfig"].as_str().expect("a documented field");
        let client = RUNTIME.block_on(upstream(kubeconfig.as_ref()));
        Self { frozen, accepting, client, _process: process }
    }

    /// A client without credentials.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// Freezes the connection to etcd, or lets it continue.
    pub fn freeze(&self, frozen: bool) {
        self.frozen.send_replace(frozen);
    }
}

impl Drop for StaleApiServer {
    fn drop(&mut self) {
        self.freeze(false);
        self.accepting.abort();
    }
}

async fn listen(frozen: Arc<watch::Sender<bool>>) -> (SocketAddr, AbortHandle) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let accepting = tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let frozen = Arc::clone(&frozen);
            tokio::spawn(async move {
                let Ok(far) = TcpStream::connect(cluster().etcd).await else { return };
                let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
                tokio::join!(pump(near_in, far_out, &frozen), pump(far_in, near_out, &frozen));
            });
        }
    });
    (address, accepting.abort_handle())
}

/// Copies one direction of the connection while it isn't frozen.
async fn pump(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    frozen: &watch::Sender<bool>,
) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let _ = frozen.subscribe().wait_for(|frozen| !frozen).await;
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
