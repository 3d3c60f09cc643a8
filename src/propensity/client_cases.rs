//! All results that a create request can have over plain sockets: the class, and what the server received.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use super::answer::AnswerClass::{self, *};
use super::client::Client;
use super::client_server::{Act, Server, base, create, http, settings};
use crate::ledger::Evidence;

const OK: &str = r#"{"results":{"error":false,"message":"Audience created."}}"#;
const ERROR: &str = r#"{"results":{"error":true,"message":"Canaryfirst is wrong."}}"#;

/// Runs one case: one connection and at most one request.
async fn run(act: Act, total: u64, refused: &[u16]) -> (super::Answer, usize) {
    let server = Server::start(act).await;
    let client = Client::new(base(&format!("http://{}", server.address)), &settings(5000)).unwrap();
    let answer = create(&client, total, refused).await;
    tokio::time::sleep(Duration::from_millis(20)).await; // time for a second request, which must not come
    let seen = server.seen();
    assert_eq!(seen.connections, 1, "{answer:?}");
    assert!(!format!("{answer:?} {client:?}").to_lowercase().contains("canary"), "{answer:?}");
    (answer, seen.requests.len())
}

#[tokio::test]
async fn every_status_has_its_class_and_its_request_is_seen_once() {
    let table: [(&str, &str, AnswerClass, Evidence); 36] = [
        ("200 OK", OK, Created, Evidence::Created),
        ("201 Created", OK, Created, Evidence::Created),
        ("202 Accepted", OK, Created, Evidence::Created),
        ("200 OK", ERROR, ErrorTrue, Evidence::Rejected),
        ("200 OK", "{}", Unreadable, Evidence::Unclear),
        ("200 OK", "<html>ok</html>", Unreadable, Evidence::Unclear),
        ("200 OK", "", Unreadable, Evidence::Unclear),
        ("204 No Content", "", Unreadable, Evidence::Unclear),
        ("301 Moved Permanently\r\nLocation: /other", "", Redirect, Evidence::Unclear),
        ("302 Found\r\nLocation: /other", OK, Redirect, Evidence::Unclear),
        ("304 Not Modified", "", Redirect, Evidence::Unclear),
        ("307 Temporary Redirect\r\nLocation: /other", "", Redirect, Evidence::Unclear),
        ("308 Permanent Redirect\r\nLocation: /other", "", Redirect, Evidence::Unclear),
        ("400 Bad Request", ERROR, RejectedStatus, Evidence::Rejected),
        ("401 Unauthorized", "", Unauthorized, Evidence::NothingStored),
        ("401 Unauthorized", OK, Contradiction, Evidence::Unclear),
        ("402 Payment Required", "", Misconfigured, Evidence::Rejected),
        ("403 Forbidden", "no", Forbidden, Evidence::NothingStored),
        ("404 Not Found", "", Misconfigured, Evidence::Rejected),
        ("405 Method Not Allowed", "", Misconfigured, Evidence::Rejected),
        ("408 Request Timeout", "", AmbiguousStatus, Evidence::Unclear),
        ("409 Conflict", ERROR, AmbiguousStatus, Evidence::Unclear),
        ("410 Gone", "", RejectedStatus, Evidence::Rejected),
        ("413 Content Too Large", "", RejectedStatus, Evidence::Rejected),
        ("415 Unsupported Media Type", "", RejectedStatus, Evidence::Rejected),
        ("421 Misdirected Request", "", Misconfigured, Evidence::Rejected),
        ("422 Unprocessable Content", ERROR, RejectedStatus, Evidence::Rejected),
        ("429 Too Many Requests", "", RateLimited, Evidence::NothingStored),
        ("499 Odd", "", RejectedStatus, Evidence::Rejected),
        ("500 Internal Server Error", ERROR, ServerError, Evidence::Unclear),
        ("501 Not Implemented", "", ServerError, Evidence::Unclear),
        ("502 Bad Gateway", "", ServerError, Evidence::Unclear),
        ("503 Service Unavailable", "", ServerError, Evidence::Unclear),
        ("504 Gateway Timeout", "", ServerError, Evidence::Unclear),
        ("599 Odd", OK, ServerError, Evidence::Unclear),
        ("999 Odd", "", ServerError, Evidence::Unclear),
    ];
    for (status, body, class, evidence) in table {
        let (answer, requests) = run(Act::Reply(http(status, body)), 5000, &[429]).await;
        assert_eq!((answer.class, answer.class.evidence(), requests), (class, evidence, 1), "{status} {body}");
        assert_eq!(answer.http_status, Some(status[..3].parse().unwrap()));
    }
}

#[tokio::test]
async fn a_503_is_unavailable_if_the_workspace_lists_it() {
    let (answer, requests) = run(Act::Reply(http("503 Service Unavailable\r\nRetry-After: 7", "")), 5000, &[503]).await;
    assert_eq!((answer.class, answer.class.evidence(), requests), (Unavailable, Evidence::Unavailable, 1));
    assert_eq!(answer.retry_after, Some(Duration::from_secs(7)));
}

