//! Maps column headings to fields.

use std::collections::BTreeMap;

use super::kind::fields;
use crate::audience::{Field, Kind};

/// Common headings of each field, in the form that [`normalise`] returns. Each heading belongs to one field.
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

/// Headings that a user set for fields. Such a field has no other headings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns(BTreeMap<Field, String>);

impl Columns {
    /// Creates the mapping from fields and their headings.
    #[must_use]
    pub fn new(given: impl IntoIterator<Item = (Field, String)>) -> Self {
        Self(given.into_iter().map(|(field, heading)| (field, normalise(&heading))).collect())
    }

    /// The field of a heading, for this kind of audience.
    pub(super) fn field_of(&self, heading: &str, kind: Kind) -> Option<Field> {
        let heading = normalise(heading);
        let given = self.0.iter().find(|(_, set)| **set == heading).map(|(field, _)| *field);
        let known = || SYNONYMS.iter().find(|(name, _)| *name == heading).map(|(_, field)| *field);
        let field = given.or_else(|| known().filter(|field| !self.0.contains_key(field)))?;
        fields(kind).contains(&field).then_some(field)
    }

    /// The first field with a heading set here that wasn't found.
    pub(super) fn missing(&self, found: &[Option<Field>], kind: Kind) -> Option<Field> {
        let mut wanted = self.0.keys().filter(|field| fields(kind).contains(field));
        wanted.find(|field| !found.contains(&Some(**field))).copied()
    }
}

/// A heading in lower case, without white space, `_`, `-` and `.`.
fn normalise(heading: &str) -> String {
    heading
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '_' | '-' | '.'))
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests;
