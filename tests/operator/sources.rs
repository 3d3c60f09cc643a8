//! Lists in ConfigMaps and Secrets.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::objects::message;
use crate::support::programs::{RUN, root};
use crate::support::wait::{consistently, ensure};
use crate::support::{Kind, Operator, World};

/// The default stabilization window takes a tenth of a second.
const SPEEDUP: u32 = 100;

fn world() -> (World, Operator) {
    let world = World::new();
    let operator = world.operator().fast(SPEEDUP).start();
    world.connect();
    (world, operator)
}

/// Applies an audience with these sources.
fn apply_from(world: &World, kind: Kind, name: &str, sources: Value, more: Value) {
    let mut spec = json!({"from": sources});
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    world.apply(kind, name, json!({"spec": spec}));
}

fn config_map(world: &World, name: &str, data: Value) {
    world.apply(Kind::ConfigMap, name, json!({"data": data}));
}

fn one_map() -> Value {
    json!([{"configMap": {"name": "lists", "key": "accounts.csv"}}])
}

/// The websites of the last audience that was stored.
fn stored(world: &World) -> Vec<String> {
    let audiences = world.simulator.borrow().audiences();
    let members = audiences.last().expect("one is stored")["members"].as_array().unwrap().clone();
    members.iter().map(|member| member["website"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn a_list_in_a_config_map_is_sent_and_its_changes_are_followed() {
    let (world, _operator) = world();
    config_map(
        &world,
        "lists",
        json!({"accounts.csv": "Name;Domain\nA;www.a.example.com\nB;b.example.com\n;b.example.com\n"}),
    );
    apply_from(&world, Kind::Accounts, "targets", one_map(), json!({}));
    let audience = world.wait_reason(Kind::Accounts, "targets", "Created");
    assert_eq!(
        audience["status"]["members"],
        json!({"read": 3, "invalid": 0, "duplicate": 1, "excluded": 0, "toSend": 2})
    );
    assert_eq!(audience["status"]["ignoredColumns"], 1);
    assert_eq!(stored(&world), ["a.example.com", "b.example.com"]);

    // The same list in another form is the same audience.
    config_map(&world, "lists", json!({"accounts.csv": "website\nb.example.com\na.example.com\n"}));
    world.wait_reason(Kind::Accounts, "targets", "AlreadyCreated");
    world.assert_sent(1, 1);
    // Another list is another audience.
    config_map(&world, "lists", json!({"accounts.csv": "website\nc.example.com\na.example.com\n"}));
    world.wait_reason(Kind::Accounts, "targets", "Created");
    assert_eq!(stored(&world), ["a.example.com", "c.example.com"]);
    world.assert_sent(2, 2);
}

#[test]
fn all_sources_and_inline_members_are_one_list() {
    let (world, _operator) = world();
    let packed = {
        use std::io::Write as _;
        let mut encoder = flate2::write::GzEncoder::new(vec![], flate2::Compression::default());
        encoder.write_all(b"[\"b.example.com\"]").unwrap();
        encoder.finish().unwrap()
    };
    let packed = data_encoding::BASE64.encode(&packed);
    world.apply(Kind::ConfigMap, "packed", json!({"binaryData": {"accounts.json.gz": packed}}));
    for (number, site) in [(1, "c"), (2, "d")] {
        let name = format!("part-{number}");
        let body = json!({
            "metadata": {"labels": {"list": "q4"}},
            "data": {"sites": format!("- {site}.example.com\n")},
        });
        world.apply(Kind::ConfigMap, &name, body);
    }
    world.apply(
        Kind::Secret,
        "propensity",
        json!({"stringData": {"accounts.ndjson": "{\"Home\":\"e.example.com\"}\n"}}),
    );
    // The Secret with the API key also has a list. Server-side apply has removed the key, so it is applied again.
    let key = world.simulator.borrow().key().to_owned();
    world.apply(
        Kind::Secret,
        "propensity",
        json!({"stringData": {"accounts.ndjson": "{\"Home\":\"e.example.com\"}\n", "workspace_api_key": key}}),
    );
    let sources = json!([
        {"configMap": {"name": "packed", "key": "accounts.json.gz"}},
        {"configMaps": {"matchLabels": {"list": "q4"}, "count": 2, "key": "sites"}, "format": "YAML"},
        {"secret": {"name": "propensity", "key": "accounts.ndjson"}, "columns": {"website": "home"}},
    ]);
    apply_from(&world, Kind::Accounts, "targets", sources, json!({"accounts": [{"website": "a.example.com"}]}));
    world.wait_reason(Kind::Accounts, "targets", "Created");
    let sites = ["a", "b", "c", "d", "e"].map(|site| format!("{site}.example.com"));
    assert_eq!(stored(&world), sites);
    world.assert_sent(1, 1);
}

#[test]
fn contacts_come_from_a_secret_with_their_columns() {
    let (world, _operator) = world();
    let key = world.simulator.borrow().key().to_owned();
    let csv = "First Name,Surname,Employer,Work Email\nAda,Lovelace,Engines,ADA@example.com\n";
    world.apply(Kind::Secret, "propensity", json!({"stringData": {"workspace_api_key": key, "contacts.csv": csv}}));
    let source = json!([{"secret": {"name": "propensity", "key": "contacts.csv"}}]);
    apply_from(&world, Kind::Contacts, "people", source, json!({}));
    world.wait_reason(Kind::Contacts, "people", "Created");
    let audiences = world.simulator.borrow().audiences();
    let member = &audiences[0]["members"][0];
    let expected =
        json!({"first_name": "Ada", "last_name": "Lovelace", "company_name": "Engines", "email": "ada@example.com"});
    assert_eq!(*member, expected);
}

#[test]
fn files_that_are_too_large_together_are_not_read() {
    let (world, _operator) = world();
    // Each is very small and unpacks to 34 MiB.
    let mut csv = b"website,x\na.example.com,".to_vec();
    csv.resize(34 << 20, b'x');
    let packed = data_encoding::BASE64.encode(&crate::support::files::gzip(&csv));
    for name in ["one", "two"] {
        world.apply(Kind::ConfigMap, name, json!({"binaryData": {"accounts.csv.gz": packed}}));
    }
    let entry = |name: &str| json!({"configMap": {"name": name, "key": "accounts.csv.gz"}});
    apply_from(&world, Kind::Accounts, "targets", json!([entry("one"), entry("two")]), json!({}));
    world.wait_message(Kind::Accounts, "targets", "SourceUnreadable", "are larger than 64 MiB");
    world.assert_sent(0, 0);
}

#[test]
fn a_missing_source_stops_the_audience_until_it_exists() {
    let (world, _operator) = world();
    apply_from(&world, Kind::Accounts, "targets", one_map(), json!({}));
    world.wait_message(Kind::Accounts, "targets", "SourceNotFound", "there is no ConfigMap lists");
    config_map(&world, "lists", json!({"other.csv": "website\n"}));
    world.wait_message(Kind::Accounts, "targets", "SourceNotFound", "has no entry accounts.csv");
    config_map(&world, "lists", json!({"accounts.csv": "website\na.example.com\n"}));
    world.wait_reason(Kind::Accounts, "targets", "Created");
    world.assert_sent(1, 1);
    // Deleting the source of a created audience sends nothing.
    world.objects.delete(Kind::ConfigMap, "lists");
    let audience = world.wait_message(Kind::Accounts, "targets", "SourceNotFound", "there is no ConfigMap lists");
    assert_eq!(audience["status"]["members"]["toSend"], 1, "the counts of the last list are kept");
    world.assert_sent(1, 1);
}

#[test]
fn an_incomplete_set_of_config_maps_is_not_sent() {
    let (world, _operator) = world();
    let part = |number: u32| {
        let body = json!({
            "metadata": {"labels": {"list": "q4"}},
            "data": {"a.csv": format!("website\npart-{number}.example.com\n")},
        });
        world.apply(Kind::ConfigMap, &format!("part-{number}"), body);
    };
    part(1);
    let source = json!([{"configMaps": {"matchLabels": {"list": "q4"}, "count": 2, "key": "a.csv"}}]);
    apply_from(&world, Kind::Accounts, "targets", source, json!({}));
    world.wait_message(Kind::Accounts, "targets", "SourceNotFound", "1 ConfigMaps have the labels");
    part(2);
    world.wait_reason(Kind::Accounts, "targets", "Created");
    assert_eq!(stored(&world), ["part-1.example.com", "part-2.example.com"]);
    part(3);
    world.wait_message(Kind::Accounts, "targets", "SourceNotFound", "3 ConfigMaps have the labels");
    world.assert_sent(1, 1);
}

#[test]
fn a_list_that_cannot_be_read_completely_is_never_sent() {
    let (world, _operator) = world();
    let canary = "canary-4711.example.com";
    for (text, why) in [
        (format!("website,name\n{canary},x\n{canary}\n"), "row 3 has 1 cells"),
        (format!("website\n\"{canary}\n"), "a quote is never closed"),
        (format!("{canary}\n{canary}\n"), "no column is known"),
        (String::new(), "it is empty"),
    ] {
        config_map(&world, "lists", json!({"accounts.csv": text}));
        apply_from(&world, Kind::Accounts, "targets", one_map(), json!({}));
        let audience = world.wait_message(Kind::Accounts, "targets", "SourceUnreadable", why);
        assert!(!audience["status"].to_string().contains("canary"), "{}", message(&audience));
    }
    let without_format = json!([{"configMap": {"name": "lists", "key": "accounts"}}]);
    config_map(&world, "lists", json!({"accounts": "website\na.example.com\n"}));
    apply_from(&world, Kind::Accounts, "targets", without_format, json!({}));
    world.wait_message(Kind::Accounts, "targets", "SourceUnreadable", "Set format");
    world.assert_sent(0, 0);
}

#[test]
fn a_secret_without_read_permission_is_named_in_the_message() {
    let (world, _operator) = world();
    world.apply(Kind::Secret, "private", json!({"stringData": {"a.csv": "website\na.example.com\n"}}));
    apply_from(&world, Kind::Accounts, "targets", json!([{"secret": {"name": "private", "key": "a.csv"}}]), json!({}));
    world.wait_message(Kind::Accounts, "targets", "AccessDenied", "isn't allowed to read Secret private");
    world.assert_sent(0, 0);
}

/// Several changes within the stabilization window are one list.
#[test]
fn the_stabilization_window_collects_changes() {
    let world = World::new();
    let _operator = world.operator().start();
    world.connect();
    apply_from(&world, Kind::Accounts, "targets", one_map(), json!({"stabilizationWindow": "3s"}));
    world.wait_message(Kind::Accounts, "targets", "SourceNotFound", "there is no ConfigMap");
    for number in 1..=4 {
        config_map(&world, "lists", json!({"accounts.csv": format!("website\nsite-{number}.example.com\n")}));
        consistently(Duration::from_millis(700), "nothing is sent while it changes", || {
            let requests = world.simulator.borrow().requests().len();
            ensure(requests == 0, || format!("{requests} requests"))
        });
    }
    world.wait_reason(Kind::Accounts, "targets", "Created");
    assert_eq!(stored(&world), ["site-4.example.com"]);
    world.assert_sent(1, 1);
}

#[test]
fn invalid_rows_block_the_list_or_are_skipped_up_to_a_limit() {
    let (world, _operator) = world();
    let good: String = (0..30).map(|site| format!("site-{site}.example.com\n")).collect();
    config_map(&world, "lists", json!({"accounts.csv": format!("website\nlocalhost\n{good}")}));
    apply_from(&world, Kind::Accounts, "targets", one_map(), json!({}));
    let audience = world.wait_message(Kind::Accounts, "targets", "InvalidMembers", "1 of 31 rows can't be sent");
    let problem = &audience["status"]["problems"][0];
    assert_eq!((&problem["source"], &problem["row"]), (&json!("configMap lists/accounts.csv"), &json!(2)));
    apply_from(&world, Kind::Accounts, "targets", one_map(), json!({"invalidMembers": "Skip", "maxInvalidPercent": 3}));
    world.wait_message(Kind::Accounts, "targets", "InvalidMembers", "more than the 3%");
    apply_from(&world, Kind::Accounts, "targets", one_map(), json!({"invalidMembers": "Skip"}));
    let audience = world.wait_reason(Kind::Accounts, "targets", "Created");
    assert_eq!(audience["status"]["members"]["invalid"], 1);
    world.assert_sent(1, 1);
}

#[test]
fn a_source_has_exactly_one_location() {
    let world = World::new();
    let entry = json!({"name": "lists", "key": "a.csv"});
    for source in [json!({}), json!({"configMap": entry, "secret": entry})] {
        let rejected = world.objects.apply(Kind::Accounts, "targets", json!({"spec": {"from": [source]}}));
        assert!(
            rejected
                .unwrap_err()
                .to_string()
                .contains("exactly one of configMap, configMaps, secret, fluxSource and http")
        );
    }
}

/// Tests the kustomize configuration from docs/lists.md.
#[test]
fn kustomize_updates_references_to_generated_names() {
    let world = World::new();
    let folder = RUN.join(&world.namespace);
    fs::create_dir(&folder).unwrap();
    fs::copy(root().join("docs/kustomize-names.yaml"), folder.join("kustomize-names.yaml")).unwrap();
    fs::write(folder.join("accounts.csv"), "website\nexample.com\n").unwrap();
    let audience = json!({
        "apiVersion": "abm.propensity.com/v1alpha1", "kind": "AccountAudience", "metadata": {"name": "targets"},
        "spec": {"from": [
            {"configMap": {"name": "lists", "key": "accounts.csv"}},
            {"secret": {"name": "private", "key": "accounts.csv"}},
        ]},
    });
    let mut suppression = audience.clone();
    suppression["kind"] = "SuppressionList".into();
    let url = json!({"http": {"urlFrom": {"name": "private", "key": "url"}}});
    suppression["spec"]["from"].as_array_mut().unwrap().push(url);
    fs::write(folder.join("audience.yaml"), format!("{audience}\n---\n{suppression}\n")).unwrap();
    let kustomization = json!({
        "resources": ["audience.yaml"],
        "configurations": ["kustomize-names.yaml"],
        "configMapGenerator": [{"name": "lists", "files": ["accounts.csv"]}],
        "secretGenerator": [{"name": "private", "files": ["accounts.csv"]}],
    });
    fs::write(folder.join("kustomization.yaml"), kustomization.to_string()).unwrap();
    let built = world.kubectl(&["kustomize", folder.to_str().unwrap()]).expect_success();
    for (name, many) in [("lists-", 3), ("private-", 4)] {
        let generated = built.lines().filter(|line| line.trim_start().starts_with(&format!("name: {name}"))).count();
        assert_eq!(generated, many, "the object and its references:\n{built}");
    }
}

/// After a restart, the list is read once, and nothing is sent or written.
#[test]
fn a_restart_sends_nothing() {
    let (world, mut operator) = world();
    config_map(&world, "lists", json!({"accounts.csv": "website\na.example.com\n"}));
    apply_from(&world, Kind::Accounts, "targets", one_map(), json!({}));
    let before = world.wait_reason(Kind::Accounts, "targets", "Created");
    operator.signal("TERM");
    operator.wait_ended();
    let operator = world.operator().fast(SPEEDUP).start();
    operator.wait_leading();
    world.accounts("sentinel", &["sentinel.example.com"]);
    world.wait_reason(Kind::Accounts, "sentinel", "Created");
    assert_eq!(world.get(Kind::Accounts, "targets")["status"], before["status"]);
    world.assert_sent(2, 2);
}
