//! How each kind of value is parsed and checked. Errors give a valid form; clap adds the flag and the value.

use std::net::SocketAddr;
use std::time::Duration;

use url::{Host, Url};

use super::list::List;

/// Parses a duration such as `60s`, `5m` or `1h30m`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let invalid = || "use a duration such as 60s, 5m or 1h30m".to_owned();
    let signed: jiff::SignedDuration = text.trim().parse().map_err(|_| invalid())?;
    Duration::try_from(signed).map_err(|_| invalid())
}

pub(super) fn positive_duration(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("it must be greater than zero".to_owned()),
        duration if duration > Duration::from_hours(24) => Err("it must be at most 24h".to_owned()),
        duration => Ok(duration),
    }
}

pub(super) fn api_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text.trim()).map_err(|_| "use a URL such as https://api.propensity.com/".to_owned())?;
    let loopback = match url.host() {
        None => return Err("it has no host; use a URL such as https://api.propensity.com/".to_owned()),
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
    };
    if url.scheme() != "https" && !(loopback && url.scheme() == "http") {
        return Err("it must start with https://, since keys are sent there (http:// is allowed for this machine \
                only)"
            .to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err("it must not contain a user name, a password, a `?` or a `#`".to_owned());
    }
    Ok(url)
}

pub(super) fn listen(text: &str) -> Result<SocketAddr, String> {
    text.trim().parse().map_err(|_| "use an IP address and a port, such as 0.0.0.0:8080".to_owned())
}

pub(super) fn identity(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > 128 || !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err("it must be 1 to 128 ASCII characters without spaces".to_owned());
    }
    Ok(text.to_owned())
}

pub(super) fn log_level(text: &str) -> Result<String, String> {
    let invalid = |_| "use a level (error, warn, info, debug, trace) or directives such as `info,kube=warn`".to_owned();
    tracing_subscriber::EnvFilter::builder().parse(text).map_err(invalid)?;
    Ok(text.to_owned())
}

fn list(text: &str, entry: impl Fn(&str) -> Result<String, String>) -> Result<List, String> {
    let entries = text.split(',').map(str::trim).filter(|e| !e.is_empty());
    let mut entries = entries.map(entry).collect::<Result<Vec<_>, _>>()?;
    entries.sort();
    entries.dedup();
    Ok(List(entries))
}

pub(super) fn networks(text: &str) -> Result<List, String> {
    let invalid = |_| "use networks such as 10.1.0.0/16, separated by commas".to_owned();
    list(text, |network| network.parse::<ipnet::IpNet>().map(|network| network.to_string()).map_err(invalid))
}

pub(super) fn host_patterns(text: &str) -> Result<List, String> {
    let invalid =
        |e: &str| format!("`{e}` is not a host: use names without https:// and port, such as *.propensity.com");
    list(text, |e| {
        let host = e.strip_prefix("*.").unwrap_or(e);
        let parsed = Host::parse(host).map_err(|_| invalid(e))?;
        match (&parsed, host == e) {
            // With `*.com`, keys could be sent to almost any host.
            (Host::Domain(name), false) if !name.contains('.') => Err(format!(
                "`{e}` is too broad: use a pattern with \
                two labels, such as *.propensity.com"
            )),
            (Host::Domain(name), false) => Ok(format!("*.{name}")),
            (_, false) => Err(invalid(e)),
            (_, true) => Ok(parsed.to_string()),
        }
    })
}

pub(super) fn object_names(text: &str) -> Result<List, String> {
    list(text, object_name)
}

pub(super) fn namespaces(text: &str) -> Result<List, String> {
    list(text, namespace)
}

pub(super) fn object_name(text: &str) -> Result<String, String> {
    let valid = text.len() <= 253 && text.split('.').all(is_label);
    valid.then(|| text.to_owned()).ok_or_else(|| format!("`{text}` isn't a valid name of a Kubernetes object"))
}

pub(super) fn namespace(text: &str) -> Result<String, String> {
    let valid = is_label(text);
    valid.then(|| text.to_owned()).ok_or_else(|| format!("`{text}` isn't a valid name of a namespace"))
}

fn is_label(text: &str) -> bool {
    let bytes = text.as_bytes();
    let edge = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    bytes.len() <= 63
        && bytes.iter().all(|b| edge(b) || *b == b'-')
        && bytes.first().is_some_and(edge)
        && bytes.last().is_some_and(edge)
}
