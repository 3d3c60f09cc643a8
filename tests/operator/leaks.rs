//! A planted API key and planted members never appear in any output.

use data_encoding::BASE64;
use serde_json::{Value, json};

use crate::support::files::{Files, archive, install_flux, sha256};
use crate::support::objects::message;
use crate::support::wait::{ensure, eventually};
use crate::support::{Kind, World};

const KEY: &str = "canary-key-5f0c2a";

/// All log lines of the operator and its libraries.
const TRACE_ALL: &str =
    "trace,kube=trace,kube_client=trace,kube_runtime=trace,hyper=trace,hyper_util=trace,reqwest=trace,rustls=trace";

/// Finds a canary, also if it was quoted, encoded or changed in case.
fn find_canary(text: &str) -> Option<&str> {
    let lower = text.to_lowercase();
    // Base64 of the word at each of the three possible offsets, without the characters that depend on adjacent bytes.
    let encoded = [("canary", 0..8), ("xcanary", 2..9), ("xxcanary", 3..10)]
        .map(|(text, own)| BASE64.encode(text.as_bytes())[own].to_owned());
    let at = lower.find("canary").or_else(|| encoded.iter().find_map(|e| text.find(e.as_str())))?;
    let start = text.floor_char_boundary(at.saturating_sub(150));
    let end = text.ceil_char_boundary((at + 150).min(text.len()));
    Some(&text[start..end])
}

#[track_caller]
fn assert_clean(what: &str, text: &str) {
    assert!(!text.is_empty(), "{what} is empty");
    if let Some(place) = find_canary(text) {
        panic!("{what} contains a planted value: …{place}…");
    }
}

fn contact(number: u32) -> Value {
    json!({
        "firstName": format!("Canary{number}"), "lastName": "Canary", "companyName": "Canary & Söhne \"Ltd\"",
        "website": format!("https://www.canary{number}.example.com/canary"), "email": format!("Canary{number}@example.com"),
        "linkedinUrl": format!("https://de.linkedin.com/in/canary-{number}"),
    })
}

/// Searches all output of the operator, after each state whose data contains values.
fn search_all_output(log_format: &str) {
    let world = World::with_key(KEY);
    let operator = world.operator().fast(1_000).flag("log-format", log_format).flag("log-level", TRACE_ALL).start();
    world.connect_with(json!({"requestTimeout": "2s"}));
    let body = json!({"results": {"error": true, "message": "canary"}}).to_string();
    let cases = [
        ("echoed", json!({"fault": "echo"}), "Created"),
        ("rejected", json!({"fault": "echo", "status": 400, "store": false}), "Rejected"),
        ("refused", json!({"fault": "errorTrue", "message": "Canary3@example.com is a canary"}), "Rejected"),
        ("garbage", json!({"fault": "garbage", "body": "<p>canary-4"}), "OutcomeUnknown"),
        ("echoed-with-500", json!({"fault": "echo", "status": 500, "store": false}), "OutcomeUnknown"),
        ("redirected", json!({"fault": "redirect", "location": "http://canary.example.com/canary"}), "OutcomeUnknown"),
        ("partial-error", json!({"fault": "status", "status": 502, "body": body}), "OutcomeUnknown"),
        ("cut-off", json!({"fault": "truncated"}), "OutcomeUnknown"),
    ];
    for (number, (name, fault, reason)) in (1..).zip(&cases) {
        let mut fault = fault.clone();
        fault["times"] = 1.into();
        world.simulator.borrow().fault(fault);
        world.contacts(name, json!([contact(number), contact(number + 100)]));
        world.wait_reason(Kind::Contacts, name, reason);
        world.accounts(&format!("clear-{number}"), &[&format!("canary-{number}.example.org")]);
        world.wait_reason(Kind::Accounts, &format!("clear-{number}"), "Created");
    }
    let mut invalid = contact(9);
    invalid["email"] = "canary at example.com".into();
    world.contacts("invalid", json!([invalid]));
    world.wait_reason(Kind::Contacts, "invalid", "InvalidMembers");
    // An open breaker, and an invalid key.
    world.simulator.borrow().fault(json!({"fault": "echo", "status": 401, "store": false, "times": 1}));
    world.contacts("locked-out", json!([contact(10)]));
    world.wait_reason(Kind::Contacts, "locked-out", "CredentialsRejected");
    world.secret("propensity", "canary-key\ncanary-2");
    world.wait_reason(Kind::Workspace, "default", "KeyInvalid");

    assert_clean("the log", &operator.log());
    assert_clean("the metrics", &operator.metrics());
    for kind in [Kind::Contacts, Kind::Accounts] {
        for audience in world.objects.list(kind) {
            assert_clean(&format!("the status of {}", audience["metadata"]["name"]), &audience["status"].to_string());
        }
    }
    for kind in [Kind::Workspace, Kind::Receipt, Kind::Event, Kind::Lease] {
        let objects = world.objects.list(kind);
        assert!(!objects.is_empty(), "{kind:?}");
        assert_clean(&format!("every {kind:?}"), &Value::from(objects).to_string());
    }
    let rejected = world.get(Kind::Contacts, "rejected");
    let result = &rejected["status"]["lastResult"];
    assert!(result["message"].is_string(), "masked, not dropped: {result:#}");
    assert!(message(&rejected).contains("kubectl"), "{}", message(&rejected));
}

