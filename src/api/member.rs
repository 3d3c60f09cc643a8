//! One contact and one account as written in a spec. Their `Debug` output shows no value.
//!
//! The fields have only a type and a length: with `pattern`, `format`, `enum` or a rule on a scalar, the API server
//! would repeat the value in its error, and so in CI logs.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A person. Needs `linkedinUrl`, or `firstName` and `lastName` with `companyName` or `website`.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Contact {
    /// First name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub first_name: Option<String>,
    /// Last name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub last_name: Option<String>,
    /// Name of the company the person works for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub company_name: Option<String>,
    /// Website of that company. `https://www.example.com/about` and `example.com` are the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub website: Option<String>,
    /// Email address. Alone it isn't enough: Propensity can't find a person by email only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub email: Option<String>,
    /// LinkedIn profile, such as `https://www.linkedin.com/in/example`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub linkedin_url: Option<String>,
}

/// A company.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// The company's website. `https://www.example.com/about` and `example.com` are the same account.
    #[schemars(length(max = 256))]
    pub website: String,
}

impl fmt::Debug for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Contact(…)")
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Account(…)")
    }
}

#[cfg(test)]
mod tests;
