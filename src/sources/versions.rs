//! The current versions of the objects that lists are read from. Their content isn't stored: a version only shows
//! whether a list that was read before is still current.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::remote::FetchError;
use crate::api::FluxKind;
use crate::clock::Moment;

/// The kinds of sources that lists are read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SourceKind {
    /// A ConfigMap.
    ConfigMap,
    /// A Secret.
    Secret,
    /// A SuppressionList.
    SuppressionList,
    /// A Flux source.
    Flux(FluxKind),
    /// A file at a URL. Its name identifies the [poll](super::remote), not an object.
    Http,
}

impl fmt::Display for SourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ConfigMap => "ConfigMap",
            Self::Secret => "Secret",
            Self::SuppressionList => "SuppressionList",
            Self::Flux(kind) => kind.as_str(),
            Self::Http => "file",
        })
    }
}

/// What the operator knows of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceState {
    /// Not read yet.
    Unknown,
    /// The operator isn't allowed to read it.
    Denied,
    /// The cluster doesn't have its kind.
    NoKind,
    /// It can't be fetched.
    Failed(FetchError),
    /// It doesn't exist.
    Absent,
    /// It exists; its resource version, or another value that identifies its version.
    Present(String),
}

/// The state of the watch of one named source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceWatchState {
    /// It hasn't listed yet.
    Starting,
    /// The known state is current.
    Current,
    /// It isn't allowed.
    Denied,
    /// The cluster doesn't have the kind.
    NoKind,
    /// It can't be fetched.
    Failed(FetchError),
}

/// The version and the labels of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectVersion {
    /// Its resource version.
    pub version: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

/// The namespace and the name of an object.
pub type NamespacedName = (String, String);

/// The longest stabilization window of an audience. Older changes don't matter.
const MAX_STABILIZATION: Duration = Duration::from_secs(60 * 60);

/// The versions of all sources, updated by watches of metadata.
#[derive(Default)]
pub struct Versions {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    known: HashMap<(SourceKind, NamespacedName), (ObjectVersion, Moment)>,
    /// When objects were deleted, so that a stabilization window also starts with a deletion.
    gone: HashMap<(SourceKind, NamespacedName), Moment>,
    /// Kinds of which all objects are watched, after the first list.
    listed: HashSet<SourceKind>,
    /// The watches of single named sources.
    named: HashMap<(SourceKind, NamespacedName), SourceWatchState>,
}

impl Versions {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores the version of an object. Returns whether it is new.
    pub fn upsert(&self, kind: SourceKind, name: NamespacedName, object: ObjectVersion, now: Moment) -> bool {
        let mut inner = self.lock();
        // Objects of the first list existed before, so they start no stabilization window.
        let fresh = if inner.is_listed(kind, &name) { now } else { Moment::default() };
        inner.gone.remove(&(kind, name.clone()));
        match inner.known.get(&(kind, name.clone())) {
            Some((old, _)) if *old == object => false,
            _ => {
                inner.known.insert((kind, name), (object, fresh));
                true
            }
        }
    }

    /// Removes a deleted object.
    pub fn remove(&self, kind: SourceKind, name: &NamespacedName, now: Moment) {
        let mut inner = self.lock();
        inner.gone.retain(|_, gone| now.since(*gone) < MAX_STABILIZATION);
        if inner.known.remove(&(kind, name.clone())).is_some() {
            inner.gone.insert((kind, name.clone()), now);
        }
    }

    /// Notes that all objects of a kind are listed.
    pub fn mark_listed(&self, kind: SourceKind) {
        self.lock().listed.insert(kind);
    }

    /// Adds the watch of a named source. Returns false if it exists.
    pub fn add_watch(&self, kind: SourceKind, name: &NamespacedName) -> bool {
        let mut inner = self.lock();
        let key = (kind, name.clone());
        let new = !inner.named.contains_key(&key);
        if new {
            inner.named.insert(key, SourceWatchState::Starting);
        }
        new
    }

    /// Whether a named source is watched.
    #[must_use]
    pub fn is_watched(&self, kind: SourceKind, name: &NamespacedName) -> bool {
        self.lock().named.contains_key(&(kind, name.clone()))
    }

    /// Sets the state of the watch of a named source. Returns whether it changed.
    pub fn set_watch_state(&self, kind: SourceKind, name: &NamespacedName, state: SourceWatchState) -> bool {
        self.lock().named.insert((kind, name.clone()), state.clone()) != Some(state)
    }

    /// Removes a named source that is no longer watched.
    pub fn forget(&self, kind: SourceKind, name: &NamespacedName) {
        let mut inner = self.lock();
        inner.named.remove(&(kind, name.clone()));
        inner.known.remove(&(kind, name.clone()));
    }

    /// The state of a source.
    #[must_use]
    pub fn state_of(&self, kind: SourceKind, name: &NamespacedName) -> SourceState {
        let inner = self.lock();
        let key = (kind, name.clone());
        match (inner.known.get(&key), inner.named.get(&key)) {
            (_, Some(SourceWatchState::Failed(why))) => SourceState::Failed(why.clone()),
            (Some((object, _)), _) => SourceState::Present(object.version.clone()),
            (None, Some(SourceWatchState::Denied)) => SourceState::Denied,
            (None, Some(SourceWatchState::NoKind)) => SourceState::NoKind,
            (None, _) if inner.is_listed(kind, name) => SourceState::Absent,
            (None, _) => SourceState::Unknown,
        }
    }

    /// The names of the ConfigMaps of a namespace that have all of these labels.
    #[must_use]
    pub fn config_maps_with_labels(&self, namespace: &str, labels: &BTreeMap<String, String>) -> Vec<String> {
        let inner = self.lock();
        let matches =
            |object: &ObjectVersion| labels.iter().all(|(label, value)| object.labels.get(label) == Some(value));
        let mut names: Vec<_> = inner
            .known
            .iter()
            .filter(|((kind, (of, _)), (object, _))| {
                *kind == SourceKind::ConfigMap && of == namespace && matches(object)
            })
            .map(|((_, (_, name)), _)| name.clone())
            .collect();
        names.sort_unstable();
        names
    }

    /// When a source was last changed, as far as the operator noticed.
    #[must_use]
    pub fn last_changed(&self, kind: SourceKind, name: &NamespacedName) -> Moment {
        let inner = self.lock();
        let known = inner.known.get(&(kind, name.clone())).map(|(_, changed)| *changed);
        known.or_else(|| inner.gone.get(&(kind, name.clone())).copied()).unwrap_or_default()
    }
}

impl Inner {
    fn is_listed(&self, kind: SourceKind, name: &NamespacedName) -> bool {
        match kind {
            SourceKind::ConfigMap | SourceKind::SuppressionList => self.listed.contains(&kind),
            SourceKind::Secret | SourceKind::Flux(_) | SourceKind::Http => {
                self.named.get(&(kind, name.clone())) == Some(&SourceWatchState::Current)
            }
        }
    }
}

#[cfg(test)]
mod tests;