/// The same for lists in other objects, for suppressed members, and for lists in parts.
#[test]
fn planted_values_of_sources_appear_nowhere() {
    install_flux();
    let world = World::with_key(KEY);
    let (files, ca) = Files::secure();
    let plain = Files::plain();
    let launch = world.operator().fast(1_000).flag("log-level", TRACE_ALL).flag("ca-file", ca.to_str().unwrap());
    let operator = launch.flag("source-hosts", "localhost").flag("source-networks", "127.0.0.0/8,::1/128").start();
    world.connect_with(json!({"suppressionRefs": [{"name": "never"}]}));
    let csv = "first name,last name,company,email,linkedin\nCanary,Canary,Canary Ltd,canary@example.com,\n,,,,linkedin.com/in/canary-1\n,,,,linkedin.com/in/canary-2\n";
    let broken = [
        ("cut.csv", "linkedin\nlinkedin.com/in/canary\n\"canary", "SourceUnreadable"),
        ("ragged.csv", "linkedin,email\nlinkedin.com/in/canary\n", "SourceUnreadable"),
        ("headless.csv", "canary,canary2\ncanary,canary\n", "SourceUnreadable"),
        ("rows.csv", "linkedin,email\nhttps://canary.example.com,canary\n", "InvalidMembers"),
        ("bad.json", "[{\"email\": \"canary\", \"canary\": {\"canary\": 1}}, canary", "SourceUnreadable"),
        ("bad.yaml", "- email: [canary\n- canary: *canary\n", "SourceUnreadable"),
        ("bad.ndjson", "{\"linkedin\": \"linkedin.com/in/canary\"}\n{canary\n", "SourceUnreadable"),
    ];
    let mut secret = json!({"workspace_api_key": KEY, "list.csv": csv, "url": format!("{}?canary=canary", files.url("/canary.csv"))});
    for (key, text, _) in broken {
        secret[key] = text.into();
    }
    world.apply(Kind::Secret, "propensity", json!({"stringData": secret}));
    files.put("/canary.csv", csv);
    let artifact = archive(&[("canary/list.csv", csv), ("cut.csv", broken[0].1)]);
    plain.put("/a.tar.gz", artifact.clone());
    world.apply(Kind::GitRepository, "lists", json!({}));
    let stored = json!({"url": plain.url("/a.tar.gz"), "digest": format!("sha256:{}", sha256(&artifact))});
    world.objects.patch_status(Kind::GitRepository, "lists", json!({"status": {"artifact": stored}}));
    let suppress = |spec: Value| world.apply(Kind::Suppression, "never", json!({"spec": spec}));
    suppress(json!({"emails": ["canary@example.org"], "domains": ["canary.example.net"]}));
    let from = |name: &str, source: Value, more: Value, reason: &str| {
        let mut spec = json!({"from": [source]});
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        world.apply(Kind::Contacts, name, json!({"spec": spec}));
        world.wait_reason(Kind::Contacts, name, reason);
    };
    let entry = |key: &str| json!({"secret": {"name": "propensity", "key": key}});
    for (number, (key, _, reason)) in broken.into_iter().enumerate() {
        from(&format!("broken-{number}"), entry(key), json!({}), reason);
    }
    world.simulator.borrow().fault(json!({"fault": "echo", "times": 1}));
    from("from-secret", entry("list.csv"), json!({}), "Created");
    world.simulator.borrow().fault(json!({"fault": "echo", "times": 3}));
    from("in-parts", entry("list.csv"), json!({"revision": "parts", "split": {"maxMembers": 1}}), "Created");
    let flux = |path: &str| json!({"fluxSource": {"kind": "GitRepository", "name": "lists", "path": path}});
    from("from-flux", flux("canary/list.csv"), json!({"revision": "flux"}), "Created");
    from("from-flux-cut", flux("cut.csv"), json!({}), "SourceUnreadable");
    let url = |entry: &str| json!({"http": {"urlFrom": {"name": "propensity", "key": entry}, "interval": "1m"}});
    from("from-url", url("url"), json!({"revision": "url"}), "Created");
    files.serve("/canary.csv", 500, vec![("etag", "canary".to_owned())], b"canary".to_vec());
    from("from-url-failing", url("url"), json!({"revision": "url-2"}), "SourceUnreadable");
    // Suppression lists: valid and invalid, inline and in files.
    suppress(json!({"emails": ["canary@example.com"], "linkedinUrls": ["linkedin.com/in/canary-1"]}));
    eventually("members that were suppressed later are reported", || {
        let audience = world.get(Kind::Contacts, "from-secret");
        ensure(audience["status"]["suppressedMembersSent"] == 2, || audience["status"].to_string())
    });
    for spec in
        [json!({"emails": ["canary"]}), json!({"from": [entry("rows.csv")]}), json!({"from": [entry("cut.csv")]})]
    {
        suppress(spec);
        world.wait_reason(Kind::Suppression, "never", "SourceUnreadable");
    }
    assert_clean("the log", &operator.log());
    assert_clean("the metrics", &operator.metrics());
    for kind in [Kind::Contacts, Kind::Suppression] {
        for object in world.objects.list(kind) {
            let (name, status) = (&object["metadata"]["name"], object["status"].to_string());
            // The path in an artifact is user input from the spec.
            assert_clean(&format!("the status of {name}"), &status.replace("canary/list.csv", ""));
        }
    }
    for kind in [Kind::Workspace, Kind::Receipt, Kind::Event] {
        assert_clean(&format!("every {kind:?}"), &Value::from(world.objects.list(kind)).to_string());
    }
    let long = json!({"spec": {"emails": [format!("{}@example.com", "canary".repeat(60))]}});
    let rejected = world.objects.apply(Kind::Suppression, "refused", long).expect_err("it is too long");
    assert_clean("an admission reply", &rejected.to_string());
}

