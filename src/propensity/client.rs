//! Sends one create, once. Every end is an [`Answer`]; there is no error that a caller could mistake for "try again".

use std::time::{Duration, SystemTime};

use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Certificate, Method, Request, Response, redirect, retry};
use tokio::time::{Instant, timeout_at};

use super::answer::{Answer, AnswerClass};
use super::endpoint::BaseUrl;
use super::fault;
use super::key::WorkspaceKey;
use super::mask::Masker;
use super::read::{self, Body};
use crate::audience::Kind;

/// The most that is read of an answer.
const BODY_LIMIT: usize = 64 * 1024;
/// How long to read the body of an answer whose status has already decided.
const REFUSAL_BODY_TIME: Duration = Duration::from_secs(5);
/// The header that carries the key, as the API spells it.
pub(super) const KEY_HEADER: HeaderName = HeaderName::from_static("workspace_api_key");

/// How to reach the API.
#[derive(Debug, Clone)]
pub struct ClientSettings {
    /// For DNS, TCP, a proxy and the TLS handshake together. A failure within it proves that nothing was sent, so it
    /// should be shorter than every request's total time: a total that ends first can't prove it.
    pub connect_timeout: Duration,
    /// Certificates (PEM) of authorities to trust besides the system's.
    pub extra_roots: Option<Vec<u8>>,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self { connect_timeout: Duration::from_secs(10), extra_roots: None }
    }
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// A mistake in the program: main installs one first.
    #[error("no TLS provider is installed in this process")]
    NoTlsProvider,
    /// The file of extra authorities.
    #[error("the file of extra certificate authorities holds no readable PEM certificate")]
    BadRoots,
    /// The system's authorities, in nearly every case.
    #[error(
        "TLS can't be set up: the image needs certificate authorities (/etc/ssl/certs/ca-certificates.crt, or a file named by SSL_CERT_FILE)"
    )]
    Setup,
}

/// One create.
pub struct Create<'a> {
    /// What to create.
    pub kind: Kind,
    /// The key to send.
    pub key: &'a WorkspaceKey,
    /// The JSON to send. Every string in it is masked in what the API says.
    pub body: Vec<u8>,
    /// For everything: connecting, sending, waiting and reading the answer.
    pub total: Duration,
    /// The statuses that the workspace lists as refusals; only 503 makes a difference, since 429 always is one.
    pub refused_statuses: &'a [u16],
    /// The wall clock, for a `Retry-After` that is a date.
    pub now: SystemTime,
}

impl std::fmt::Debug for Create<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Create").field("kind", &self.kind).field("total", &self.total).finish_non_exhaustive()
    }
}

/// The client of one API host. Clones share everything; no connection is ever used twice.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: BaseUrl,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("base", &self.base).finish_non_exhaustive()
    }
}

impl Client {
    /// A client for this host. The environment's proxy settings count, except for this machine's own addresses: an
    /// `https` request passes a proxy only through CONNECT, so a proxy that says no proves that nothing was sent.
    pub fn new(base: BaseUrl, settings: &ClientSettings) -> Result<Self, ClientError> {
        let builder = Self::builder(settings)?;
        let builder = if base.is_loopback() { builder.no_proxy() } else { builder };
        Self::build(base, builder)
    }

    pub(super) fn build(base: BaseUrl, builder: reqwest::ClientBuilder) -> Result<Self, ClientError> {
        let http = builder.build().map_err(|_| ClientError::Setup)?;
        Ok(Self { http, base })
    }

    /// Every automatism that could send twice is off.
    pub(super) fn builder(settings: &ClientSettings) -> Result<reqwest::ClientBuilder, ClientError> {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            return Err(ClientError::NoTlsProvider);
        }
        let builder = plain_builder(settings.connect_timeout);
        let Some(pem) = &settings.extra_roots else { return Ok(builder) };
        let roots = Certificate::from_pem_bundle(pem).map_err(|_| ClientError::BadRoots)?;
        if roots.is_empty() {
            return Err(ClientError::BadRoots);
        }
        Ok(builder.tls_certs_merge(roots))
    }

    /// The host that it talks to.
    pub fn base(&self) -> &BaseUrl {
        &self.base
    }

    /// Sends the create, once, and says what became of it.
    pub async fn create(&self, create: Create<'_>) -> Answer {
        let Create { kind, key, body, total, refused_statuses, now } = create;
        let start = Instant::now();
        let deadline = start + total;
        let mut request = Request::new(Method::POST, self.base.join(kind));
        request.headers_mut().insert(KEY_HEADER, key.header());
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
        *request.body_mut() = Some(body.into());
        let sent = request.try_clone(); // shares the body

        let response = match timeout_at(deadline, self.http.execute(request)).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Answer::without_reply(fault::class_of(&error), start.elapsed()),
            Err(_) => return Answer::without_reply(AnswerClass::Timeout, start.elapsed()),
        };

        let status = response.status();
        let retry_after = response.headers().get(RETRY_AFTER);
        let retry_after = retry_after.and_then(|value| read::retry_after(value, now + start.elapsed()));
        let read_until = if status.is_success() { deadline } else { deadline.min(Instant::now() + REFUSAL_BODY_TIME) };
        let body = timeout_at(read_until, read_body(response)).await.unwrap_or(Body::TimedOut);
        let said = body.said();
        let sent = sent.as_ref().and_then(Request::body).and_then(reqwest::Body::as_bytes);
        let message = said.message.zip(sent).and_then(|(text, sent)| Masker::new(key, sent).mask(&text));
        Answer {
            class: read::class_of(status.as_u16(), &body, said.error, refused_statuses),
            http_status: Some(status.as_u16()),
            api_error: said.error,
            message,
            retry_after,
            elapsed: start.elapsed(),
        }
    }
}

/// An HTTP client that does what it is told, once: no redirects, no retries, no connection used twice.
pub(crate) fn plain_builder(connect_timeout: Duration) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .user_agent(concat!("propensity-operator/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .pool_max_idle_per_host(0)
        .http1_only()
        .referer(false)
        .connect_timeout(connect_timeout)
}

async fn read_body(mut response: Response) -> Body {
    let mut bytes = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if bytes.len() + chunk.len() > BODY_LIMIT => return Body::Oversized,
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Ok(None) => return Body::Whole(bytes),
            Err(_) => return Body::Truncated,
        }
    }
}
