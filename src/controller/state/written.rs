//! A status that was written, and that counts until the watch shows it.

/// The last status that was written, with the version that it made.
pub struct Written<S>(Option<(u64, String, S)>);

impl<S> Default for Written<S> {
    fn default() -> Self {
        Self(None)
    }
}

impl<S: Clone> Written<S> {
    /// Remembers a status that was written.
    pub fn note(&mut self, version: String, status: S) {
        if let Ok(number) = version.parse() {
            self.0 = Some((number, version, status));
        }
    }

    /// What was written after the version that the watch shows, with its own; it is forgotten as soon as the watch shows it.
    pub fn newer_than(&mut self, shown: Option<&str>) -> Option<(String, S)> {
        let shown = shown.and_then(|version| version.parse::<u64>().ok());
        self.0.take_if(|(number, ..)| shown.is_none_or(|shown| *number <= shown));
        self.0.as_ref().map(|(_, version, status)| (version.clone(), status.clone()))
    }
}
