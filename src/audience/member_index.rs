//! An index of the members of many lists, which finds the members that a row belongs to.

use std::fmt;

use super::dedupe::{self, KeyKind, Keys};
use super::{Kind, Member, member};

/// The members of many lists, by the hashes of their keys. It doesn't store the members themselves.
pub struct MemberIndex {
    key_kinds: &'static [KeyKind],
    /// One hash for each member and kind of key; zero if the member has no such key.
    keys: Vec<u64>,
    /// For each kind of key, the members that have such a key, sorted by its hash.
    by_key: Vec<Vec<u32>>,
    scratch: String,
}

impl MemberIndex {
    /// An index without members.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        let key_kinds = dedupe::key_kinds(kind);
        Self { key_kinds, keys: vec![], by_key: vec![vec![]; key_kinds.len()], scratch: String::new() }
    }

    /// The number of members.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len() / self.key_kinds.len()
    }

    /// Whether there are no members.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Adds a member in normal form. Members are numbered from 0.
    pub fn add(&mut self, member: &Member) {
        let keys = dedupe::keys(self.key_kinds, member, &mut self.scratch);
        self.keys.extend(keys.iter().take(self.key_kinds.len()).map(|key| key.unwrap_or_default()));
    }

    /// Builds the index after all members are added. [`find`](Self::find) needs it.
    pub fn build_index(&mut self) {
        let (keys, many) = (&self.keys, self.key_kinds.len());
        for (kind, members) in self.by_key.iter_mut().enumerate() {
            let key = |member: &u32| keys[*member as usize * many + kind];
            let all = 0..u32::try_from(keys.len() / many).expect("fewer than 2^32 members");
            *members = all.filter(|member| key(member) != 0).collect();
            members.sort_unstable_by_key(key);
            members.shrink_to_fit();
        }
    }

    /// Calls `found` with the number of each member that the row belongs to: the strongest key that both have must be
    /// equal. It normalises the row in place and ignores fields without a normal form.
    pub fn find(&mut self, row: &mut Member, mut found: impl FnMut(u32)) {
        member::normalise_leniently(row);
        let wanted: Keys = dedupe::keys(self.key_kinds, row, &mut self.scratch);
        let many = self.key_kinds.len();
        for (kind, members) in self.by_key.iter().enumerate() {
            let Some(wanted_key) = wanted[kind].filter(|key| *key != 0) else { continue };
            let key = |member: u32, kind: usize| self.keys[member as usize * many + kind];
            let start = members.partition_point(|member| key(*member, kind) < wanted_key);
            for &member in members[start..].iter().take_while(|member| key(**member, kind) == wanted_key) {
                let has_stronger_key =
                    (0..kind).any(|stronger| wanted[stronger].is_some() && key(member, stronger) != 0);
                if !has_stronger_key {
                    found(member);
                }
            }
        }
    }
}

impl fmt::Debug for MemberIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemberIndex").field("members", &self.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
