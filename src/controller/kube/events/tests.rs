#![allow(clippy::unwrap_used)]

use axum::Router;
use axum::body::Bytes;
use axum::http::{StatusCode, Uri};
use axum::response::IntoResponse;
use serde_json::{Value, json};

use super::*;
use crate::controller::model::event::EventType;

/// What was asked for, in order: path and body.
type Requests = Arc<Mutex<Vec<(String, Value)>>>;

/// A publisher on an API server that answers with these codes in turn, and then with 201.
fn publisher(codes: &[u16], clock: Clock) -> (Publisher, Requests) {
    let requests = Requests::default();
    let (log, codes) = (Arc::clone(&requests), codes.to_vec());
    let server = Router::new().fallback(move |uri: Uri, body: Bytes| async move {
        let event: Value = serde_json::from_slice(&body).unwrap();
        let mut log = log.lock().unwrap();
        let code = codes.get(log.len()).copied().unwrap_or(201);
        log.push((uri.path().to_owned(), event.clone()));
        let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": "as told", "reason": "AsTold", "code": code});
        let answer = if code == 201 { event } else { status };
        (StatusCode::from_u16(code).unwrap(), answer.to_string()).into_response()
    });
    let client = kube::Client::new(server, "default");
    (Publisher::new(client, "operator-0_abc", clock), requests)
}

fn audience(name: &str) -> ObjectReference {
    ObjectReference {
        api_version: Some("abm.propensity.com/v1alpha1".to_owned()),
        kind: Some("ContactAudience".to_owned()),
        namespace: Some("team".to_owned()),
        name: Some(name.to_owned()),
        uid: Some(format!("uid of {name}")),
        ..ObjectReference::default()
    }
}

async fn created(publisher: &Publisher, name: &str, note: &str) {
    let note = note.to_owned();
    publisher
        .publish(&audience(name), NewEvent { type_: EventType::Normal, reason: "Created", action: "Create", note })
        .await;
}

fn count(requests: &Requests) -> usize {
    requests.lock().unwrap().len()
}

#[tokio::test]
async fn an_event_is_one_request_with_everything_the_api_server_wants() {
    let (publisher, requests) = publisher(&[], Clock::new());
    let note = "The outcome is unknown.".to_owned();
    let regarding = audience("leaders");
    publisher
        .publish(&regarding, NewEvent { type_: EventType::Warning, reason: "OutcomeUnknown", action: "Create", note })
        .await;
    let requests = requests.lock().unwrap();
    let [(path, event)] = &requests[..] else { panic!("{requests:?}") };
    assert_eq!(path, "/apis/events.k8s.io/v1/namespaces/team/events");
    let name = event["metadata"]["name"].as_str().unwrap();
    assert!(name.starts_with("leaders.") && name.len() == "leaders.".len() + 16, "{name}");
    assert_eq!(event["metadata"]["namespace"], "team");
    assert_eq!(event["type"], "Warning");
    assert_eq!(event["reason"], "OutcomeUnknown");
    assert_eq!(event["action"], "Create");
    assert_eq!(event["note"], "The outcome is unknown.");
    assert_eq!(event["regarding"]["uid"], "uid of leaders");
    assert_eq!(event["reportingController"], "propensity-operator");
    assert_eq!(event["reportingInstance"], "operator-0_abc");
    let time = event["eventTime"].as_str().unwrap();
    assert_eq!(time.len(), "2026-01-02T03:04:05.000000Z".len(), "{time}");
}

#[tokio::test]
async fn the_same_words_about_the_same_object_are_not_repeated_for_some_minutes() {
    // Ten minutes are 0.6 s.
    let clock = Clock::scaled(1_000);
    let (publisher, requests) = publisher(&[], clock);
    created(&publisher, "leaders", "3 members").await;
    created(&publisher.clone(), "leaders", "3 members").await;
    assert_eq!(count(&requests), 1);
    created(&publisher, "leaders", "4 members").await;
    created(&publisher, "others", "3 members").await;
    assert_eq!(count(&requests), 3);
    clock.sleep(QUIET).await;
    created(&publisher, "leaders", "3 members").await;
    assert_eq!(count(&requests), 4);
}

#[tokio::test]
async fn what_is_remembered_has_a_bound() {
    let (publisher, _) = publisher(&[], Clock::new());
    for words in 0..3_000 {
        assert!(publisher.is_new(words));
    }
    assert_eq!(publisher.published().len(), REMEMBERED);
    assert!(!publisher.is_new(2_999));
    assert!(publisher.is_new(0));
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_passes_is_tried_once_more_under_the_same_name() {
    for (codes, requested, news_afterwards) in [
        (&[503][..], 2, false),
        // It was published by the first try.
        (&[504, 409], 2, false),
        (&[503, 503, 503], 2, true),
        (&[403], 1, true),
        (&[404], 1, true),
    ] {
        let (publisher, requests) = publisher(codes, Clock::new());
        created(&publisher, "leaders", "3 members").await;
        assert_eq!(count(&requests), requested, "{codes:?}");
        let names: Vec<_> = requests.lock().unwrap().iter().map(|(_, e)| e["metadata"]["name"].clone()).collect();
        assert!(names.iter().all(|name| *name == names[0]), "{names:?}");
        created(&publisher, "leaders", "3 members").await;
        assert_eq!(count(&requests) > requested, news_afterwards, "{codes:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_hanging_api_server_holds_nothing_for_long() {
    let server = Router::new().fallback(std::future::pending::<()>);
    let publisher = Publisher::new(kube::Client::new(server, "default"), "me", Clock::new());
    let before = tokio::time::Instant::now();
    created(&publisher, "leaders", "3 members").await;
    assert_eq!(before.elapsed().as_secs(), PATIENCE.as_secs());
}

#[test]
fn names_fit_and_stay_names() {
    let suffix = "abcdefghijklmnop";
    let long = "a".repeat(253);
    for (object, expected) in [
        ("leaders", "leaders.abcdefghijklmnop".to_owned()),
        ("", suffix.to_owned()),
        (&long, format!("{}.{suffix}", "a".repeat(236))),
        (&format!("{}-.{}", "a".repeat(234), "b".repeat(17)), format!("{}.{suffix}", "a".repeat(234))),
    ] {
        let name = event_name(object, suffix);
        assert_eq!(name, expected);
        assert!(name.len() <= NAME_BYTES);
    }
}

#[test]
fn long_texts_are_cut_between_characters() {
    assert_eq!(cut("short", 1_000), "short");
    let whole = "é".repeat(500);
    assert_eq!(cut(&whole, 1_000), whole);
    let long = format!("x{}", "é".repeat(600));
    let note = cut(&long, 1_000);
    assert!(note.len() <= 1_000 && note.len() > 990 && note.ends_with("é…"), "{note}");
}
