//! Host names, and URLs that contain them. Used for websites, emails and LinkedIn URLs.
//!
//! This module doesn't use the public suffix list, because the normal form of a name must not change with that list.

use std::{borrow::Cow, net::Ipv6Addr};

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

/// Why a text isn't a host name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotHost {
    Scheme,
    User,
    Address,
    Malformed,
    SingleLabel,
}

/// Splits a URL, with or without scheme, into its host and the rest. The port is dropped.
pub(super) fn split(address: &str) -> Result<(&str, &str), NotHost> {
    let rest = match address.split_once("://") {
        Some((scheme, rest)) if !scheme.contains(DELIMITERS) => {
            if !scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("http") {
                return Err(NotHost::Scheme);
            }
            rest
        }
        _ => address.strip_prefix("//").unwrap_or(address),
    };
    let (authority, path) = rest.split_at(rest.find(DELIMITERS).unwrap_or(rest.len()));
    if authority.contains('@') {
        return Err(NotHost::User);
    }
    match authority.rsplit_once(':') {
        None => Ok((authority, path)),
        Some(_) if authority.starts_with('[') || authority.parse::<Ipv6Addr>().is_ok() => Err(NotHost::Address),
        Some((host, port)) if port.len() <= 5 && port.bytes().all(|b| b.is_ascii_digit()) => Ok((host, path)),
        Some(_) => Err(NotHost::Malformed),
    }
}

/// Characters that end a host. Browsers treat a backslash like a slash.
pub(super) const DELIMITERS: [char; 4] = ['/', '\\', '?', '#'];

/// The normal form of a host name: lower case, internationalised names as punycode (UTS 46, non-transitional), without
/// a trailing dot.
pub(super) fn normal(host: &str) -> Result<Cow<'_, str>, NotHost> {
    let name = ascii(host).ok_or(NotHost::Malformed)?;
    let name = match name {
        Cow::Borrowed(name) => Cow::Borrowed(name.strip_suffix('.').unwrap_or(name)),
        Cow::Owned(mut name) => {
            if name.ends_with('.') {
                name.pop();
            }
            Cow::Owned(name)
        }
    };
    let mut last = "";
    let mut labels = 0;
    for label in name.split('.') {
        if label.is_empty() || label.len() > 63 || label.starts_with('-') || label.ends_with('-') {
            return Err(NotHost::Malformed);
        }
        last = label;
        labels += 1;
    }
    if name.len() > 253 {
        return Err(NotHost::Malformed);
    }
    if is_number(last) {
        return Err(NotHost::Address);
    }
    if labels < 2 { Err(NotHost::SingleLabel) } else { Ok(name) }
}

/// The name in lower-case letters, digits, hyphens and dots, or `None` if that isn't possible.
fn ascii(host: &str) -> Option<Cow<'_, str>> {
    let mut upper = false;
    let mut foreign = false;
    for byte in host.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' => {}
            b'A'..=b'Z' => upper = true,
            0x80.. => foreign = true,
            _ => return None,
        }
    }
    let lower = if upper { Cow::Owned(host.to_ascii_lowercase()) } else { Cow::Borrowed(host) };
    // Punycode in the input must be decoded to be validated.
    if !foreign && !lower.contains("xn--") {
        return Some(lower);
    }
    let name = Uts46::new().to_ascii(lower.as_bytes(), AsciiDenyList::STD3, Hyphens::Allow, DnsLength::Ignore).ok()?;
    Some(Cow::Owned(name.into_owned()))
}

/// Whether the last label of a host is a number. Browsers treat such a host as an IPv4 address: `127.1`, `0x7f.1`,
/// `2130706433`.
fn is_number(label: &str) -> bool {
    label.bytes().all(|b| b.is_ascii_digit())
        || label.strip_prefix("0x").is_some_and(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests;
