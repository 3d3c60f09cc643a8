//! Sources of lists that have a watch or a poll of their own, by name.

use std::time::Duration;

use crate::api::{EntryRef, HttpFile, ListSource};
use crate::sources::secrets::Scope;
use crate::sources::versions::{NamespacedName, SourceKind};

/// Something that is watched only while an object in the cluster names it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum OnDemand {
    /// A Secret with a workspace's key and report URLs.
    Secret(Scope),
    /// A source of a list.
    Source(WatchedSource),
}

/// A source of a list that is watched by its name.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum WatchedSource {
    /// A Secret or a Flux source.
    Object(SourceKind, NamespacedName),
    /// A file behind a URL.
    Url(Poll),
}

/// A file behind a URL that is polled for changes.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Poll {
    /// The namespace of the object that names it.
    pub namespace: String,
    /// Its URL.
    pub url: Address,
    /// How often it is polled.
    pub interval: Duration,
}

/// A URL, or where it is stored.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// The URL.
    Plain(String),
    /// An entry of a Secret: its name and key.
    Secret(String, String),
}

impl Address {
    /// The address of a file.
    #[must_use]
    pub fn of(file: &HttpFile) -> Self {
        match &file.url_from {
            Some(EntryRef { name, key }) => Self::Secret(name.clone(), key.clone()),
            None => Self::Plain(file.url.clone().unwrap_or_default()),
        }
    }
}

impl Poll {
    /// How a file is polled; `None` for one whose content is fixed by its hash.
    #[must_use]
    pub fn of(namespace: &str, file: &HttpFile) -> Option<Self> {
        let poll =
            Self { namespace: namespace.to_owned(), url: Address::of(file), interval: Duration::from(file.interval) };
        file.sha256.is_none().then_some(poll)
    }

    /// The name under which its versions are kept.
    #[must_use]
    pub fn place(&self) -> NamespacedName {
        let address = match &self.url {
            Address::Plain(url) => url.clone(),
            Address::Secret(name, key) => format!("{name} {key}"),
        };
        (self.namespace.clone(), format!("{address} {}", self.interval.as_secs()))
    }
}

impl WatchedSource {
    /// Its kind, and the name under which its versions are kept.
    #[must_use]
    pub fn place(&self) -> (SourceKind, NamespacedName) {
        match self {
            Self::Object(holder, place) => (*holder, place.clone()),
            Self::Url(poll) => (SourceKind::Http, poll.place()),
        }
    }

    /// Whether a source of an object in this namespace is this one, or needs it.
    #[must_use]
    pub fn is_used_by(&self, source: &ListSource, namespace: &str) -> bool {
        match (self, source) {
            (Self::Url(poll), ListSource { http: Some(file), .. }) => {
                Poll::of(namespace, file).is_some_and(|other| other == *poll)
            }
            (Self::Object(SourceKind::Secret, (_, name)), ListSource { http: Some(file), .. }) => {
                file.url_from.as_ref().is_some_and(|entry| entry.name == *name)
            }
            (Self::Object(SourceKind::Secret, (_, name)), ListSource { secret: Some(entry), .. }) => {
                entry.name == *name
            }
            (Self::Object(SourceKind::Flux(kind), (_, name)), ListSource { flux_source: Some(file), .. }) => {
                file.kind == *kind && file.name == *name
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
