//! Suppression lists: entries that must never be sent, and whether a member matches one.

use std::collections::HashSet;

use data_encoding::HEXLOWER_PERMISSIVE;
use sha2::{Digest as _, Sha256};

use super::{Member, email::email, linkedin::linkedin_url, website::website};

/// The beginning of a hashed entry. The SHA-256 of the entry's normal form follows, in hexadecimal.
const HASHED: &str = "sha256:";

/// The entries, in normal form.
#[derive(Clone, Default)]
pub struct Suppression {
    domains: HashSet<String>,
    emails: HashSet<String>,
    profiles: HashSet<String>,
    hashed: HashSet<[u8; 32]>,
}

/// The kind of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A domain and its subdomains: matches websites and email addresses.
    Domain,
    /// An email address.
    Email,
    /// A LinkedIn profile.
    Profile,
}

/// Why an entry is invalid. The message doesn't repeat its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadEntry {
    /// Not a domain.
    #[error("isn't a domain such as example.com or its hash (sha256: and 64 hexadecimal digits)")]
    Domain,
    /// Not an email address.
    #[error("isn't an email address or its hash (sha256: and 64 hexadecimal digits)")]
    Email,
    /// Not a LinkedIn profile.
    #[error("isn't a LinkedIn profile URL or its hash (sha256: and 64 hexadecimal digits)")]
    Profile,
}

impl Suppression {
    /// Adds an entry, as plain text or as the hash of its normal form.
    ///
    /// # Errors
    /// The text is neither of these.
    pub fn add(&mut self, entry: Entry, text: &str) -> Result<(), BadEntry> {
        let text = text.trim();
        let bad = match entry {
            Entry::Domain => BadEntry::Domain,
            Entry::Email => BadEntry::Email,
            Entry::Profile => BadEntry::Profile,
        };
        if let Some(digits) = text.strip_prefix(HASHED) {
            let hash = HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).map_err(|_| bad)?;
            self.hashed.insert(hash.try_into().map_err(|_| bad)?);
            return Ok(());
        }
        match entry {
            Entry::Domain => self.domains.insert(website(text).map_err(|_| bad)?),
            Entry::Email => self.emails.insert(email(text).map_err(|_| bad)?),
            Entry::Profile => self.profiles.insert(linkedin_url(text).map_err(|_| bad)?),
        };
        Ok(())
    }

    /// The number of entries: domains, emails, profiles, and hashes of any kind.
    #[must_use]
    pub fn counts(&self) -> [usize; 4] {
        [self.domains.len(), self.emails.len(), self.profiles.len(), self.hashed.len()]
    }

    /// Whether there are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts() == [0; 4]
    }

    /// Whether a member in normal form must not be sent. Its email, its profile, its website, the domain of its email
    /// and the parent domains of both are compared.
    #[must_use]
    pub fn excludes(&self, member: &Member) -> bool {
        if self.is_empty() {
            return false;
        }
        let Member { website, email, linkedin_url, .. } = member;
        let host = email.as_deref().and_then(|email| email.rsplit_once('@')).map(|(_, host)| host);
        let mut domains = [website.as_deref(), host].into_iter().flatten().flat_map(with_parents);
        email.as_deref().is_some_and(|email| self.has(&self.emails, email))
            || linkedin_url.as_deref().is_some_and(|profile| self.has(&self.profiles, profile))
            || domains.any(|domain| self.has(&self.domains, domain))
    }

    fn has(&self, plain: &HashSet<String>, text: &str) -> bool {
        plain.contains(text)
            || !self.hashed.is_empty() && self.hashed.contains::<[u8; 32]>(&Sha256::digest(text).into())
    }
}

/// A host and its parent domains.
fn with_parents(host: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(host), |host| host.split_once('.').map(|(_, parent)| parent))
}

/// Shows the number of entries, and no entry.
impl std::fmt::Debug for Suppression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Suppression").field("entries", &self.counts().iter().sum::<usize>()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
