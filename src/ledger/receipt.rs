//! A receipt as read from storage, or why it can't be trusted. A receipt that can't be trusted is never claimed.

use serde_json::Value;

use super::{FORMAT_VERSION, Identity, IdentityKind, Record, RecordSummary, identity::receipt_name};

/// A receipt that this version can read completely.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Receipt {
    /// Which audience it belongs to.
    pub identity: Identity,
    /// What was attempted.
    pub record: Record,
    /// What follows from the record.
    pub summary: RecordSummary,
}

/// Why a receipt can't be trusted. It counts as Unknown and is never claimable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Unreadable {
    /// The name isn't the hash of the identity.
    #[error("its name isn't the hash of its identity: it was created or changed manually")]
    NameMismatch,
    /// No record.
    #[error("it has no record: it was changed manually or restored only in part")]
    NoRecord,
    /// A newer version wrote it.
    #[error(
        "it was written by a newer version of the operator (its formatVersion is higher than {FORMAT_VERSION}): \
         upgrade the operator"
    )]
    NewerFormat,
    /// Its fields aren't valid.
    #[error(
        "its record or identity can't be read: it was changed manually, or a newer version of the operator wrote it"
    )]
    Malformed,
    /// `state` contradicts its attempts.
    #[error(
        "its record.state contradicts its attempts: it was changed manually. Restore it, and resolve attempts with \
         the resolve annotation instead"
    )]
    StateMismatch,
}

impl Receipt {
    /// Reads a stored receipt.
    ///
    /// # Errors
    /// The receipt can't be trusted.
    pub fn read(name: &str, identity: &Value, record: Option<&Value>) -> Result<Self, Unreadable> {
        if receipt_name(identity) != name {
            return Err(Unreadable::NameMismatch);
        }
        let record = record.filter(|r| !r.is_null()).ok_or(Unreadable::NoRecord)?;
        match record.get("formatVersion").and_then(Value::as_u64) {
            Some(version) if version > u64::from(FORMAT_VERSION) => return Err(Unreadable::NewerFormat),
            Some(1..) => {}
            Some(0) | None => return Err(Unreadable::Malformed),
        }
        let identity: Identity = serde_json::from_value(identity.clone()).map_err(|_| Unreadable::Malformed)?;
        let record: Record = serde_json::from_value(record.clone()).map_err(|_| Unreadable::Malformed)?;
        if !is_valid(&identity, &record) {
            return Err(Unreadable::Malformed);
        }
        let summary = RecordSummary::of(&record);
        if summary.state != record.state {
            return Err(Unreadable::StateMismatch);
        }
        Ok(Self { identity, record, summary })
    }
}

/// Whether the record fulfils what holds for every record that the operator wrote.
fn is_valid(identity: &Identity, record: &Record) -> bool {
    let mut ids: Vec<_> = record.attempts.iter().map(|a| a.id.as_str()).collect();
    ids.sort_unstable();
    let unique = ids.windows(2).all(|w| w[0] != w[1]) && ids.iter().all(|id| !id.is_empty());
    let known = record.resolutions.iter().all(|r| record.attempt(&r.attempt).is_some());
    // An anchor has no attempts, every other receipt has at least one.
    let attempts_fit_kind = (identity.kind == IdentityKind::Anchor) == record.attempts.is_empty();
    unique && known && attempts_fit_kind
}
