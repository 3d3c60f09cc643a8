//! What a list is made of: which objects, at which versions, and when the last of them changed. All from memory.

use super::super::context::Context;
use super::super::tracked::kind_name;
use super::super::verdicts::Said;
use super::words::{self, Owner};
use crate::api::{AudienceOptions, EntryRef, ListSource, LocalRef, PropensityWorkspace, SelectedEntries};
use crate::audience::Kind;
use crate::clock::Moment;
use crate::sources::versions::{Holder, Place, Version};

/// A suppression list that holds for an audience.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppressor {
    /// Its name.
    pub name: String,
    /// The field that names it, such as `spec.suppressionRefs of PropensityWorkspace default`.
    pub named_in: String,
}

/// The suppression lists that hold for an audience: its own and those of its workspace, each once.
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
    let mut seen = std::collections::HashSet::new();
    all.retain(|suppressor| seen.insert(suppressor.name.clone()));
    all
}

/// The objects that a list is made of.
pub struct Needs<'a> {
    ctx: &'a Context,
    namespace: &'a str,
    /// Each object with its version: when these are the same, so is the list.
    pub versions: Vec<String>,
    /// When the last of them changed.
    pub changed: Moment,
}

impl<'a> Needs<'a> {
    /// Of a list in this namespace.
    pub fn new(ctx: &'a Context, namespace: &'a str) -> Self {
        Self { ctx, namespace, versions: vec![], changed: Moment::default() }
    }

    /// Adds sources.
    pub fn add_sources(&mut self, sources: &[ListSource], owner: Owner<'_>) -> Result<(), Said> {
        let named_in = format!("spec.from of {owner}");
        for source in sources {
            match source {
                ListSource { config_map: Some(EntryRef { name, .. }), .. } => {
                    self.add(Holder::ConfigMap, name, &named_in)?;
                }
                ListSource { secret: Some(EntryRef { name, .. }), .. } => self.add(Holder::Secret, name, &named_in)?,
                ListSource { config_maps: Some(SelectedEntries { match_labels, count, .. }), .. } => {
                    let names = self.ctx.versions.selected(self.namespace, match_labels);
                    if names.len() != *count as usize {
                        return Err(words::wrong_count(names.len(), *count, owner));
                    }
                    for name in names {
                        self.add(Holder::ConfigMap, &name, &named_in)?;
                    }
                }
                ListSource { .. } => {}
            }
        }
        Ok(())
    }

    /// Adds suppression lists with their sources.
    pub fn add_suppressors(&mut self, suppressors: &[Suppressor]) -> Result<(), Said> {
        for Suppressor { name, named_in } in suppressors {
            self.add(Holder::SuppressionList, name, named_in)?;
            if let Some(list) = self.ctx.suppression_list(self.namespace, name) {
                self.add_sources(&list.spec.from, Owner::Suppression(name))?;
            }
        }
        Ok(())
    }

    fn add(&mut self, holder: Holder, name: &str, named_in: &str) -> Result<(), Said> {
        let place: Place = (self.namespace.to_owned(), name.to_owned());
        self.changed = self.changed.max(self.ctx.versions.changed(holder, &place));
        match self.ctx.versions.of(holder, &place) {
            Version::Present(version) => self.versions.push(format!("{holder:?} {name} {version}")),
            Version::Absent => return Err(words::not_found(holder, name, self.namespace, named_in)),
            Version::Denied => return Err(words::denied(name, self.namespace)),
            Version::Unknown => {
                if holder == Holder::Secret && !self.ctx.versions.is_watched(&place) {
                    // Whoever listens may be ending; then nothing needs watching.
                    let _ = self.ctx.list_secrets.send(place);
                }
                return Err(words::looked_up(holder, name));
            }
        }
        Ok(())
    }
}
