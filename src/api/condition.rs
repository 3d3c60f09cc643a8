//! All condition types and reasons of the operator, and how conditions are updated.
//!
//! Conditions follow kstatus: `Ready` is always present, `Reconciling` and `Stalled` only while they are true.

use std::borrow::Cow;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time as MetaTime};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// Declares an enum whose variants are written in a status: each once, with its documentation and its spelling.
macro_rules! documented_names {
    ($(#[$attribute:meta])+ $enum:ident { $($(#[doc = $doc:literal])+ $name:ident,)+ }) => {
        $(#[$attribute])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $enum { $($(#[doc = $doc])+ $name,)+ }

        impl $enum {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// As written in conditions, events and metrics.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)+ }
            }

            /// What it means: its documentation.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc,)+).trim_ascii(),)+ }
            }
        }
    };
}

documented_names! {
    /// The condition types that the operator writes.
    ConditionType {
        /// On an audience: the current list exists in the workspace. On a workspace: creates can be sent. On a report or
        /// a suppression list: it was read completely.
        Ready,
        /// The operator is working, or waits for time or for a change in the cluster.
        Reconciling,
        /// A person has to act before anything else happens.
        Stalled,
        /// The API rejected the key or the configuration. Creates wait until the breaker closes.
        BreakerOpen,
        /// The API asked for a pause (429, Retry-After) or is unreachable.
        Paused,
        /// After an unknown outcome: creates are sent one at a time, with pauses.
        CreatesSerialized,
        /// 80% or more of the daily create budget is used.
        BudgetLow,
        /// There are attempts whose outcome is unknown.
        OutcomesUnknown,
        /// Members of the audience in the workspace were suppressed after it was sent.
        SuppressedMembersSent,
        /// Cells of a report can't be parsed as the declared numbers or dates.
        CellsUnparsed,
    }
}

documented_names! {
    /// The reason of a condition.
    Reason {
        /// The audience was created by this resource's last request.
        Created,
        /// The ledger shows that this list was created before; nothing was sent.
        AlreadyCreated,
        /// A create request is in flight.
        Sending,
        /// A person dismissed the attempt: this list isn't sent again.
        Dismissed,
        /// Waits for its turn under the workspace's rate limit.
        Queued,
        /// Waits because the outcome of an earlier create is unknown; creates go one at a time.
        CreatesSerialized,
        /// Waits because the daily create budget is used up.
        BudgetSpent,
        /// Waits because the API asked for a pause.
        RateLimited,
        /// Waits because the API rejected the key, or the URL of the report.
        CredentialsRejected,
        /// Waits because the API's answer indicates a wrong configuration.
        ApiMisconfigured,
        /// Waits because the API is unreachable.
        ApiUnreachable,
        /// The workspace that the audience or the report names doesn't exist.
        WorkspaceNotFound,
        /// The workspace's Secret doesn't exist.
        SecretNotFound,
        /// The Secret has no `workspace_api_key`.
        KeyMissing,
        /// The Secret's `workspace_api_key` isn't a valid key.
        KeyInvalid,
        /// The operator isn't allowed to read an object that it needs.
        AccessDenied,
        /// The host of a URL isn't one of the allowed hosts.
        HostNotAllowed,
        /// The list contains members that can't be sent.
        InvalidMembers,
        /// The list has no members that can be sent.
        EmptyList,
        /// A source of the list doesn't exist or has no content yet.
        SourceNotFound,
        /// A source of the list can't be read completely.
        SourceUnreadable,
        /// The suppression list was read completely.
        Loaded,
        /// Members were suppressed after they were sent.
        MembersSuppressedAfterCreate,
        /// Waits until the sources are unchanged for the stabilization window.
        SourcesChanging,
        /// A guard blocks the list: of its size, of a change of its size, of its split, or of contacts in the audience.
        GuardTripped,
        /// The API rejected the list.
        Rejected,
        /// The audience may or may not have been created.
        OutcomeUnknown,
        /// The annotation that should resolve an attempt is invalid.
        ResolutionInvalid,
        /// The receipt has no room for another attempt.
        TooManyAttempts,
        /// The ledger of this cluster isn't the one that the workspace pins.
        LedgerMissing,
        /// The receipt can't be read, was edited manually or was written by a newer version.
        ReceiptUnreadable,
        /// The report was read completely and its numbers are current.
        Fetched,
        /// The report's URL isn't in the workspace's Secret.
        UrlMissing,
        /// The report's entry in the Secret isn't a valid URL.
        UrlInvalid,
        /// The report can't be read completely, or doesn't have the declared form.
        ReportUnreadable,
        /// The spec contradicts itself; the message names the field.
        InvalidSpec,
        /// The report lacks declared columns.
        ColumnsMissing,
        /// Cells of the report don't have the declared format.
        ColumnFormatMismatch,
        /// Suspended here; for audiences, also by the workspace or by the operator's flag.
        Suspended,
        /// The workspace, its Secret and its ledger are usable.
        Connected,
        /// The operator hasn't read everything that it needs yet.
        Pending,
        /// 80% or more of the daily create budget is used.
        BudgetNearlySpent,
        /// Attempts wait until a person resolves them.
        Unresolved,
    }
}

