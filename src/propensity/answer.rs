//! The ends that a create can come to, and what each of them says.

use std::time::Duration;

use super::hold::BreakerCause;
use super::pace::Effect;
use crate::ledger::Evidence;

/// Why no connection came about. In each of these cases no byte of the request left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConnectFault {
    /// The host's name could not be resolved.
    Dns,
    /// The host refused the connection.
    Refused,
    /// The TLS handshake failed: an unknown authority, a wrong name, or no TLS at the other end.
    Tls,
    /// Resolving, connecting and the TLS handshake together took too long.
    Timeout,
    /// Anything else before the connection stood, such as a network that can't be reached or a proxy that said no.
    Other,
}

/// How a create attempt ended: one variant for each kind of end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AnswerClass {
    /// 2xx and `error: false`.
    Created,
    /// 2xx and `error: true`.
    ErrorTrue,
    /// 429.
    RateLimited,
    /// 401.
    Unauthorized,
    /// 403.
    Forbidden,
    /// A 503 that the workspace lists among its refusals.
    Unavailable,
    /// 402, 404, 405 or 421: the request reached something that can't be the right API, or a plan without it.
    Misconfigured,
    /// 400, 413, 422 and every other 4xx without a variant of its own.
    RejectedStatus,
    /// No connection came about.
    NoConnection(ConnectFault),
    /// Not sent, since the time to send had passed. Made by the caller.
    SendByPassed,
    /// The deadline passed after the connection phase; the request may have been carried out.
    Timeout,
    /// The connection was reset or closed before a whole answer, or what came wasn't HTTP.
    ConnectionLost,
    /// 2xx with a body that doesn't say whether it worked: empty, oversized, not JSON, or without `results.error`.
    Unreadable,
    /// 3xx. Redirects are never followed.
    Redirect,
    /// 408 or 409, which an API may send for a request that it carried out.
    AmbiguousStatus,
    /// A status that refuses with a body that says `error: false`.
    Contradiction,
    /// Any 5xx (503 when it isn't listed), and every status outside of 200 to 499.
    ServerError,
}

