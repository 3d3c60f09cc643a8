//! Audiences as plain lists: rows as people write them in, the normal form, the hash and the request's body out.
//!
//! Everything here is pure: no Kubernetes, no network, no clock.
//!
//! # The normal form
//!
//! | field | rule | example |
//! | --- | --- | --- |
//! | all | white space and invisible characters are trimmed; invisible characters inside are dropped; blank is absent; control characters are invalid | |
//! | names, company | each run of white space is one space; composed Unicode (NFC); the case stays | `Ada  King ` → `Ada King` |
//! | website | without scheme, port, path and leading `www.` (which stays where one label would be left), lower case, punycode | `http://www.Example.com/a` → `example.com` |
//! | email | lower case, punycode, without `mailto:` | `Ada@Example.com` → `ada@example.com` |
//! | LinkedIn URL | the profile's address, lower case, however it was reached | `de.linkedin.com/in/Ada/` → `https://www.linkedin.com/in/ada` |
//!
//! A value is bounded at 256 characters; a web address as typed at 2,048.
//!
//! A website in normal form must end in a known public suffix and be more than a bare one of the list's ICANN section; a bare private
//! one (`github.io`) is a site. That judgement is kept apart from the form, since the list changes.
//!
//! # The hash
//!
//! A list's hash stands for the *set* of its normalised rows. Each row is one line of RFC 8785 JSON with the names of the wire;
//! the lines are sorted by their bytes, equal ones counted once, and hashed with SHA-256 after a line with the version of the form and the kind.
//! Where `rows` holds the lines of a list of contacts, this is its hash:
//!
//! ```sh
//! (echo 'propensity.audience/v1 contacts'; LC_ALL=C sort -u rows) | sha256sum
//! ```
//!
//! So order, repetition, formatting and the source of a row don't change it. Nor does anything that may judge the same rows differently
//! tomorrow: the public suffix list makes a row invalid and not another row, exclusion comes later, and so does deduplication.
//! Only rows without a normal form are no part of it, and a list with one of them can't be sent.
//!
//! # Deduplication
//!
//! Rows are about the same member when the surest key that both have is equal: the LinkedIn URL, else the email, else the name with the
//! website, else the name with the company (names and companies without regard to case). Accounts are the same by website. In one pass, the
//! first row wins and later ones fill its gaps. So the *order* of rows may decide what is sent, and the number of members, and never the hash.

mod canonical;
mod dedupe;
mod email;
mod host;
mod linkedin;
mod list;
mod lookup;
mod member;
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
    lookup::Lookup,
    member::Member,
    reason::{Field, Problem, Problems, Reason},
    suppression::{BadEntry, Entry, Suppression},
    warning::Warnings,
    website::website,
};

/// What an audience is a list of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// People.
    Contacts,
    /// Companies, by their websites.
    Accounts,
}

impl Kind {
    /// The API's path for creating such an audience, without a slash.
    pub const fn endpoint(self) -> &'static str {
        match self {
            Self::Contacts => "create_contact_audience",
            Self::Accounts => "create_account_audience",
        }
    }

    /// The word for so many members: `1 contact`, `2 contacts`.
    pub const fn member_noun(self, count: u64) -> &'static str {
        match (self, count) {
            (Self::Contacts, 1) => "contact",
            (Self::Contacts, _) => "contacts",
            (Self::Accounts, 1) => "account",
            (Self::Accounts, _) => "accounts",
        }
    }

    /// The list's key in a request.
    const fn key(self) -> &'static str {
        match self {
            Self::Contacts => "contacts",
            Self::Accounts => "accounts",
        }
    }
}
