//! Email addresses.

use std::borrow::Cow;

use email_address::EmailAddress;

use super::{
    host,
    reason::{Field, Reason},
    text,
};

/// The normal form of an email address: all in lower case, the domain as punycode, without `mailto:`.
///
/// The standard allows the part before the `@` to be case-sensitive, but no mail service in use today does that.
///
/// # Errors
/// The text isn't one plain address with a domain that has a suffix.
pub fn email(raw: &str) -> Result<String, Reason> {
    normal(raw).map(Cow::into_owned)
}

pub(super) fn normal(raw: &str) -> Result<Cow<'_, str>, Reason> {
    match text::clean(raw, Field::Email)? {
        Cow::Borrowed(address) => parse(address),
        Cow::Owned(address) => parse(&address).map(|address| Cow::Owned(address.into_owned())),
    }
}

fn parse(address: &str) -> Result<Cow<'_, str>, Reason> {
    let address = without_scheme(address);
    if address.contains(['<', '>']) {
        return Err(Reason::EmailDisplayText);
    }
    if address.contains(' ') {
        return Err(Reason::WhiteSpace(Field::Email));
    }
    let (local, domain) = address.rsplit_once('@').ok_or(Reason::EmailForm)?;
    // Refuses domain literals, domains without a suffix and IP addresses.
    let domain_form = host::normal(domain).map_err(|_| Reason::EmailDomain)?;
    let changes = local.bytes().any(|byte| byte.is_ascii_uppercase() || !byte.is_ascii()) || domain_form != domain;
    let form = if changes { Cow::Owned(join(local, &domain_form)) } else { Cow::Borrowed(address) };
    let local_form = &form[..form.len() - domain_form.len() - 1];
    if EmailAddress::is_valid_local_part(local_form) { Ok(form) } else { Err(Reason::EmailForm) }
}

fn join(local: &str, domain: &str) -> String {
    let mut address = String::with_capacity(local.len() + 1 + domain.len());
    address.extend(text::lower(local));
    address.push('@');
    address.push_str(domain);
    address
}

/// A `mailto:` link without its scheme and its query.
fn without_scheme(address: &str) -> &str {
    match address.split_at_checked("mailto:".len()) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("mailto:") => {
            rest.split_once('?').map_or(rest, |(address, _)| address)
        }
        _ => address,
    }
}

#[cfg(test)]
mod tests;
