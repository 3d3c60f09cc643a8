//! Which column is which field.

use std::collections::BTreeMap;

use crate::audience::{Field, Kind};

/// Names that people and their tools give to a field, in the form that [`plain`] makes of them. Each belongs to one field.
const SYNONYMS: &[(&str, Field)] = &[
    ("firstname", Field::FirstName),
    ("first", Field::FirstName),
    ("givenname", Field::FirstName),
    ("forename", Field::FirstName),
    ("lastname", Field::LastName),
    ("last", Field::LastName),
    ("surname", Field::LastName),
    ("familyname", Field::LastName),
    ("companyname", Field::CompanyName),
    ("company", Field::CompanyName),
    ("organization", Field::CompanyName),
    ("organisation", Field::CompanyName),
    ("organizationname", Field::CompanyName),
    ("account", Field::CompanyName),
    ("accountname", Field::CompanyName),
    ("employer", Field::CompanyName),
    ("website", Field::Website),
    ("websiteurl", Field::Website),
    ("domain", Field::Website),
    ("domainname", Field::Website),
    ("companywebsite", Field::Website),
    ("companydomain", Field::Website),
    ("companyurl", Field::Website),
    ("webpage", Field::Website),
    ("homepage", Field::Website),
    ("url", Field::Website),
    ("email", Field::Email),
    ("emailaddress", Field::Email),
    ("mail", Field::Email),
    ("workemail", Field::Email),
    ("businessemail", Field::Email),
    ("linkedinurl", Field::LinkedinUrl),
    ("linkedin", Field::LinkedinUrl),
    ("linkedinprofile", Field::LinkedinUrl),
    ("linkedinprofileurl", Field::LinkedinUrl),
    ("personlinkedinurl", Field::LinkedinUrl),
];

/// Headings that a user gave to fields. A field that is named here has no other heading.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns(BTreeMap<Field, String>);

impl Columns {
    /// From fields and their headings.
    #[must_use]
    pub fn new(given: impl IntoIterator<Item = (Field, String)>) -> Self {
        Self(given.into_iter().map(|(field, heading)| (field, plain(&heading))).collect())
    }

    /// The field that a heading means to this kind of audience.
    pub(super) fn field_of(&self, heading: &str, kind: Kind) -> Option<Field> {
        let heading = plain(heading);
        let given = self.0.iter().find(|(_, named)| **named == heading).map(|(field, _)| *field);
        let meant = || SYNONYMS.iter().find(|(name, _)| *name == heading).map(|(_, field)| *field);
        let field = given.or_else(|| meant().filter(|field| !self.0.contains_key(field)))?;
        super::fields(kind).contains(&field).then_some(field)
    }

    /// The first field that has a heading here and isn't among those found.
    pub(super) fn missing(&self, found: &[Option<Field>], kind: Kind) -> Option<Field> {
        let mut wanted = self.0.keys().filter(|field| super::fields(kind).contains(field));
        wanted.find(|field| !found.contains(&Some(**field))).copied()
    }
}

/// A heading without what people write differently: case, white space, `_`, `-` and `.`.
fn plain(heading: &str) -> String {
    heading
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '_' | '-' | '.'))
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_spaces_and_underscores_do_not_matter() {
        let columns = Columns::default();
        for heading in ["first_name", "First Name", "FIRSTNAME", "first-name", " firstName ", "Given Name"] {
            assert_eq!(columns.field_of(heading, Kind::Contacts), Some(Field::FirstName), "{heading}");
        }
        for heading in ["", "country", "first name of the boss"] {
            assert_eq!(columns.field_of(heading, Kind::Contacts), None, "{heading}");
        }
    }

    #[test]
    fn an_account_has_a_website_and_nothing_else() {
        let columns = Columns::default();
        assert_eq!(columns.field_of("Domain", Kind::Accounts), Some(Field::Website));
        assert_eq!(columns.field_of("email", Kind::Accounts), None);
    }

    #[test]
    fn a_heading_that_is_given_takes_the_place_of_the_others() {
        let columns = Columns::new([(Field::Website, "Web Site 2".to_owned())]);
        assert_eq!(columns.field_of("web_site_2", Kind::Accounts), Some(Field::Website));
        assert_eq!(columns.field_of("website", Kind::Accounts), None);
        // Also where the heading means something else by itself.
        let columns = Columns::new([(Field::Website, "email".to_owned())]);
        assert_eq!(columns.field_of("Email", Kind::Contacts), Some(Field::Website));
    }

    #[test]
    fn synonyms_are_in_their_plain_form_and_each_has_one_meaning() {
        let mut names: Vec<_> = SYNONYMS.iter().map(|(name, _)| *name).collect();
        assert!(names.iter().all(|name| plain(name) == *name));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), SYNONYMS.len());
    }
}
