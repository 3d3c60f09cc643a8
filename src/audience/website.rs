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
mod tests;
