//! What can be wrong with a row. A reason names the field and what to do, and never the value, because it appears in
//! status, logs and CI output.

use std::fmt;

use thiserror::Error;

/// A field of a member, with the name that it has in a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// `firstName`
    FirstName,
    /// `lastName`
    LastName,
    /// `companyName`
    CompanyName,
    /// `website`
    Website,
    /// `email`
    Email,
    /// `linkedinUrl`
    LinkedinUrl,
}

impl Field {
    /// All fields.
    pub const ALL: [Self; 6] =
        [Self::FirstName, Self::LastName, Self::CompanyName, Self::Website, Self::Email, Self::LinkedinUrl];
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FirstName => "firstName",
            Self::LastName => "lastName",
            Self::CompanyName => "companyName",
            Self::Website => "website",
            Self::Email => "email",
            Self::LinkedinUrl => "linkedinUrl",
        })
    }
}

/// Why a row can't be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum Reason {
    /// More characters than the field may have.
    #[error("the {0} is longer than {1} characters: shorten it")]
    TooLong(Field, usize),
    /// A control character other than white space.
    #[error("the {0} has a control character inside: remove it")]
    ControlCharacter(Field),
    /// White space inside a value that can't have any.
    #[error("the {0} has white space inside: remove it")]
    WhiteSpace(Field),
    /// A scheme other than `http` and `https`.
    #[error("the website is neither http nor https: enter only the host name, such as example.com")]
    WebsiteScheme,
    /// A user name before the host, or an email address.
    #[error("the website has a user name or is an email address: enter only the host name, such as example.com")]
    WebsiteUser,
    /// An IP address in any notation.
    #[error("the website is an IP address: enter its host name")]
    WebsiteAddress,
    /// Not a host name.
    #[error("the website is not a valid host name: check its spelling")]
    WebsiteHost,
    /// A single label such as `localhost`.
    #[error("the website has no suffix: enter the complete name, such as example.com")]
    WebsiteNoSuffix,
    /// A suffix that isn't on the public suffix list.
    #[error("the website's suffix is not on the public suffix list: check its ending")]
    WebsiteUnknownSuffix,
    /// A public suffix with nothing before it.
    #[error("the website without www. is only a public suffix: enter the complete name, such as example.com")]
    WebsiteBareSuffix,
    /// An account without a website.
    #[error("the website is missing: an account needs one")]
    WebsiteMissing,
    /// A name or brackets around the address.
    #[error("the email has a name or brackets around the address: enter only the address")]
    EmailDisplayText,
    /// No `@`, or an invalid part before it.
    #[error("the email is not a valid address: check its spelling")]
    EmailForm,
    /// The part after the `@` isn't a host name with a suffix.
    #[error("the email has no valid domain: check what follows the @")]
    EmailDomain,
    /// Not on LinkedIn.
    #[error("the linkedinUrl is not on linkedin.com: enter the URL of the profile, https://www.linkedin.com/in/…")]
    LinkedinHost,
    /// On LinkedIn, but not a person's profile.
    #[error("the linkedinUrl is not a person's profile: enter the URL of the profile, https://www.linkedin.com/in/…")]
    LinkedinNotProfile,
    /// The part after `/in/` isn't a valid profile name.
    #[error("the linkedinUrl has no valid profile name after /in/: copy the URL from the profile")]
    LinkedinProfileName,
    /// An email without the other fields that the API requires.
    #[error("email alone is not enough: add linkedinUrl, or firstName and lastName with companyName or website")]
    EmailAlone,
    /// None of the three combinations that the API accepts.
    #[error("needs linkedinUrl, or firstName and lastName with companyName or website")]
    Incomplete,
}

impl Reason {
    /// Whether the row is invalid only because of the public suffix list of this release.
    ///
    /// Such a row has a normal form and is part of the list's hash. With the next release it may be valid.
    pub const fn is_by_suffix_list(self) -> bool {
        matches!(self, Self::WebsiteUnknownSuffix | Self::WebsiteBareSuffix)
    }
}

/// A row that can't be sent, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The source of the row, such as `spec.contacts`.
    pub source: String,
    /// The row's number in its source, counted from 1.
    pub row: u64,
    /// What is wrong with it.
    pub reason: Reason,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} row {}: {}", self.source, self.row, self.reason)
    }
}

/// The first problems of a list, and their number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems {
    /// The first problems, in the order of the rows: at most [`Problems::SHOWN`].
    pub first: Vec<Problem>,
    /// How many rows have a problem.
    pub total: u64,
    /// How many rows are invalid only because of the public suffix list, see [`Reason::is_by_suffix_list`].
    pub by_suffix_list: u64,
}

impl Problems {
    /// The maximum number of problems that are kept.
    pub const SHOWN: usize = 10;

    /// Counts a problem and keeps it if it is one of the first.
    pub(super) fn add(&mut self, source: &str, row: u64, reason: Reason) {
        self.total += 1;
        self.by_suffix_list += u64::from(reason.is_by_suffix_list());
        if self.first.len() < Self::SHOWN {
            self.first.push(Problem { source: source.to_owned(), row, reason });
        }
    }
}

#[cfg(test)]
mod tests;
