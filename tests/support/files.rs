//! A file server that replaces Flux's source-controller or any HTTPS server, and the parts of Flux's CRDs that the
//! operator needs.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, Once};

use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use kube::Api;
use kube::api::{DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;

use super::cluster::{RUNTIME, cluster};
use super::objects::Kind;
use super::programs::{RUN, unique_name};
use super::wait::{ensure, eventually};

/// A running file server.
pub struct Files {
    address: SocketAddr,
    is_secure: bool,
    shared: Arc<Shared>,
    accepting: AbortHandle,
}

#[derive(Default)]
struct Shared {
    files: Mutex<HashMap<String, File>>,
    requests: Mutex<Vec<(String, u16)>>,
}

#[derive(Clone)]
struct File {
    status: u16,
    headers: Vec<(&'static str, String)>,
    bytes: Bytes,
}

impl Files {
    /// Serves plain HTTP.
    pub fn plain() -> Self {
        Self::start(None)
    }

    /// Serves TLS, with a self-signed certificate for `localhost`. Also returns the path of its CA file.
    pub fn secure() -> (Self, PathBuf) {
        let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = rustls::pki_types::PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config =
            rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth().with_single_cert(vec![certified.cert.der().clone()], key).unwrap();
        let path = RUN.join(format!("{}.pem", unique_name("ca")));
        std::fs::write(&path, certified.cert.pem()).unwrap();
        (Self::start(Some(TlsAcceptor::from(Arc::new(config)))), path)
    }

    fn start(tls: Option<TlsAcceptor>) -> Self {
        let shared = Arc::new(Shared::default());
        let is_secure = tls.is_some();
        let (address, accepting) = RUNTIME.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            (address, tokio::spawn(accept(listener, tls, Arc::clone(&shared))).abort_handle())
        });
        Self { address, is_secure, shared, accepting }
    }

    /// The URL of a file.
    pub fn url(&self, path: &str) -> String {
        let scheme = if self.is_secure { "https" } else { "http" };
        format!("{scheme}://localhost:{}{path}", self.address.port())
    }

    /// Adds or replaces a file. Its ETag is its hash.
    pub fn put(&self, path: &str, bytes: impl Into<Vec<u8>>) {
        let bytes = bytes.into();
        self.serve(path, 200, vec![("etag", format!("{:?}", sha256(&bytes)))], bytes);
    }

    /// Sets the complete response for a path.
    pub fn serve(&self, path: &str, status: u16, headers: Vec<(&'static str, String)>, bytes: Vec<u8>) {
        let file = File { status, headers, bytes: bytes.into() };
        self.shared.files.lock().unwrap().insert(path.to_owned(), file);
    }

    /// The requests so far, with the status of their responses.
    pub fn requests(&self) -> Vec<(String, u16)> {
        self.shared.requests.lock().unwrap().clone()
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (tls, shared) = (tls.clone(), Arc::clone(&shared));
        tokio::spawn(async move {
            match tls {
                None => answer(stream, shared).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        answer(stream, shared).await;
                    }
                }
            }
        });
    }
}

async fn answer(stream: impl AsyncRead + AsyncWrite + Unpin, shared: Arc<Shared>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let path = request.uri().path().to_owned();
        let file = shared.files.lock().unwrap().get(&path).cloned();
        let mut file = file.unwrap_or(File { status: 404, headers: vec![], bytes: Bytes::from_static(b"canary") });
        let tag = file.headers.iter().find(|(name, _)| *name == "etag").map(|(_, tag)| tag.as_str());
        if tag.is_some() && request.headers().get("if-none-match").and_then(|tag| tag.to_str().ok()) == tag {
            (file.status, file.bytes) = (304, Bytes::new());
        }
        shared.requests.lock().unwrap().push((path, file.status));
        let mut response = Response::builder().status(file.status);
        for (name, value) in file.headers {
            response = response.header(name, value);
        }
        let response = response.body(Full::new(file.bytes)).unwrap();
        async { Ok::<_, Infallible>(response) }
    });
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

pub fn sha256(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(bytes))
}

/// A gzip-compressed tar archive of these files.
pub fn archive(files: &[(&str, &str)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(GzEncoder::new(vec![], Compression::default()));
    for (path, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, path, text.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(vec![], Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Installs the CRDs of all Flux sources except `ExternalArtifact`, once.
pub fn install_flux() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| [Kind::GitRepository, Kind::OciRepository, Kind::Bucket].into_iter().for_each(install_crd));
}

/// Installs a CRD with a status subresource that accepts any content.
pub fn install_crd(kind: Kind) {
    let resource = kind.resource();
    let anything = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let schema = json!({"type": "object", "properties": {"spec": anything, "status": anything}});
    let name = format!("{}.{}", resource.plural, resource.group);
    let body = json!({"spec": {
        "group": resource.group,
        "scope": "Namespaced",
        "names": {"kind": resource.kind, "plural": resource.plural},
        "versions": [{
            "name": "v1", "served": true, "storage": true,
            "subresources": {"status": {}}, "schema": {"openAPIV3Schema": schema},
        }],
    }});
    let api: Api<DynamicObject> = Api::all_with(cluster().client.clone(), &Kind::Crd.resource());
    let apply = PatchParams::apply("tests").force();
    let object = Kind::Crd.object(&name, body);
    RUNTIME.block_on(api.patch(&name, &apply, &Patch::Apply(&object))).expect("a valid CRD");
    eventually("the CRD is established", || {
        let crd = RUNTIME.block_on(api.get(&name)).map_err(|error| error.to_string())?;
        let conditions = crd.data["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let established = |c: &Value| c["type"] == "Established" && c["status"] == "True";
        ensure(conditions.iter().any(established), || format!("{conditions:?}"))
    });
}
