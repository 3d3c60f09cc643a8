#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::*;
use crate::api::FluxKind;

fn file(file: Value) -> HttpFile {
    serde_json::from_value(file).unwrap()
}

fn source(source: Value) -> ListSource {
    serde_json::from_value(source).unwrap()
}

fn watched(kind: SourceKind, name: &str) -> WatchedSource {
    WatchedSource::Object(kind, ("team".to_owned(), name.to_owned()))
}

fn poll(of: Value) -> Poll {
    Poll::of("team", &file(of)).unwrap()
}

const FLUX: SourceKind = SourceKind::Flux(FluxKind::GitRepository);

#[test]
fn a_url_is_plain_or_in_a_secret() {
    let plain = Address::of(&file(json!({"url": "https://files.example/a"})));
    assert!(plain == Address::Plain("https://files.example/a".into()));
    let secret = Address::of(&file(json!({"urlFrom": {"name": "urls", "key": "a"}})));
    assert!(secret == Address::Secret("urls".into(), "a".into()));
    assert!(Address::of(&file(json!({}))) == Address::Plain(String::new()));
}

#[test]
fn a_file_whose_content_is_fixed_is_not_polled() {
    assert!(Poll::of("team", &file(json!({"url": "https://files.example/a", "sha256": "0".repeat(64)}))).is_none());
    let poll = poll(json!({"url": "https://files.example/a", "interval": "5m"}));
    assert_eq!((poll.namespace.as_str(), poll.interval), ("team", Duration::from_secs(300)));
}

#[test]
fn polls_that_differ_have_different_places() {
    let polls = [
        poll(json!({"url": "https://files.example/a"})),
        poll(json!({"url": "https://files.example/b"})),
        poll(json!({"url": "https://files.example/a", "interval": "5m"})),
        poll(json!({"urlFrom": {"name": "urls", "key": "a"}})),
        poll(json!({"urlFrom": {"name": "urls", "key": "b"}})),
        Poll::of("other", &file(json!({"url": "https://files.example/a"}))).unwrap(),
    ];
    for (number, poll) in polls.iter().enumerate() {
        for (other_number, other) in polls.iter().enumerate() {
            assert_eq!(poll.place() == other.place(), number == other_number, "{number} {other_number}");
        }
    }
    let place = WatchedSource::Url(polls[0].clone()).place();
    assert_eq!(place, (SourceKind::Http, ("team".to_owned(), "https://files.example/a 3600".to_owned())));
    let place = watched(FLUX, "leads").place();
    assert_eq!(place, (FLUX, ("team".to_owned(), "leads".to_owned())));
}

#[test]
fn a_watched_source_is_used_by_those_that_name_it_or_a_url_in_it() {
    let secret = || watched(SourceKind::Secret, "leads");
    let url = || WatchedSource::Url(poll(json!({"url": "https://files.example/a"})));
    let table = [
        (secret(), json!({"secret": {"name": "leads", "key": "k"}}), true),
        (secret(), json!({"secret": {"name": "other", "key": "k"}}), false),
        (secret(), json!({"configMap": {"name": "leads", "key": "k"}}), false),
        (secret(), json!({"http": {"urlFrom": {"name": "leads", "key": "k"}}}), true),
        (secret(), json!({"http": {"urlFrom": {"name": "leads", "key": "k"}, "sha256": "0".repeat(64)}}), true),
        (secret(), json!({"http": {"urlFrom": {"name": "other", "key": "k"}}}), false),
        (secret(), json!({"http": {"url": "https://files.example/leads"}}), false),
        (watched(FLUX, "leads"), json!({"fluxSource": {"kind": "GitRepository", "name": "leads", "path": "a"}}), true),
        (watched(FLUX, "leads"), json!({"fluxSource": {"kind": "GitRepository", "name": "other", "path": "a"}}), false),
        (watched(FLUX, "leads"), json!({"fluxSource": {"kind": "Bucket", "name": "leads", "path": "a"}}), false),
        (watched(FLUX, "leads"), json!({"secret": {"name": "leads", "key": "k"}}), false),
        (url(), json!({"http": {"url": "https://files.example/a"}}), true),
        (url(), json!({"http": {"url": "https://files.example/a", "interval": "5m"}}), false),
        (url(), json!({"http": {"url": "https://files.example/a", "sha256": "0".repeat(64)}}), false),
        (url(), json!({"http": {"url": "https://files.example/b"}}), false),
        (url(), json!({"secret": {"name": "leads", "key": "k"}}), false),
        (watched(SourceKind::ConfigMap, "leads"), json!({"configMap": {"name": "leads", "key": "k"}}), false),
    ];
    for (watched, named, expected) in table {
        assert_eq!(watched.is_used_by(&source(named.clone()), "team"), expected, "{named}");
    }
    assert!(!url().is_used_by(&source(json!({"http": {"url": "https://files.example/a"}})), "other"));
}
