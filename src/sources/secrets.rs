//! Workspace keys and report URLs from Secrets, which are watched by name. Everything that is kept of a Secret has a
//! type that can't be printed.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::Secret;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client};

use crate::propensity::{ApiKey, KeyError, ReportUrl, UrlError};

/// The entry of a Secret with the workspace key. The name is the API's own.
pub const KEY_ENTRY: &str = "workspace_api_key";

/// What the operator knows of a workspace key.
#[derive(Clone, Debug)]
pub enum KeyState {
    /// Not read yet.
    Unknown,
    /// The operator isn't allowed to read the Secret.
    Denied,
    /// The Secret doesn't exist.
    NoSecret,
    /// The Secret has no `workspace_api_key`.
    NoKey,
    /// The entry isn't a valid key.
    Invalid(KeyError),
    /// The key.
    Key(ApiKey),
}

/// What the operator knows of a report's URL.
#[derive(Clone, Debug)]
pub enum UrlState {
    /// The Secret doesn't exist or has no such entry.
    Missing,
    /// The entry isn't a valid URL.
    Invalid(UrlError),
    /// The URL.
    Url(ReportUrl),
}

/// The namespace and the name of a Secret.
pub type SecretRef = (String, String);

/// The keys and URLs of all watched Secrets, kept up to date.
#[derive(Default)]
pub struct Secrets {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    keys: HashMap<SecretRef, Entries>,
    watches: HashMap<Scope, WatchState>,
}

/// The entries of a Secret that are kept.
struct Entries {
    key: Result<ApiKey, Option<KeyError>>,
    urls: HashMap<String, Result<ReportUrl, UrlError>>,
}

/// What one watch covers: Secrets of one name, in one namespace or in all.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    /// The namespace; absent: all namespaces.
    pub namespace: Option<String>,
    /// The Secret's name.
    pub name: String,
}

/// The state of a watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchState {
    /// It hasn't listed yet.
    Starting,
    /// The known state is current.
    Current,
    /// It isn't allowed.
    Denied,
}

impl Secrets {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The key in a Secret.
    #[must_use]
    pub fn key(&self, namespace: &str, name: &str) -> KeyState {
        let inner = self.lock();
        match inner.keys.get(&(namespace.to_owned(), name.to_owned())) {
            Some(Entries { key: Ok(key), .. }) => return KeyState::Key(key.clone()),
            Some(Entries { key: Err(Some(error)), .. }) => return KeyState::Invalid(*error),
            Some(Entries { key: Err(None), .. }) => return KeyState::NoKey,
            None => {}
        }
        match inner.covering(namespace, name) {
            Some(WatchState::Current) => KeyState::NoSecret,
            Some(WatchState::Denied) => KeyState::Denied,
            Some(WatchState::Starting) | None => KeyState::Unknown,
        }
    }

    /// The URL of a report in a Secret.
    #[must_use]
    pub fn report_url(&self, namespace: &str, name: &str, report: &str) -> UrlState {
        let inner = self.lock();
        let secret = inner.keys.get(&(namespace.to_owned(), name.to_owned()));
        match secret.and_then(|entries| entries.urls.get(report)) {
            None => UrlState::Missing,
            Some(Err(error)) => UrlState::Invalid(*error),
            Some(Ok(url)) => UrlState::Url(url.clone()),
        }
    }

    /// Whether a watch covers a Secret: a watch of this Secret, or one of its name in all namespaces that isn't
    /// denied.
    #[must_use]
    pub fn is_covered(&self, namespace: &str, name: &str) -> bool {
        let here = Scope { namespace: Some(namespace.to_owned()), name: name.to_owned() };
        let inner = self.lock();
        inner.watches.contains_key(&here) || !matches!(inner.covering(namespace, name), None | Some(WatchState::Denied))
    }

    /// Removes a scope that is no longer watched, and its keys.
    pub fn forget(&self, scope: &Scope) {
        let mut inner = self.lock();
        inner.watches.remove(scope);
        let Some(namespace) = &scope.namespace else { return };
        inner.keys.remove(&(namespace.clone(), scope.name.clone()));
    }

    /// Adds a watch, so that its Secrets count as not read yet. Returns false if it exists.
    pub fn add_watch(&self, scope: &Scope) -> bool {
        let mut inner = self.lock();
        if inner.watches.contains_key(scope) {
            return false;
        }
        inner.watches.insert(scope.clone(), WatchState::Starting);
        true
    }

