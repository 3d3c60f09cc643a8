//! Websites: the key of accounts, and a field of contacts.

use std::borrow::Cow;

use psl::{Psl, Type};

use super::{
    host::{self, NotHost},
    reason::{Field, Reason},
    text,
};

/// The normal form of a website, such as `example.com`, from any URL of it.
///
/// It doesn't depend on the public suffix list, so it never changes. The rows of an audience are checked against that
/// list separately.
///
/// # Errors
/// The text contains no host name, or an IP address.
pub fn website(raw: &str) -> Result<String, Reason> {
    normal(raw).map(Cow::into_owned)
}

pub(super) fn normal(raw: &str) -> Result<Cow<'_, str>, Reason> {
    match text::clean_word(raw, Field::Website)? {
        Cow::Borrowed(address) => parse(address),
        Cow::Owned(address) => parse(&address).map(|website| Cow::Owned(website.into_owned())),
    }
}

fn parse(address: &str) -> Result<Cow<'_, str>, Reason> {
    let host = host::split(address).and_then(|(host, _)| host::normal(host)).map_err(|problem| match problem {
        NotHost::Scheme => Reason::WebsiteScheme,
        NotHost::User => Reason::WebsiteUser,
        NotHost::Address => Reason::WebsiteAddress,
        NotHost::Malformed => Reason::WebsiteHost,
        NotHost::SingleLabel => Reason::WebsiteNoSuffix,
    })?;
    Ok(match host {
        Cow::Borrowed(host) => Cow::Borrowed(without_www(host)),
        Cow::Owned(mut host) => {
            host.drain(..host.len() - without_www(&host).len());
            Cow::Owned(host)
        }
    })
}

/// Removes every leading `www.` as long as at least two labels remain: `www.com` is a website of its own.
///
/// It removes all of them, so that normalising twice changes nothing. It counts labels, so that it doesn't depend on
/// the public suffix list.
fn without_www(mut host: &str) -> &str {
    while let Some(rest) = host.strip_prefix("www.").filter(|rest| rest.contains('.')) {
        host = rest;
    }
    host
}

/// The problem that the public suffix list finds with a website in normal form. The normal form has no `www.`, so
/// `www.gov.uk` is a bare suffix too.
///
/// A bare *private* suffix (`github.io`, `ruhr-uni-bochum.de`) is the website of its registrant.
pub(super) fn suffix_problem(website: &str) -> Option<Reason> {
    let suffix = psl::List.suffix(website.as_bytes())?;
    match suffix.typ() {
        None => Some(Reason::WebsiteUnknownSuffix),
        Some(Type::Icann) if suffix.as_bytes().len() == website.len() => Some(Reason::WebsiteBareSuffix),
        Some(_) => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn all_spellings_of_a_website_have_one_normal_form() {
        for (raw, form) in [
            ("example.com", "example.com"),
            ("www.example.com", "example.com"),
            ("http://www.example.com/", "example.com"),
            ("\u{feff} HTTPS://WWW.Example.COM.:443/a/b?c=d#e \u{200b}\r\n", "example.com"),
            ("//example.com", "example.com"),
            ("www.www.example.com", "example.com"),
            ("wwww.example.com", "wwww.example.com"),
            ("www2.example.com", "www2.example.com"),
            ("blog.example.com", "blog.example.com"),
            ("https://www.bücher.de/", "xn--bcher-kva.de"),
            ("БАНК.рф", "xn--80ab2al.xn--p1ai"),
            ("www.com", "www.com"),
            ("www.www.com", "www.com"),
            ("www.gov.uk", "gov.uk"),
            ("example.com\\path", "example.com"),
        ] {
            assert_eq!(website(raw).as_deref(), Ok(form), "{raw:?}");
        }
    }

    #[test]
    fn anything_but_a_website_is_refused_with_a_reason() {
        for (raw, reason) in [
            ("", "the website is not a valid host name: check its spelling"),
            ("https://", "the website is not a valid host name: check its spelling"),
            ("exa_mple.com", "the website is not a valid host name: check its spelling"),
            ("example..com", "the website is not a valid host name: check its spelling"),
            ("exam ple.com", "the website has white space inside: remove it"),
            ("exam\u{7}ple.com", "the website has a control character inside: remove it"),
            (
                "ftp://example.com",
                "the website is neither http nor https: enter only the host name, such as example.com",
            ),
            (
                "ada@example.com",
                "the website has a user name or is an email address: enter only the host name, such as example.com",
            ),
            (
                "http://a:b@example.com",
                "the website has a user name or is an email address: enter only the host name, such as example.com",
            ),
            ("http://10.0.0.1/", "the website is an IP address: enter its host name"),
            ("0x7f.1", "the website is an IP address: enter its host name"),
            ("[2001:db8::1]", "the website is an IP address: enter its host name"),
            ("localhost:8080", "the website has no suffix: enter the complete name, such as example.com"),
        ] {
            assert_eq!(website(raw).unwrap_err().to_string(), reason, "{raw:?}");
        }
    }

    #[test]
    fn the_suffix_list_is_applied_to_the_normal_form() {
        const BARE: &str =
            "the website without www. is only a public suffix: enter the complete name, such as example.com";
        const UNKNOWN: &str = "the website's suffix is not on the public suffix list: check its ending";
        for (raw, problem) in [
            ("EXAMPLE.COM", None),
            ("example.co.uk", None),
            ("банк.рф", None),
            ("www.com", None),
            ("www.gov.uk", Some(BARE)),
            // Private suffixes are websites.
            ("github.io", None),
            ("ruhr-uni-bochum.de", None),
            ("ada.github.io", None),
            ("gov.uk", Some(BARE)),
            ("co.uk", Some(BARE)),
            // A wildcard rule: *.ck.
            ("example.ck", Some(BARE)),
            ("www.ck", None),
            ("example.invalid", Some(UNKNOWN)),
            ("example.c0m", Some(UNKNOWN)),
        ] {
            let website = website(raw).unwrap();
            assert_eq!(suffix_problem(&website).map(|reason| reason.to_string()).as_deref(), problem, "{raw}");
        }
    }
}
