//! The base URL of the API and the allowed hosts.

use std::fmt;

use url::{Host, Url};

use crate::audience::Kind;

/// Why the key must not be sent to a URL. The messages contain a host name, never a path or a query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Not an absolute URL with a host.
    #[error("the URL is invalid: use a URL such as https://api.propensity.com")]
    NotAUrl,
    /// Not HTTPS, and the host isn't this machine.
    #[error("the URL of host {host} must begin with https://: a key is never sent in plain text to another machine")]
    NotHttps {
        /// The URL's host.
        host: String,
    },
    /// The host isn't allowed.
    #[error("host {host} is not allowed: correct it, or add it to the operator's list of allowed hosts")]
    NotAllowed {
        /// The URL's host.
        host: String,
    },
    /// User, password, path, query or fragment in a base URL.
    #[error("the base URL of host {host} must end after the host and the port: remove user, path, query and fragment")]
    NotBare {
        /// The URL's host.
        host: String,
    },
    /// An invalid entry in the list of allowed hosts.
    #[error("{pattern:?} is invalid in the list of allowed hosts: use a host name, or a pattern such as *.example.com")]
    BadPattern {
        /// The entry.
        pattern: String,
    },
}

/// The hosts to which keys may be sent. This machine's own addresses are always allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedHosts(Vec<String>);

impl Default for AllowedHosts {
    fn default() -> Self {
        Self(vec!["*.propensity.com".to_owned()])
    }
}

impl AllowedHosts {
    /// Parses a list of host names and of patterns such as `*.propensity.com`, which matches all names below that
    /// domain but not the domain itself.
    pub fn parse<S: AsRef<str>>(patterns: impl IntoIterator<Item = S>) -> Result<Self, EndpointError> {
        let read = |pattern: S| {
            let text = pattern.as_ref().trim().to_ascii_lowercase();
            let name = text.strip_prefix("*.").unwrap_or(&text);
            let labels_are_valid = name.split('.').all(|label| {
                !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
            });
            let wide_enough = name.len() == text.len() || name.contains('.');
            if labels_are_valid && wide_enough { Ok(text) } else { Err(EndpointError::BadPattern { pattern: text }) }
        };
        patterns.into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// Checks the scheme and the host of a URL that a key is sent to, or that is itself a secret.
    pub fn check(&self, url: &Url) -> Result<(), EndpointError> {
        let host = host_with_port(url).ok_or(EndpointError::NotAUrl)?;
        if is_loopback(url) {
            return match url.scheme() {
                "http" | "https" => Ok(()),
                _ => Err(EndpointError::NotHttps { host }),
            };
        }
        if url.scheme() != "https" {
            return Err(EndpointError::NotHttps { host });
        }
        if self.matches(url) { Ok(()) } else { Err(EndpointError::NotAllowed { host }) }
    }

    /// Whether the URL's host is one of these. Nothing else of the URL is checked.
    #[must_use]
    pub fn matches(&self, url: &Url) -> bool {
        let name = url.host_str().unwrap_or_default();
        self.0.iter().any(|pattern| match pattern.strip_prefix('*') {
            Some(suffix) => name.len() > suffix.len() && name.ends_with(suffix),
            None => name == pattern,
        })
    }
}

/// The base URL of the API. A setting of the operator, never of a tenant.
#[derive(Clone, PartialEq, Eq)]
pub struct BaseUrl {
    url: Url,
    host: String,
}

impl BaseUrl {
    /// Parses and checks a base URL such as `https://api.propensity.com`.
    pub fn parse(text: &str, allowed: &AllowedHosts) -> Result<Self, EndpointError> {
        let url = Url::parse(text.trim()).map_err(|_| EndpointError::NotAUrl)?;
        let host = host_with_port(&url).ok_or(EndpointError::NotAUrl)?;
        allowed.check(&url)?;
        let user = !url.username().is_empty() || url.password().is_some();
        if user || url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(EndpointError::NotBare { host });
        }
        Ok(Self { url, host })
    }

    /// The host, with the port if it isn't the default of the scheme. It is part of every receipt's identity.
    pub fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn is_loopback(&self) -> bool {
        is_loopback(&self.url)
    }

    pub(super) fn join(&self, kind: Kind) -> Url {
        let mut url = self.url.clone();
        url.set_path(kind.endpoint());
        url
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BaseUrl").field(&self.host).finish()
    }
}

fn host_with_port(url: &Url) -> Option<String> {
    let host = url.host_str().filter(|host| !host.is_empty())?;
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests;
