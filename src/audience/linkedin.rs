//! URLs of LinkedIn profiles.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::{
    host,
    reason::{Field, Reason},
    text,
};

/// The beginning of every profile URL in normal form.
const PREFIX: &str = "https://www.linkedin.com/in/";
/// All characters except the unreserved ones of RFC 3986 are percent-encoded.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The maximum length of a profile name, decoded, in characters.
const MAX_NAME_CHARS: usize = 256;

/// The normal form of a profile URL: `https://www.linkedin.com/in/<name>`, lower case, percent-encoded if necessary.
///
/// # Errors
/// The text isn't the URL of a person's profile on LinkedIn.
pub fn linkedin_url(raw: &str) -> Result<String, Reason> {
    normal(raw).map(Cow::into_owned)
}

pub(super) fn normal(raw: &str) -> Result<Cow<'_, str>, Reason> {
    let address = text::clean_word(raw, Field::LinkedinUrl)?;
    if is_normal(&address) { Ok(address) } else { parse(&address).map(Cow::Owned) }
}

/// Whether the URL is in normal form and contains no percent-encoding.
fn is_normal(address: &str) -> bool {
    address
        .strip_prefix(PREFIX)
        .is_some_and(|name| is_simple(name) && !name.bytes().any(|byte| byte.is_ascii_uppercase()))
}

/// Whether there is nothing to decode or to encode, as for most profile names.
fn is_simple(name: &str) -> bool {
    (1..=MAX_NAME_CHARS).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

fn parse(address: &str) -> Result<String, Reason> {
    let (host, path) = host::split(address).map_err(|_| Reason::LinkedinHost)?;
    let host = host::normal(host).map_err(|_| Reason::LinkedinHost)?;
    // Country subdomains, such as `de.linkedin.com`, are allowed.
    if host != "linkedin.com" && !host.ends_with(".linkedin.com") {
        return Err(Reason::LinkedinHost);
    }
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let mut segments = path.split(['/', '\\']).filter(|segment| !segment.is_empty());
    if !segments.next().is_some_and(|first| first.eq_ignore_ascii_case("in")) {
        return Err(Reason::LinkedinNotProfile);
    }
    let segment = segments.next().unwrap_or_default();
    if is_simple(segment) {
        let mut address = [PREFIX, segment].concat();
        address.make_ascii_lowercase();
        return Ok(address);
    }
    let name = profile_name(segment).ok_or(Reason::LinkedinProfileName)?;
    Ok(format!("{PREFIX}{}", utf8_percent_encode(&name, RESERVED)))
}

/// The profile name, decoded and in lower case.
fn profile_name(segment: &str) -> Option<String> {
    let decoded = percent_decode_str(segment).decode_utf8().ok()?;
    let cleaned = text::clean_word(&decoded, Field::LinkedinUrl).ok()?;
    let name: String = text::lower(&cleaned).collect();
    let refused = name.is_empty() || name == "." || name == ".." || name.contains(['/', '\\', '?', '#', '%']);
    (!refused && name.chars().count() <= MAX_NAME_CHARS).then_some(name)
}

#[cfg(test)]
mod tests;
