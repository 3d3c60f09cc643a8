//! What the API server rejects by the rules of the CRDs, and that its messages never contain a value of a list.

use std::time::Duration;

use futures::StreamExt;
use kube::Api;
use kube::api::{DynamicObject, ListParams, WatchEvent, WatchParams};
use serde_json::{Value, json};

use crate::support::cluster::{RUNTIME, cluster};
use crate::support::world::CommandOutput;
use crate::support::{Kind, World};

/// A part of every value that must not appear in a message.
const CANARY: &str = "canary";

/// Applies an object like a user, but doesn't store it.
fn dry_run(world: &World, kind: Kind, spec: Value) -> CommandOutput {
    let object = kind.object("tried", json!({"spec": spec})).to_string();
    world.kubectl_with(&["apply", "--server-side", "--dry-run=server", "-f", "-"], &object)
}

#[track_caller]
fn assert_rejected_without_values(world: &World, kind: Kind, spec: Value, why: &str) -> String {
    let output = dry_run(world, kind, spec).expect_failure();
    assert!(output.contains(why), "{why:?} isn't in: {output}");
    assert!(!output.to_lowercase().contains(CANARY), "the value is in: {output}");
    output
}

#[test]
fn a_contact_needs_one_of_three_combinations() {
    let world = World::new();
    let valid = [
        json!({"linkedinUrl": "https://www.linkedin.com/in/example"}),
        json!({"firstName": "Ada", "lastName": "Lovelace", "companyName": "Analytical Engines"}),
        json!({"firstName": "Ada", "lastName": "Lovelace", "website": "example.com"}),
        json!({"firstName": "Ada", "lastName": "Lovelace", "website": "example.com", "linkedinUrl": null, "email": null}),
    ];
    for contact in valid {
        dry_run(&world, Kind::Contacts, json!({"contacts": [contact]})).expect_success();
    }
    let incomplete = [
        json!({}),
        json!({"email": "canary@example.com"}),
        json!({"firstName": "Canary", "lastName": "Canary"}),
        json!({"firstName": "Canary", "companyName": "Canary", "website": "canary.example.com"}),
        json!({"firstName": "Canary", "lastName": "", "companyName": "Canary"}),
        json!({"firstName": null, "lastName": null, "companyName": null, "website": null, "email": null, "linkedinUrl": null}),
        json!({"firstName": "Canary", "lastName": null, "companyName": "Canary"}),
    ];
    for contact in incomplete {
        assert_rejected_without_values(
            &world,
            Kind::Contacts,
            json!({"contacts": [contact]}),
            "every contact needs linkedinUrl",
        );
    }
}

#[test]
fn a_thousand_wrong_contacts_give_one_short_message() {
    let world = World::new();
    let wrong: Vec<_> = (0..1000).map(|i| json!({"email": format!("canary{i}@example.com")})).collect();
    let output = assert_rejected_without_values(
        &world,
        Kind::Contacts,
        json!({"contacts": wrong}),
        "every contact needs linkedinUrl",
    );
    assert!(output.len() < 1000, "{} bytes: {output}", output.len());
    assert_eq!(output.matches("every contact needs").count(), 1, "{output}");
}

/// With `kubectl create`: for a list or number instead of a string, server-side apply fails before the schema is
/// checked, and then the API server's own message contains the value. No schema can change that.
#[test]
fn values_of_a_wrong_type_or_length_are_not_in_the_message() {
    let world = World::new();
    let long = CANARY.repeat(50);
    for (kind, spec, why) in [
        (Kind::Accounts, json!({"accounts": [{"website": long}]}), "Too long"),
        (Kind::Contacts, json!({"contacts": [{"linkedinUrl": long}]}), "Too long"),
        (Kind::Contacts, json!({"contacts": [{"linkedinUrl": "x", "email": [CANARY]}]}), "contacts[0].email"),
        (Kind::Accounts, json!({"accounts": [CANARY]}), "accounts[0]"),
        (Kind::Accounts, json!({"accounts": [{"website": ""}]}), "every account needs a website"),
        (Kind::Accounts, json!({"accounts": [{}]}), "accounts[0].website"),
        (Kind::Accounts, json!({"accounts": [{"website": null}]}), "accounts[0].website"),
    ] {
        let object = kind.object("tried", json!({"spec": spec})).to_string();
        let output = world.kubectl_with(&["create", "--dry-run=server", "-f", "-"], &object).expect_failure();
        assert!(!output.to_lowercase().contains(CANARY), "the value is in: {output}");
        assert!(output.contains(why), "{spec}: {why:?} isn't in: {output}");
    }
}