/// The reason and the message of a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The reason.
    pub reason: Reason,
    /// What happened and what to do. Never contains a value of a list, a key or an endpoint.
    pub message: Cow<'static, str>,
}

impl Verdict {
    /// Creates a verdict.
    pub fn new(reason: Reason, message: impl Into<Cow<'static, str>>) -> Self {
        Self { reason, message: message.into() }
    }
}

/// A condition that the status must have. Conditions without an entry are removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredCondition {
    /// The type.
    pub type_: ConditionType,
    /// `True` or `False`.
    pub status: bool,
    /// The reason and the message.
    pub verdict: Verdict,
}

/// The conditions for a status that had `old`: all of `desired` and no others. A transition time changes only when
/// the status flips, so equal conditions stay equal.
#[must_use]
pub fn update(
    old: &[Condition],
    desired: &[DesiredCondition],
    generation: Option<i64>,
    now: Timestamp,
) -> Vec<Condition> {
    desired
        .iter()
        .map(|d| {
            let status = if d.status { "True" } else { "False" };
            let since = old
                .iter()
                .find(|c| c.type_ == d.type_.as_str() && c.status == status)
                .map_or_else(|| MetaTime(now), |c| c.last_transition_time.clone());
            Condition {
                type_: d.type_.as_str().into(),
                status: status.into(),
                reason: d.verdict.reason.as_str().into(),
                message: d.verdict.message.chars().take(MAX_MESSAGE).collect(),
                observed_generation: generation,
                last_transition_time: since,
            }
        })
        .collect()
}

/// The maximum length of a condition's message in characters. The API convention allows 32,768.
const MAX_MESSAGE: usize = 2_000;

/// The condition of a type, if present.
#[must_use]
pub fn find(conditions: &[Condition], type_: ConditionType) -> Option<&Condition> {
    conditions.iter().find(|c| c.type_ == type_.as_str())
}

/// The reason of the `Ready` condition, where there is one.
#[must_use]
pub fn ready_reason(conditions: &[Condition]) -> Option<&str> {
    find(conditions, ConditionType::Ready).map(|ready| ready.reason.as_str())
}

/// Schema of a list of conditions: a map by type, so that several writers could each apply their own.
pub(crate) fn schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 16,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "type": "object",
            "required": ["type", "status", "reason", "message", "lastTransitionTime"],
            "properties": {
                "type": {"type": "string", "maxLength": 316, "description": "The condition type."},
                "status": {"type": "string", "maxLength": 16, "description": "True, False or Unknown."},
                "reason": {"type": "string", "maxLength": 1024, "description": "The reason, in one word."},
                "message": {"type": "string", "maxLength": 32768, "description": "What happened and what to do."},
                "observedGeneration": {
                    "type": "integer",
                    "format": "int64",
                    "description": "The generation of the spec that this condition describes."
                },
                "lastTransitionTime": {
                    "type": "string",
                    "format": "date-time",
                    "description": "When the status last changed."
                }
            }
        }
    })
}

/// Schema of a time in RFC 3339.
pub(crate) struct Time;

impl JsonSchema for Time {
    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "date-time"})
    }
}

#[cfg(test)]
mod tests;
