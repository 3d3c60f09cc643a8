//! A planted key and planted members are found in no output.

use data_encoding::BASE64;
use serde_json::{Value, json};

use crate::support::objects::message;
use crate::support::{Kind, World};

const KEY: &str = "canary-key-5f0c2a";

/// Whatever a canary can look like after it was copied, quoted, encoded or changed in case.
fn find_canary(text: &str) -> Option<&str> {
    let lower = text.to_lowercase();
    // Base64 of the word at each of its three possible offsets, without the characters that its neighbours change.
    let encoded = [("canary", 0..8), ("xcanary", 2..9), ("xxcanary", 3..10)]
        .map(|(text, own)| BASE64.encode(text.as_bytes())[own].to_owned());
    let at = lower.find("canary").or_else(|| encoded.iter().find_map(|e| text.find(e.as_str())))?;
    let start = text.floor_char_boundary(at.saturating_sub(150));
    let end = text.ceil_char_boundary((at + 150).min(text.len()));
    Some(&text[start..end])
}

#[track_caller]
fn clean(what: &str, text: &str) {
    assert!(!text.is_empty(), "{what} is there to be looked at");
    if let Some(place) = find_canary(text) {
        panic!("{what} shows a planted value: …{place}…");
    }
}

fn contact(number: u32) -> Value {
    json!({
        "firstName": format!("Canary{number}"), "lastName": "Canary", "companyName": "Canary & Söhne \"Ltd\"",
        "website": format!("https://www.canary{number}.example.com/canary"), "email": format!("Canary{number}@example.com"),
        "linkedinUrl": format!("https://de.linkedin.com/in/canary-{number}"),
    })
}

/// Everything that can be read of the operator and of what it wrote, in each state that holds values.
fn search(log_format: &str) {
    let world = World::with_key(KEY);
    let level =
        "trace,kube=trace,kube_client=trace,kube_runtime=trace,hyper=trace,hyper_util=trace,reqwest=trace,rustls=trace";
    let operator = world.operator().fast(1_000).flag("log-format", log_format).flag("log-level", level).start();
    world.connect_with(json!({"requestTimeout": "2s"}));
    let body = json!({"results": {"error": true, "message": "canary"}}).to_string();
    let cases = [
        ("echoed", json!({"fault": "echo"}), "Created"),
        ("rejected", json!({"fault": "echo", "status": 400, "store": false}), "Rejected"),
        ("refused", json!({"fault": "errorTrue", "message": "Canary3@example.com is a canary"}), "Rejected"),
        ("garbage", json!({"fault": "garbage", "body": "<p>canary-4"}), "OutcomeUnknown"),
        ("echoed-with-500", json!({"fault": "echo", "status": 500, "store": false}), "OutcomeUnknown"),
        ("redirected", json!({"fault": "redirect", "location": "http://canary.example.com/canary"}), "OutcomeUnknown"),
        ("half-told", json!({"fault": "status", "status": 502, "body": body}), "OutcomeUnknown"),
        ("cut-off", json!({"fault": "truncated"}), "OutcomeUnknown"),
    ];
    for (number, (name, fault, reason)) in (1..).zip(&cases) {
        let mut fault = fault.clone();
        fault["times"] = 1.into();
        world.simulator.borrow().fault(fault);
        world.contacts(name, json!([contact(number), contact(number + 100)]));
        world.settled(Kind::Contacts, name, reason);
        world.accounts(&format!("clear-{number}"), &[&format!("canary-{number}.example.org")]);
        world.settled(Kind::Accounts, &format!("clear-{number}"), "Created");
    }
    let mut invalid = contact(9);
    invalid["email"] = "canary at example.com".into();
    world.contacts("invalid", json!([invalid]));
    world.settled(Kind::Contacts, "invalid", "InvalidMembers");
    // A breaker, and a key that can't be one.
    world.simulator.borrow().fault(json!({"fault": "echo", "status": 401, "store": false, "times": 1}));
    world.contacts("locked-out", json!([contact(10)]));
    world.settled(Kind::Contacts, "locked-out", "CredentialsRejected");
    world.secret("propensity", "canary-key\ncanary-2");
    world.settled(Kind::Workspace, "default", "KeyInvalid");

    clean("the log", &operator.log());
    clean("the metrics", &operator.metrics());
    for kind in [Kind::Contacts, Kind::Accounts] {
        for audience in world.objects.list(kind) {
            clean(&format!("the status of {}", audience["metadata"]["name"]), &audience["status"].to_string());
        }
    }
    for kind in [Kind::Workspace, Kind::Receipt, Kind::Event, Kind::Lease] {
        let objects = world.objects.list(kind);
        assert!(!objects.is_empty(), "{kind:?}");
        clean(&format!("every {kind:?}"), &Value::from(objects).to_string());
    }
    let told = world.get(Kind::Contacts, "rejected");
    assert!(
        told["status"]["lastResult"]["message"].is_string(),
        "masked and not dropped: {:#}",
        told["status"]["lastResult"]
    );
    assert!(message(&told).contains("kubectl"), "{}", message(&told));
}

#[test]
fn planted_values_are_found_nowhere_with_json_logs_at_their_loudest() {
    search("json");
}

#[test]
fn planted_values_are_found_nowhere_with_text_logs_at_their_loudest() {
    search("text");
}

#[test]
fn the_search_finds_what_it_looks_for() {
    for text in [
        "a CANARY b",
        "%43anary canary",
        &BASE64.encode(b"canary"),
        &BASE64.encode(b"my canary"),
        &BASE64.encode(b"the canary"),
    ] {
        assert!(find_canary(text).is_some(), "{text}");
    }
    assert!(find_canary("nothing here").is_none());
}