#[test]
fn a_misspelt_field_is_rejected() {
    let world = World::new();
    let spec = json!({"contacts": [{"linkedinUrl": "x", "firstname": "Canary"}]});
    let output = dry_run(&world, Kind::Contacts, spec).expect_failure();
    assert!(output.contains("firstname") && !output.contains("Canary"), "{output}");
    let output = dry_run(&world, Kind::Workspace, json!({"workspaceID": "a", "dailyBudget": 3})).expect_failure();
    assert!(output.contains("dailyBudget"), "{output}");
}

#[test]
fn a_list_has_at_most_a_thousand_members() {
    let world = World::new();
    let full = "x".repeat(256);
    let contact = json!({"firstName": full, "lastName": full, "companyName": full, "website": full, "email": full,
        "linkedinUrl": full});
    dry_run(&world, Kind::Contacts, json!({"contacts": vec![&contact; 1000]})).expect_success();
    let output = dry_run(&world, Kind::Contacts, json!({"contacts": vec![&contact; 1001]})).expect_failure();
    assert!(output.contains("must have at most 1000 items"), "{output:.400}");
    assert!(!output.contains(&full), "{output:.400}");
}

#[test]
fn a_workspace_id_never_changes() {
    let world = World::new();
    world.workspace(json!({"workspaceID": "acme"}));
    let patch = r#"{"spec": {"workspaceID": "other"}}"#;
    let output = world.kubectl(&["patch", "pws", "default", "--type=merge", "-p", patch]).expect_failure();
    assert!(output.contains("workspaceID is immutable"), "{output}");
    let output =
        world.kubectl(&["patch", "pws", "default", "--type=merge", "-p", r#"{"spec": {"workspaceID": null}}"#]);
    assert!(output.expect_failure().contains("workspaceID"), "it is required");
    assert_eq!(world.get(Kind::Workspace, "default")["spec"]["workspaceID"], "acme");
}

#[test]
fn settings_out_of_range_are_rejected_with_the_range() {
    let world = World::new();
    for (field, value, why) in [
        ("requestTimeout", json!("121s"), "from 1s to 120s"),
        ("requestTimeout", json!("0s"), "from 1s to 120s"),
        ("requestTimeout", json!("-5s"), "from 1s to 120s"),
        ("requestTimeout", json!("soon"), "from 1s to 120s"),
        ("requestTimeout", json!("9999999999999h"), "requestTimeout"),
        ("refusedStatuses", json!([429, 500]), "only 429 and 503"),
        ("refusedStatuses", json!([429, 503, 429]), "at most 2 items"),
        ("concurrentCreates", json!(0), "greater than or equal to 1"),
        ("dailyCreateBudget", json!(-1), "greater than or equal to 0"),
        ("rateLimit", json!({"requestsPerMinute": 0}), "greater than or equal to 1"),
        ("workspaceID", json!(""), "workspaceID"),
    ] {
        let mut spec = json!({"workspaceID": "a"});
        spec[field] = value.clone();
        let output = dry_run(&world, Kind::Workspace, spec).expect_failure();
        assert!(output.contains(why), "{field}: {value}: {output}");
    }
    for (field, value, why) in [
        ("unknownOutcome", json!({"after": "14m"}), "from 15m to 168h"),
        ("unknownOutcome", json!({"after": "169h"}), "from 15m to 168h"),
        ("unknownOutcome", json!({"maxSends": 6}), "less than or equal to 5"),
        ("unknownOutcome", json!({"policy": "Retry"}), "Hold"),
        ("revision", json!("r".repeat(64)), "Too long"),
        ("workspaceRef", json!({"name": ""}), "workspaceRef.name"),
    ] {
        let mut spec = json!({"accounts": [{"website": "example.com"}]});
        spec[field] = value.clone();
        let output = dry_run(&world, Kind::Accounts, spec).expect_failure();
        assert!(output.contains(why), "{field}: {value}: {output}");
    }
    let valid =
        json!({"workspaceID": "a", "requestTimeout": "1m30s", "refusedStatuses": [503], "dailyCreateBudget": 0});
    dry_run(&world, Kind::Workspace, valid).expect_success();
    let valid =
        json!({"accounts": [{"website": "example.com"}], "unknownOutcome": {"after": "168h", "policy": "SendAgain"}});
    dry_run(&world, Kind::Accounts, valid).expect_success();
}

fn receipt(state: Option<&str>) -> Value {
    let record = state.map(|state| json!({"formatVersion": 1, "state": state, "attempts": []}));
    json!({"identity": {"kind": "AccountAudience", "workspaceID": "acme", "host": "api.propensity.com"}, "record": record})
}

#[test]
fn the_identity_of_a_receipt_never_changes() {
    let world = World::new();
    world.apply(Kind::Receipt, "ar-x", receipt(Some("Created")));
    for (how, patch) in [
        ("merge", r#"{"identity": {"workspaceID": "other"}}"#),
        ("merge", r#"{"identity": {"listHash": "aa"}}"#),
        ("merge", r#"{"identity": null}"#),
        ("json", r#"[{"op": "remove", "path": "/identity"}]"#),
        ("json", r#"[{"op": "remove", "path": "/identity/host"}]"#),
        ("json", r#"[{"op": "add", "path": "/identity/ofANewerVersion", "value": "x"}]"#),
    ] {
        let output = world.kubectl(&["patch", "areceipt", "ar-x", "--type", how, "-p", patch]).expect_failure();
        assert!(output.contains("identity"), "{patch}: {output}");
    }
    world.kubectl(&["annotate", "areceipt", "ar-x", "abm.propensity.com/resolve=a=dismiss"]).expect_success();
    assert_eq!(world.get(Kind::Receipt, "ar-x")["identity"], receipt(None)["identity"]);
}

/// Fields of a newer version must survive a rollback to this one.
#[test]
fn a_record_keeps_fields_that_this_version_does_not_know() {
    let world = World::new();
    let mut newer = receipt(Some("Created"));
    newer["record"]["ofANewerVersion"] = json!({"deep": [1, 2]});
    newer["record"]["formatVersion"] = json!(2);
    let stored = world.apply(Kind::Receipt, "ar-x", newer.clone());
    assert_eq!(stored["record"], newer["record"]);
}

#[test]
fn open_receipts_can_be_listed_and_watched_by_their_state() {
    let world = World::new();
    for (name, state) in [("created", Some("Created")), ("unknown", Some("Unknown")), ("bare", None)] {
        world.apply(Kind::Receipt, name, receipt(state));
    }
    let open = "record.state!=Created,record.state!=Dismissed";
    let api: Api<DynamicObject> =
        Api::namespaced_with(cluster().client.clone(), &world.namespace, &Kind::Receipt.resource());
    RUNTIME.block_on(async {
        let list = api.list(&ListParams::default().fields(open)).await.unwrap();
        let names: Vec<_> = list.items.iter().filter_map(|r| r.metadata.name.as_deref()).collect();
        assert_eq!(names, ["bare", "unknown"]);
        let version = list.metadata.resource_version.unwrap();
        let mut events = api.watch(&WatchParams::default().fields(open), &version).await.unwrap().boxed();
        let patch = kube::api::Patch::Merge(json!({"record": {"state": "Created"}}));
        api.patch("unknown", &Default::default(), &patch).await.unwrap();
        let event = tokio::time::timeout(Duration::from_secs(20), events.next()).await.expect("an event");
        let Some(Ok(WatchEvent::Deleted(gone))) = event else {
            panic!("the watch must report a resolved receipt as deleted: {event:?}")
        };
        assert_eq!(gone.metadata.name.as_deref(), Some("unknown"));
    });
}
