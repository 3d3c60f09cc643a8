//! Lists that are fetched over HTTP: from a URL that a user gives, and from Flux's source-controller.
//!
//! Nothing that a server says reaches an error, and no URL does either: it may hold a token.

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
use super::table::LARGEST_FILE;
use crate::propensity::{AllowedHosts, plain_builder};

/// For DNS, TCP and the TLS handshake.
const CONNECT_TIME: Duration = Duration::from_secs(10);
/// For everything.
const TOTAL_TIME: Duration = Duration::from_secs(60);
/// Bytes of an artifact that are read.
const LARGEST_ARTIFACT: u64 = 512 << 20;

/// Where lists may be fetched from.
#[derive(Clone, Debug)]
pub struct Permitted {
    /// Hosts that a URL may name; none: fetching by URL is off.
    pub hosts: AllowedHosts,
    /// Private networks that such hosts may be in.
    pub networks: PrivateNetworks,
}

/// Why a list can't be fetched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// Not a URL that can be used.
    #[error("its URL must begin with https:// and hold no user name")]
    BadUrl,
    /// No URL where one should be.
    #[error("the entry of the Secret that should hold its URL isn't there or isn't text: add it")]
    NoUrl,
    /// A host that nobody allowed.
    #[error(
        "its host isn't among those that the operator may fetch lists from: whoever runs the operator can add it (--source-hosts, the chart's sources.allowedHosts)"
    )]
    HostNotAllowed,
    /// An address in a network that isn't the open internet.
    #[error(
        "its host has a private address: whoever runs the operator can allow the network (--source-networks, the chart's sources.privateNetworks)"
    )]
    PrivateAddress,
    /// No such host.
    #[error("its host can't be found")]
    NoSuchHost,
    /// No connection, or not one that can be trusted.
    #[error("no connection to its server comes about: check network policies and its certificate")]
    NoConnection,
    /// Cut off, or too slow.
    #[error("its server was cut off or took longer than {} s", TOTAL_TIME.as_secs())]
    CutOff,
    /// Elsewhere.
    #[error("its server redirects (HTTP {0}), which isn't followed: give the URL that it leads to")]
    Redirect(u16),
    /// Anything but 200.
    #[error("its server answers HTTP {0}")]
    Status(u16),
    /// Too many bytes.
    #[error("it is larger than {} MiB: split it", .0 >> 20)]
    TooLarge(u64),
    /// Not what was promised.
    #[error("its digest isn't the one that is expected: it was changed on its way, or the digest is wrong")]
    Digest,
    /// A digest that isn't understood.
    #[error("its digest must be sha256, sha384 or sha512 in hexadecimal")]
    DigestForm,
    /// The archive.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
}

impl FetchError {
    /// Whether it may pass by itself.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::NoSuchHost | Self::NoConnection | Self::CutOff => true,
            Self::Status(status) => *status >= 500 || *status == 429 || *status == 408,
            _ => false,
        }
    }
}

/// A file as a server has it now.
#[derive(Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Its bytes, if they were asked for.
    pub bytes: Vec<u8>,
    /// Their SHA-256, in hexadecimal.
    pub sha256: String,
    /// What the server calls this version.
    pub etag: Option<HeaderValue>,
}

/// Fetches lists.
#[derive(Clone)]
pub struct Remote {
    lists: Client,
    artifacts: Client,
    permitted: Permitted,
}

impl Remote {
    /// A client that trusts these authorities (PEM) beside the system's.
    ///
    /// # Errors
    /// When TLS can't be set up.
    pub fn new(permitted: Permitted, extra_roots: Option<&[u8]>) -> Result<Self, reqwest::Error> {
        // The address that is connected to is checked, which a proxy would make impossible.
        let builder = || plain_builder(CONNECT_TIME).no_proxy().timeout(TOTAL_TIME);
        let roots = extra_roots.map(Certificate::from_pem_bundle).transpose()?.unwrap_or_default();
        let guarded = |allows| Arc::new(Guarded { networks: permitted.networks.clone(), allows });
        let lists = builder().https_only(true).dns_resolver(guarded(PrivateNetworks::allow)).tls_certs_merge(roots);
        // A tenant may be able to write the address that a source's status gives.
        let artifacts = builder().dns_resolver(guarded(PrivateNetworks::allow_artifact));
        Ok(Self { lists: lists.build()?, artifacts: artifacts.build()?, permitted })
    }

    /// A file from a URL that a user gives.
    ///
    /// # Errors
    /// When it can't be fetched whole.
    pub async fn file(&self, url: &str) -> Result<Fetched, FetchError> {
        self.fetch(url, None, true).await?.ok_or(FetchError::Status(304))
    }

