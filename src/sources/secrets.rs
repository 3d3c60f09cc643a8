//! Workspace keys and the URLs of reports, from Secrets watched by their names. What stays of a Secret is in types that can't be printed.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::Secret;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client};

use crate::propensity::{KeyError, ReportUrl, UrlError, WorkspaceKey};

/// The entry of a Secret that holds the workspace key: the API's own name for it.
pub const KEY_ENTRY: &str = "workspace_api_key";

/// What is known of a workspace key.
#[derive(Clone, Debug)]
pub enum KeyState {
    /// Not looked at yet.
    Unknown,
    /// The operator may not read the Secret.
    Denied,
    /// No such Secret.
    NoSecret,
    /// The Secret has no `workspace_api_key`.
    NoKey,
    /// What it has can't be a key.
    Invalid(KeyError),
    /// The key.
    Key(WorkspaceKey),
}

/// What is known of a report's URL.
#[derive(Clone, Debug)]
pub enum UrlState {
    /// The Secret has no such entry, or there is no Secret.
    Missing,
    /// What it has can't be a URL.
    Invalid(UrlError),
    /// The URL.
    Url(ReportUrl),
}

/// A Secret by namespace and name.
pub type SecretRef = (String, String);

/// The keys that may be read, kept current.
#[derive(Default)]
pub struct Secrets {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    keys: HashMap<SecretRef, Held>,
    watches: HashMap<Scope, WatchState>,
}

/// What is kept of a Secret.
struct Held {
    key: Result<WorkspaceKey, Option<KeyError>>,
    urls: HashMap<String, Result<ReportUrl, UrlError>>,
}

/// What one watch covers: a name in one namespace, or in all.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    /// The namespace; all of them if absent.
    pub namespace: Option<String>,
    /// The Secret's name.
    pub name: String,
}

/// How a watch stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchState {
    /// It is about to list.
    Starting,
    /// What is known is what there is.
    Current,
    /// It is refused.
    Denied,
}

impl Secrets {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of the key in a Secret.
    #[must_use]
    pub fn key(&self, namespace: &str, name: &str) -> KeyState {
        let inner = self.lock();
        match inner.keys.get(&(namespace.to_owned(), name.to_owned())) {
            Some(Held { key: Ok(key), .. }) => return KeyState::Key(key.clone()),
            Some(Held { key: Err(Some(error)), .. }) => return KeyState::Invalid(*error),
            Some(Held { key: Err(None), .. }) => return KeyState::NoKey,
            None => {}
        }
        match inner.covering(namespace, name) {
            Some(WatchState::Current) => KeyState::NoSecret,
            Some(WatchState::Denied) => KeyState::Denied,
            Some(WatchState::Starting) | None => KeyState::Unknown,
        }
    }

    /// What is known of the URL of a report in a Secret.
    #[must_use]
    pub fn report_url(&self, namespace: &str, name: &str, report: &str) -> UrlState {
        let inner = self.lock();
        let held = inner.keys.get(&(namespace.to_owned(), name.to_owned()));
        match held.and_then(|held| held.urls.get(report)) {
            None => UrlState::Missing,
            Some(Err(error)) => UrlState::Invalid(*error),
            Some(Ok(url)) => UrlState::Url(url.clone()),
        }
    }

    /// Whether a watch covers a Secret: one of its own, or one of its name everywhere that isn't refused.
    #[must_use]
    pub fn is_covered(&self, namespace: &str, name: &str) -> bool {
        let here = Scope { namespace: Some(namespace.to_owned()), name: name.to_owned() };
        let inner = self.lock();
        inner.watches.contains_key(&here) || !matches!(inner.covering(namespace, name), None | Some(WatchState::Denied))
    }

    /// Forgets a scope that is no longer watched, and its keys.
    pub fn forget(&self, scope: &Scope) {
        let mut inner = self.lock();
        inner.watches.remove(scope);
        let Some(namespace) = &scope.namespace else { return };
        inner.keys.remove(&(namespace.clone(), scope.name.clone()));
    }

    /// Announces a watch, so that its Secrets count as not looked at yet. Returns false if there is one.
    pub fn announce(&self, scope: &Scope) -> bool {
        let mut inner = self.lock();
        if inner.watches.contains_key(scope) {
            return false;
        }
        inner.watches.insert(scope.clone(), WatchState::Starting);
        true
    }

    /// Watches the Secrets of a scope for ever, and calls `changed` with each of which something that is kept came, changed or went.
    pub async fn watch(&self, client: Client, scope: Scope, changed: impl Fn(&SecretRef)) {
        let api: Api<Secret> = match &scope.namespace {
            Some(namespace) => Api::namespaced(client, namespace),
            None => Api::all(client),
        };
        let config = watcher::Config::default().fields(&format!("metadata.name={}", scope.name));
        let mut events = watcher(api, config).default_backoff().boxed();
        let mut listed: Option<HashMap<SecretRef, Held>> = None;
        loop {
            let touched = match events.try_next().await {
                Ok(Some(watcher::Event::Init)) => {
                    listed = Some(HashMap::new());
                    vec![]
                }
                Ok(Some(watcher::Event::InitApply(secret))) => {
                    listed.get_or_insert_default().insert(reference(&secret), Held::of(&secret));
                    vec![]
                }
                Ok(Some(watcher::Event::InitDone)) => self.lock().relist(&scope, listed.take().unwrap_or_default()),
                Ok(Some(watcher::Event::Apply(secret))) => {
                    let reference = reference(&secret);
                    let changed = self.lock().set(reference.clone(), Held::of(&secret));
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
        // One that sees the Secret counts for more than one that may not.
        states.into_iter().flatten().copied().min_by_key(|state| match state {
            WatchState::Current => 0,
            WatchState::Starting => 1,
            WatchState::Denied => 2,
        })
    }

    fn set(&mut self, reference: SecretRef, held: Held) -> bool {
        let same = self.keys.get(&reference).is_some_and(|old| old.is_same(&held));
        self.keys.insert(reference, held);
        !same
    }

    fn relist(&mut self, scope: &Scope, listed: HashMap<SecretRef, Held>) -> Vec<SecretRef> {
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
        for (reference, held) in listed {
            if self.set(reference.clone(), held) {
                touched.push(reference);
            }
        }
        if first {
            // Whoever found nothing so far must hear that there is nothing.
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

impl Held {
    /// The key of a Secret, and what in it may be URLs; the rest is let go here.
    fn of(secret: &Secret) -> Self {
        let entries = secret.data.iter().flatten();
        let others = entries.clone().filter(|(name, _)| *name != KEY_ENTRY);
        let key = entries.into_iter().find(|(name, _)| *name == KEY_ENTRY).ok_or(None);
        Self {
            key: key.and_then(|(_, bytes)| WorkspaceKey::from_bytes(&bytes.0).map_err(Some)),
            urls: others.map(|(name, bytes)| (name.clone(), ReportUrl::from_bytes(&bytes.0))).collect(),
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        let same_key = match (&self.key, &other.key) {
            (Ok(a), Ok(b)) => a.id() == b.id(),
            (Err(a), Err(b)) => a == b,
            _ => false,
        };
        let ids = |held: &Self| -> HashMap<_, _> {
            held.urls
                .iter()
                .map(|(name, url)| (name.clone(), url.as_ref().map(ReportUrl::id).map_err(|e| *e)))
                .collect()
        };
        same_key && ids(self) == ids(other)
    }
}

/// The status with which the API server refused a watch.
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
