//! The results that a create request can have, and what each of them means.

use std::time::Duration;

use super::hold::BreakerCause;
use super::pace::Effect;
use crate::ledger::Evidence;

/// Why the connection failed. In all these cases no byte of the request was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConnectFault {
    /// The host name can't be resolved.
    Dns,
    /// The host refused the connection.
    Refused,
    /// The TLS handshake failed: an unknown authority, a wrong name, or no TLS at the other end.
    Tls,
    /// Resolving, connecting and the TLS handshake together took too long.
    Timeout,
    /// Another error while connecting, such as an unreachable network or a proxy that rejects the request.
    Other,
}

/// The result of a create request: one variant for each kind.
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
    /// A 503 that the workspace lists in `refusedStatuses`.
    Unavailable,
    /// 402, 404, 405 or 421: the server isn't the right API, or the plan doesn't include it.
    Misconfigured,
    /// 400, 413, 422 and all other 4xx without their own variant.
    RejectedStatus,
    /// Connecting failed.
    NoConnection(ConnectFault),
    /// Not sent, because the deadline for sending had passed. Set by the caller.
    SendByPassed,
    /// The request timed out after connecting; it may have been processed.
    Timeout,
    /// The connection was reset or closed before the end of the response, or the response isn't HTTP.
    ConnectionLost,
    /// 2xx with a body without a result: empty, too large, not JSON, or without `results.error`.
    Unreadable,
    /// 3xx. Redirects are never followed.
    Redirect,
    /// 408 or 409, which an API may return for a request that it processed.
    AmbiguousStatus,
    /// A status that rejects the request with a body that reports `error: false`.
    Contradiction,
    /// Any 5xx (503 only if it isn't listed), and any status outside of 200 to 499.
    ServerError,
}

impl AnswerClass {
    /// A fixed word in snake_case, for metrics and for the receipt.
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

    /// What the result proves about the workspace.
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

    /// How the result affects the gate of the key.
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

    /// A fixed sentence that describes the result, without text from the server.
    pub fn description(self) -> &'static str {
        match self {
            Self::Created => "the API created the audience",
            Self::ErrorTrue => "the API answered with error: true",
            Self::RateLimited => "the API answered 429: too many requests",
            Self::Unauthorized => "the API answered 401: it rejected the workspace key",
            Self::Forbidden => "the API answered 403: the workspace key lacks the permission",
            Self::Unavailable => "the API answered 503, which is listed in spec.refusedStatuses; nothing was stored",
            Self::Misconfigured => {
                "the API has no such endpoint, or the plan doesn't include it: check the base URL and the \
                 workspace's plan"
            }
            Self::RejectedStatus => "the API rejected the request",
            Self::NoConnection(ConnectFault::Dns) => "the API's host name could not be resolved; nothing was sent",
            Self::NoConnection(ConnectFault::Refused) => "the API's host refused the connection; nothing was sent",
            Self::NoConnection(ConnectFault::Tls) => "the TLS handshake with the API failed; nothing was sent",
            Self::NoConnection(ConnectFault::Timeout) => "connecting to the API timed out; nothing was sent",
            Self::NoConnection(ConnectFault::Other) => "the API is unreachable; nothing was sent",
            Self::SendByPassed => "the deadline for sending had passed; nothing was sent",
            Self::Timeout => "the API didn't answer in time",
            Self::ConnectionLost => "the connection ended before the answer was complete",
            Self::Unreadable => "the API answered 2xx without a result",
            Self::Redirect => "the API answered with a redirect, which is not followed",
            Self::AmbiguousStatus => "the API answered 408 or 409",
            Self::Contradiction => "the API answered with an error status but reported success",
            Self::ServerError => "the API answered with a server error",
        }
    }

    /// All classes, for metrics that start at zero and for tables in tests.
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

/// The result of one create request. Text from the server is masked.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The kind of result.
    pub class: AnswerClass,
    /// The HTTP status, if there was a response.
    pub http_status: Option<u16>,
    /// `results.error`, if it could be read.
    pub api_error: Option<bool>,
    /// `results.message`, masked and at most 256 characters long.
    pub message: Option<String>,
    /// The `Retry-After` of the response, at most one hour.
    pub retry_after: Option<Duration>,
    /// The duration of the call.
    pub elapsed: Duration,
}

impl Answer {
    /// A result without a response.
    pub fn without_reply(class: AnswerClass, elapsed: Duration) -> Self {
        Self { class, http_status: None, api_error: None, message: None, retry_after: None, elapsed }
    }

    /// How the result affects the gate of the key.
    pub fn effect(&self) -> Effect {
        self.class.effect(self.retry_after)
    }
}

#[cfg(test)]
mod tests;