#[tokio::test]
async fn every_incomplete_answer_after_connecting_is_unclear() {
    let endless = "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n";
    let table: [(&str, Act, AnswerClass, usize); 15] = [
        ("reset after reading", Act::ResetAfterReading, ConnectionLost, 1),
        ("reset before reading", Act::ResetBeforeReading, ConnectionLost, 0),
        ("closed before reading", Act::CloseBeforeReading, ConnectionLost, 0),
        ("closed without an answer", Act::Reply(String::new()), ConnectionLost, 1),
        ("no HTTP", Act::Reply("nonsense\r\n\r\n".into()), ConnectionLost, 1),
        ("half a status line", Act::Reply("HTTP/1.1 20".into()), ConnectionLost, 1),
        ("half a head", Act::Reply("HTTP/1.1 200 OK\r\nContent-Le".into()), ConnectionLost, 1),
        ("half a body", Act::Reply(format!("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{OK}")), ConnectionLost, 1),
        (
            "half a chunk",
            Act::Reply("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n99\r\n{".into()),
            ConnectionLost,
            1,
        ),
        (
            "two lengths",
            Act::Reply("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n".into()),
            ConnectionLost,
            1,
        ),
        ("a body too large", Act::Reply(http("200 OK", &format!("{}{OK}", " ".repeat(64 * 1024)))), Unreadable, 1),
        ("an endless body", Act::Endless(endless.into()), Unreadable, 1),
        ("an endless body without a length", Act::Endless("HTTP/1.1 200 OK\r\n\r\n".into()), Unreadable, 1),
        ("silence", Act::Silence, Timeout, 1),
        ("deaf", Act::Deaf, Timeout, 0),
    ];
    for (name, act, class, requests) in table {
        let (answer, seen) = run(act, 400, &[429, 503]).await;
        assert_eq!((answer.class, answer.class.evidence(), seen), (class, Evidence::Unclear, requests), "{name}");
    }
}

#[tokio::test]
async fn an_endless_success_is_unclear_and_an_endless_refusal_is_definite() {
    let head = |status: &str| format!("HTTP/1.1 {status}\r\nContent-Length: 99\r\n\r\n{{\"results\":");
    let table = [
        ("200 OK", Timeout, ConnectionLost),
        ("401 Unauthorized", Unauthorized, Unauthorized),
        ("422 Unprocessable Content", RejectedStatus, RejectedStatus),
        ("429 Too Many Requests", RateLimited, RateLimited),
    ];
    for (status, silent, cut) in table {
        let (answer, requests) = run(Act::ReplyThenSilence(head(status)), 300, &[]).await;
        assert_eq!((answer.class, requests), (silent, 1), "{status}");
        assert!(answer.elapsed >= Duration::from_millis(300) && answer.elapsed < Duration::from_secs(3), "{answer:?}");
        let (answer, requests) = run(Act::Reply(head(status)), 5000, &[]).await;
        assert_eq!((answer.class, requests), (cut, 1), "{status}");
        let (answer, _) = run(Act::Endless(format!("HTTP/1.1 {status}\r\n\r\n")), 5000, &[]).await;
        assert_eq!(answer.class, if status.starts_with('2') { Unreadable } else { cut }, "{status}");
    }
}

#[tokio::test]
async fn an_interim_answer_is_not_the_answer() {
    let text = format!("HTTP/1.1 100 Continue\r\n\r\n{}", http("200 OK", OK));
    assert_eq!(run(Act::Reply(text), 5000, &[]).await.0.class, Created);
    let text = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n".to_owned();
    assert_eq!(run(Act::Reply(text), 500, &[]).await.0.class.evidence(), Evidence::Unclear);
}

#[tokio::test]
async fn the_message_of_the_api_is_masked() {
    let (answer, _) = run(Act::Reply(http("200 OK", OK)), 5000, &[]).await;
    assert_eq!((answer.api_error, answer.message.as_deref()), (Some(false), Some("Audience created.")));
    let (answer, _) = run(Act::Reply(http("422 No", ERROR)), 5000, &[]).await;
    assert_eq!((answer.api_error, answer.message.as_deref()), (Some(true), Some("*** is wrong.")));
}

#[tokio::test]
async fn retry_after_is_read_from_refusals_in_both_forms() {
    for (status, value, seconds) in [
        ("429 Slow", "120", Some(120)),
        ("429 Slow", "Sun, 06 Nov 1994 08:51:37 GMT", Some(120)),
        ("429 Slow", "99999", Some(3600)),
        ("429 Slow", "later", None),
        ("503 Busy", "30", Some(30)),
    ] {
        let (answer, _) = run(Act::Reply(http(&format!("{status}\r\nRetry-After: {value}"), "")), 5000, &[]).await;
        let read = answer.retry_after.map(|wait| wait.as_secs());
        assert!(read == seconds || read == seconds.map(|seconds| seconds - 1), "{value}: {read:?}");
    }
    assert_eq!(run(Act::Reply(http("429 Slow", "")), 5000, &[]).await.0.retry_after, None);
}
