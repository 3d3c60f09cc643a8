//! What a person reads when a list can't be read. Never a value.

use std::fmt;

use super::super::scene::Phase;
use super::super::tracked::kind_name;
use super::super::verdicts::Said;
use url::Url;

use crate::api::condition::{Reason, Verdict};
use crate::api::{EntryRef, HttpFile};
use crate::audience::Kind;
use crate::sources::remote::FetchError;
use crate::sources::versions::SourceKind;

/// Whose `spec.from` names a source.
#[derive(Clone, Copy, Debug)]
pub enum Owner<'a> {
    /// That of the audience which is looked at.
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

pub fn not_found(holder: SourceKind, name: &str, namespace: &str, named_in: &str) -> Said {
    let message = format!(
        "nothing is sent: there is no {holder} {name} in namespace {namespace}. Create it, or correct {named_in}"
    );
    (Verdict::new(Reason::SourceNotFound, message), Phase::Reconciling)
}

pub fn no_entry(holder: SourceKind, entry: &EntryRef, owner: Owner<'_>) -> Said {
    let EntryRef { name, key } = entry;
    let message = format!(
        "nothing is sent: {holder} {name} has no entry {key}. Add it, or correct the key in spec.from of {owner}"
    );
    (Verdict::new(Reason::SourceNotFound, message), Phase::Reconciling)
}

pub fn wrong_count(found: usize, count: u32, owner: Owner<'_>) -> Said {
    let message = format!(
        "nothing is sent: {found} ConfigMaps have the labels of configMaps in spec.from of {owner}, and its count is {count}. Apply those that are missing, or correct the count"
    );
    (Verdict::new(Reason::SourceNotFound, message), Phase::Reconciling)
}

pub fn looked_up(holder: SourceKind, name: &str) -> Said {
    (Verdict::new(Reason::Pending, format!("{holder} {name} is being looked up")), Phase::Reconciling)
}

pub fn denied(holder: SourceKind, name: &str, namespace: &str) -> Said {
    let message = format!(
        "nothing is sent: the operator may not read {holder} {name} in namespace {namespace}. Grant its ServiceAccount get, list and watch on it by a Role and RoleBinding in the namespace"
    );
    (Verdict::new(Reason::AccessDenied, message), Phase::Reconciling)
}

pub fn no_kind(holder: SourceKind, name: &str, named_in: &str) -> Said {
    let message = format!(
        "nothing is sent: this cluster knows no {holder} of source.toolkit.fluxcd.io/v1, so there is no {name}. Install Flux, or correct {named_in}"
    );
    (Verdict::new(Reason::SourceNotFound, message), Phase::Reconciling)
}

pub fn no_artifact(holder: SourceKind, name: &str) -> Said {
    let message = format!("nothing is sent: {holder} {name} has no artifact yet. Its own status says why");
    (Verdict::new(Reason::SourceNotFound, message), Phase::Reconciling)
}

/// How a file behind a URL is named: without its query, which may hold a token.
pub fn file_name(file: &HttpFile) -> String {
    match (&file.url_from, file.url.as_deref().map(Url::parse)) {
        (Some(EntryRef { name, key }), _) => format!("http secret {name}/{key}"),
        (None, Some(Ok(url))) => format!("http {}{}", url.host_str().unwrap_or_default(), url.path()),
        (None, _) => "http".to_owned(),
    }
}

/// A file that can't be fetched.
pub fn unfetched(name: &str, why: &FetchError) -> Said {
    let phase = if why.is_transient() { Phase::Reconciling } else { Phase::Stalled };
    (unreadable(name, why).0, phase)
}

pub fn no_format(name: &str, owner: Owner<'_>) -> Said {
    let message = format!(
        "nothing is sent: the key of {name} has no known ending, so its layout isn't known. Set format in spec.from of {owner} to CSV, JSON, NDJSON or YAML"
    );
    (Verdict::new(Reason::SourceUnreadable, message), Phase::Stalled)
}

/// What is wrong with a source, or with a row of it.
pub fn unreadable(name: &str, why: impl fmt::Display) -> Said {
    (Verdict::new(Reason::SourceUnreadable, format!("nothing is sent: {name} can't be read: {why}")), Phase::Stalled)
}

pub fn bug() -> Said {
    let message = "nothing is sent: the sources can't be read, which is a bug of the operator";
    (Verdict::new(Reason::SourceUnreadable, message), Phase::Stalled)
}
