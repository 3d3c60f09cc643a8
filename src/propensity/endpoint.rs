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
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn host(text: &str) -> Result<String, EndpointError> {
        BaseUrl::parse(text, &AllowedHosts::default()).map(|base| base.host().to_owned())
    }

    #[test]
    fn the_host_is_the_same_in_every_notation() {
        for text in ["https://api.propensity.com", "https://API.Propensity.com:443/", " https://api.propensity.com/\n"]
        {
            assert_eq!(host(text).unwrap(), "api.propensity.com", "{text}");
        }
        assert_eq!(host("https://api.propensity.com:8443").unwrap(), "api.propensity.com:8443");
    }

    #[test]
    fn plain_http_is_for_this_machine_only() {
        assert_eq!(host("http://127.0.0.1:8080").unwrap(), "127.0.0.1:8080");
        assert_eq!(host("http://127.1.2.3").unwrap(), "127.1.2.3");
        assert_eq!(host("http://[::1]:9").unwrap(), "[::1]:9");
        assert_eq!(host("http://localhost:80").unwrap(), "localhost");
        for text in
            ["http://api.propensity.com", "http://10.0.0.1", "http://localhost.propensity.com", "ftp://localhost"]
        {
            assert!(matches!(host(text), Err(EndpointError::NotHttps { .. })), "{text}");
        }
    }

    #[test]
    fn only_allowed_hosts_get_a_key() {
        for text in [
            "https://propensity.com",
            "https://evil-propensity.com",
            "https://api.propensity.com.evil.example",
            "https://api.propensity.com.",
            "https://192.0.2.1",
        ] {
            assert!(matches!(host(text), Err(EndpointError::NotAllowed { .. })), "{text}");
        }
        let exact = AllowedHosts::parse(["Gateway.Example.com"]).unwrap();
        assert!(BaseUrl::parse("https://gateway.example.com", &exact).is_ok());
        assert!(BaseUrl::parse("https://a.gateway.example.com", &exact).is_err());
    }

    #[test]
    fn a_base_url_ends_after_the_host() {
        for text in ["/v1", "/?a=b", "/#x", "//"] {
            let result = host(&format!("https://api.propensity.com{text}"));
            assert!(matches!(result, Err(EndpointError::NotBare { .. })), "{text}");
        }
        assert!(matches!(host("https://u:canary@api.propensity.com"), Err(EndpointError::NotBare { .. })));
        for text in ["", "api.propensity.com", "https://", "data:,x", "/path"] {
            assert!(matches!(host(text), Err(EndpointError::NotAUrl)), "{text}");
        }
    }

    #[test]
    fn errors_show_no_more_than_the_host() {
        let error = host("https://u:canary@evil.example/canary?canary").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("canary"));
        assert!(error.to_string().contains("evil.example"));
    }

    #[test]
    fn patterns_that_are_too_broad_are_rejected() {
        for text in ["*", "*.", "*.com", "", "a..b", "https://x.y", "*.*.com", "x.com:443"] {
            assert!(matches!(AllowedHosts::parse([text]), Err(EndpointError::BadPattern { .. })), "{text}");
        }
    }
}
