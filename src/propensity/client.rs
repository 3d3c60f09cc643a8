//! Sends one create request, exactly once. Every result is an [`Answer`]: there is no error that a caller could
//! mistake for "send it again".

use std::time::{Duration, SystemTime};

use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Certificate, Method, Request, Response, redirect, retry};
use tokio::time::{Instant, timeout_at};

use super::answer::{Answer, AnswerClass};
use super::endpoint::BaseUrl;
use super::fault;
use super::key::ApiKey;
use super::mask::Masker;
use super::read::{self, Body};
use crate::audience::Kind;

/// The maximum size of a response body in bytes.
const MAX_BODY_BYTES: usize = 64 * 1024;
/// How long to read the body if the status is sufficient for the class.
const ERROR_BODY_TIMEOUT: Duration = Duration::from_secs(5);
/// The header with the key, as spelled by the API.
pub(super) const KEY_HEADER: HeaderName = HeaderName::from_static("workspace_api_key");

/// How to reach the API.
#[derive(Debug, Clone)]
pub struct ClientSettings {
    /// Timeout of DNS, TCP, a proxy and the TLS handshake together. A failure in this phase proves that nothing was
    /// sent. It should be shorter than the total timeout of each request, which proves nothing.
    pub connect_timeout: Duration,
    /// Certificates (PEM) of authorities to trust in addition to the system's.
    pub extra_roots: Option<Vec<u8>>,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self { connect_timeout: Duration::from_secs(10), extra_roots: None }
    }
}

/// Why the client can't be created.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// A bug: `main` must install a TLS provider first.
    #[error("no TLS provider is installed in this process")]
    NoTlsProvider,
    /// The file of additional certificate authorities.
    #[error("the file of --ca-file contains no valid PEM certificate")]
    BadRoots,
    /// In nearly all cases: the system's certificate authorities are missing.
    #[error(
        "TLS can't be set up: add certificate authorities to the image (/etc/ssl/certs/ca-certificates.crt, or \
         the file of SSL_CERT_FILE)"
    )]
    Setup,
}

/// A create request.
pub struct Create<'a> {
    /// What to create.
    pub kind: Kind,
    /// The key to send.
    pub key: &'a ApiKey,
    /// The JSON to send. All strings in it are masked in the API's message.
    pub body: Vec<u8>,
    /// The timeout for connecting, sending, waiting and reading the answer together.
    pub total: Duration,
    /// The statuses that the workspace lists in `refusedStatuses`. Only 503 makes a difference; 429 always counts.
    pub refused_statuses: &'a [u16],
    /// The wall clock, for a `Retry-After` that is a date.
    pub now: SystemTime,
}

impl std::fmt::Debug for Create<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Create").field("kind", &self.kind).field("total", &self.total).finish_non_exhaustive()
    }
}

/// The client of one API host. Clones share their state; no connection is reused.
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
    /// A client for this host. The proxy settings of the environment apply, except for this machine's own addresses.
    /// `https` requests use a proxy only through CONNECT, so a proxy that rejects them proves that nothing was sent.
    pub fn new(base: BaseUrl, settings: &ClientSettings) -> Result<Self, ClientError> {
        let builder = Self::builder(settings)?;
        let builder = if base.is_loopback() { builder.no_proxy() } else { builder };
        Self::build(base, builder)
    }

    pub(super) fn build(base: BaseUrl, builder: reqwest::ClientBuilder) -> Result<Self, ClientError> {
        let http = builder.build().map_err(|_| ClientError::Setup)?;
        Ok(Self { http, base })
    }

    /// A builder without any feature that could send a request twice.
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

    /// The base URL of the API.
    pub fn base(&self) -> &BaseUrl {
        &self.base
    }

    /// Sends the create request once and returns its result.
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
        let read_until = if status.is_success() { deadline } else { deadline.min(Instant::now() + ERROR_BODY_TIMEOUT) };
        let body = timeout_at(read_until, read_body(response)).await.unwrap_or(Body::TimedOut);
        let result = body.api_result();
        let sent = sent.as_ref().and_then(Request::body).and_then(reqwest::Body::as_bytes);
        let message = result.message.zip(sent).and_then(|(text, sent)| Masker::new(key, sent).mask(&text));
        Answer {
            class: read::class_of(status.as_u16(), &body, result.error, refused_statuses),
            http_status: Some(status.as_u16()),
            api_error: result.error,
            message,
            retry_after,
            elapsed: start.elapsed(),
        }
    }
}

/// An HTTP client that sends each request once: without redirects, retries and reuse of connections.
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
            Ok(Some(chunk)) if bytes.len() + chunk.len() > MAX_BODY_BYTES => return Body::Oversized,
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Ok(None) => return Body::Whole(bytes),
            Err(_) => return Body::Truncated,
        }
    }
}
