//! Versions of the objects that lists are read from. Their content is never kept: a version tells whether a list that was read is still the present one.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::remote::FetchError;
use crate::api::FluxKind;
use crate::clock::Moment;

/// The kinds of objects that hold lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Holder {
    /// A ConfigMap.
    ConfigMap,
    /// A Secret.
    Secret,
    /// A SuppressionList.
    SuppressionList,
    /// A Flux source.
    Flux(FluxKind),
    /// A file behind a URL. Its name is that of its [poll](super::remote), not an object's.
    Http,
}

impl fmt::Display for Holder {
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

/// What is known of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Version {
    /// Nobody looked yet.
    Unknown,
    /// The operator may not read it.
    Denied,
    /// The cluster doesn't know its kind.
    NoKind,
    /// It can't be fetched.
    Failed(FetchError),
    /// There is none.
    Absent,
    /// Its resource version, or what else tells one version from another.
    Present(String),
}

/// How the watch of something that is watched by its name stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Watched {
    /// It is about to look.
    Starting,
    /// What is known is what there is.
    Current,
    /// It is refused.
    Denied,
    /// The cluster doesn't know the kind.
    NoKind,
    /// It can't be fetched.
    Failed(FetchError),
}

/// An object as it was last seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Its resource version.
    pub version: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

/// An object by namespace and name.
pub type Place = (String, String);

/// The longest time that an audience may wait for its sources to be quiet. What went before that concerns nobody.
const LONGEST_SETTLE: Duration = Duration::from_secs(60 * 60);

/// Versions, kept current by watches of metadata.
#[derive(Default)]
pub struct Versions {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    known: HashMap<(Holder, Place), (Seen, Moment)>,
    /// When objects went, so that what comes instead is waited for.
    gone: HashMap<(Holder, Place), Moment>,
    /// Kinds that are watched as a whole, once they are listed.
    listed: HashSet<Holder>,
    /// What is watched by its name, and how that stands.
    named: HashMap<(Holder, Place), Watched>,
}

impl Versions {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in an object; tells whether its version is new.
    pub fn upsert(&self, holder: Holder, place: Place, seen: Seen, now: Moment) -> bool {
        let mut inner = self.lock();
        // What is listed first was there before, so nobody waits for it.
        let fresh = if inner.is_listed(holder, &place) { now } else { Moment::default() };
        inner.gone.remove(&(holder, place.clone()));
        match inner.known.get(&(holder, place.clone())) {
            Some((old, _)) if *old == seen => false,
            _ => {
                inner.known.insert((holder, place), (seen, fresh));
                true
            }
        }
    }

    /// Takes in that an object is gone.
    pub fn remove(&self, holder: Holder, place: &Place, now: Moment) {
        let mut inner = self.lock();
        inner.gone.retain(|_, gone| now.since(*gone) < LONGEST_SETTLE);
        if inner.known.remove(&(holder, place.clone())).is_some() {
            inner.gone.insert((holder, place.clone()), now);
        }
    }

    /// A kind that is watched as a whole is listed.
    pub fn are_listed(&self, holder: Holder) {
        self.lock().listed.insert(holder);
    }

    /// Announces a watch by name. Returns false if there is one.
    pub fn announce(&self, holder: Holder, place: &Place) -> bool {
        let mut inner = self.lock();
        let named = (holder, place.clone());
        let new = !inner.named.contains_key(&named);
        if new {
            inner.named.insert(named, Watched::Starting);
        }
        new
    }

    /// Whether something is watched by its name.
    #[must_use]
    pub fn is_watched(&self, holder: Holder, place: &Place) -> bool {
        self.lock().named.contains_key(&(holder, place.clone()))
    }

    /// How a watch by name stands now; tells whether that is new.
    pub fn stands(&self, holder: Holder, place: &Place, watched: Watched) -> bool {
        self.lock().named.insert((holder, place.clone()), watched.clone()) != Some(watched)
    }

    /// Forgets what is no longer watched by its name.
    pub fn forget(&self, holder: Holder, place: &Place) {
        let mut inner = self.lock();
        inner.named.remove(&(holder, place.clone()));
        inner.known.remove(&(holder, place.clone()));
    }

    /// The version of an object.
    #[must_use]
    pub fn of(&self, holder: Holder, place: &Place) -> Version {
        let inner = self.lock();
        let named = (holder, place.clone());
        match (inner.known.get(&named), inner.named.get(&named)) {
            (_, Some(Watched::Failed(why))) => Version::Failed(why.clone()),
            (Some((seen, _)), _) => Version::Present(seen.version.clone()),
            (None, Some(Watched::Denied)) => Version::Denied,
            (None, Some(Watched::NoKind)) => Version::NoKind,
            (None, _) if inner.is_listed(holder, place) => Version::Absent,
            (None, _) => Version::Unknown,
        }
    }