/// The same for the URLs and cells of reports, and for the members that they are matched with.
#[test]
fn planted_values_of_reports_appear_nowhere() {
    let world = World::with_key(KEY);
    let operator = world.operator().flag("log-level", TRACE_ALL).start();
    let url = world.simulator.borrow().report_urls()["account_engagement"].as_str().unwrap().to_owned();
    let secret = json!({
        "workspace_api_key": KEY,
        "account_engagement": format!("{url}?canary=canary"),
        "dead": format!("http://{}/reports/canary/account_engagement?canary", world.simulator.borrow().address()),
        "elsewhere": "https://canary:canary@evil.example/canary?canary",
        "words": "canary canary",
    });
    world.apply(Kind::Secret, "propensity", json!({"stringData": secret}));
    world.workspace(json!({}));
    let columns = json!({"firstName": "First", "lastName": "Last", "website": "Site", "email": "Email", "linkedinUrl": "Profile", "companyName": "Company"});
    let spec = json!({"contacts": [contact(1), contact(2)], "engagement": [{"report": "people", "columns": columns}]});
    world.apply(Kind::Contacts, "people", json!({"spec": spec}));
    world.wait_reason(Kind::Contacts, "people", "Created");
    let row = json!({"First": "Canary1", "Last": "Canary", "Company": "Canary", "Site": "canary1.example.com",
        "Email": "canary1@example.com", "Profile": "linkedin.com/in/canary-1", "canary@example.com": "canary", "When": "canary", "n": 1});
    let metrics = json!([
        {"name": "channels", "operation": "count", "groupBy": {"column": "Company", "values": ["nobody"]}},
        {"name": "sites", "operation": "distinct", "column": "Site"},
    ]);
    let body = |text: &str| world.simulator.borrow().set_reports(json!({"report": "account_engagement", "body": text}));
    body(&json!([row, {"When": "2026-11-25", "n": "canary"}]).to_string());
    world.report(
        "people",
        "account_engagement",
        json!({"columns": [{"name": "When", "date": "%Y-%m-%d"}, {"name": "n", "number": {}}], "newestColumn": "When", "metrics": metrics}),
    );
    let fetched = world.wait_reason(Kind::Report, "people", "Fetched");
    assert!(fetched["status"]["columns"].to_string().contains("(hidden)"), "{:#}", fetched["status"]);
    eventually("a member is matched", || {
        let status = world.get(Kind::Contacts, "people")["status"].clone();
        ensure(status["engagement"][0]["membersMatched"] == 1, || status.to_string())
    });
    let bad = [
        ("canary", "JSON"),
        ("{\"canary\": [{\"canary\": 1}]}", "JSON"),
        ("[\"canary\"]", "JSON"),
        ("canary@example.com,canary\ncanary,canary\n", "CSV"),
        ("{\"canary\": 1}\n{\"canary\", canary\n", "NDJSON"),
    ];
    for (number, (text, format)) in bad.iter().enumerate() {
        body(text);
        world.report(&format!("bad-{number}"), "account_engagement", json!({"format": format}));
        world.wait_reason(Kind::Report, &format!("bad-{number}"), "ReportUnreadable");
    }
    let mut fault =
        json!({"fault": "redirect", "location": "http://canary.example.com/canary", "endpoint": "reports", "times": 1});
    for (name, kind) in [("moved", "redirect"), ("echoed", "echo")] {
        fault["fault"] = kind.into();
        if kind == "echo" {
            fault.as_object_mut().unwrap().remove("location");
        }
        world.simulator.borrow().fault(fault.clone());
        world.report(name, "account_engagement", json!({"rows": "/canary"}));
        world.wait_reason(Kind::Report, name, "ReportUnreadable");
    }
    for (name, reason) in [("dead", "CredentialsRejected"), ("elsewhere", "HostNotAllowed"), ("words", "UrlInvalid")] {
        world.report(name, name, json!({}));
        world.wait_reason(Kind::Report, name, reason);
    }
    let token = url.split('/').nth(4).unwrap();
    let assert_clean = |what: &str, text: &str| {
        // The path of the rows is user input from the spec.
        assert_clean(what, &text.replace("at /canary:", "").replace("at /canary.", ""));
        assert!(!text.contains(token), "{what} contains the URL of a report");
    };
    assert_clean("the log", &operator.log());
    assert_clean("the metrics", &operator.metrics());
    for report in world.objects.list(Kind::Report) {
        assert_clean(&format!("the status of {}", report["metadata"]["name"]), &report["status"].to_string());
    }
    assert_clean("the status of the audience", &world.get(Kind::Contacts, "people")["status"].to_string());
    for kind in [Kind::Workspace, Kind::Event] {
        assert_clean(&format!("every {kind:?}"), &Value::from(world.objects.list(kind)).to_string());
    }
}

#[test]
fn planted_values_appear_nowhere_with_json_logs_at_trace_level() {
    search_all_output("json");
}

#[test]
fn planted_values_appear_nowhere_with_text_logs_at_trace_level() {
    search_all_output("text");
}

#[test]
fn the_search_finds_planted_values() {
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
