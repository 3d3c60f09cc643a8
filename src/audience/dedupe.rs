//! Which rows are about the same member.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::{BuildHasher, BuildHasherDefault, Hasher},
};

use foldhash::fast::FixedState;

use super::{Kind, Member, canonical::Rows, text, warning::Warning};

/// How a row can be told to be about a known member, the surest first. Of two rows, the surest that *both* have decides:
/// one email with two LinkedIn profiles is two people.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Linkedin,
    Email,
    NameAndWebsite,
    NameAndCompany,
    Website,
}

const OF_CONTACTS: &[Level] = &[Level::Linkedin, Level::Email, Level::NameAndWebsite, Level::NameAndCompany];
const OF_ACCOUNTS: &[Level] = &[Level::Website];

/// The members so far, and where to find each.
pub(super) struct Members {
    levels: &'static [Level],
    slots: Vec<Slot>,
    /// By hashes of their keys. What is found is compared, so that two keys with one hash cost a missed duplicate at most.
    index: HashMap<u64, u32, BuildHasherDefault<Prehashed>>,
    scratch: String,
}

/// A member.
pub(super) struct Slot {
    /// The number of its first row, which is what it is unless other rows filled gaps.
    pub(super) row: u32,
    /// With the gaps filled.
    pub(super) merged: Option<Box<Member>>,
    /// Whether any of its rows is excluded.
    pub(super) excluded: bool,
    /// What is told of it.
    pub(super) warning: Warning,
}

impl Members {
    pub(super) fn new(kind: Kind) -> Self {
        Self { levels: levels(kind), slots: Vec::new(), index: HashMap::default(), scratch: String::new() }
    }

