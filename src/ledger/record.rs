//! The stored format of a record. Fields that a newer version wrote are kept. States and outcomes are plain strings in
//! the schema.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::state::State;

/// The format that this version writes. A receipt with a newer format is never claimed.
pub const FORMAT_VERSION: u32 = 1;

/// The class of an outcome that another process recorded because the holder of the claim never did.
pub const NO_OUTCOME: &str = "no_outcome";

/// The attempts for an identity and their outcomes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct Record {
    /// Format of this record.
    pub format_version: u32,
    /// `Claimed`, `NotSent`, `Rejected`, `Unknown`, `Authorised`, `Created` or `Dismissed`. It follows from attempts
    /// and resolutions.
    #[schemars(with = "String", length(max = 32))]
    pub state: State,
    /// For a created audience: how many more audiences the other attempts may have created in the workspace.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub possible_extras: u32,
    /// The attempts, the oldest first.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub attempts: Vec<Attempt>,
    /// How a person or the policy resolved attempts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub resolutions: Vec<Resolution>,
    /// Attempts that provably sent nothing and were replaced by a later one.
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

/// One attempt. It is recorded before its request is sent, and the request is sent at most once.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct Attempt {
    /// Its random ID.
    #[schemars(length(max = 63))]
    pub id: String,
    /// The audience that it creates.
    pub audience: AudienceRef,
    /// When it was claimed, by the clock of the claiming process. For information only.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub claimed_at: Timestamp,
    /// The process that claimed it.
    #[schemars(length(max = 253))]
    pub claimed_by: String,
    /// Its request is sent within this many seconds after the claim, or never.
    pub send_by_seconds: u64,
    /// After another process has seen it without an outcome for this many seconds, its outcome is unknown.
    pub ttl_seconds: u64,
    /// Members in its request.
    pub members: u64,
    /// Members left out of its request because of a suppression list.
    #[serde(default)]
    pub excluded: u64,
    /// SHA-256 of the rows that weren't left out, computed like the identity's list hash. Absent if no row was left
    /// out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub kept_hash: Option<String>,
    /// SHA-256 of the body of its request.
    #[schemars(length(max = 64))]
    pub payload_hash: String,
    /// The audience's policy for unknown outcomes when the attempt was claimed.
    pub policy: SendPolicy,
    /// Its outcome; absent until one is recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Fields of newer versions.
    #[serde(flatten)]
    #[schemars(skip)]
    pub unknown: Map<String, Value>,
}

/// The audience of an attempt. It is in the receipt's namespace.
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

/// An audience's policy for unknown outcomes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SendPolicy {
    /// Whether the request may be sent again without a person's decision.
    pub send_again: bool,
    /// Maximum number of requests that may have created the audience.
    pub max_sends: u32,
    /// Seconds to wait before sending again.
    pub after_seconds: u64,
}

/// The outcome of an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct Outcome {
    /// `Created`, `Rejected`, `NotSent` or `Unknown`.
    #[schemars(with = "String", length(max = 32))]
    pub result: OutcomeResult,
    /// The class of the API's answer.
    #[schemars(length(max = 64))]
    pub class: String,
    /// When the outcome was known.
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

/// The result of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum OutcomeResult {
    /// The API confirmed that the audience was created.
    Created,
    /// The API rejected the list.
    Rejected,
    /// Provably nothing was created.
    NotSent,
    /// The audience may or may not have been created.
    Unknown,
}

/// How an attempt is resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resolve {
    /// The audience was created.
    Created,
    /// The request may be sent again, once.
    SendAgain,
    /// Nothing is sent again.
    Dismiss,
}

impl Resolve {
    /// The value in the annotation.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::SendAgain => "send-again",
            Self::Dismiss => "dismiss",
        }
    }
}

/// Who resolved an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ResolvedBy {
    /// A person, with the annotation.
    Person,
    /// The audience's `SendAgain` policy.
    Policy,
}

/// How an attempt was resolved.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct Resolution {
    /// Which attempt.
    #[schemars(length(max = 63))]
    pub attempt: String,
    /// `created`, `send-again` or `dismiss`.
    #[schemars(with = "String", length(max = 32))]
    pub decision: Resolve,
    /// `Person` or `Policy`.
    #[schemars(with = "String", length(max = 32))]
    pub by: ResolvedBy,
    /// When it was recorded.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: Timestamp,
    /// Fields of newer versions.
    #[serde(flatten)]
    #[schemars(skip)]
    pub unknown: Map<String, Value>,
}

/// Attempts that sent nothing and were replaced by a later one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct NotSent {
    /// How many.
    pub count: u32,
    /// How many of them ended with a 503 that the workspace lists as refused.
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

    /// The attempt with this ID.
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
}
