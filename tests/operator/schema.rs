//! The documentation in the CRDs: every field has a description and a limit, and `kubectl` shows what users need.

use serde_json::{Value, json};

use crate::support::cluster::{cluster, succeed};
use crate::support::wait::eventually;
use crate::support::{Kind, World};

const KINDS: [Kind; 4] = [Kind::Workspace, Kind::Contacts, Kind::Accounts, Kind::Receipt];

/// The schema that the API server has for a kind.
fn schema(kind: Kind) -> Value {
    let name = format!("{}.abm.propensity.com", kind.plural());
    let crd = succeed("kubectl get crd", cluster().program("kubectl").args(["get", "crd", &name, "-o", "json"]));
    let crd: Value = serde_json::from_str(&crd).unwrap();
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
}

/// Visits every field below a schema with its path.
fn walk(path: &str, schema: &Value, visit: &mut impl FnMut(&str, &Value)) {
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        visit(&path, field);
        walk(&path, field, visit);
    }
    for below in ["items", "additionalProperties"] {
        if schema[below].is_object() {
            let path = format!("{path}[]");
            visit(&path, &schema[below]);
            walk(&path, &schema[below], visit);
        }
    }
}

/// The paths of the fields in all kinds for which `is_bad` is true.
fn fields_where(is_bad: impl Fn(&str, &Value) -> bool) -> Vec<String> {
    let mut bad = vec![];
    for kind in KINDS {
        walk(kind.plural(), &schema(kind), &mut |path, field| {
            if is_bad(path, field) {
                bad.push(path.to_owned());
            }
        });
    }
    bad
}

#[test]
fn every_field_has_a_description() {
    let bare = fields_where(|path, field| {
        let described = field["description"].as_str().is_some_and(|text| !text.trim().is_empty());
        // Items are described by their list.
        !described && !path.ends_with("[]")
    });
    assert!(bare.is_empty(), "no description: {bare:#?}");
}

#[test]
fn every_string_and_every_list_has_a_limit() {
    let unbounded = fields_where(|_, field| match field["type"].as_str() {
        Some("string") => {
            let fixed = field["enum"].is_array() || field["format"] == "date-time";
            field["maxLength"].is_null() && !fixed
        }
        Some("array") => field["maxItems"].is_null(),
        Some("object") => field["additionalProperties"].is_object() && field["maxProperties"].is_null(),
        _ => false,
    });
    assert!(unbounded.is_empty(), "no limit: {unbounded:#?}");
}

/// With each of these rules, the API server's error message contains the value.
#[test]
fn no_field_of_a_member_has_a_rule_that_would_print_its_value() {
    let echoing = fields_where(|path, field| {
        let of_a_member = path.contains(".spec.contacts[]") || path.contains(".spec.accounts[]");
        let scalar = matches!(field["type"].as_str(), Some("string" | "integer" | "number" | "boolean"));
        of_a_member
            && scalar
            && ["pattern", "format", "enum", "x-kubernetes-validations"].iter().any(|key| !field[key].is_null())
    });
    assert!(echoing.is_empty(), "error messages would contain the values of: {echoing:#?}");
}

#[test]
fn kubectl_explain_describes_the_fields() {
    let world = World::new();
    for (path, words) in [
        ("pws.spec.workspaceID", "Immutable"),
        ("pws.spec.dailyCreateBudget", "UTC day"),
        ("caud.spec.contacts", "linkedinUrl"),
        ("caud.spec.contacts.email", "Alone it isn't enough"),
        ("caud.spec.revision", "create the same list again"),
        ("aaud.spec.accounts.website", "same account"),
        ("aaud.status.superseded", "remove them in Propensity"),
        ("areceipt", "Never delete receipts"),
    ] {
        // A CRD that was just installed takes a moment to be found by its short name.
        let text = eventually("kubectl explain finds the field", || {
            let output = world.kubectl(&["explain", path]);
            if output.ok { Ok(output.text) } else { Err(output.text) }
        });
        let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(joined.contains(words), "kubectl explain {path} doesn't contain {words:?}:\n{text}");
    }
}

#[test]
fn kubectl_get_shows_the_important_columns() {
    let world = World::new();
    world.workspace(json!({}));
    world.accounts("leaders", &["example.com"]);
    world.contacts("people", json!([{"linkedinUrl": "https://www.linkedin.com/in/example"}]));
    let now = "2026-01-02T03:04:05Z";
    let ready = json!([{"type": "Ready", "status": "True", "reason": "Created", "message": "It was created.",
        "lastTransitionTime": now}]);
    let members = json!({"read": 42, "invalid": 0, "duplicate": 1, "excluded": 0, "toSend": 41});
    world.objects.patch_status(
        Kind::Accounts,
        "leaders",
        json!({"status": {"conditions": ready, "members": members,
            "lastCreated": {"receipt": "ar-x", "time": now, "members": 41}}}),
    );

    let table = world.kubectl(&["get", "aaud"]).expect_success();
    let mut lines = table.lines();
    let columns: Vec<_> = lines.next().unwrap().split("  ").map(str::trim).filter(|c| !c.is_empty()).collect();
    assert_eq!(columns, ["NAME", "READY", "REASON", "MEMBERS", "WORKSPACE", "LAST CREATED", "AGE"]);
    let row: Vec<_> = lines.next().unwrap().split_whitespace().collect();
    assert_eq!(row[..5], ["leaders", "True", "Created", "41", "default"]);

    let wide = world.kubectl(&["get", "aaud", "-o", "wide"]).expect_success();
    assert!(wide.contains("MESSAGE") && wide.contains("It was created."), "{wide}");
    let all = world.kubectl(&["get", "propensity"]).expect_success();
    for name in ["propensityworkspace.abm.propensity.com/default", "leaders", "people"] {
        assert!(all.contains(name), "{name} is missing in `kubectl get propensity`:\n{all}");
    }
    assert!(
        !all.contains("audiencereceipt"),
        "`kubectl get propensity` must not list receipts, because there can be very many:\n{all}"
    );
}
