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
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn all_spellings_of_a_profile_have_one_normal_form() {
        for (raw, name) in [
            ("https://www.linkedin.com/in/ada-lovelace", "ada-lovelace"),
            ("linkedin.com/in/Ada-Lovelace/", "ada-lovelace"),
            ("HTTP://DE.LinkedIn.com:443/IN/ada-lovelace?trk=x#top", "ada-lovelace"),
            ("https://www.linkedin.com/in/ada-lovelace/en", "ada-lovelace"),
            ("www.linkedin.com//in//ada-lovelace//details/experience/", "ada-lovelace"),
            ("//uk.linkedin.com/in/ada_lovelace", "ada_lovelace"),
            ("linkedin.com/in/%41da%2Dlovelace", "ada-lovelace"),
            ("linkedin.com/in/%c3%85sa", "%C3%A5sa"),
            ("linkedin.com/in/Åsa", "%C3%A5sa"),
            ("linkedin.com/in/ada%20", "ada"),
            ("linkedin.com/in/ada%E2%80%8B", "ada"),
            (" linkedin.com/in/ada. ", "ada."),
        ] {
            assert_eq!(linkedin_url(raw), Ok(format!("https://www.linkedin.com/in/{name}")), "{raw:?}");
        }
    }

    #[test]
    fn anything_but_a_profile_is_refused_with_a_reason() {
        const HOST: &str =
            "the linkedinUrl is not on linkedin.com: enter the URL of the profile, https://www.linkedin.com/in/…";
        const PROFILE: &str =
            "the linkedinUrl is not a person's profile: enter the URL of the profile, https://www.linkedin.com/in/…";
        const NAME: &str = "the linkedinUrl has no valid profile name after /in/: copy the URL from the profile";
        let long = format!("linkedin.com/in/{}", "a".repeat(257));
        for (raw, reason) in [
            ("", HOST),
            ("ada-lovelace", HOST),
            ("https://evil-linkedin.com/in/ada", HOST),
            ("https://linkedin.com.example.com/in/ada", HOST),
            ("https://linkedin.com@example.com/in/ada", HOST),
            ("https://example.com/linkedin.com/in/ada", HOST),
            ("https://lınkedin.com/in/ada", HOST),
            ("https://lnkd.in/ada", HOST),
            ("ftp://linkedin.com/in/ada", HOST),
            ("https://www.linkedin.com/company/example", PROFILE),
            ("https://www.linkedin.com/pub/ada/1/2/3", PROFILE),
            ("https://www.linkedin.com", PROFILE),
            ("https://www.linkedin.com/?/in/ada", PROFILE),
            ("https://www.linkedin.com/in/", NAME),
            ("https://www.linkedin.com/in/?x=ada", NAME),
            ("https://www.linkedin.com/in/..", NAME),
            ("https://www.linkedin.com/in/%2e%2E/feed", NAME),
            ("https://www.linkedin.com/in/a%2Fb", NAME),
            ("https://www.linkedin.com/in/a%zz", NAME),
            ("https://www.linkedin.com/in/%ff", NAME),
            ("https://www.linkedin.com/in/a%00b", NAME),
            ("https://www.linkedin.com/in/a%20b", NAME),
            (long.as_str(), NAME),
            ("linkedin.com/in/ada lovelace", "the linkedinUrl has white space inside: remove it"),
        ] {
            assert_eq!(linkedin_url(raw).unwrap_err().to_string(), reason, "{raw:?}");
        }
    }
}
