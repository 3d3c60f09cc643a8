//! Asks for one page of a report, once. Its URL is a secret of its own and never shown; of a host that isn't allowed, the name is.

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
use super::key::WorkspaceKey;
use super::read;

/// Longer than any endpoint URL.
const LONGEST: usize = 4096;

/// How long an answer may take to begin, and each piece of it to come.
const SILENCE: Duration = Duration::from_secs(60);

/// Why a Secret's bytes are no endpoint URL. The text never holds a part of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Nothing but white space.
    #[error("it is empty")]
    Empty,
    /// Binary data, or far too long.
    #[error("it isn't text, or longer than 4,096 bytes")]
    NotText,
    /// Not an absolute URL with a host.
    #[error("it isn't a URL: it must begin with https://")]
    NotAUrl,
}

/// The endpoint URL of a report: a secret.
#[derive(Clone)]
pub struct ReportUrl(SecretString);

/// Tells one endpoint URL from another without its value.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct UrlId([u8; 32]);

impl ReportUrl {
    /// Reads a URL from the raw bytes of a Secret's entry.
    ///
    /// # Errors
    /// When they aren't one.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, UrlError> {
        if bytes.len() > LONGEST {
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

    /// Tells this URL from another.
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

/// Why there is no report. Nothing that a server says stands in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReportFault {
    /// The URL's host isn't allowed, or it isn't `https`.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// 401, 403, 404 or 410: what a rotated URL answers.
    #[error("its URL answers HTTP {0}, as it does once the workspace's keys were rotated")]
    Rejected(u16),
    /// 429.
    #[error("Propensity asks for a pause (HTTP 429)")]
    Busy(Option<Duration>),
    /// A server's own trouble.
    #[error("its server answers HTTP {0}")]
    Server(u16),
    /// No connection.
    #[error("no connection to its server comes about: check DNS, network policies and certificates")]
    Unreachable,
    /// A connection that ended, or nothing came for too long.
    #[error("its server was cut off, or sent nothing for {} s", SILENCE.as_secs())]
    CutOff,
    /// Elsewhere.
    #[error("its server redirects (HTTP {0}), which isn't followed: put the URL that it leads to into the Secret")]
    Redirect(u16),
    /// Anything else but 200.
    #[error("its server answers HTTP {0}: check spec.query")]
    Status(u16),
}

/// Fetches reports.
#[derive(Clone)]
pub struct Reports {
    http: reqwest::Client,
    allowed: AllowedHosts,
}

impl Reports {
    /// A client that asks only these hosts. `direct` leaves out the environment's proxy, as for this machine's own addresses.
    ///
    /// # Errors
    /// When TLS can't be set up.
    pub fn new(allowed: AllowedHosts, settings: &ClientSettings, direct: bool) -> Result<Self, ClientError> {
        let builder = Client::builder(settings)?;
        let builder = if direct { builder.no_proxy() } else { builder };
        Ok(Self { http: builder.build().map_err(|_| ClientError::Setup)?, allowed })
    }

    /// Whether a URL may be asked.
    ///
    /// # Errors
    /// Why not, with the host's name and nothing else of it.
    pub fn check(&self, url: &ReportUrl) -> Result<(), EndpointError> {
        self.allowed.check(&url.url()?)
    }

    /// Begins an answer. Its body isn't read yet.
    ///
    /// # Errors
    /// When there is none that could be a report.
    pub async fn ask(
        &self,
        url: &ReportUrl,
        key: &WorkspaceKey,
        query: &BTreeMap<String, String>,
        now: SystemTime,
    ) -> Result<Pieces, ReportFault> {
        let mut url = url.url()?;
        self.allowed.check(&url)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut request = Request::new(Method::GET, url);
        request.headers_mut().insert(KEY_HEADER, key.header());
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
        let response = match timeout(SILENCE, self.http.execute(request)).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) if error.is_connect() => return Err(ReportFault::Unreachable),
            Ok(Err(_)) | Err(_) => return Err(ReportFault::CutOff),
        };
        let retry_after = response.headers().get(RETRY_AFTER);
        match response.status().as_u16() {
            200 => Ok(Pieces(response)),
            status @ (401 | 403 | 404 | 410) => Err(ReportFault::Rejected(status)),
            429 => Err(ReportFault::Busy(retry_after.and_then(|value| read::retry_after(value, now)))),
            status @ 300..=399 => Err(ReportFault::Redirect(status)),
            status @ 500.. => Err(ReportFault::Server(status)),
            status => Err(ReportFault::Status(status)),
        }
    }
}

/// The body of an answer, piece by piece.
pub struct Pieces(Response);

impl Pieces {
    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// When the rest doesn't come.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, ReportFault> {
        match timeout(SILENCE, self.0.chunk()).await {
            Ok(Ok(piece)) => Ok(piece.map(|piece| piece.to_vec())),
            Ok(Err(_)) | Err(_) => Err(ReportFault::CutOff),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn neither_a_url_nor_its_id_can_be_printed() {
        let url = ReportUrl::from_bytes(b" https://canary.propensity.com/canary?canary\n").unwrap();
        assert_eq!(format!("{url:?} {:?}", url.id()), "ReportUrl(hidden) UrlId(hidden)");
        assert!(url.id() == ReportUrl::from_bytes(b"https://canary.propensity.com/canary?canary").unwrap().id());
    }

    #[test]
    fn what_is_no_url_is_refused_without_being_shown() {
        for (bytes, why) in [
            (&b" "[..], UrlError::Empty),
            (b"canary\xff", UrlError::NotText),
            (&[b'a'; LONGEST + 1], UrlError::NotText),
            (b"canary", UrlError::NotAUrl),
            (b"/canary", UrlError::NotAUrl),
            (b"mailto:canary@example.com", UrlError::NotAUrl),
        ] {
            let error = ReportUrl::from_bytes(bytes).unwrap_err();
            assert_eq!(error, why);
            assert!(!format!("{error} {error:?}").contains("canary"));
        }
    }

    #[test]
    fn a_host_that_is_not_allowed_is_named_without_the_rest() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let reports = Reports::new(AllowedHosts::default(), &ClientSettings::default(), true).unwrap();
        let url = |text: &str| ReportUrl::from_bytes(text.as_bytes()).unwrap();
        assert!(reports.check(&url("https://reports.propensity.com/canary")).is_ok());
        for text in ["https://u:canary@evil.example/canary?canary", "http://reports.propensity.com/canary"] {
            let error = reports.check(&url(text)).unwrap_err().to_string();
            assert!(!error.contains("canary") && (error.contains("evil.example") || error.contains("propensity.com")));
        }
    }
}
