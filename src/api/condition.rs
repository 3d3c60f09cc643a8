//! Every condition type and reason of the operator, and how conditions change.
//!
//! Conditions follow kstatus: `Ready` always stands, `Reconciling` and `Stalled` only while they are true.

use std::borrow::Cow;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time as MetaTime};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// The condition types that the operator writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConditionType {
    /// The desired list is an audience in the workspace; or, on a workspace, creates can be sent.
    Ready,
    /// The operator is at work or waits for something that passes by itself or by a change in the cluster.
    Reconciling,
    /// Nothing more happens without a person.
    Stalled,
    /// The key or the configuration was refused; creates wait behind a breaker.
    BreakerOpen,
    /// The API asked for a pause (429, Retry-After), or couldn't be reached.
    Paused,
    /// After an unknown outcome: creates go one at a time, with pauses.
    CreatesSerialized,
    /// 80% or more of the day's create budget is used.
    BudgetLow,
    /// Attempts have an outcome that nobody knows.
    OutcomesUnknown,
    /// Members of the audience in the workspace were suppressed after it was sent.
    SuppressedMembersSent,
    /// Cells of a report hold something else than the numbers or dates that are expected there.
    CellsUnparsed,
}

impl ConditionType {
    /// The type as it stands in a status.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Reconciling => "Reconciling",
            Self::Stalled => "Stalled",
            Self::BreakerOpen => "BreakerOpen",
            Self::Paused => "Paused",
            Self::CreatesSerialized => "CreatesSerialized",
            Self::BudgetLow => "BudgetLow",
            Self::OutcomesUnknown => "OutcomesUnknown",
            Self::SuppressedMembersSent => "SuppressedMembersSent",
            Self::CellsUnparsed => "CellsUnparsed",
        }
    }
}

/// Declares the reasons once: the enum, its documentation and its spelling.
macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// Why a condition is what it is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason { $($(#[doc = $doc])+ $name,)+ }

        impl Reason {
            /// Every reason there is.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The reason as it stands in a condition, an event and a metric.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)+ }
            }
        }
    };
}

reasons! {
    /// The audience was created by this resource's last request.
    Created,
    /// The ledger shows that this list was created before; nothing was sent.
    AlreadyCreated,
    /// A create is in flight.
    Sending,
    /// A person decided that this list is not to be sent again.
    Dismissed,
    /// Waits for its turn under the workspace's rate limit.
    Queued,
    /// Waits because the outcome of an earlier create is unknown; creates go one at a time.
    CreatesSerialized,
    /// Waits because today's create budget is used up.
    BudgetSpent,
    /// Waits because the API asked for a pause.
    RateLimited,
    /// Waits because the API refused the key.
    CredentialsRejected,
    /// Waits because the API's answer means a wrong configuration.
    ApiMisconfigured,
    /// Waits because the API couldn't be reached; nothing was sent.
    ApiUnreachable,
    /// The workspace that the audience names doesn't exist.
    WorkspaceNotFound,
    /// The workspace's Secret doesn't exist.
    SecretNotFound,
    /// The Secret has no `workspace_api_key`.
    KeyMissing,
    /// The Secret's `workspace_api_key` can't be a key.
    KeyInvalid,
    /// The operator may not read the Secret.
    AccessDenied,
    /// The operator's base URL is not one that a key may be sent to.
    HostNotAllowed,
    /// Members of the list can't be sent.
    InvalidMembers,
    /// The list has no member.
    EmptyList,
    /// A source of the list isn't there.
    SourceNotFound,
    /// A source of the list can't be read to its end.
    SourceUnreadable,
    /// The suppression list is read whole.
    Loaded,
    /// Members were suppressed after they were sent.
    MembersSuppressedAfterCreate,
    /// Waits until the sources have been quiet for a while.
    SourcesChanging,
    /// The list has too few or too many members, or changed by too much.
    GuardTripped,
    /// The API rejected the list.
    Rejected,
    /// Nobody can know whether the audience was created.
    OutcomeUnknown,
    /// The annotation that should settle an outcome can't be followed.
    ResolutionInvalid,
    /// So many attempts were made that no more fit the receipt.
    TooManyAttempts,
    /// The ledger that the workspace pins isn't the one in this cluster.
    LedgerMissing,
    /// The receipt can't be read, was changed by hand or comes from a newer version.
    ReceiptUnreadable,
    /// The report was read to its end, and its numbers are current.
    Fetched,
    /// The report's URL isn't in the workspace's Secret.
    UrlMissing,
    /// What the Secret has in place of the report's URL can't be used.
    UrlInvalid,
    /// The report can't be read to its end, or isn't what was declared.
    ReportUnreadable,
    /// The spec contradicts itself; the message says where.
    InvalidSpec,
    /// The report lacks columns that were declared.
    ColumnsMissing,
    /// Cells aren't of the form that was declared.
    ColumnFormatMismatch,
    /// Suspended here; audiences also at the workspace, or by the operator's switch.
    Suspended,
    /// The connection's parts are all there.
    Connected,
    /// The operator hasn't looked at everything yet.
    Pending,
    /// Some of the day's budget is left, but less than a fifth.
    BudgetNearlySpent,
    /// Attempts wait for a person.
    Unresolved,
}

