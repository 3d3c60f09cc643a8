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
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn whole(text: &str) -> Body {
        Body::Whole(text.as_bytes().to_vec())
    }

    #[test]
    fn only_a_complete_body_with_a_boolean_error_has_a_result() {
        for text in [
            "",
            "{}",
            "[]",
            "null",
            "ok",
            "<html>",
            r#"{"results":{}}"#,
            r#"{"results":{"error":null}}"#,
            r#"{"results":{"error":"false"}}"#,
            r#"{"results":{"error":0}}"#,
            r#"{"error":false}"#,
            r#"{"results":{"error":false}} trailing"#,
            r#"{"results":{"error":false"#,
            r#"{"results":{"error":true,"error":false}}"#,
            r#"{"results":{"error":true},"results":{"error":false}}"#,
        ] {
            let body = whole(text);
            assert_eq!(body.api_result(), ApiResult::default(), "{text}");
            assert_eq!(class_of(200, &body, body.api_result().error, &[]), AnswerClass::Unreadable, "{text}");
        }
        for body in [Body::Oversized, Body::Truncated, Body::TimedOut] {
            assert_eq!(body.api_result(), ApiResult::default());
        }
        let damaged = Body::Whole(b"{\"results\":{\"error\":true,\"more\":\"\xff\"}}".to_vec());
        assert_eq!(damaged.api_result(), ApiResult::default());
    }

    #[test]
    fn unknown_fields_and_odd_messages_do_not_hide_the_result() {
        let result = whole(r#"{"results":{"error":false,"message":["x"],"id":7},"more":1}"#).api_result();
        assert_eq!(result, ApiResult { error: Some(false), message: None });
    }

    #[test]
    fn a_refusal_that_reports_success_is_unclear() {
        let body = whole(r#"{"results":{"error":false}}"#);
        for status in [400, 401, 403, 404, 413, 422, 429, 503] {
            assert_eq!(class_of(status, &body, Some(false), &[503]), AnswerClass::Contradiction, "{status}");
        }
        assert_eq!(class_of(500, &body, Some(false), &[]), AnswerClass::ServerError);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_and_bounded() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777); // Sun, 06 Nov 1994 08:49:37 GMT
        let read = |text: &'static str| retry_after(&HeaderValue::from_static(text), now).map(|wait| wait.as_secs());
        assert_eq!(read("120"), Some(120));
        assert_eq!(read("0"), Some(0));
        assert_eq!(read("Sun, 06 Nov 1994 08:51:37 GMT"), Some(120));
        assert_eq!(read("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0));
        assert_eq!(read("86400"), Some(3600));
        assert_eq!(read("99999999999999999999999"), Some(3600));
        assert_eq!(read("Sat, 06 Nov 2094 08:49:37 GMT"), Some(3600));
        for text in ["", "soon", "-5", "1.5", "+5", "12 minutes"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
