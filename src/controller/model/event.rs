//! Events: what `kubectl describe` shows below an object.

/// How much an event matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventType {
    /// For the record.
    Normal,
    /// Somebody should look at it.
    Warning,
}

impl EventType {
    /// The type as the API server takes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
        }
    }
}

/// An event to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// How much it matters.
    pub type_: EventType,
    /// Why, in UpperCamelCase.
    pub reason: &'static str,
    /// What was done, in UpperCamelCase.
    pub action: &'static str,
    /// For people.
    pub note: String,
}
