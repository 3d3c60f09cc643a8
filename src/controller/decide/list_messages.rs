//! The states of objects whose list, or a part of it, can't be read. Never a value.

use std::fmt;

use url::Url;

use super::sentences;
use crate::api::condition::Reason;
use crate::api::{EntryRef, HttpFile};
use crate::audience::Kind;
use crate::controller::model::audience::kind_name;
use crate::controller::model::readiness::{Phase, Readiness};
use crate::sources::remote::FetchError;
use crate::sources::versions::SourceKind;

/// Whose `spec.from` names a source.
#[derive(Clone, Copy, Debug)]
pub enum Owner<'a> {
    /// That of the audience that is reconciled.
    Audience(Kind),
    /// That of a suppression list.
    Suppression(&'a str),
}

impl fmt::Display for Owner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Audience(kind) => write!(f, "this {}", kind_name(*kind)),
            Self::Suppression(name) => write!(f, "SuppressionList {name}"),
        }
    }
}

/// A suppression list was read completely.
#[must_use]
pub fn loaded() -> Readiness {
    Readiness::ready(Reason::Loaded, "the list was read completely and applies wherever spec.suppressionRefs names it")
}

/// An object that a source needs does not exist.
#[must_use]
pub fn not_found(holder: SourceKind, name: &str, namespace: &str, named_in: &str) -> Readiness {
    let message = format!(
        "nothing is sent: there is no {holder} {name} in namespace {namespace}. Create it, or correct {named_in}."
    );
    Readiness::reconciling(Reason::SourceNotFound, message)
}

/// An object has no such entry.
#[must_use]
pub fn no_entry(holder: SourceKind, entry: &EntryRef, owner: Owner<'_>) -> Readiness {
    let EntryRef { name, key } = entry;
    let message = format!(
        "nothing is sent: {holder} {name} has no entry {key}. Add it, or correct the key in spec.from of {owner}."
    );
    Readiness::reconciling(Reason::SourceNotFound, message)
}

/// Another number of ConfigMaps has the labels than the spec declares.
#[must_use]
pub fn wrong_count(found: usize, count: u32, owner: Owner<'_>) -> Readiness {
    let message = format!(
        "nothing is sent: {found} ConfigMaps have the labels of configMaps in spec.from of {owner}, but its count is \
         {count}. Add or remove ConfigMaps, or correct the count."
    );
    Readiness::reconciling(Reason::SourceNotFound, message)
}

/// A source has not been observed yet.
#[must_use]
pub fn looked_up(holder: SourceKind, name: &str) -> Readiness {
    Readiness::reconciling(Reason::Pending, format!("{holder} {name} is being read"))
}

/// The operator may not read a source.
#[must_use]
pub fn denied(holder: SourceKind, name: &str, namespace: &str) -> Readiness {
    let message = format!(
        "nothing is sent: the operator isn't allowed to read {holder} {name} in namespace {namespace}. Grant its \
         ServiceAccount get, list and watch on it with a Role and RoleBinding in the namespace."
    );
    Readiness::reconciling(Reason::AccessDenied, message)
}

/// The cluster does not know the kind of a source.
#[must_use]
pub fn no_kind(holder: SourceKind, name: &str, named_in: &str) -> Readiness {
    let message = format!(
        "nothing is sent: there is no {holder} {name}, because this cluster doesn't have the kind {holder} of \
         source.toolkit.fluxcd.io/v1. Install Flux, or correct {named_in}."
    );
    Readiness::reconciling(Reason::SourceNotFound, message)
}

/// A source has none of the types that this version knows: the CRD is newer than the operator. It isn't skipped, since a
/// list must never shrink.
#[must_use]
pub fn unknown_source(owner: Owner<'_>) -> Readiness {
    let message = format!(
        "nothing is sent: this version of the operator doesn't know the type of a source in spec.from of {owner}. Upgrade \
         the operator, or correct spec.from."
    );
    Readiness::stalled(Reason::SourceUnreadable, message)
}

/// A Flux source has no artifact yet.
#[must_use]
pub fn no_artifact(holder: SourceKind, name: &str) -> Readiness {
    let message = format!("nothing is sent: {holder} {name} has no artifact yet. Its status shows the cause.");
    Readiness::reconciling(Reason::SourceNotFound, message)
}

/// The name of a file behind a URL: without its query, which may contain a token.
#[must_use]
pub fn file_name(file: &HttpFile) -> String {
    match (&file.url_from, file.url.as_deref().map(Url::parse)) {
        (Some(EntryRef { name, key }), _) => format!("http secret {name}/{key}"),
        (None, Some(Ok(url))) => format!("http {}{}", url.host_str().unwrap_or_default(), url.path()),
        (None, _) => "http".to_owned(),
    }
}

/// A file that can't be fetched.
#[must_use]
pub fn unfetched(name: &str, why: &FetchError) -> Readiness {
    let phase = if why.is_transient() { Phase::Reconciling } else { Phase::Stalled };
    Readiness { phase, ..unreadable(name, why) }
}

/// The format of a source is neither declared nor known from its name.
#[must_use]
pub fn no_format(name: &str, owner: Owner<'_>) -> Readiness {
    let message = format!(
        "nothing is sent: the format of {name} is unknown, because its key doesn't end with a known file extension. \
         Set format in spec.from of {owner} to CSV, JSON, NDJSON or YAML."
    );
    Readiness::stalled(Reason::SourceUnreadable, message)
}

/// What is wrong with a source, or with a row of it.
#[must_use]
pub fn unreadable(name: &str, why: impl fmt::Display) -> Readiness {
    Readiness::stalled(
        Reason::SourceUnreadable,
        format!("{name} can't be read, so nothing is sent: {}", sentences::of_error(&why)),
    )
}

/// An entry of a suppression list is invalid. `why` follows its number.
#[must_use]
pub fn bad_entry(list: &str, number: usize, field: &str, why: impl fmt::Display) -> Readiness {
    let name = format!("SuppressionList {list}");
    unreadable(&name, format_args!("entry {number} of {field} {why}: correct it"))
}

/// A row of a suppression list is invalid. `why` follows its number.
#[must_use]
pub fn bad_row(name: &str, row: u64, why: impl fmt::Display) -> Readiness {
    unreadable(name, format_args!("row {row} {why}: correct it"))
}

/// Reading a list panicked.
#[must_use]
pub fn bug() -> Readiness {
    let message = "nothing is sent: reading the sources failed because of a bug in the operator. Report it with the \
                   operator's log.";
    Readiness::stalled(Reason::SourceUnreadable, message)
}

#[cfg(test)]
mod tests;
