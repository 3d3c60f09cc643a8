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
    #[error("isn't a domain such as example.com, or sha256: and 64 hexadecimal digits")]
    Domain,
    /// Not an email address.
    #[error("isn't an email address, or sha256: and 64 hexadecimal digits")]
    Email,
    /// Not a LinkedIn profile.
    #[error("isn't a LinkedIn profile URL, or sha256: and 64 hexadecimal digits")]
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
#[allow(clippy::unwrap_used)]
mod tests {
    use data_encoding::HEXLOWER;

    use super::*;

    fn with(entries: &[(Entry, &str)]) -> Suppression {
        let mut suppression = Suppression::default();
        for (entry, text) in entries {
            suppression.add(*entry, text).unwrap();
        }
        suppression
    }

    fn emailed(address: &str) -> Member {
        Member { email: Some(address.to_owned()), ..Member::default() }
    }

    fn profile(address: &str) -> Member {
        Member { linkedin_url: Some(address.to_owned()), ..Member::default() }
    }

    fn hash(text: &str) -> String {
        format!("sha256:{}", HEXLOWER.encode(&Sha256::digest(text)))
    }

    #[test]
    fn a_domain_excludes_itself_and_its_subdomains() {
        let list = with(&[(Entry::Domain, "https://www.Example.com/")]);
        for member in [
            Member::account("example.com"),
            Member::account("shop.example.com"),
            emailed("a@example.com"),
            emailed("a@mail.eu.example.com"),
        ] {
            assert!(list.excludes(&member), "{member:?}");
        }
        for member in [Member::account("anexample.com"), Member::account("example.com.de"), emailed("a@example.org")] {
            assert!(!list.excludes(&member), "{member:?}");
        }
    }

    #[test]
    fn an_email_or_profile_excludes_only_itself() {
        let list = with(&[(Entry::Email, "Ada@Example.com"), (Entry::Profile, "linkedin.com/in/Ada/")]);
        assert!(list.excludes(&emailed("ada@example.com")));
        assert!(list.excludes(&profile("https://www.linkedin.com/in/ada")));
        assert!(!list.excludes(&emailed("bob@example.com")));
        assert!(!list.excludes(&Member::account("example.com")));
        assert!(!list.excludes(&profile("https://www.linkedin.com/in/bob")));
    }

    #[test]
    fn a_hash_matches_the_normal_form() {
        let list = with(&[
            (Entry::Email, &hash("ada@example.com")),
            (Entry::Domain, &hash("example.org").to_uppercase().replace("SHA256", "sha256")),
            (Entry::Profile, &hash("https://www.linkedin.com/in/ada")),
        ]);
        assert!(list.excludes(&emailed("ada@example.com")));
        assert!(list.excludes(&Member::account("www.shop.example.org")));
        assert!(list.excludes(&profile("https://www.linkedin.com/in/ada")));
        assert!(!list.excludes(&emailed("bob@example.com")));
    }

    #[test]
    fn an_invalid_entry_is_refused_and_not_repeated() {
        let mut list = Suppression::default();
        for (entry, text, why) in [
            (Entry::Domain, "", BadEntry::Domain),
            (Entry::Domain, "canary", BadEntry::Domain),
            (Entry::Email, "canary.example.com", BadEntry::Email),
            (Entry::Profile, "https://canary.example.com", BadEntry::Profile),
            (Entry::Email, "sha256:canary", BadEntry::Email),
            (Entry::Domain, "sha256:00ff", BadEntry::Domain),
        ] {
            assert_eq!(list.add(entry, text), Err(why), "{text}");
            assert!(!why.to_string().contains("canary"));
        }
        assert!(list.is_empty() && !list.excludes(&Member::account("canary.example.com")));
        assert_eq!(format!("{:?}", with(&[(Entry::Domain, "canary.example.com")])), "Suppression { entries: 1, .. }");
    }
}
