#![allow(clippy::unwrap_used)]

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
