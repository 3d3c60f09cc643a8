//! How each kind of value is read and checked. Errors say what to write instead; clap adds the flag and the value.

use std::net::SocketAddr;
use std::time::Duration;

use url::{Host, Url};

use super::List;

/// Reads a length of time as it is written everywhere here: `60s`, `5m`, `1h30m`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "write a length of time as in 60s, 5m or 1h30m".to_owned();
    let signed: jiff::SignedDuration = text.trim().parse().map_err(|_| wrong())?;
    Duration::try_from(signed).map_err(|_| wrong())
}

pub(super) fn positive_duration(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("it must be longer than nothing".to_owned()),
        duration if duration > Duration::from_hours(24) => Err("it must be a day at most".to_owned()),
        duration => Ok(duration),
    }
}

pub(super) fn api_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text.trim()).map_err(|_| "write it as in https://api.propensity.com/".to_owned())?;
    let loopback = match url.host() {
        None => return Err("it has no host; write it as in https://api.propensity.com/".to_owned()),
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
    };
    if url.scheme() != "https" && !(loopback && url.scheme() == "http") {
        return Err(
            "it must start with https://, since keys are sent there (http:// is for this machine only)".to_owned()
        );
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err("it must not hold a user name, a password, a `?` or a `#`".to_owned());
    }
    Ok(url)
}

pub(super) fn listen(text: &str) -> Result<SocketAddr, String> {
    text.trim().parse().map_err(|_| "write an IP address and a port, as in 0.0.0.0:8080".to_owned())
}

pub(super) fn identity(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > 128 || !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err("it must be 1 to 128 ASCII characters without spaces".to_owned());
    }
    Ok(text.to_owned())
}

pub(super) fn log_level(text: &str) -> Result<String, String> {
    let wrong = |_| "write a level (error, warn, info, debug, trace) or directives such as `info,kube=warn`".to_owned();
    tracing_subscriber::EnvFilter::builder().parse(text).map_err(wrong)?;
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
    let wrong = |_| "write networks as in 10.1.0.0/16, separated by commas".to_owned();
    list(text, |network| network.parse::<ipnet::IpNet>().map(|network| network.to_string()).map_err(wrong))
}

pub(super) fn host_patterns(text: &str) -> Result<List, String> {
    let wrong =
        |e: &str| format!("`{e}` is not a host: write names without https:// or a port, as in *.propensity.com");
    list(text, |e| {
        let host = e.strip_prefix("*.").unwrap_or(e);
        let parsed = Host::parse(host).map_err(|_| wrong(e))?;
        match (&parsed, host == e) {
            // `*.com` would let keys go nearly anywhere.
            (Host::Domain(name), false) if !name.contains('.') => Err(format!("`{e}` is too wide")),
            (Host::Domain(name), false) => Ok(format!("*.{name}")),
            (_, false) => Err(wrong(e)),
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
    let good = text.len() <= 253 && text.split('.').all(is_label);
    good.then(|| text.to_owned()).ok_or_else(|| format!("`{text}` can't be the name of an object in a cluster"))
}

pub(super) fn namespace(text: &str) -> Result<String, String> {
    let good = is_label(text);
    good.then(|| text.to_owned()).ok_or_else(|| format!("`{text}` can't be the name of a namespace"))
}

fn is_label(text: &str) -> bool {
    let bytes = text.as_bytes();
    let edge = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    bytes.len() <= 63
        && bytes.iter().all(|b| edge(b) || *b == b'-')
        && bytes.first().is_some_and(edge)
        && bytes.last().is_some_and(edge)
}
