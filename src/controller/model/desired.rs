//! What an audience asks for: the observed object with its evaluated list.

use std::convert::Infallible;

use super::audience::{AudienceKey, AudienceObject, Tracked, list_field};
use super::list::{ListPart, ListSummary};
use crate::audience::{self, Normaliser, Row, Suppression};

/// What an audience asks for: the observed object with its evaluated list. A reconcile derives it; nothing keeps it.
#[derive(Clone, Debug)]
pub struct Desired {
    /// The observed object.
    pub audience: Tracked,
    /// Its list.
    pub list: ListSummary,
    /// The selected part of a split list; none for the whole list.
    pub part: Option<ListPart>,
    /// Set where the same list must be created again because other members are suppressed now.
    pub variant: Option<String>,
}

impl Desired {
    /// The whole list of an audience.
    #[must_use]
    pub fn new(audience: Tracked, list: ListSummary) -> Self {
        Self { audience, list, part: None, variant: None }
    }

    /// What is sent as one audience: the selected part, or the whole list.
    #[must_use]
    pub fn to_send(&self) -> ListPart {
        let ListSummary { hash, kept_hash, funnel, .. } = &self.list;
        self.part.clone().unwrap_or_else(|| ListPart {
            name: String::new(),
            hash: hash.clone(),
            kept_hash: kept_hash.clone(),
            to_send: funnel.to_send,
            excluded: funnel.excluded,
        })
    }

    /// The key of the object.
    #[must_use]
    pub fn key(&self) -> AudienceKey {
        self.audience.key()
    }
}

/// An audience with its members.
pub struct LoadedList {
    /// What the audience asks for.
    pub desired: Desired,
    /// Its normalised members, unless it is split.
    pub list: audience::List,
    /// Its parts, in the order of the summary.
    pub parts: Vec<audience::Part>,
}

impl AudienceObject {
    /// The audience with its inline members and no others, with nobody suppressed.
    #[must_use]
    pub fn load_inline(self) -> LoadedList {
        self.load(Suppression::default(), |_| Ok::<_, Infallible>(0)).unwrap_or_else(|never| match never {})
    }

    /// The audience as it is kept in memory.
    #[must_use]
    pub fn observe(self) -> Tracked {
        self.load_inline().desired.audience
    }

    /// The audience with its inline members and those that `add` adds, without those that are suppressed. `add` returns
    /// how many columns it ignored.
    ///
    /// # Errors
    /// The error of `add`.
    pub fn load<E>(
        self,
        suppression: Suppression,
        add: impl FnOnce(&mut Normaliser) -> Result<u64, E>,
    ) -> Result<LoadedList, E> {
        let Self { meta, kind, options, status, members } = self;
        let inline_members = members.len() as u64;
        let max_members = options.split.as_ref().map(|split| split.max_members);
        let mut normaliser = Normaliser::new(kind, suppression).split(max_members);
        for (number, member) in (1..).zip(members) {
            normaliser.push(Row { source: list_field(kind), number, member });
        }
        let ignored_columns = add(&mut normaliser)?;
        let normalised = normaliser.finish();
        let list = ListSummary {
            hash: normalised.list.hash().clone(),
            kept_hash: normalised.list.kept_hash().cloned(),
            funnel: normalised.funnel,
            problems: normalised.problems.first,
            ignored_columns,
            warnings: normalised.warnings,
            parts: normalised.parts.iter().map(ListPart::of).collect(),
        };
        let audience = Tracked { meta, kind, options, status, inline_members, inline_list: list.clone() };
        Ok(LoadedList { desired: Desired::new(audience, list), list: normalised.list, parts: normalised.parts })
    }
}
