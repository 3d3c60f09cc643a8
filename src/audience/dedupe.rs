//! Which rows belong to the same member.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::{BuildHasher, BuildHasherDefault, Hasher},
};

use foldhash::fast::FixedState;

use super::{Kind, Member, canonical::Rows, text, warning::Warning};

/// The kinds of keys by which rows are compared, the strongest first. For two rows, the strongest key that *both* have
/// decides: the same email with two LinkedIn profiles is two people.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyKind {
    Linkedin,
    Email,
    NameAndWebsite,
    NameAndCompany,
    Website,
}

const CONTACT_KEYS: &[KeyKind] = &[KeyKind::Linkedin, KeyKind::Email, KeyKind::NameAndWebsite, KeyKind::NameAndCompany];
const ACCOUNT_KEYS: &[KeyKind] = &[KeyKind::Website];

/// The members so far, with an index by their keys.
pub(super) struct Members {
    key_kinds: &'static [KeyKind],
    slots: Vec<Slot>,
    /// Members by the hashes of their keys. A match is compared by value, so a hash collision can only hide a
    /// duplicate.
    index: HashMap<u64, u32, BuildHasherDefault<Prehashed>>,
    scratch: String,
}

/// A member.
pub(super) struct Slot {
    /// The number of its first row. This row is the member, unless other rows filled absent fields.
    pub(super) row: u32,
    /// The member with filled fields, if other rows filled some.
    pub(super) merged: Option<Box<Member>>,
    /// Whether any of its rows is excluded.
    pub(super) excluded: bool,
    /// The warnings about it.
    pub(super) warning: Warning,
}

impl Members {
    pub(super) fn new(kind: Kind) -> Self {
        Self { key_kinds: key_kinds(kind), slots: Vec::new(), index: HashMap::default(), scratch: String::new() }
    }

    /// Adds a row with this row number. Returns the number of its member, and whether an earlier row named that member.
    /// In that case the row fills absent fields of the member.
    pub(super) fn add(&mut self, rows: &Rows, number: u32, row: &Member, excluded: bool) -> (u32, bool) {
        let keys = self.keys(row);
        let known = keys.iter().zip(self.key_kinds).find_map(|(key, &kind)| {
            let slot = *self.index.get(key.as_ref()?)?;
            let Slot { row: first, merged, .. } = &self.slots[slot as usize];
            let member = merged.as_deref().cloned().unwrap_or_else(|| rows.member(*first));
            is_same(kind, &member, row).then_some((slot, member))
        });
        match known {
            Some((slot, mut member)) => {
                let before = member.fields().count();
                member.fill_absent(row.clone());
                self.slots[slot as usize].excluded |= excluded;
                // A filled field may be part of a key by which later rows match the member.
                if member.fields().count() > before {
                    let keys = self.keys(&member);
                    self.remember(keys, slot);
                    let known = &mut self.slots[slot as usize];
                    known.warning = Warning::about(&member);
                    known.merged = Some(Box::new(member));
                }
                (slot, true)
            }
            None => {
                let slot = u32::try_from(self.slots.len()).expect("a list has fewer than 2^32 members");
                self.slots.push(Slot { row: number, merged: None, excluded, warning: Warning::about(row) });
                self.remember(keys, slot);
                (slot, false)
            }
        }
    }

    /// The members in the order of their first rows.
    pub(super) fn finish(self) -> Vec<Slot> {
        self.slots
    }

    /// Adds keys to the index. If two members have the same key, the first one keeps it.
    fn remember(&mut self, keys: Keys, slot: u32) {
        for key in keys.into_iter().flatten() {
            if let Entry::Vacant(entry) = self.index.entry(key) {
                entry.insert(slot);
            }
        }
    }

    /// The keys of a row.
    pub(super) fn keys(&mut self, row: &Member) -> Keys {
        keys(self.key_kinds, row, &mut self.scratch)
    }
}

/// The keys of a row as hashes, the strongest first. A key is `None` if the row lacks one of its fields.
pub(super) type Keys = [Option<u64>; CONTACT_KEYS.len()];

/// The kinds of keys for a kind of members.
pub(super) fn key_kinds(kind: Kind) -> &'static [KeyKind] {
    match kind {
        Kind::Contacts => CONTACT_KEYS,
        Kind::Accounts => ACCOUNT_KEYS,
    }
}

/// The keys of a row in normal form. `scratch` is a reused buffer.
pub(super) fn keys(key_kinds: &[KeyKind], row: &Member, scratch: &mut String) -> Keys {
    let mut keys = [None; CONTACT_KEYS.len()];
    for (key, &kind) in keys.iter_mut().zip(key_kinds) {
        *key = hash_of(kind, row, scratch);
    }
    keys
}

/// The hash of a row's key of this kind, or `None` if the row lacks one of its fields.
fn hash_of(kind: KeyKind, row: &Member, scratch: &mut String) -> Option<u64> {
    scratch.clear();
    scratch.push(char::from(kind as u8));
    match kind {
        KeyKind::Linkedin => scratch.push_str(row.linkedin_url.as_ref()?),
        KeyKind::Email => scratch.push_str(row.email.as_ref()?),
        KeyKind::Website => scratch.push_str(row.website.as_ref()?),
        KeyKind::NameAndWebsite => {
            scratch.push_str(row.website.as_ref()?);
            push_letters(scratch, row.first_name.as_ref()?);
            push_letters(scratch, row.last_name.as_ref()?);
        }
        KeyKind::NameAndCompany => {
            push_letters(scratch, row.company_name.as_ref()?);
            push_letters(scratch, row.first_name.as_ref()?);
            push_letters(scratch, row.last_name.as_ref()?);
        }
    }
    Some(FixedState::default().hash_one(&**scratch))
}

/// Appends the text in lower case after a separator byte that no value contains.
fn push_letters(scratch: &mut String, text: &str) {
    scratch.push('\0');
    if text.is_ascii() {
        let start = scratch.len();
        scratch.push_str(text);
        scratch[start..].make_ascii_lowercase();
    } else {
        scratch.extend(text::lower(text));
    }
}

/// Whether two rows with the same hash of this kind of key are the same member: no stronger key differs, and the keys
/// are equal.
fn is_same(kind: KeyKind, a: &Member, b: &Member) -> bool {
    let both = |field: fn(&Member) -> &Option<String>| field(a).is_some() && field(b).is_some();
    let letters = |field: fn(&Member) -> &Option<String>| match (field(a), field(b)) {
        (Some(a), Some(b)) => text::same_letters(a, b),
        _ => false,
    };
    let same_name = || letters(|member| &member.first_name) && letters(|member| &member.last_name);
    match kind {
        KeyKind::Linkedin => a.linkedin_url == b.linkedin_url,
        KeyKind::Website => a.website == b.website,
        _ if both(|member| &member.linkedin_url) => false,
        KeyKind::Email => a.email == b.email,
        _ if both(|member| &member.email) => false,
        KeyKind::NameAndWebsite => a.website == b.website && same_name(),
        KeyKind::NameAndCompany => {
            !both(|member| &member.website) && letters(|member| &member.company_name) && same_name()
        }
    }
}

/// A hasher for keys that already are hashes.
#[derive(Default)]
struct Prehashed(u64);

impl Hasher for Prehashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("the keys are numbers");
    }
}

#[cfg(test)]
mod tests;