    /// Watches the Secrets of a scope without end. Calls `changed` for each Secret of which a kept entry was added,
    /// changed or removed.
    pub async fn watch(&self, client: Client, scope: Scope, changed: impl Fn(&SecretRef)) {
        let api: Api<Secret> = match &scope.namespace {
            Some(namespace) => Api::namespaced(client, namespace),
            None => Api::all(client),
        };
        let config = watcher::Config::default().fields(&format!("metadata.name={}", scope.name));
        let mut events = watcher(api, config).default_backoff().boxed();
        let mut listed: Option<HashMap<SecretRef, Entries>> = None;
        loop {
            let touched = match events.try_next().await {
                Ok(Some(watcher::Event::Init)) => {
                    listed = Some(HashMap::new());
                    vec![]
                }
                Ok(Some(watcher::Event::InitApply(secret))) => {
                    listed.get_or_insert_default().insert(reference(&secret), Entries::of(&secret));
                    vec![]
                }
                Ok(Some(watcher::Event::InitDone)) => self.lock().relist(&scope, listed.take().unwrap_or_default()),
                Ok(Some(watcher::Event::Apply(secret))) => {
                    let reference = reference(&secret);
                    let changed = self.lock().set(reference.clone(), Entries::of(&secret));
                    if changed { vec![reference] } else { vec![] }
                }
                Ok(Some(watcher::Event::Delete(secret))) => {
                    let reference = reference(&secret);
                    self.lock().keys.remove(&reference);
                    vec![reference]
                }
                Ok(None) => return,
                Err(error) => self.lock().failed(&scope, refused_with(&error) == Some(403)),
            };
            touched.iter().for_each(&changed);
        }
    }
}

impl Inner {
    fn covering(&self, namespace: &str, name: &str) -> Option<WatchState> {
        let here = Scope { namespace: Some(namespace.to_owned()), name: name.to_owned() };
        let everywhere = Scope { namespace: None, name: name.to_owned() };
        let states = [self.watches.get(&here), self.watches.get(&everywhere)];
        // A watch that can see the Secret takes precedence over one that isn't allowed to.
        states.into_iter().flatten().copied().min_by_key(|state| match state {
            WatchState::Current => 0,
            WatchState::Starting => 1,
            WatchState::Denied => 2,
        })
    }

    fn set(&mut self, reference: SecretRef, entries: Entries) -> bool {
        let same = self.keys.get(&reference).is_some_and(|old| old.is_same(&entries));
        self.keys.insert(reference, entries);
        !same
    }

    fn relist(&mut self, scope: &Scope, listed: HashMap<SecretRef, Entries>) -> Vec<SecretRef> {
        let first = self.watches.insert(scope.clone(), WatchState::Current) != Some(WatchState::Current);
        let mut touched: Vec<_> = self
            .keys
            .keys()
            .filter(|(namespace, name)| {
                *name == scope.name && scope.namespace.as_ref().is_none_or(|only| only == namespace)
            })
            .filter(|reference| !listed.contains_key(*reference))
            .cloned()
            .collect();
        for reference in &touched {
            self.keys.remove(reference);
        }
        for (reference, entries) in listed {
            if self.set(reference.clone(), entries) {
                touched.push(reference);
            }
        }
        if first {
            // Audiences that wait for this Secret must be reconciled, even if it doesn't exist.
            touched.push((scope.namespace.clone().unwrap_or_default(), scope.name.clone()));
        }
        touched
    }

    fn failed(&mut self, scope: &Scope, forbidden: bool) -> Vec<SecretRef> {
        if !forbidden {
            return vec![];
        }
        if self.watches.insert(scope.clone(), WatchState::Denied) == Some(WatchState::Denied) {
            return vec![];
        }
        vec![(scope.namespace.clone().unwrap_or_default(), scope.name.clone())]
    }
}

fn reference(secret: &Secret) -> SecretRef {
    (secret.metadata.namespace.clone().unwrap_or_default(), secret.metadata.name.clone().unwrap_or_default())
}

impl Entries {
    /// The key of a Secret and the entries that may be URLs. The rest is dropped here.
    fn of(secret: &Secret) -> Self {
        let entries = secret.data.iter().flatten();
        let others = entries.clone().filter(|(name, _)| *name != KEY_ENTRY);
        let key = entries.into_iter().find(|(name, _)| *name == KEY_ENTRY).ok_or(None);
        Self {
            key: key.and_then(|(_, bytes)| ApiKey::from_bytes(&bytes.0).map_err(Some)),
            urls: others.map(|(name, bytes)| (name.clone(), ReportUrl::from_bytes(&bytes.0))).collect(),
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        let same_key = match (&self.key, &other.key) {
            (Ok(a), Ok(b)) => a.id() == b.id(),
            (Err(a), Err(b)) => a == b,
            _ => false,
        };
        let ids = |entries: &Self| -> HashMap<_, _> {
            entries
                .urls
                .iter()
                .map(|(name, url)| (name.clone(), url.as_ref().map(ReportUrl::id).map_err(|e| *e)))
                .collect()
        };
        same_key && ids(self) == ids(other)
    }
}

/// The HTTP status with which the API server rejected a watch.
#[must_use]
pub fn refused_with(error: &watcher::Error) -> Option<u16> {
    let (watcher::Error::InitialListFailed(kube::Error::Api(status))
    | watcher::Error::WatchStartFailed(kube::Error::Api(status))
    | watcher::Error::WatchFailed(kube::Error::Api(status))) = error
    else {
        let watcher::Error::WatchError(status) = error else { return None };
        return Some(status.code);
    };
    Some(status.code)
}

#[cfg(test)]
mod tests;