    /// Adds a row that has this number among the rows; the number of its member, and whether that is known already. Then the row fills its gaps.
    pub(super) fn add(&mut self, rows: &Rows, number: u32, row: &Member, excluded: bool) -> (u32, bool) {
        let keys = self.keys(row);
        let known = keys.iter().zip(self.levels).find_map(|(key, &level)| {
            let slot = *self.index.get(key.as_ref()?)?;
            let Slot { row: first, merged, .. } = &self.slots[slot as usize];
            let member = merged.as_deref().cloned().unwrap_or_else(|| rows.member(*first));
            is_same(level, &member, row).then_some((slot, member))
        });
        match known {
            Some((slot, mut member)) => {
                let before = member.fields().count();
                member.fill_gaps(row.clone());
                self.slots[slot as usize].excluded |= excluded;
                // A filled gap may be a key by which later rows find the member.
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
                let slot =
                    u32::try_from(self.slots.len()).expect("a list has fewer than four thousand million members");
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

    /// The first member with a key keeps it.
    fn remember(&mut self, keys: Keys, slot: u32) {
        for key in keys.into_iter().flatten() {
            if let Entry::Vacant(entry) = self.index.entry(key) {
                entry.insert(slot);
            }
        }
    }

    /// What a row is found by.
    pub(super) fn keys(&mut self, row: &Member) -> Keys {
        keys(self.levels, row, &mut self.scratch)
    }
}

/// What a row is found by, the surest first; a key that it lacks a part of is absent.
pub(super) type Keys = [Option<u64>; OF_CONTACTS.len()];

/// How the rows of a kind are found.
pub(super) fn levels(kind: Kind) -> &'static [Level] {
    match kind {
        Kind::Contacts => OF_CONTACTS,
        Kind::Accounts => OF_ACCOUNTS,
    }
}

/// What a row in normal form is found by, with a text to work in.
pub(super) fn keys(levels: &[Level], row: &Member, scratch: &mut String) -> Keys {
    let mut keys = [None; OF_CONTACTS.len()];
    for (key, &level) in keys.iter_mut().zip(levels) {
        *key = hash_of(level, row, scratch);
    }
    keys
}

/// A row's key at a level, hashed; `None` where the row lacks a part of it.
fn hash_of(level: Level, row: &Member, scratch: &mut String) -> Option<u64> {
    scratch.clear();
    scratch.push(char::from(level as u8));
    match level {
        Level::Linkedin => scratch.push_str(row.linkedin_url.as_ref()?),
        Level::Email => scratch.push_str(row.email.as_ref()?),
        Level::Website => scratch.push_str(row.website.as_ref()?),
        Level::NameAndWebsite => {
            scratch.push_str(row.website.as_ref()?);
            push_letters(scratch, row.first_name.as_ref()?);
            push_letters(scratch, row.last_name.as_ref()?);
        }
        Level::NameAndCompany => {
            push_letters(scratch, row.company_name.as_ref()?);
            push_letters(scratch, row.first_name.as_ref()?);
            push_letters(scratch, row.last_name.as_ref()?);
        }
    }
    Some(FixedState::default().hash_one(&**scratch))
}

/// The text without regard to case, set off by a byte that no value holds.
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

/// Whether two rows with the same hash at a level are about one member: no surer level tells them apart, and the keys are equal.
fn is_same(level: Level, a: &Member, b: &Member) -> bool {
    let both = |field: fn(&Member) -> &Option<String>| field(a).is_some() && field(b).is_some();
    let letters = |field: fn(&Member) -> &Option<String>| match (field(a), field(b)) {
        (Some(a), Some(b)) => text::same_letters(a, b),
        _ => false,
    };
    let same_name = || letters(|member| &member.first_name) && letters(|member| &member.last_name);
    match level {
        Level::Linkedin => a.linkedin_url == b.linkedin_url,
        Level::Website => a.website == b.website,
        _ if both(|member| &member.linkedin_url) => false,
        Level::Email => a.email == b.email,
        _ if both(|member| &member.email) => false,
        Level::NameAndWebsite => a.website == b.website && same_name(),
        Level::NameAndCompany => {
            !both(|member| &member.website) && letters(|member| &member.company_name) && same_name()
        }
    }
}

/// Passes on keys that are hashes already.
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
mod tests {
    use super::*;

    /// First name, last name, company, website, email, LinkedIn; empty text for what isn't there.
    fn row(values: [&str; 6]) -> Member {
        let [first_name, last_name, company_name, website, email, linkedin_url] =
            values.map(|value| (!value.is_empty()).then(|| value.to_owned()));
        Member { first_name, last_name, company_name, website, email, linkedin_url }
    }

    /// Adds rows, some of them excluded.
    fn added(kind: Kind, all: impl IntoIterator<Item = (Member, bool)>) -> (Vec<(u32, bool)>, Vec<Option<Member>>) {
        let (mut rows, mut members) = (Rows::default(), Members::new(kind));
        let add = |(row, excluded): (Member, bool)| {
            let number = rows.push(&row);
            members.add(&rows, number, &row, excluded)
        };
        let added = all.into_iter().map(add).collect();
        let member = |slot: Slot| {
            let Slot { row, merged, excluded, .. } = slot;
            (!excluded).then(|| merged.map_or_else(|| rows.member(row), |merged| *merged))
        };
        let members = members.finish().into_iter().map(member).collect();
        (added, members)
    }

    fn members(rows: &[[&str; 6]]) -> Vec<Member> {
        let (_, members) = added(Kind::Contacts, rows.iter().map(|values| (row(*values), false)));
        members.into_iter().flatten().collect()
    }

    #[test]
    fn the_surest_key_that_both_rows_have_decides() {
        for (case, a, b, same) in [
            (
                "one profile, all else differs",
                ["A", "B", "C", "d.com", "e@f.g", "in/h"],
                ["Z", "Y", "X", "w.com", "v@u.t", "in/h"],
                true,
            ),
            (
                "one email, two profiles",
                ["A", "B", "C", "", "e@f.g", "in/h"],
                ["A", "B", "C", "", "e@f.g", "in/i"],
                false,
            ),
            ("one email, one profile", ["A", "B", "C", "", "e@f.g", "in/h"], ["Z", "Y", "X", "", "e@f.g", ""], true),
            (
                "one name, two emails",
                ["A", "B", "C", "d.com", "e@f.g", ""],
                ["A", "B", "C", "d.com", "h@f.g", ""],
                false,
            ),
            (
                "one name and website",
                ["Ada", "B", "C", "d.com", "", "in/h"],
                ["ADA", "b", "X", "d.com", "v@u.t", ""],
                true,
            ),
            ("one name, two websites", ["A", "B", "C", "d.com", "", ""], ["A", "B", "C", "w.com", "", ""], false),
            (
                "one name and company",
                ["Åsa", "B", "C AB", "d.com", "", ""],
                ["åsa", "b", "c ab", "", "v@u.t", ""],
                true,
            ),
            ("two names, one company", ["A", "B", "C", "", "", ""], ["A", "Y", "C", "", "", ""], false),
            ("names that join to the same text", ["AB", "C", "D", "", "", ""], ["A", "BC", "D", "", "", ""], false),
        ] {
            assert_eq!(members(&[a, b]).len() == 1, same, "{case}");
            assert_eq!(members(&[b, a]).len() == 1, same, "{case}, the other way round");
        }
    }

    #[test]
    fn the_first_row_wins_and_its_gaps_are_filled() {
        let merged = members(&[
            ["Ada", "B", "", "d.com", "", ""],
            ["ADA", "B", "C", "d.com", "e@f.g", ""],
            ["", "", "", "", "e@f.g", "in/h"],
            ["", "", "", "", "", "in/h"],
        ]);
        assert!(merged == [row(["Ada", "B", "C", "d.com", "e@f.g", "in/h"])]);
    }

    #[test]
    fn a_member_is_excluded_when_any_of_its_rows_is() {
        let rows = [
            (["", "", "", "", "", "in/h"], false),
            (["", "", "", "", "e@f.g", "in/h"], true),
            (["", "", "", "", "", "in/i"], false),
        ];
        let (added, members) = added(Kind::Contacts, rows.map(|(values, excluded)| (row(values), excluded)));
        assert_eq!(added, [(0, false), (0, true), (1, false)]);
        assert!(members == [None, Some(row(["", "", "", "", "", "in/i"]))]);
    }

    #[test]
    fn accounts_are_the_same_by_website() {
        let rows = ["a.com", "b.com", "a.com"].map(|website| (Member::account(website), false));
        assert_eq!(added(Kind::Accounts, rows).0, [(0, false), (1, false), (0, true)]);
    }
}
