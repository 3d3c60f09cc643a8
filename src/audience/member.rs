//! A member of an audience, and the normal form of one row.

use std::{borrow::Cow, fmt};

use super::{
    Kind, email, linkedin,
    reason::{Field, Reason},
    text, website,
};

/// A contact or an account, as a person wrote it or in normal form. An account has only a website.
///
/// `Debug` shows the names of the fields that are present, never their values.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Member {
    /// The person's first name.
    pub first_name: Option<String>,
    /// The person's last name.
    pub last_name: Option<String>,
    /// The company the person works for.
    pub company_name: Option<String>,
    /// The company's website.
    pub website: Option<String>,
    /// The person's email address.
    pub email: Option<String>,
    /// The URL of the person's LinkedIn profile.
    pub linkedin_url: Option<String>,
}

impl Member {
    /// A member of an account audience.
    pub fn account(website: impl Into<String>) -> Self {
        Self { website: Some(website.into()), ..Self::default() }
    }

    /// The value of this field.
    pub fn field_mut(&mut self, field: Field) -> &mut Option<String> {
        match field {
            Field::FirstName => &mut self.first_name,
            Field::LastName => &mut self.last_name,
            Field::CompanyName => &mut self.company_name,
            Field::Website => &mut self.website,
            Field::Email => &mut self.email,
            Field::LinkedinUrl => &mut self.linkedin_url,
        }
    }

    /// The fields that are present, with their names in the API, in the order of RFC 8785.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let Self { first_name, last_name, company_name, website, email, linkedin_url } = self;
        [
            ("company_name", company_name),
            ("email", email),
            ("first_name", first_name),
            ("last_name", last_name),
            ("linkedin_url", linkedin_url),
            ("website", website),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.as_deref()?)))
    }

    /// Fills absent fields from another row of the same member.
    pub(super) fn fill_absent(&mut self, other: Self) {
        let Self { first_name, last_name, company_name, website, email, linkedin_url } = other;
        for (mine, theirs) in [
            (&mut self.first_name, first_name),
            (&mut self.last_name, last_name),
            (&mut self.company_name, company_name),
            (&mut self.website, website),
            (&mut self.email, email),
            (&mut self.linkedin_url, linkedin_url),
        ] {
            if mine.is_none() {
                *mine = theirs;
            }
        }
    }
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Member ")?;
        f.debug_set().entries(self.fields().map(|(name, _)| name)).finish()
    }
}

/// Normalises a row in place. Returns the problem that the public suffix list finds, if any. It reuses the row's
/// buffers, so that a million rows need few allocations.
pub(super) fn normalise(kind: Kind, row: &mut Member) -> Result<Option<Reason>, Reason> {
    normalise_field(&mut row.website, website::normal)?;
    match kind {
        Kind::Accounts => *row = Member { website: row.website.take(), ..Member::default() },
        Kind::Contacts => {
            normalise_field(&mut row.first_name, |name| text::clean(name, Field::FirstName))?;
            normalise_field(&mut row.last_name, |name| text::clean(name, Field::LastName))?;
            normalise_field(&mut row.company_name, |name| text::clean(name, Field::CompanyName))?;
            normalise_field(&mut row.email, email::normal)?;
            normalise_field(&mut row.linkedin_url, linkedin::normal)?;
        }
    }
    match missing(kind, row) {
        Some(reason) => Err(reason),
        None => Ok(row.website.as_deref().and_then(website::suffix_problem)),
    }
}

/// Normalises the fields that have a normal form and removes the others. For rows that weren't written as members, such
/// as those of reports.
pub(super) fn normalise_leniently(row: &mut Member) {
    fn keep(field: &mut Option<String>, form: impl FnOnce(&str) -> Result<Cow<'_, str>, Reason>) {
        if normalise_field(field, form).is_err() {
            *field = None;
        }
    }
    keep(&mut row.website, website::normal);
    keep(&mut row.first_name, |name| text::clean(name, Field::FirstName));
    keep(&mut row.last_name, |name| text::clean(name, Field::LastName));
    keep(&mut row.company_name, |name| text::clean(name, Field::CompanyName));
    keep(&mut row.email, email::normal);
    keep(&mut row.linkedin_url, linkedin::normal);
}

/// Normalises one field. An empty text becomes an absent value.
fn normalise_field(
    field: &mut Option<String>,
    form: impl FnOnce(&str) -> Result<Cow<'_, str>, Reason>,
) -> Result<(), Reason> {
    let Some(raw) = field.as_mut().filter(|raw| !text::is_blank(raw)) else {
        *field = None;
        return Ok(());
    };
    let changed = match form(raw)? {
        Cow::Borrowed(form) if form.len() == raw.len() => return Ok(()),
        form => form.into_owned(),
    };
    raw.clear();
    raw.push_str(&changed);
    Ok(())
}

/// What the API requires and the row lacks.
fn missing(kind: Kind, member: &Member) -> Option<Reason> {
    let Member { first_name, last_name, company_name, website, email, linkedin_url } = member;
    match kind {
        Kind::Accounts => website.is_none().then_some(Reason::WebsiteMissing),
        Kind::Contacts => {
            let named = first_name.is_some() && last_name.is_some() && (company_name.is_some() || website.is_some());
            if linkedin_url.is_some() || named {
                None
            } else if email.is_some() && member.fields().count() == 1 {
                Some(Reason::EmailAlone)
            } else {
                Some(Reason::Incomplete)
            }
        }
    }
}

#[cfg(test)]
mod tests;
