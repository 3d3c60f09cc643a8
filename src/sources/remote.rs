//! Fetches lists over HTTP: from URLs in specs, and artifacts from Flux's source-controller.
//!
//! Errors contain neither content of a server nor a URL, since a URL may contain a token.

use std::error::Error;
use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use data_encoding::HEXLOWER;
use futures::stream::try_unfold;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{ETAG, HeaderValue, IF_NONE_MATCH};
use reqwest::{Certificate, Client, Response, StatusCode};
use sha2::{Digest, Sha256, Sha384, Sha512};
use tokio_util::io::{StreamReader, SyncIoBridge};
use url::{Host, Url};

use super::archive::{self, ArchiveError};
use super::networks::PrivateNetworks;
use super::table::MAX_FILE_BYTES;
use crate::propensity::{AllowedHosts, plain_builder};

/// Timeout of DNS, TCP and the TLS handshake together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Timeout of a whole request.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(60);
/// The maximum size of an artifact in bytes.
const MAX_ARTIFACT_BYTES: u64 = 512 << 20;

/// The hosts and networks that lists may be fetched from.
#[derive(Clone, Debug)]
pub struct FetchPolicy {
    /// Allowed hosts of URLs. If empty, fetching from URLs is disabled.
    pub hosts: AllowedHosts,
    /// Private networks in which these hosts may be.
    pub networks: PrivateNetworks,
}

/// Why a list can't be fetched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The URL isn't valid.
    #[error("its URL must begin with https:// and hold no user name")]
    InvalidUrl,
    /// The Secret contains no URL.
    #[error("the Secret has no entry with its URL, or the entry isn't text: add the URL")]
    UrlMissing,
    /// The host isn't allowed.
    #[error(
        "its host isn't allowed: ask the cluster administrator to add it to --source-hosts (chart value \
         sources.allowedHosts)"
    )]
    HostNotAllowed,
    /// The address isn't part of the public internet, and its network isn't allowed.
    #[error(
        "its host has a private address: ask the cluster administrator to add the network to --source-networks (chart \
         value sources.privateNetworks)"
    )]
    PrivateAddress,
    /// The host name can't be resolved.
    #[error("its host name can't be resolved: check the URL and DNS")]
    HostNotFound,
    /// No connection, or the certificate isn't trusted.
    #[error("no connection to its server: check network policies and its certificate")]
    Unreachable,
    /// The connection ended early, or the request took too long.
    #[error("the connection was cut off, or took longer than {} s", TOTAL_TIMEOUT.as_secs())]
    ConnectionLost,
    /// A redirect.
    #[error("its server redirects (HTTP {0}), which isn't followed: use the URL of the redirect")]
    Redirect(u16),
    /// Any other status than 200.
    #[error("its server answers HTTP {0}")]
    Status(u16),
    /// The file is too large.
    #[error("it is larger than {} MiB: split it", .0 >> 20)]
    TooLarge(u64),
    /// The content doesn't match the digest.
    #[error("its digest isn't the one that is expected: the file was modified, or the expected digest is wrong")]
    DigestMismatch,
    /// The digest has an unknown format.
    #[error("its digest must be sha256, sha384 or sha512 in hexadecimal")]
    InvalidDigest,
    /// The file can't be read from the artifact.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
}

impl FetchError {
    /// Whether the error may disappear without a change.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::HostNotFound | Self::Unreachable | Self::ConnectionLost => true,
            Self::Status(status) => *status >= 500 || *status == 429 || *status == 408,
            _ => false,
        }
    }
}

/// A file as served now.
#[derive(Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The content, if it was requested.
    pub bytes: Vec<u8>,
    /// The SHA-256 of the content, in hexadecimal.
    pub sha256: String,
    /// The `ETag` of this version.
    pub etag: Option<HeaderValue>,
}

/// The HTTP client that fetches lists.
#[derive(Clone)]
pub struct SourceClient {
    lists: Client,
    artifacts: Client,
    policy: FetchPolicy,
}