    /// What a file from a URL that a user gives hashes to; `None` where the server says that it is still the one with this `ETag`.
    ///
    /// # Errors
    /// When it can't be fetched whole.
    pub async fn news(&self, url: &str, etag: Option<&HeaderValue>) -> Result<Option<Fetched>, FetchError> {
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
            if len > LARGEST_FILE {
                return Err(FetchError::TooLarge(LARGEST_FILE as u64));
            }
            hasher.update(&chunk);
            if keep {
                bytes.extend_from_slice(&chunk);
            }
        }
        Ok(Some(Fetched { bytes, sha256: HEXLOWER.encode(&hasher.finalize()), etag }))
    }

    fn check(&self, url: &str) -> Result<Url, FetchError> {
        let url = Url::parse(url.trim()).map_err(|_| FetchError::BadUrl)?;
        if url.scheme() != "https" || !url.username().is_empty() || url.password().is_some() {
            return Err(FetchError::BadUrl);
        }
        if !self.permitted.hosts.names(&url) {
            return Err(FetchError::HostNotAllowed);
        }
        if address_of(&url).is_some_and(|address| !self.permitted.networks.allow(address)) {
            return Err(FetchError::PrivateAddress);
        }
        Ok(url)
    }

    /// A file out of an artifact that Flux made, at the URL and with the digest (`sha256:…`) that its status gives. The whole archive is read, and never kept.
    ///
    /// # Errors
    /// When it can't be fetched whole, isn't what the digest says, or has no such file.
    pub async fn artifact(&self, url: &str, digest: &str, path: &str) -> Result<Vec<u8>, FetchError> {
        let (expected, hasher) = expected(digest)?;
        let url = Url::parse(url).map_err(|_| FetchError::BadUrl)?;
        if address_of(&url).is_some_and(|address| !self.permitted.networks.allow_artifact(address)) {
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
        tokio::task::spawn_blocking(read).await.unwrap_or(Err(FetchError::CutOff))
    }
}

/// The address that a URL names instead of a host.
fn address_of(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(address) => Some(address.into()),
        Host::Ipv6(address) => Some(address.into()),
        Host::Domain(_) => None,
    }
}

/// What a digest expects, and what computes it.
fn expected(digest: &str) -> Result<(Vec<u8>, Hasher), FetchError> {
    let (algorithm, hexadecimal) = digest.split_once(':').ok_or(FetchError::DigestForm)?;
    let (hasher, len) = match algorithm {
        "sha256" => (Hasher::Sha256(Sha256::new()), 32),
        "sha384" => (Hasher::Sha384(Sha384::new()), 48),
        "sha512" => (Hasher::Sha512(Sha512::new()), 64),
        _ => return Err(FetchError::DigestForm),
    };
    let expected = HEXLOWER.decode(hexadecimal.as_bytes()).ok().filter(|bytes| bytes.len() == len);
    Ok((expected.ok_or(FetchError::DigestForm)?, hasher))
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

/// Hashes what is read through it, and remembers why it ended early.
struct Hashing<R> {
    inner: R,
    hasher: Hasher,
    left: u64,
    failed: Option<FetchError>,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let many = self.inner.read(buffer).inspect_err(|error| {
            let class = error.get_ref().and_then(|error| error.downcast_ref::<FetchError>());
            self.failed = Some(class.cloned().unwrap_or(FetchError::CutOff));
        })?;
        let Some(left) = self.left.checked_sub(many as u64) else {
            self.failed = Some(FetchError::TooLarge(LARGEST_ARTIFACT));
            return Err(io::ErrorKind::FileTooLarge.into());
        };
        self.left = left;
        self.hasher.update(&buffer[..many]);
        Ok(many)
    }
}

fn read_artifact(bytes: impl Read, hasher: Hasher, expected: &[u8], path: &str) -> Result<Vec<u8>, FetchError> {
    let mut hashing = Hashing { inner: bytes, hasher, left: LARGEST_ARTIFACT, failed: None };
    let file = archive::file_of(&mut hashing, path);
    // To the end, for the digest: what the archive says counts for nothing before that is right.
    let rest = io::copy(&mut hashing, &mut io::sink());
    if let Some(why) = hashing.failed {
        return Err(why);
    }
    rest.map_err(|_| FetchError::CutOff)?;
    if hashing.hasher.finalize() != expected {
        return Err(FetchError::Digest);
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
        if error.is::<Refused>() {
            return FetchError::PrivateAddress;
        }
        layer = error.source();
    }
    match error {
        error if error.is_dns() => FetchError::NoSuchHost,
        error if error.is_connect() => FetchError::NoConnection,
        _ => FetchError::CutOff,
    }
}

/// Resolves names to addresses that are permitted. What it resolves is what is connected to, so a name that changes its address meanwhile gains nothing.
struct Guarded {
    networks: PrivateNetworks,
    allows: fn(&PrivateNetworks, IpAddr) -> bool,
}

/// None of a host's addresses is permitted.
#[derive(Debug, thiserror::Error)]
#[error("none of the host's addresses is permitted")]
struct Refused;

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let (networks, allows) = (self.networks.clone(), self.allows);
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let permitted: Vec<_> = found.into_iter().filter(|address| allows(&networks, address.ip())).collect();
            if permitted.is_empty() {
                return Err(Refused.into());
            }
            Ok(Box::new(permitted.into_iter()) as Addrs)
        })
    }
}
