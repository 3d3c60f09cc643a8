//! Audiences as lists. Input: rows as people wrote them. Output: their normal form, the hash and the request body.
//!
//! Everything here is pure: no Kubernetes, no network, no clock.
//!
//! # The normal form
//!
//! | field | rule | example |
//! | --- | --- | --- |
//! | all | trimmed; without invisible characters; an empty value is absent; control characters are invalid | |
//! | names, company | white space becomes one space; composed Unicode (NFC); case is kept | `Ada  King ` → `Ada King` |
//! | website | only the host, lower case, punycode, without `www.` | `http://www.Example.com/a` → `example.com` |
//! | email | lower case, punycode, without `mailto:` | `Ada@Example.com` → `ada@example.com` |
//! | LinkedIn URL | one URL for each profile | `de.linkedin.com/in/Ada/` → `https://www.linkedin.com/in/ada` |
//!
//! A leading `www.` is kept if only one label would remain (`www.com`). A value has at most 256 characters; a website
//! or LinkedIn URL as typed has at most 2,048.
//!
//! A website in normal form must end with a known public suffix, and must not itself be a suffix of the list's ICANN
//! section. A suffix of the private section (`github.io`) is a website. This check isn't part of the normal form,
//! because the list changes.
//!
//! # The hash
//!
//! A list's hash identifies the *set* of its normalised rows. Each row is one line of RFC 8785 JSON with the field
//! names of the API. The lines are sorted by bytes and equal lines count once. SHA-256 covers a line with format
//! version and kind, and then these lines. If the file `rows` contains the lines of a list of contacts, this is its
//! hash:
//!
//! ```sh
//! (echo 'propensity.audience/v1 contacts'; LC_ALL=C sort -u rows) | sha256sum
//! ```
//!
//! So the order, repetition, formatting and source of rows don't change the hash. The public suffix list, suppression
//! lists and deduplication don't change it either, because a later version may treat the same rows differently. Only
//! rows without a normal form aren't part of the hash, and a list with such a row isn't sent.
//!
//! # Deduplication
//!
//! Two rows are the same contact if the strongest key that both have is equal: the LinkedIn URL, else the email, else
//! the name with the website, else the name with the company (names and companies compared without case). Two rows are
//! the same account if the website is equal. The first row wins, and later rows fill its absent fields. So the *order*
//! of rows may change the members that are sent and their number, but never the hash.

mod canonical;
mod dedupe;
mod email;
mod host;
mod json;
mod linkedin;
mod list;
mod member;
mod member_index;
mod reason;
mod split;
mod suppression;
mod text;
mod warning;
mod website;

#[cfg(test)]
mod list_fuzz;
#[cfg(test)]
mod tests;

pub use self::{
    canonical::{ListHash, payload_hash},
    email::email,
    linkedin::linkedin_url,
    list::{Funnel, List, Normalised, Normaliser, Part, Row},
    member::Member,
    member_index::MemberIndex,
    reason::{Field, Problem, Problems, Reason},
    suppression::{BadEntry, Entry, Suppression},
    warning::Warnings,
    website::website,
};

/// The kind of members in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// People.
    Contacts,
    /// Companies, identified by their websites.
    Accounts,
}

impl Kind {
    /// The API path that creates such an audience, without a slash.
    pub const fn endpoint(self) -> &'static str {
        match self {
            Self::Contacts => "create_contact_audience",
            Self::Accounts => "create_account_audience",
        }
    }

    /// The noun for this number of members: `1 contact`, `2 contacts`.
    pub const fn member_noun(self, count: u64) -> &'static str {
        match (self, count) {
            (Self::Contacts, 1) => "contact",
            (Self::Contacts, _) => "contacts",
            (Self::Accounts, 1) => "account",
            (Self::Accounts, _) => "accounts",
        }
    }

    /// The key of the list in a request body.
    const fn key(self) -> &'static str {
        match self {
            Self::Contacts => "contacts",
            Self::Accounts => "accounts",
        }
    }
}
