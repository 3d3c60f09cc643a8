//! Comma-separated lists.

use std::ops::Deref;

/// A comma-separated list, trimmed, without empty entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List(pub(super) Vec<String>);

impl Deref for List {
    type Target = [String];

    fn deref(&self) -> &[String] {
        &self.0
    }
}
