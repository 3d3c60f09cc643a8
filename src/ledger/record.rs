//! The stored shape of a record. Fields that a newer version wrote are carried along; states and outcomes are plain strings in the schema.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{State, resolve};

/// The format that this version writes. A newer one is never claimed.
pub const FORMAT_VERSION: u32 = 1;

/// The class of an outcome that an observer recorded because the holder of the claim never did.
pub const NO_OUTCOME: &str = "no_outcome";

/// What was attempted for an identity and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct Record {
    /// Format of this record.
    pub format_version: u32,
    /// `Claimed`, `NotSent`, `Rejected`, `Unknown`, `Authorised`, `Created` or `Dismissed`: what attempts and resolutions add up to.
    #[schemars(with = "String", length(max = 32))]
    pub state: State,
    /// Of a created audience: how many further audiences earlier attempts may have left in the workspace.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub possible_extras: u32,
    /// The attempts, the oldest first.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub attempts: Vec<Attempt>,
    /// How attempts were settled by a person or by the policy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub resolutions: Vec<Resolution>,
    /// Attempts that provably sent nothing and gave way to a later one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_sent: Option<NotSent>,
    /// Fields of newer versions.
    #[serde(flatten)]
    #[schemars(skip)]
    pub unknown: Map<String, Value>,
}

fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// One attempt: recorded before its request, which is sent at most once.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct Attempt {
    /// Its random ID.
    #[schemars(length(max = 63))]
    pub id: String,
    /// For which audience.
    pub audience: AudienceRef,
    /// When it was claimed, by the clock of whoever claimed it. Nothing is decided by this.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub claimed_at: Timestamp,
    /// Which process claimed it.
    #[schemars(length(max = 253))]
    pub claimed_by: String,
    /// Its request leaves within this many seconds of the claim, or never.
    pub send_by_seconds: u64,
    /// When an observer has seen it without an outcome for this many seconds, its outcome is unknown.
    pub ttl_seconds: u64,
    /// Members in its request.
    pub members: u64,
    /// Members left out of its request because they must not be sent.
    #[serde(default)]
    pub excluded: u64,
    /// SHA-256 of the rows that weren't left out, in the form of the identity's list hash; absent where none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub kept_hash: Option<String>,
    /// SHA-256 of the body of its request.
    #[schemars(length(max = 64))]
    pub payload_hash: String,
    /// What the audience said about unknown outcomes when it was claimed.
    pub policy: SendPolicy,
    /// What came of it; absent while nobody has recorded one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Fields of newer versions.
    #[serde(flatten)]
    #[schemars(skip)]
    pub unknown: Map<String, Value>,
}

/// The audience an attempt was made for. It stands in the receipt's namespace.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AudienceRef {
    /// `ContactAudience` or `AccountAudience`.
    #[schemars(length(max = 63))]
    pub kind: String,
    /// Its name.
    #[schemars(length(max = 253))]
    pub name: String,
    /// Its UID.
    #[schemars(length(max = 63))]
    pub uid: String,
}

/// What an audience said about unknown outcomes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SendPolicy {
    /// Whether it may be sent again without a person.
    pub send_again: bool,
    /// At most this many requests that may have created the audience.
    pub max_sends: u32,
    /// Seconds to wait before sending again.
    pub after_seconds: u64,
}

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct Outcome {
    /// `Created`, `Rejected`, `NotSent` or `Unknown`.
    #[schemars(with = "String", length(max = 32))]
    pub result: OutcomeResult,
    /// What kind of answer it was.
    #[schemars(length(max = 64))]
    pub class: String,
    /// When it was known.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: Timestamp,
    /// The HTTP status, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// `results.error` of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<bool>,
    /// The API's message, masked and shortened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub message: Option<String>,
    /// Fields of newer versions.
    #[serde(flatten)]
    #[schemars(skip)]
    pub unknown: Map<String, Value>,
}

/// The four ends of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum OutcomeResult {
    /// The API said that the audience was created.
    Created,
    /// The API refused the list for good.
    Rejected,
    /// Provably nothing was stored.
    NotSent,
    /// Nobody can know.
    Unknown,
}

/// How an attempt was settled.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct Resolution {
    /// Which attempt.
    #[schemars(length(max = 63))]
    pub attempt: String,
    /// `created`, `send-again` or `dismiss`.
    #[schemars(with = "String", length(max = 32))]
    pub decision: resolve::Resolve,
    /// `Person` or `Policy`.
    #[schemars(with = "String", length(max = 32))]
    pub by: resolve::By,
    /// When it was recorded.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: Timestamp,
    /// Fields of newer versions.
    #[serde(flatten)]
    #[schemars(skip)]
    pub unknown: Map<String, Value>,
}

/// Attempts that sent nothing and gave way to a later one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct NotSent {
    /// How many.
    pub count: u32,
    /// How many of them rest on a 503 that the workspace lists as refused.
    #[serde(default)]
    pub unavailable: u32,
    /// When the first was claimed.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub first: Timestamp,
    /// When the last was claimed.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub last: Timestamp,
    /// Fields of newer versions.
    #[serde(flatten)]
    #[schemars(skip)]
    pub unknown: Map<String, Value>,
}

impl Record {
    /// The record of an anchor.
    #[must_use]
    pub fn anchor() -> Self {
        Self {
            format_version: FORMAT_VERSION,
            state: State::Created,
            possible_extras: 0,
            attempts: vec![],
            resolutions: vec![],
            not_sent: None,
            unknown: Map::new(),
        }
    }

    /// The attempt with an ID.
    #[must_use]
    pub fn attempt(&self, id: &str) -> Option<&Attempt> {
        self.attempts.iter().find(|a| a.id == id)
    }

    /// The attempt without an outcome, if there is one.
    #[must_use]
    pub fn open_attempt(&self) -> Option<&Attempt> {
        self.attempts.iter().find(|a| a.outcome.is_none())
    }

    /// The resolution of an attempt.
    #[must_use]
    pub fn resolution(&self, attempt: &str) -> Option<&Resolution> {
        self.resolutions.iter().find(|r| r.attempt == attempt)
    }

    /// The record with its state recomputed, as every write needs it.
    #[must_use]
    pub(super) fn settled(mut self) -> Self {
        let standing = super::Standing::of(&self);
        self.state = standing.state;
        self.possible_extras = standing.possible_extras;
        self
    }
}
