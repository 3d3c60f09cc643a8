//! A receipt as read from storage, or why it can't be trusted. What can't be trusted is never claimed.

use serde_json::Value;

use super::{FORMAT_VERSION, Identity, IdentityKind, Record, Standing, identity::receipt_name};

/// A receipt that this version understands whole.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Receipt {
    /// Which audience it is about.
    pub identity: Identity,
    /// What was attempted.
    pub record: Record,
    /// What that adds up to.
    pub standing: Standing,
}

/// Why a receipt can't be trusted. It counts as Unknown and is never claimable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Unreadable {
    /// The name isn't the hash of the identity.
    #[error("its name isn't the hash of its identity: it was made or changed by hand")]
    NameMismatch,
    /// No record.
    #[error("it has no record: it was changed by hand or restored incompletely")]
    NoRecord,
    /// A newer version wrote it.
    #[error(
        "it was written by a newer version of the operator (its formatVersion is higher than {FORMAT_VERSION}): upgrade the operator"
    )]
    NewerFormat,
    /// Its fields aren't what they should be.
    #[error(
        "its record or identity can't be read: it was changed by hand, or a newer version of the operator wrote it"
    )]
    Malformed,
    /// `state` isn't what its attempts add up to.
    #[error(
        "its record.state isn't what its attempts add up to: it was changed by hand; restore it, and settle attempts with the resolve annotation instead"
    )]
    StateMismatch,
}

impl Receipt {
    /// Reads what storage holds.
    ///
    /// # Errors
    /// Why it can't be trusted.
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
        if !is_sound(&identity, &record) {
            return Err(Unreadable::Malformed);
        }
        let standing = Standing::of(&record);
        if standing.state != record.state {
            return Err(Unreadable::StateMismatch);
        }
        Ok(Self { identity, record, standing })
    }
}

/// What every record that the operator wrote holds to.
fn is_sound(identity: &Identity, record: &Record) -> bool {
    let mut ids: Vec<_> = record.attempts.iter().map(|a| a.id.as_str()).collect();
    ids.sort_unstable();
    let unique = ids.windows(2).all(|w| w[0] != w[1]) && ids.iter().all(|id| !id.is_empty());
    let known = record.resolutions.iter().all(|r| record.attempt(&r.attempt).is_some());
    let peopled = (identity.kind == IdentityKind::Anchor) == record.attempts.is_empty();
    unique && known && peopled
}
