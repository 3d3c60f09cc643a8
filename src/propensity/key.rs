//! The workspace key, in a type that can't be printed.

use std::fmt;

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// The maximum length in bytes: longer than any key, shorter than the header limit of servers.
const MAX_BYTES: usize = 4096;

/// Why an entry of a Secret isn't a workspace key. No message contains a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Empty or only white space.
    #[error("the workspace key is empty: put the key that Propensity shows into the Secret")]
    Empty,
    /// Binary data, often because the value was encoded twice or the file is wrong.
    #[error(
        "the workspace key is not text: put the key itself into the Secret (`stringData`, or `data` as base64 of it)"
    )]
    NotText,
    /// A line break or another control character inside.
    #[error("the workspace key contains a line break or another control character: put only the key into the Secret")]
    ControlCharacter,
    /// A character that isn't allowed in a header.
    #[error("the workspace key contains a character that isn't ASCII: copy it again from Propensity")]
    NotAscii,
    /// More than 4,096 bytes.
    #[error("the workspace key is longer than 4,096 bytes: put only the key into the Secret")]
    TooLong,
}

/// A workspace key. Surrounding white space is trimmed; it is valid as a header value; it is erased from memory when
/// dropped.
#[derive(Clone)]
pub struct ApiKey(SecretString);

impl ApiKey {
    /// Parses the raw bytes of a Secret's entry.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        let text = std::str::from_utf8(bytes).map_err(|_| KeyError::NotText)?.trim();
        if text.is_empty() {
            return Err(KeyError::Empty);
        }
        if text.len() > MAX_BYTES {
            return Err(KeyError::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(KeyError::ControlCharacter);
        }
        if !text.is_ascii() {
            return Err(KeyError::NotAscii);
        }
        Ok(Self(text.into()))
    }

    /// Identifies the gate of this key. Equal keys have equal IDs.
    pub fn id(&self) -> KeyId {
        KeyId(Sha256::digest(self.0.expose_secret().as_bytes()).into())
    }

    pub(super) fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// The value of the header. Lower layers don't log it.
    pub(super) fn header(&self) -> HeaderValue {
        let mut value =
            HeaderValue::from_str(self.expose()).expect("ASCII without control characters is a legal header value");
        value.set_sensitive(true);
        value
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(hidden)")
    }
}

/// The identity of a key without its value: a SHA-256 hash that is never shown.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId([u8; 32]);

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyId(hidden)")
    }
}

#[cfg(test)]
mod tests;
