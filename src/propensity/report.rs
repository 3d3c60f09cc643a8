//! Requests one page of a report. The URL is a secret and never shown; only the name of a host that isn't allowed is.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, SystemTime};

use reqwest::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{Method, Request, Response};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use tokio::time::timeout;
use url::Url;

use super::client::{Client, ClientError, ClientSettings, KEY_HEADER};
use super::endpoint::{AllowedHosts, EndpointError};
use super::key::ApiKey;
use super::read;

/// The maximum length of an endpoint URL in bytes.
const MAX_URL_BYTES: usize = 4096;

/// The timeout for the begin of the response, and for each chunk of its body.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// Why an entry of a Secret isn't an endpoint URL. No message contains a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Empty or only white space.
    #[error("it is empty")]
    Empty,
    /// Binary data, or too long.
    #[error("it isn't text, or it is longer than 4,096 bytes")]
    NotText,
    /// Not an absolute URL with a host.
    #[error("it isn't a URL: it must begin with https://")]
    NotAUrl,
}

/// The endpoint URL of a report: a secret.
#[derive(Clone)]
pub struct ReportUrl(SecretString);

/// The identity of an endpoint URL without its value.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct UrlId([u8; 32]);

impl ReportUrl {
    /// Parses the raw bytes of a Secret's entry.
    ///
    /// # Errors
    /// If they aren't a URL.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, UrlError> {
        if bytes.len() > MAX_URL_BYTES {
            return Err(UrlError::NotText);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| UrlError::NotText)?.trim();
        if text.is_empty() {
            return Err(UrlError::Empty);
        }
        match Url::parse(text) {
            Ok(url) if url.has_host() => Ok(Self(text.into())),
            _ => Err(UrlError::NotAUrl),
        }
    }

    /// The identity of this URL.
    #[must_use]
    pub fn id(&self) -> UrlId {
        UrlId(Sha256::digest(self.0.expose_secret().as_bytes()).into())
    }

    fn url(&self) -> Result<Url, EndpointError> {
        Url::parse(self.0.expose_secret()).map_err(|_| EndpointError::NotAUrl)
    }
}

impl fmt::Debug for ReportUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReportUrl(hidden)")
    }
}

impl fmt::Debug for UrlId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UrlId(hidden)")
    }
}

/// Why there is no report. No message contains text from the server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReportFault {
    /// The URL's host isn't allowed, or it isn't `https`.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// 401, 403, 404 or 410: a rotated URL answers like this.
    #[error("its URL answers HTTP {0}: the workspace's keys may have been rotated")]
    Rejected(u16),
    /// 429.
    #[error("Propensity asks for a pause (HTTP 429)")]
    RateLimited(Option<Duration>),
    /// A server error (5xx).
    #[error("its server answers HTTP {0}")]
    Server(u16),
    /// Connecting failed.
    #[error("no connection to its server: check DNS, network policies and certificates")]
    Unreachable,
    /// The connection ended early, or timed out.
    #[error("the connection to its server was cut off, or it sent nothing for {} s", IDLE_TIMEOUT.as_secs())]
    ConnectionLost,
    /// A redirect.
    #[error("its server redirects (HTTP {0}), which isn't followed: put the URL of the redirect into the Secret")]
    Redirect(u16),
    /// Any other status than 200.
    #[error("its server answers HTTP {0}: check spec.query")]
    Status(u16),
}

/// The HTTP client that fetches reports.
#[derive(Clone)]
pub struct ReportClient {
    http: reqwest::Client,
    allowed: AllowedHosts,
}

impl ReportClient {
    /// A client for these hosts. `direct` ignores the proxy of the environment, as for this machine's own addresses.
    ///
    /// # Errors
    /// If TLS can't be set up.
    pub fn new(allowed: AllowedHosts, settings: &ClientSettings, direct: bool) -> Result<Self, ClientError> {
        let builder = Client::builder(settings)?;
        let builder = if direct { builder.no_proxy() } else { builder };
        Ok(Self { http: builder.build().map_err(|_| ClientError::Setup)?, allowed })
    }

    /// Whether a URL is allowed.
    ///
    /// # Errors
    /// Why not, with the host name and nothing else of the URL.
    pub fn check(&self, url: &ReportUrl) -> Result<(), EndpointError> {
        self.allowed.check(&url.url()?)
    }

    /// Requests a page. The body isn't read yet.
    ///
    /// # Errors
    /// If there is no response that could be a report.
    pub async fn fetch(
        &self,
        url: &ReportUrl,
        key: &ApiKey,
        query: &BTreeMap<String, String>,
        now: SystemTime,
    ) -> Result<ReportBody, ReportFault> {
        let mut url = url.url()?;
        self.allowed.check(&url)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut request = Request::new(Method::GET, url);
        request.headers_mut().insert(KEY_HEADER, key.header());
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
        let response = match timeout(IDLE_TIMEOUT, self.http.execute(request)).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) if error.is_connect() => return Err(ReportFault::Unreachable),
            Ok(Err(_)) | Err(_) => return Err(ReportFault::ConnectionLost),
        };
        let retry_after = response.headers().get(RETRY_AFTER);
        match response.status().as_u16() {
            200 => Ok(ReportBody(response)),
            status @ (401 | 403 | 404 | 410) => Err(ReportFault::Rejected(status)),
            429 => Err(ReportFault::RateLimited(retry_after.and_then(|value| read::retry_after(value, now)))),
            status @ 300..=399 => Err(ReportFault::Redirect(status)),
            status @ 500.. => Err(ReportFault::Server(status)),
            status => Err(ReportFault::Status(status)),
        }
    }
}

/// The body of a response, read chunk by chunk.
pub struct ReportBody(Response);

impl ReportBody {
    /// The next chunk; `None` at the end.
    ///
    /// # Errors
    /// If the rest can't be read.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, ReportFault> {
        match timeout(IDLE_TIMEOUT, self.0.chunk()).await {
            Ok(Ok(chunk)) => Ok(chunk.map(|chunk| chunk.to_vec())),
            Ok(Err(_)) | Err(_) => Err(ReportFault::ConnectionLost),
        }
    }
}

#[cfg(test)]
mod tests;