impl AnswerClass {
    /// A fixed word in snake_case for metrics and for the receipt.
    pub fn label(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::ErrorTrue => "error_true",
            Self::RateLimited => "rate_limited",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::Unavailable => "unavailable",
            Self::Misconfigured => "misconfigured",
            Self::RejectedStatus => "rejected_status",
            Self::NoConnection(ConnectFault::Dns) => "no_connection_dns",
            Self::NoConnection(ConnectFault::Refused) => "no_connection_refused",
            Self::NoConnection(ConnectFault::Tls) => "no_connection_tls",
            Self::NoConnection(ConnectFault::Timeout) => "no_connection_timeout",
            Self::NoConnection(ConnectFault::Other) => "no_connection_other",
            Self::SendByPassed => "send_by_passed",
            Self::Timeout => "timeout",
            Self::ConnectionLost => "connection_lost",
            Self::Unreadable => "unreadable",
            Self::Redirect => "redirect",
            Self::AmbiguousStatus => "ambiguous_status",
            Self::Contradiction => "contradiction",
            Self::ServerError => "server_error",
        }
    }

    /// What this end proves about the workspace.
    pub fn evidence(self) -> Evidence {
        match self {
            Self::Created => Evidence::Created,
            Self::ErrorTrue | Self::Misconfigured | Self::RejectedStatus => Evidence::Rejected,
            Self::RateLimited | Self::Unauthorized | Self::Forbidden => Evidence::NothingStored,
            Self::Unavailable => Evidence::Unavailable,
            Self::NoConnection(_) | Self::SendByPassed => Evidence::NothingSent,
            Self::Timeout
            | Self::ConnectionLost
            | Self::Unreadable
            | Self::Redirect
            | Self::AmbiguousStatus
            | Self::Contradiction
            | Self::ServerError => Evidence::Unclear,
        }
    }

    /// What this end does to the gate of the key that the request used.
    pub fn effect(self, retry_after: Option<Duration>) -> Effect {
        match self {
            Self::Created | Self::ErrorTrue | Self::RejectedStatus => Effect::Definite,
            Self::RateLimited | Self::Unavailable => Effect::Busy { retry_after },
            Self::Unauthorized | Self::Forbidden => Effect::OpenBreaker(BreakerCause::Credentials),
            Self::Misconfigured => Effect::OpenBreaker(BreakerCause::Configuration),
            Self::NoConnection(_) => Effect::Unreachable,
            Self::SendByPassed => Effect::Unused,
            Self::Timeout
            | Self::ConnectionLost
            | Self::Unreadable
            | Self::Redirect
            | Self::AmbiguousStatus
            | Self::Contradiction
            | Self::ServerError => Effect::Unclear { retry_after },
        }
    }

    /// One fixed sentence for people: what happened, without a word of the peer.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Created => "the API created the audience",
            Self::ErrorTrue => "the API answered with error: true",
            Self::RateLimited => "the API answered 429: too many requests",
            Self::Unauthorized => "the API answered 401: it doesn't accept the workspace key",
            Self::Forbidden => "the API answered 403: the workspace key may not do this",
            Self::Unavailable => "the API answered 503, which this workspace lists as a refusal",
            Self::Misconfigured => {
                "the API answered that there is no such endpoint or plan: check the base URL and the workspace's plan"
            }
            Self::RejectedStatus => "the API rejected the request",
            Self::NoConnection(ConnectFault::Dns) => "the API's host name could not be resolved; nothing was sent",
            Self::NoConnection(ConnectFault::Refused) => "the API's host refused the connection; nothing was sent",
            Self::NoConnection(ConnectFault::Tls) => "the TLS handshake with the API failed; nothing was sent",
            Self::NoConnection(ConnectFault::Timeout) => {
                "no connection to the API came about in time; nothing was sent"
            }
            Self::NoConnection(ConnectFault::Other) => "no connection to the API came about; nothing was sent",
            Self::SendByPassed => "the time to send had passed; nothing was sent",
            Self::Timeout => "the API didn't answer in time; the audience may or may not exist",
            Self::ConnectionLost => "the connection ended before a whole answer; the audience may or may not exist",
            Self::Unreadable => {
                "the API answered 2xx without saying whether it worked; the audience may or may not exist"
            }
            Self::Redirect => {
                "the API answered with a redirect, which is not followed; the audience may or may not exist"
            }
            Self::AmbiguousStatus => "the API answered 408 or 409; the audience may or may not exist",
            Self::Contradiction => {
                "the API refused by status and reported success in the body; the audience may or may not exist"
            }
            Self::ServerError => "the API answered with a server error; the audience may or may not exist",
        }
    }

    /// Every class, for metrics that start at zero and for tables in tests.
    pub const ALL: [Self; 21] = [
        Self::Created,
        Self::ErrorTrue,
        Self::RateLimited,
        Self::Unauthorized,
        Self::Forbidden,
        Self::Unavailable,
        Self::Misconfigured,
        Self::RejectedStatus,
        Self::NoConnection(ConnectFault::Dns),
        Self::NoConnection(ConnectFault::Refused),
        Self::NoConnection(ConnectFault::Tls),
        Self::NoConnection(ConnectFault::Timeout),
        Self::NoConnection(ConnectFault::Other),
        Self::SendByPassed,
        Self::Timeout,
        Self::ConnectionLost,
        Self::Unreadable,
        Self::Redirect,
        Self::AmbiguousStatus,
        Self::Contradiction,
        Self::ServerError,
    ];
}

/// The end of one create attempt. Nothing in it came from the peer unmasked.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The kind of end.
    pub class: AnswerClass,
    /// The HTTP status, when there was one.
    pub http_status: Option<u16>,
    /// `results.error`, when it could be read.
    pub api_error: Option<bool>,
    /// `results.message`, masked and at most 256 characters long.
    pub message: Option<String>,
    /// How long the API asked to be left alone, at most an hour.
    pub retry_after: Option<Duration>,
    /// From the call to its end.
    pub elapsed: Duration,
}

impl Answer {
    /// An end without an answer of the API.
    pub fn without_reply(class: AnswerClass, elapsed: Duration) -> Self {
        Self { class, http_status: None, api_error: None, message: None, retry_after: None, elapsed }
    }

    /// What to tell the gate of the key that the request used.
    pub fn effect(&self) -> Effect {
        self.class.effect(self.retry_after)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_label_is_its_own_and_in_snake_case() {
        let labels: BTreeSet<_> = AnswerClass::ALL.iter().map(|class| class.label()).collect();
        assert_eq!(labels.len(), AnswerClass::ALL.len());
        assert!(labels.iter().all(|label| label.chars().all(|c| c.is_ascii_lowercase() || c == '_')));
    }

    #[test]
    fn only_what_may_have_been_stored_calls_for_caution() {
        for class in AnswerClass::ALL {
            let caution = matches!(class.effect(None), Effect::Unclear { .. });
            assert_eq!(caution, class.evidence() == Evidence::Unclear, "{class:?}");
        }
    }
}