impl SourceClient {
    /// A client that trusts these certificate authorities (PEM) in addition to the system's.
    ///
    /// # Errors
    /// If TLS can't be set up.
    pub fn new(policy: FetchPolicy, extra_roots: Option<&[u8]>) -> Result<Self, reqwest::Error> {
        // The address of each connection is checked, which is impossible with a proxy.
        let builder = || plain_builder(CONNECT_TIMEOUT).no_proxy().timeout(TOTAL_TIMEOUT);
        let roots = extra_roots.map(Certificate::from_pem_bundle).transpose()?.unwrap_or_default();
        let resolver = |is_allowed| Arc::new(CheckedResolver { networks: policy.networks.clone(), is_allowed });
        let lists = builder().https_only(true).dns_resolver(resolver(PrivateNetworks::allow)).tls_certs_merge(roots);
        // A tenant may be able to write the URL in the status of a Flux source.
        let artifacts = builder().dns_resolver(resolver(PrivateNetworks::allow_artifact));
        Ok(Self { lists: lists.build()?, artifacts: artifacts.build()?, policy })
    }

    /// Fetches a file from a URL in a spec.
    ///
    /// # Errors
    /// If it can't be fetched completely.
    pub async fn fetch_file(&self, url: &str) -> Result<Fetched, FetchError> {
        self.fetch(url, None, true).await?.ok_or(FetchError::Status(304))
    }

    /// The hash of a file at a URL in a spec; `None` if the server answers that the file with this `ETag` is
    /// unchanged.
    ///
    /// # Errors
    /// If it can't be fetched completely.
    pub async fn fetch_if_changed(&self, url: &str, etag: Option<&HeaderValue>) -> Result<Option<Fetched>, FetchError> {
        self.fetch(url, etag, false).await
    }

    async fn fetch(&self, url: &str, etag: Option<&HeaderValue>, keep: bool) -> Result<Option<Fetched>, FetchError> {
        let url = self.check(url)?;
        let mut request = self.lists.get(url);
        if let Some(etag) = etag {
            request = request.header(IF_NONE_MATCH, etag);
        }
        let mut response = request.send().await.map_err(|error| class_of(&error))?;
        if etag.is_some() && response.status() == StatusCode::NOT_MODIFIED {
            return Ok(None);
        }
        is_ok(&response)?;
        let etag = response.headers().get(ETAG).cloned();
        let (mut bytes, mut len, mut hasher) = (vec![], 0, Sha256::new());
        while let Some(chunk) = response.chunk().await.map_err(|error| class_of(&error))? {
            len += chunk.len();
            if len > MAX_FILE_BYTES {
                return Err(FetchError::TooLarge(MAX_FILE_BYTES as u64));
            }
            hasher.update(&chunk);
            if keep {
                bytes.extend_from_slice(&chunk);
            }
        }
        Ok(Some(Fetched { bytes, sha256: HEXLOWER.encode(&hasher.finalize()), etag }))
    }

    fn check(&self, url: &str) -> Result<Url, FetchError> {
        let url = Url::parse(url.trim()).map_err(|_| FetchError::InvalidUrl)?;
        if url.scheme() != "https" || !url.username().is_empty() || url.password().is_some() {
            return Err(FetchError::InvalidUrl);
        }
        if !self.policy.hosts.matches(&url) {
            return Err(FetchError::HostNotAllowed);
        }
        if address_of(&url).is_some_and(|address| !self.policy.networks.allow(address)) {
            return Err(FetchError::PrivateAddress);
        }
        Ok(url)
    }

    /// Fetches a file from a Flux artifact, with the URL and the digest (`sha256:…`) from the source's status. The
    /// whole archive is read, but not kept.
    ///
    /// # Errors
    /// If it can't be fetched completely, doesn't match the digest, or has no such file.
    pub async fn fetch_from_artifact(&self, url: &str, digest: &str, path: &str) -> Result<Vec<u8>, FetchError> {
        let (expected, hasher) = parse_digest(digest)?;
        let url = Url::parse(url).map_err(|_| FetchError::InvalidUrl)?;
        if address_of(&url).is_some_and(|address| !self.policy.networks.allow_artifact(address)) {
            return Err(FetchError::PrivateAddress);
        }
        let response = self.artifacts.get(url).send().await.map_err(|error| class_of(&error))?;
        is_ok(&response)?;
        let chunks = try_unfold(response, |mut response| async move {
            let chunk = response.chunk().await.map_err(|error| io::Error::other(class_of(&error)))?;
            Ok::<_, io::Error>(chunk.map(|chunk| (chunk, response)))
        });
        let bytes = SyncIoBridge::new(StreamReader::new(Box::pin(chunks)));
        let path = path.to_owned();
        let read = move || read_artifact(bytes, hasher, &expected, &path);
        tokio::task::spawn_blocking(read).await.unwrap_or(Err(FetchError::ConnectionLost))
    }
}

/// The IP address in a URL, if it has no host name.
fn address_of(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(address) => Some(address.into()),
        Host::Ipv6(address) => Some(address.into()),
        Host::Domain(_) => None,
    }
}