/// A decision about a condition: what it says and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Why.
    pub reason: Reason,
    /// What happened and what to do. Never a value of a list, a key or an endpoint.
    pub message: Cow<'static, str>,
}

impl Verdict {
    /// A verdict.
    pub fn new(reason: Reason, message: impl Into<Cow<'static, str>>) -> Self {
        Self { reason, message: message.into() }
    }
}

/// What a condition shall be: a status with its verdict, or absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Which condition.
    pub type_: ConditionType,
    /// `True` or `False`.
    pub status: bool,
    /// Why.
    pub verdict: Verdict,
}

/// The conditions that shall stand, in place of `old`: all of `wanted` and nothing else. A transition time moves only when the
/// status flips, so that equal conditions stay equal.
#[must_use]
pub fn settle(old: &[Condition], wanted: &[Wanted], generation: Option<i64>, now: Timestamp) -> Vec<Condition> {
    wanted
        .iter()
        .map(|w| {
            let status = if w.status { "True" } else { "False" };
            let since = old
                .iter()
                .find(|c| c.type_ == w.type_.as_str() && c.status == status)
                .map_or_else(|| MetaTime(now), |c| c.last_transition_time.clone());
            Condition {
                type_: w.type_.as_str().into(),
                status: status.into(),
                reason: w.verdict.reason.as_str().into(),
                message: w.verdict.message.chars().take(MAX_MESSAGE).collect(),
                observed_generation: generation,
                last_transition_time: since,
            }
        })
        .collect()
}

/// Characters that a condition's message may have; the API convention allows 32,768.
const MAX_MESSAGE: usize = 2_000;

/// The condition of a type, if it stands.
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
                "type": {"type": "string", "maxLength": 316, "description": "Which aspect this is about."},
                "status": {"type": "string", "maxLength": 16, "description": "True, False or Unknown."},
                "reason": {"type": "string", "maxLength": 1024, "description": "Why, in one word."},
                "message": {"type": "string", "maxLength": 32768, "description": "What happened and what to do."},
                "observedGeneration": {"type": "integer", "format": "int64", "description": "The generation of the spec that this condition speaks of."},
                "lastTransitionTime": {"type": "string", "format": "date-time", "description": "When the status last flipped."}
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
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    #[test]
    fn transition_times_move_only_when_the_status_flips() {
        let want =
            |status, reason| [Wanted { type_: ConditionType::Ready, status, verdict: Verdict::new(reason, "m") }];
        let first = settle(&[], &want(false, Reason::Queued), Some(1), at(1));
        let same_status = settle(&first, &want(false, Reason::Rejected), Some(1), at(2));
        assert_eq!(same_status[0].last_transition_time.0, at(1));
        assert_eq!(same_status[0].reason, "Rejected");
        let flipped = settle(&same_status, &want(true, Reason::Created), Some(1), at(3));
        assert_eq!(flipped[0].last_transition_time.0, at(3));
        assert_eq!(settle(&flipped, &want(true, Reason::Created), Some(1), at(9)), flipped);
    }

    #[test]
    fn a_condition_that_is_no_longer_true_disappears() {
        let stalled =
            [Wanted { type_: ConditionType::Stalled, status: true, verdict: Verdict::new(Reason::Rejected, "m") }];
        let old = settle(&[], &stalled, None, at(1));
        assert!(settle(&old, &[], None, at(2)).is_empty());
    }
}
