//! The objects that a list depends on, their versions, and when the last of them changed. All from memory; a source that isn't watched yet is requested.

use std::collections::HashSet;

use super::access::ListAccess;
use crate::api::{
    AudienceOptions, EntryRef, FluxFile, HttpFile, ListSource, LocalRef, PropensityWorkspace, SelectedEntries,
};
use crate::audience::Kind;
use crate::clock::Moment;
use crate::controller::decide::list_messages::{self as messages, Owner};
use crate::controller::model::audience::kind_name;
use crate::controller::model::readiness::Readiness;
use crate::controller::model::source::{OnDemand, Poll, WatchedSource};
use crate::sources::versions::{NamespacedName, SourceKind, SourceState};

/// A suppression list that applies to an audience.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppressor {
    /// Its name.
    pub name: String,
    /// The field that names it, such as `spec.suppressionRefs of PropensityWorkspace default`.
    pub named_in: String,
}

/// The suppression lists that apply to an audience: its own and those of its workspace, each once.
pub fn suppressors(options: &AudienceOptions, kind: Kind, workspace: Option<&PropensityWorkspace>) -> Vec<Suppressor> {
    let named = |refs: &[LocalRef], whose: String| -> Vec<Suppressor> {
        let named_in = format!("spec.suppressionRefs of {whose}");
        refs.iter().map(|r| Suppressor { name: r.name.clone(), named_in: named_in.clone() }).collect()
    };
    let mut all = named(&options.suppression_refs, format!("this {}", kind_name(kind)));
    if let Some(workspace) = workspace {
        let name = workspace.metadata.name.as_deref().unwrap_or_default();
        all.extend(named(&workspace.spec.suppression_refs, format!("PropensityWorkspace {name}")));
    }
    let mut seen = HashSet::new();
    all.retain(|suppressor| seen.insert(suppressor.name.clone()));
    all
}

/// The objects that a list is made of.
pub struct Needs<'a> {
    lists: &'a ListAccess,
    namespace: &'a str,
    /// Each object with its version: when these are the same, so is the list.
    pub versions: Vec<String>,
    /// When the last of them changed.
    pub changed: Moment,
}

impl<'a> Needs<'a> {
    /// Of a list in this namespace.
    pub fn new(lists: &'a ListAccess, namespace: &'a str) -> Self {
        Self { lists, namespace, versions: vec![], changed: Moment::default() }
    }

    /// Adds sources.
    pub fn add_sources(&mut self, sources: &[ListSource], owner: Owner<'_>) -> Result<(), Readiness> {
        let named_in = format!("spec.from of {owner}");
        for source in sources {
            match source {
                ListSource { config_map: Some(EntryRef { name, .. }), .. } => {
                    self.add(SourceKind::ConfigMap, name, &named_in)?;
                }
                ListSource { secret: Some(EntryRef { name, .. }), .. } => {
                    self.add(SourceKind::Secret, name, &named_in)?;
                }
                ListSource { config_maps: Some(SelectedEntries { match_labels, count, .. }), .. } => {
                    let names = self.lists.caches.versions.config_maps_with_labels(self.namespace, match_labels);
                    if names.len() != *count as usize {
                        return Err(messages::wrong_count(names.len(), *count, owner));
                    }
                    for name in names {
                        self.add(SourceKind::ConfigMap, &name, &named_in)?;
                    }
                }
                ListSource { flux_source: Some(FluxFile { kind, name, .. }), .. } => {
                    self.add(SourceKind::Flux(*kind), name, &named_in)?;
                }
                ListSource { http: Some(file), .. } => self.add_file(file, &named_in)?,
                ListSource { .. } => return Err(messages::unknown_source(owner)),
            }
        }
        Ok(())
    }

    /// Adds suppression lists with their sources.
    pub fn add_suppressors(&mut self, suppressors: &[Suppressor]) -> Result<(), Readiness> {
        for Suppressor { name, named_in } in suppressors {
            self.add(SourceKind::SuppressionList, name, named_in)?;
            if let Some(list) = self.lists.caches.suppression_list(self.namespace, name) {
                self.add_sources(&list.spec.from, Owner::Suppression(name))?;
            }
        }
        Ok(())
    }

    /// Adds a file behind a URL, which may be stored in a Secret.
    fn add_file(&mut self, file: &HttpFile, named_in: &str) -> Result<(), Readiness> {
        if let Some(entry) = &file.url_from {
            self.add(SourceKind::Secret, &entry.name, named_in)?;
        }
        let name = messages::file_name(file);
        match (Poll::of(self.namespace, file), &file.sha256) {
            (Some(poll), _) => {
                self.take(SourceKind::Http, poll.place(), &name, named_in, || WatchedSource::Url(poll.clone()))
            }
            (None, sha256) => {
                self.versions.push(format!("{name} {}", sha256.as_deref().unwrap_or_default()));
                Ok(())
            }
        }
    }

    fn add(&mut self, holder: SourceKind, name: &str, named_in: &str) -> Result<(), Readiness> {
        let place: NamespacedName = (self.namespace.to_owned(), name.to_owned());
        self.take(holder, place.clone(), name, named_in, || WatchedSource::Object(holder, place.clone()))
    }

    fn take(
        &mut self,
        holder: SourceKind,
        place: NamespacedName,
        name: &str,
        named_in: &str,
        source: impl Fn() -> WatchedSource,
    ) -> Result<(), Readiness> {
        self.changed = self.changed.max(self.lists.caches.versions.last_changed(holder, &place));
        match self.lists.caches.versions.state_of(holder, &place) {
            SourceState::Present(version) => self.versions.push(format!("{holder} {name} {version}")),
            SourceState::Absent => return Err(messages::not_found(holder, name, self.namespace, named_in)),
            SourceState::Denied => return Err(messages::denied(holder, name, self.namespace)),
            SourceState::NoKind => return Err(messages::no_kind(holder, name, named_in)),
            SourceState::Failed(why) => return Err(messages::unfetched(name, &why)),
            SourceState::Unknown => {
                let by_name = matches!(holder, SourceKind::Secret | SourceKind::Flux(_) | SourceKind::Http);
                if by_name && !self.lists.caches.versions.is_watched(holder, &place) {
                    self.lists.queues.watch(OnDemand::Source(source()));
                }
                return Err(messages::looked_up(holder, name));
            }
        }
        Ok(())
    }
}