/// Parses a digest. Returns the expected hash and a hasher.
fn parse_digest(digest: &str) -> Result<(Vec<u8>, Hasher), FetchError> {
    let (algorithm, hexadecimal) = digest.split_once(':').ok_or(FetchError::InvalidDigest)?;
    let (hasher, len) = match algorithm {
        "sha256" => (Hasher::Sha256(Sha256::new()), 32),
        "sha384" => (Hasher::Sha384(Sha384::new()), 48),
        "sha512" => (Hasher::Sha512(Sha512::new()), 64),
        _ => return Err(FetchError::InvalidDigest),
    };
    let expected = HEXLOWER.decode(hexadecimal.as_bytes()).ok().filter(|bytes| bytes.len() == len);
    Ok((expected.ok_or(FetchError::InvalidDigest)?, hasher))
}

/// The algorithms of an artifact's digest.
enum Hasher {
    Sha256(Sha256),
    Sha384(Sha384),
    Sha512(Sha512),
}

impl Hasher {
    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Sha384(hasher) => hasher.update(bytes),
            Self::Sha512(hasher) => hasher.update(bytes),
        }
    }

    fn finalize(self) -> Vec<u8> {
        match self {
            Self::Sha256(hasher) => hasher.finalize().to_vec(),
            Self::Sha384(hasher) => hasher.finalize().to_vec(),
            Self::Sha512(hasher) => hasher.finalize().to_vec(),
        }
    }
}

/// Hashes everything that is read through it, and stores why reading ended early.
struct HashingReader<R> {
    inner: R,
    hasher: Hasher,
    left: u64,
    failed: Option<FetchError>,
}

impl<R: Read> Read for HashingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let many = self.inner.read(buffer).inspect_err(|error| {
            let class = error.get_ref().and_then(|error| error.downcast_ref::<FetchError>());
            self.failed = Some(class.cloned().unwrap_or(FetchError::ConnectionLost));
        })?;
        let Some(left) = self.left.checked_sub(many as u64) else {
            self.failed = Some(FetchError::TooLarge(MAX_ARTIFACT_BYTES));
            return Err(io::ErrorKind::FileTooLarge.into());
        };
        self.left = left;
        self.hasher.update(&buffer[..many]);
        Ok(many)
    }
}

fn read_artifact(bytes: impl Read, hasher: Hasher, expected: &[u8], path: &str) -> Result<Vec<u8>, FetchError> {
    let mut hashing = HashingReader { inner: bytes, hasher, left: MAX_ARTIFACT_BYTES, failed: None };
    let file = archive::extract_file(&mut hashing, path);
    // Reads to the end for the digest. Errors of the archive are reported only if the digest is right.
    let rest = io::copy(&mut hashing, &mut io::sink());
    if let Some(why) = hashing.failed {
        return Err(why);
    }
    rest.map_err(|_| FetchError::ConnectionLost)?;
    if hashing.hasher.finalize() != expected {
        return Err(FetchError::DigestMismatch);
    }
    Ok(file?)
}

fn is_ok(response: &Response) -> Result<(), FetchError> {
    let status = response.status();
    match status.as_u16() {
        200 => Ok(()),
        number if status.is_redirection() => Err(FetchError::Redirect(number)),
        number => Err(FetchError::Status(number)),
    }
}

fn class_of(error: &reqwest::Error) -> FetchError {
    let mut layer: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = layer {
        if error.is::<NoAllowedAddress>() {
            return FetchError::PrivateAddress;
        }
        layer = error.source();
    }
    match error {
        error if error.is_dns() => FetchError::HostNotFound,
        error if error.is_connect() => FetchError::Unreachable,
        _ => FetchError::ConnectionLost,
    }
}

/// Resolves names to allowed addresses only. The connection uses these addresses, so changing the DNS record in
/// between doesn't bypass the check.
struct CheckedResolver {
    networks: PrivateNetworks,
    is_allowed: fn(&PrivateNetworks, IpAddr) -> bool,
}

/// None of the host's addresses is allowed.
#[derive(Debug, thiserror::Error)]
#[error("none of the host's addresses is allowed")]
struct NoAllowedAddress;

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (networks, is_allowed) = (self.networks.clone(), self.is_allowed);
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let allowed: Vec<_> = found.into_iter().filter(|address| is_allowed(&networks, address.ip())).collect();
            if allowed.is_empty() {
                return Err(NoAllowedAddress.into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}
