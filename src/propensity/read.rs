//! Classifies a response by its status and by what could be read of its body.

use std::time::{Duration, SystemTime};

use reqwest::header::HeaderValue;
use serde::Deserialize;

use super::answer::AnswerClass;

/// The longest `Retry-After` that is respected.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60 * 60);

/// The result of reading a response's body.
#[derive(Debug)]
pub(super) enum Body {
    /// Read completely.
    Whole(Vec<u8>),
    /// Larger than the limit.
    Oversized,
    /// The connection ended early.
    Truncated,
    /// The deadline passed before the end.
    TimedOut,
}

/// The fields of `results`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ApiResult {
    pub(super) error: Option<bool>,
    pub(super) message: Option<String>,
}

#[derive(Deserialize)]
struct ResponseBody {
    results: Results,
}

#[derive(Deserialize)]
struct Results {
    error: bool,
    message: Option<serde_json::Value>,
}

impl Body {
    /// The result in the body, if it could be read.
    pub(super) fn api_result(&self) -> ApiResult {
        let Self::Whole(bytes) = self else {
            return ApiResult::default();
        };
        // The parser doesn't validate strings that it skips, and JSON must be UTF-8.
        let text = std::str::from_utf8(bytes).unwrap_or_default();
        let Ok(ResponseBody { results }) = serde_json::from_str(text) else {
            return ApiResult::default();
        };
        let message = match results.message {
            Some(serde_json::Value::String(text)) if !text.trim().is_empty() => Some(text),
            _ => None,
        };
        ApiResult { error: Some(results.error), message }
    }
}

/// The class of a response. A status that rejects the request is definite, whatever happened to the body, unless the
/// body reports success. A successful status needs a complete body.
pub(super) fn class_of(status: u16, body: &Body, error: Option<bool>, refused_statuses: &[u16]) -> AnswerClass {
    let class = match status {
        200..=299 => {
            return match (body, error) {
                (Body::Truncated, _) => AnswerClass::ConnectionLost,
                (Body::TimedOut, _) => AnswerClass::Timeout,
                (_, Some(false)) => AnswerClass::Created,
                (_, Some(true)) => AnswerClass::ErrorTrue,
                (_, None) => AnswerClass::Unreadable,
            };
        }
        300..=399 => AnswerClass::Redirect,
        401 => AnswerClass::Unauthorized,
        403 => AnswerClass::Forbidden,
        402 | 404 | 405 | 421 => AnswerClass::Misconfigured,
        408 | 409 => AnswerClass::AmbiguousStatus,
        429 => AnswerClass::RateLimited,
        400..=499 => AnswerClass::RejectedStatus,
        503 if refused_statuses.contains(&503) => AnswerClass::Unavailable,
        _ => AnswerClass::ServerError,
    };
    let rejects = (400..500).contains(&status) || class == AnswerClass::Unavailable;
    let ambiguous = class == AnswerClass::AmbiguousStatus;
    if rejects && !ambiguous && error == Some(false) { AnswerClass::Contradiction } else { class }
}

/// Parses `Retry-After` as seconds or as a date; `None` if it is invalid. At most one hour.
pub(super) fn retry_after(value: &HeaderValue, now: SystemTime) -> Option<Duration> {
    let text = value.to_str().ok()?.trim();
    let wait = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().map_or(MAX_RETRY_AFTER, Duration::from_secs)
    } else {
        httpdate::parse_http_date(text).ok()?.duration_since(now).unwrap_or_default()
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests;
