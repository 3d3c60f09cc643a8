//! Finds the members of many lists that a row is about.

use std::fmt;

use super::dedupe::{self, Keys, Level};
use super::{Kind, Member, member};

/// The members of many lists, by hashes of what each is found by: nothing of the members themselves stays.
pub struct Lookup {
    levels: &'static [Level],
    /// As many keys for each member as there are levels; zero where one is absent.
    keys: Vec<u64>,
    /// At each level, the members that have a key there, sorted by it.
    by_key: Vec<Vec<u32>>,
    scratch: String,
}

impl Lookup {
    /// Without members yet.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        let levels = dedupe::levels(kind);
        Self { levels, keys: vec![], by_key: vec![vec![]; levels.len()], scratch: String::new() }
    }

    /// How many members there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len() / self.levels.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Adds a member in normal form. They are numbered from 0.
    pub fn add(&mut self, member: &Member) {
        let keys = dedupe::keys(self.levels, member, &mut self.scratch);
        self.keys.extend(keys.iter().take(self.levels.len()).map(|key| key.unwrap_or_default()));
    }

    /// Makes all that were added findable.
    pub fn seal(&mut self) {
        let (keys, many) = (&self.keys, self.levels.len());
        for (level, members) in self.by_key.iter_mut().enumerate() {
            let key = |member: &u32| keys[*member as usize * many + level];
            let all = 0..u32::try_from(keys.len() / many).expect("fewer than four thousand million members");
            *members = all.filter(|member| key(member) != 0).collect();
            members.sort_unstable_by_key(key);
            members.shrink_to_fit();
        }
    }

    /// Gives the numbers of the members that a row is about: of what both have, the surest must be equal. What has no normal form in the row is passed over; the rest is put into it.
    pub fn find(&mut self, row: &mut Member, mut found: impl FnMut(u32)) {
        member::salvage(row);
        let wanted: Keys = dedupe::keys(self.levels, row, &mut self.scratch);
        let many = self.levels.len();
        for (level, members) in self.by_key.iter().enumerate() {
            let Some(wanted_key) = wanted[level].filter(|key| *key != 0) else { continue };
            let key = |member: u32, level: usize| self.keys[member as usize * many + level];
            let start = members.partition_point(|member| key(*member, level) < wanted_key);
            for &member in members[start..].iter().take_while(|member| key(**member, level) == wanted_key) {
                let is_told_apart = (0..level).any(|surer| wanted[surer].is_some() && key(member, surer) != 0);
                if !is_told_apart {
                    found(member);
                }
            }
        }
    }
}

impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookup").field("members", &self.len()).finish_non_exhaustive()
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

    fn found(lookup: &mut Lookup, values: [&str; 6]) -> Vec<u32> {
        let mut found = vec![];
        lookup.find(&mut row(values), |member| found.push(member));
        found
    }

    #[test]
    fn accounts_are_found_by_any_spelling_of_their_website() {
        let mut lookup = Lookup::new(Kind::Accounts);
        for website in ["example.com", "example.org", "example.com"] {
            lookup.add(&Member::account(website));
        }
        lookup.seal();
        assert_eq!(lookup.len(), 3);
        assert_eq!(found(&mut lookup, ["", "", "", "https://WWW.Example.com/x", "", ""]), [0, 2]);
        for nobody in ["example.net", "not a site", ""] {
            assert!(found(&mut lookup, ["Ada", "King", "Engines", nobody, "", ""]).is_empty(), "{nobody}");
        }
    }

    #[test]
    fn of_what_a_row_and_a_contact_both_have_the_surest_decides() {
        let mut lookup = Lookup::new(Kind::Contacts);
        let profile = "https://www.linkedin.com/in/ada";
        for member in [
            ["Ada", "King", "Engines", "", "", profile],
            ["Ada", "King", "Engines", "example.com", "ada@example.com", ""],
            ["Ada", "King", "Looms", "", "", ""],
        ] {
            lookup.add(&row(member));
        }
        lookup.seal();
        for (about, wanted) in [
            (["", "", "", "", "", "de.linkedin.com/in/Ada/?x=1"], vec![0]),
            (["", "", "", "", "mailto:Ada@Example.com", ""], vec![1]),
            // The surest that both have is equal for the first, and for the second the email is.
            (["", "", "", "", "ada@example.com", profile], vec![0, 1]),
            // Another profile is another person; where no profile is known, the email may tell.
            (["Ada", "King", "Engines", "", "ada@example.com", "linkedin.com/in/another"], vec![1]),
            (["Ada", "King", "Engines", "", "other@example.com", ""], vec![0]),
            (["ada", "KING", "", "example.com", "", ""], vec![1]),
            (["Ada", "King", "looms", "example.net", "", ""], vec![2]),
            // A cell that is no email doesn't count.
            (["Ada", "King", "Looms", "", "unknown", ""], vec![2]),
            (["Ada", "", "Looms", "", "", ""], vec![]),
        ] {
            assert_eq!(found(&mut lookup, about), wanted, "{about:?}");
        }
    }
}