    /// The ConfigMaps of a namespace that have all of these labels, by name.
    #[must_use]
    pub fn selected(&self, namespace: &str, labels: &BTreeMap<String, String>) -> Vec<String> {
        let inner = self.lock();
        let matches = |seen: &Seen| labels.iter().all(|(name, value)| seen.labels.get(name) == Some(value));
        let mut names: Vec<_> = inner
            .known
            .iter()
            .filter(|((holder, (place, _)), (seen, _))| {
                *holder == Holder::ConfigMap && place == namespace && matches(seen)
            })
            .map(|((_, (_, name)), _)| name.clone())
            .collect();
        names.sort_unstable();
        names
    }

    /// When an object last changed, as far as that was seen.
    #[must_use]
    pub fn changed(&self, holder: Holder, place: &Place) -> Moment {
        let inner = self.lock();
        let known = inner.known.get(&(holder, place.clone())).map(|(_, changed)| *changed);
        known.or_else(|| inner.gone.get(&(holder, place.clone())).copied()).unwrap_or_default()
    }
}

impl Inner {
    fn is_listed(&self, holder: Holder, place: &Place) -> bool {
        match holder {
            Holder::ConfigMap | Holder::SuppressionList => self.listed.contains(&holder),
            Holder::Secret | Holder::Flux(_) | Holder::Http => {
                self.named.get(&(holder, place.clone())) == Some(&Watched::Current)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::from_zero(Duration::from_secs(seconds))
    }

    fn place(name: &str) -> Place {
        ("team".to_owned(), name.to_owned())
    }

    fn seen(version: &str, labels: &[(&str, &str)]) -> Seen {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Seen { version: version.to_owned(), labels }
    }

    #[test]
    fn a_config_map_is_unknown_until_all_are_listed() {
        let versions = Versions::default();
        assert_eq!(versions.of(Holder::ConfigMap, &place("a")), Version::Unknown);
        assert!(versions.upsert(Holder::ConfigMap, place("a"), seen("1", &[]), at(5)));
        versions.are_listed(Holder::ConfigMap);
        assert_eq!(versions.of(Holder::ConfigMap, &place("a")), Version::Present("1".to_owned()));
        assert_eq!(versions.of(Holder::ConfigMap, &place("b")), Version::Absent);
        assert_eq!(versions.changed(Holder::ConfigMap, &place("a")), at(0), "it was there before");
        assert!(!versions.upsert(Holder::ConfigMap, place("a"), seen("1", &[]), at(6)));
        assert!(versions.upsert(Holder::ConfigMap, place("a"), seen("2", &[]), at(7)));
        assert_eq!(versions.changed(Holder::ConfigMap, &place("a")), at(7));
        versions.remove(Holder::ConfigMap, &place("a"), at(8));
        assert_eq!(versions.of(Holder::ConfigMap, &place("a")), Version::Absent);
        assert_eq!(versions.changed(Holder::ConfigMap, &place("a")), at(8));
    }

    #[test]
    fn a_secret_is_known_by_its_own_watch() {
        let versions = Versions::default();
        versions.are_listed(Holder::ConfigMap);
        assert_eq!(versions.of(Holder::Secret, &place("a")), Version::Unknown);
        assert!(versions.announce(Holder::Secret, &place("a")) && !versions.announce(Holder::Secret, &place("a")));
        assert_eq!(versions.of(Holder::Secret, &place("a")), Version::Unknown);
        assert!(versions.stands(Holder::Secret, &place("a"), Watched::Denied));
        assert_eq!(versions.of(Holder::Secret, &place("a")), Version::Denied);
        versions.stands(Holder::Secret, &place("a"), Watched::Current);
        assert_eq!(versions.of(Holder::Secret, &place("a")), Version::Absent);
        versions.upsert(Holder::Secret, place("a"), seen("3", &[]), at(1));
        assert_eq!(versions.of(Holder::Secret, &place("a")), Version::Present("3".to_owned()));
        versions.forget(Holder::Secret, &place("a"));
        assert_eq!(versions.of(Holder::Secret, &place("a")), Version::Unknown);
    }

    #[test]
    fn labels_select_within_a_namespace() {
        let versions = Versions::default();
        for (name, labels) in [("b", &[("list", "q4"), ("x", "y")][..]), ("a", &[("list", "q4")]), ("c", &[])] {
            versions.upsert(Holder::ConfigMap, place(name), seen("1", labels), at(1));
        }
        versions.upsert(Holder::ConfigMap, ("other".into(), "d".into()), seen("1", &[("list", "q4")]), at(1));
        let labels = [("list".to_owned(), "q4".to_owned())].into();
        assert_eq!(versions.selected("team", &labels), ["a", "b"]);
    }
}
