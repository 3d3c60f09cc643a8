//! What the API server refuses by the CRDs' rules, and that it never repeats a value of a list when it does.

use std::time::Duration;

use futures::StreamExt;
use kube::Api;
use kube::api::{DynamicObject, ListParams, WatchEvent, WatchParams};
use serde_json::{Value, json};

use crate::support::cluster::{RUNTIME, cluster};
use crate::support::world::Said;
use crate::support::{Kind, World};

/// In every value that must not be repeated.
const CANARY: &str = "canary";

/// What a user does, without storing it.
fn try_out(world: &World, kind: Kind, spec: Value) -> Said {
    let object = kind.object("tried", json!({"spec": spec})).to_string();
    world.kubectl_with(&["apply", "--server-side", "--dry-run=server", "-f", "-"], &object)
}

#[track_caller]
fn refused_silently(world: &World, kind: Kind, spec: Value, why: &str) -> String {
    let said = try_out(world, kind, spec).refused();
    assert!(said.contains(why), "{why:?} isn't said: {said}");
    assert!(!said.to_lowercase().contains(CANARY), "the value is repeated: {said}");
    said
}

#[test]
fn a_contact_needs_one_of_three_combinations() {
    let world = World::new();
    let fine = [
        json!({"linkedinUrl": "https://www.linkedin.com/in/example"}),
        json!({"firstName": "Ada", "lastName": "Lovelace", "companyName": "Analytical Engines"}),
        json!({"firstName": "Ada", "lastName": "Lovelace", "website": "example.com"}),
        json!({"firstName": "Ada", "lastName": "Lovelace", "website": "example.com", "linkedinUrl": null, "email": null}),
    ];
    for contact in fine {
        try_out(&world, Kind::Contacts, json!({"contacts": [contact]})).fine();
    }
    let lacking = [
        json!({}),
        json!({"email": "canary@example.com"}),
        json!({"firstName": "Canary", "lastName": "Canary"}),
        json!({"firstName": "Canary", "companyName": "Canary", "website": "canary.example.com"}),
        json!({"firstName": "Canary", "lastName": "", "companyName": "Canary"}),
        json!({"firstName": null, "lastName": null, "companyName": null, "website": null, "email": null, "linkedinUrl": null}),
        json!({"firstName": "Canary", "lastName": null, "companyName": "Canary"}),
    ];
    for contact in lacking {
        refused_silently(&world, Kind::Contacts, json!({"contacts": [contact]}), "every contact needs linkedinUrl");
    }
}

#[test]
fn a_thousand_wrong_contacts_give_one_short_message() {
    let world = World::new();
    let wrong: Vec<_> = (0..1000).map(|i| json!({"email": format!("canary{i}@example.com")})).collect();
    let said = refused_silently(&world, Kind::Contacts, json!({"contacts": wrong}), "every contact needs linkedinUrl");
    assert!(said.len() < 1000, "{} bytes: {said}", said.len());
    assert_eq!(said.matches("every contact needs").count(), 1, "{said}");
}

/// By `kubectl create`: for a list or number where a string belongs, server-side apply fails before the schema is asked, and
/// the API server itself repeats the value there. No schema can change that.
#[test]
fn values_of_a_wrong_type_or_length_are_not_repeated() {
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
        let said = world.kubectl_with(&["create", "--dry-run=server", "-f", "-"], &object).refused();
        assert!(!said.to_lowercase().contains(CANARY), "the value is repeated: {said}");
        assert!(said.contains(why), "{spec}: {why:?} isn't said: {said}");
    }
}

#[test]
fn a_misspelt_field_is_refused() {
    let world = World::new();
    let spec = json!({"contacts": [{"linkedinUrl": "x", "firstname": "Canary"}]});
    let said = try_out(&world, Kind::Contacts, spec).refused();
    assert!(said.contains("firstname") && !said.contains("Canary"), "{said}");
    let said = try_out(&world, Kind::Workspace, json!({"workspaceID": "a", "dailyBudget": 3})).refused();
    assert!(said.contains("dailyBudget"), "{said}");
}

#[test]
fn a_list_holds_a_thousand_members_and_no_more() {
    let world = World::new();
    let full = "x".repeat(256);
    let contact = json!({"firstName": full, "lastName": full, "companyName": full, "website": full, "email": full,
        "linkedinUrl": full});
    try_out(&world, Kind::Contacts, json!({"contacts": vec![&contact; 1000]})).fine();
    let said = try_out(&world, Kind::Contacts, json!({"contacts": vec![&contact; 1001]})).refused();
    assert!(said.contains("must have at most 1000 items"), "{said:.400}");
    assert!(!said.contains(&full), "{said:.400}");
}

#[test]
fn a_workspace_id_never_changes() {
    let world = World::new();
    world.workspace(json!({"workspaceID": "acme"}));
    let patch = r#"{"spec": {"workspaceID": "other"}}"#;
    let said = world.kubectl(&["patch", "pws", "default", "--type=merge", "-p", patch]).refused();
    assert!(said.contains("workspaceID is immutable"), "{said}");
    let said = world.kubectl(&["patch", "pws", "default", "--type=merge", "-p", r#"{"spec": {"workspaceID": null}}"#]);
    assert!(said.refused().contains("workspaceID"), "it is required");
    assert_eq!(world.get(Kind::Workspace, "default")["spec"]["workspaceID"], "acme");
}

#[test]
fn settings_out_of_range_are_refused_with_the_range() {
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
        let said = try_out(&world, Kind::Workspace, spec).refused();
        assert!(said.contains(why), "{field}: {value}: {said}");
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
        let said = try_out(&world, Kind::Accounts, spec).refused();
        assert!(said.contains(why), "{field}: {value}: {said}");
    }
    let fine = json!({"workspaceID": "a", "requestTimeout": "1m30s", "refusedStatuses": [503], "dailyCreateBudget": 0});
    try_out(&world, Kind::Workspace, fine).fine();
    let fine =
        json!({"accounts": [{"website": "example.com"}], "unknownOutcome": {"after": "168h", "policy": "SendAgain"}});
    try_out(&world, Kind::Accounts, fine).fine();
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
        let said = world.kubectl(&["patch", "areceipt", "ar-x", "--type", how, "-p", patch]).refused();
        assert!(said.contains("identity"), "{patch}: {said}");
    }
    world.kubectl(&["annotate", "areceipt", "ar-x", "abm.propensity.com/resolve=a=dismiss"]).fine();
    assert_eq!(world.get(Kind::Receipt, "ar-x")["identity"], receipt(None)["identity"]);
}

/// What a newer version wrote must survive a roll-back to this one.
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
        let settled = kube::api::Patch::Merge(json!({"record": {"state": "Created"}}));
        api.patch("unknown", &Default::default(), &settled).await.unwrap();
        let event = tokio::time::timeout(Duration::from_secs(20), events.next()).await.expect("an event");
        let Some(Ok(WatchEvent::Deleted(gone))) = event else { panic!("a closed receipt leaves the watch: {event:?}") };
        assert_eq!(gone.metadata.name.as_deref(), Some("unknown"));
    });
}
