//! A member of an audience, and the normal form of one row.

use std::{borrow::Cow, fmt};

use super::{
    Kind, email, linkedin,
    reason::{Field, Reason},
    text, website,
};

/// A contact or an account: as a person wrote it, or in normal form. An account has a website and nothing else.
///
/// `Debug` shows which fields are there and never what is in them.
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
    /// The person's profile on LinkedIn.
    pub linkedin_url: Option<String>,
}

impl Member {
    /// A member of an account audience.
    pub fn account(website: impl Into<String>) -> Self {
        Self { website: Some(website.into()), ..Self::default() }
    }

    /// One of its fields.
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

    /// The fields that are there, by their names on the wire, in the order of RFC 8785.
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

    /// Takes from another row about the same member what this one lacks.
    pub(super) fn fill_gaps(&mut self, other: Self) {
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

/// A row in normal form, and what the public suffix list has against it.
pub(super) struct Normal {
    pub(super) member: Member,
    pub(super) suffix_problem: Option<Reason>,
}

/// The normal form of a row. Normal text is moved, not copied.
pub(super) fn normalise(kind: Kind, raw: Member) -> Result<Normal, Reason> {
    let website = tidy(raw.website, website::normal)?;
    let member = match kind {
        Kind::Accounts => Member { website, ..Member::default() },
        Kind::Contacts => Member {
            first_name: tidy(raw.first_name, |name| text::clean(name, Field::FirstName))?,
            last_name: tidy(raw.last_name, |name| text::clean(name, Field::LastName))?,
            company_name: tidy(raw.company_name, |name| text::clean(name, Field::CompanyName))?,
            website,
            email: tidy(raw.email, email::normal)?,
            linkedin_url: tidy(raw.linkedin_url, linkedin::normal)?,
        },
    };
    match missing(kind, &member) {
        Some(reason) => Err(reason),
        None => Ok(Normal { suffix_problem: member.website.as_deref().and_then(website::suffix_problem), member }),
    }
}

/// Blank text is an absent value.
fn tidy(
    raw: Option<String>,
    form: impl FnOnce(&str) -> Result<Cow<'_, str>, Reason>,
) -> Result<Option<String>, Reason> {
    let Some(raw) = raw.filter(|raw| !text::is_blank(raw)) else {
        return Ok(None);
    };
    let changed = match form(&raw)? {
        Cow::Borrowed(form) if form.len() == raw.len() => None,
        form => Some(form.into_owned()),
    };
    Ok(Some(changed.unwrap_or(raw)))
}

/// What the API would miss in a row.
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
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// First name, last name, company, website, email, LinkedIn; empty text for what isn't there.
    fn row(values: [&str; 6]) -> Member {
        let [first_name, last_name, company_name, website, email, linkedin_url] =
            values.map(|value| Some(value.to_owned()));
        Member { first_name, last_name, company_name, website, email, linkedin_url }
    }

    #[test]
    fn a_contact_needs_one_of_three_combinations() {
        const INCOMPLETE: &str = "needs linkedinUrl, or firstName and lastName with companyName or website";
        const ALONE: &str =
            "email alone is not enough: add linkedinUrl, or firstName and lastName with companyName or website";
        const HOST: &str = "the website is not a valid host name: check its spelling";
        for (values, problem) in [
            (["", "", "", "", "", "linkedin.com/in/ada"], None),
            (["Ada", "King", "Engines", "", "", ""], None),
            (["Ada", "King", "", "example.com", "", ""], None),
            (["Ada", "King", "", "", "", ""], Some(INCOMPLETE)),
            (["Ada", "", "Engines", "example.com", "ada@example.com", ""], Some(INCOMPLETE)),
            (["Ada", " \u{200b} ", "Engines", "example.com", "", ""], Some(INCOMPLETE)),
            (["", "", "", "", "", ""], Some(INCOMPLETE)),
            (["", "", "", "", "ada@example.com", ""], Some(ALONE)),
            // What is there must be right, needed or not.
            (["Ada", "King", "Engines", "not_a_site", "", "linkedin.com/in/ada"], Some(HOST)),
            (
                ["Ada\u{1}", "", "", "", "", "linkedin.com/in/ada"],
                Some("the firstName has a control character inside: remove it"),
            ),
        ] {
            let result = normalise(Kind::Contacts, row(values)).map(|_| ()).map_err(|reason| reason.to_string());
            assert_eq!(result.err().as_deref(), problem, "{values:?}");
        }
    }

    #[test]
    fn an_account_is_its_website_and_nothing_else() {
        let normal = normalise(Kind::Accounts, row(["Ada", "", "", "WWW.Example.com", "nonsense", ""])).unwrap();
        assert!(normal.member == Member::account("example.com"));
        assert_eq!(normal.suffix_problem, None);
        assert_eq!(normalise(Kind::Accounts, row(["Ada"; 6].map(|_| " "))).err(), Some(Reason::WebsiteMissing));
    }

    #[test]
    fn a_suffix_problem_leaves_the_normal_form_alone() {
        let normal = normalise(Kind::Accounts, Member::account("www.Example.Invalid")).unwrap();
        assert!(normal.member == Member::account("example.invalid"));
        assert_eq!(normal.suffix_problem, Some(Reason::WebsiteUnknownSuffix));
    }

    #[test]
    fn case_and_inner_white_space_of_names() {
        let normal =
            normalise(Kind::Contacts, row([" Ada ", "de  la\tCruz", "ENGINES ltd", "", "", "linkedin.com/in/ada"]))
                .unwrap();
        let fields: Vec<_> = normal.member.fields().collect();
        assert_eq!(
            fields,
            [
                ("company_name", "ENGINES ltd"),
                ("first_name", "Ada"),
                ("last_name", "de la Cruz"),
                ("linkedin_url", "https://www.linkedin.com/in/ada")
            ]
        );
    }

    #[test]
    fn debug_shows_no_value() {
        assert_eq!(format!("{:?}", Member::account("canary.example")), r#"Member {"website"}"#);
    }
}
