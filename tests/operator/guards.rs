//! Guards: lists that are too small, too large, or changed by too much.

use serde_json::{Value, json};

use crate::support::objects::{is_true, message};
use crate::support::wait::{ensure, eventually};
use crate::support::{Kind, Operator, World};

fn world() -> (World, Operator) {
    let world = World::new();
    let operator = world.operator().start();
    world.connect();
    (world, operator)
}

fn sites(count: usize) -> Vec<String> {
    (0..count).map(|site| format!("site-{site}.example.com")).collect()
}

fn accounts(world: &World, count: usize, spec: Value) {
    let sites = sites(count);
    let sites: Vec<_> = sites.iter().map(String::as_str).collect();
    world.accounts_with("targets", &sites, spec);
}

#[test]
fn a_list_outside_of_its_bounds_is_held_and_may_pass_by_its_hash() {
    let (world, _operator) = world();
    accounts(&world, 3, json!({"minMembers": 4}));
    world.says(Kind::Accounts, "targets", "GuardTripped", "3 members, fewer than the 4 of spec.minMembers");
    accounts(&world, 3, json!({"maxMembers": 2}));
    let held = world.says(Kind::Accounts, "targets", "GuardTripped", "3 members, more than the 2 of spec.maxMembers");
    assert!(is_true(&held, "Stalled"));
    world.sent(0, 0);
    let short = held["status"]["shortListHash"].as_str().unwrap();
    assert!(message(&held).contains(&format!("spec.bypassGuardsForHash: {short:?}")), "{}", message(&held));
    accounts(&world, 3, json!({"maxMembers": 2, "bypassGuardsForHash": short}));
    world.settled(Kind::Accounts, "targets", "Created");
    // The next list is held again.
    accounts(&world, 4, json!({"maxMembers": 2, "bypassGuardsForHash": short}));
    world.settled(Kind::Accounts, "targets", "GuardTripped");
    world.sent(1, 1);
}

#[test]
fn a_list_that_changed_by_too_much_is_held() {
    let (world, _operator) = world();
    accounts(&world, 10, json!({}));
    world.settled(Kind::Accounts, "targets", "Created");
    accounts(&world, 4, json!({}));
    world.says(Kind::Accounts, "targets", "GuardTripped", "4 members, 60 % fewer than the 10");
    accounts(&world, 16, json!({}));
    world.says(Kind::Accounts, "targets", "GuardTripped", "16 members, 60 % more than the 10");
    accounts(&world, 15, json!({}));
    world.settled(Kind::Accounts, "targets", "Created");
    accounts(&world, 2, json!({"maxSizeChangePercent": 100}));
    world.settled(Kind::Accounts, "targets", "Created");
    world.sent(3, 3);
    // What is in the workspace already is never held.
    accounts(&world, 10, json!({}));
    world.settled(Kind::Accounts, "targets", "AlreadyCreated");
    world.sent(3, 3);
}

#[test]
fn bounds_that_contradict_each_other_are_refused() {
    let world = World::new();
    let spec = json!({"accounts": [{"website": "example.com"}], "minMembers": 3, "maxMembers": 2});
    let refused = world.objects.apply(Kind::Accounts, "targets", json!({"spec": spec}));
    assert!(refused.unwrap_err().to_string().contains("minMembers must not be greater than maxMembers"));
}

#[test]
fn a_workspace_bounds_its_audiences_which_can_only_tighten_that() {
    let (world, operator) = world();
    world.workspace(json!({"policy": {"minMembers": 2, "maxMembers": 4, "maxSizeChangePercent": 60}}));
    let of_policy = |count: usize, spec: Value, text: &str| {
        accounts(&world, count, spec);
        let audience = world.says(Kind::Accounts, "targets", "GuardTripped", text);
        assert!(message(&audience).contains("PropensityWorkspace default"), "{}", message(&audience));
        audience
    };
    of_policy(1, json!({"minMembers": 1}), "1 members, fewer than the 2 of spec.policy.minMembers");
    let held = of_policy(5, json!({"maxMembers": 100}), "5 members, more than the 4 of spec.policy.maxMembers");
    // An audience can't let itself pass, and can be stricter.
    let short = held["status"]["shortListHash"].as_str().unwrap().to_owned();
    of_policy(5, json!({"bypassGuardsForHash": short}), "more than the 4 of spec.policy.maxMembers");
    accounts(&world, 3, json!({"maxMembers": 2}));
    world.says(Kind::Accounts, "targets", "GuardTripped", "more than the 2 of spec.maxMembers");
    world.sent(0, 0);
    accounts(&world, 2, json!({}));
    world.settled(Kind::Accounts, "targets", "Created");
    of_policy(4, json!({"maxSizeChangePercent": 1000}), "100 % more than the 2");
    // The workspace can let a list pass.
    accounts(&world, 5, json!({"maxSizeChangePercent": 1000}));
    world.workspace(json!({"policy": {"maxMembers": 4, "bypassGuardsForHashes": [short]}}));
    world.settled(Kind::Accounts, "targets", "Created");
    world.sent(2, 2);
    assert_eq!(operator.metric_sum("propensity_operator_leader"), 1.0);
}

#[test]
fn a_workspace_can_keep_contacts_out_of_audiences() {
    let (world, _operator) = world();
    world.workspace(json!({"policy": {"inlineContacts": false}}));
    world.contacts("people", json!([{"linkedinUrl": "https://www.linkedin.com/in/example"}]));
    world.says(Kind::Contacts, "people", "GuardTripped", "doesn't let contacts stand in the audience itself");
    accounts(&world, 1, json!({}));
    world.settled(Kind::Accounts, "targets", "Created");
    let key = world.simulator.borrow().key().to_owned();
    let csv = "linkedin\nlinkedin.com/in/example\n";
    world.apply(Kind::Secret, "propensity", json!({"stringData": {"workspace_api_key": key, "people.csv": csv}}));
    world.apply(
        Kind::Contacts,
        "people",
        json!({"spec": {"stabilizationWindow": "0s", "from": [{"secret": {"name": "propensity", "key": "people.csv"}}]}}),
    );
    world.settled(Kind::Contacts, "people", "Created");
    world.sent(2, 2);
}

#[test]
fn what_becomes_of_rows_is_told_everywhere_and_warnings_block_nothing() {
    let (world, operator) = world();
    let contact =
        |name: &str, email: &str| json!({"firstName": name, "lastName": "L", "companyName": "C", "email": email});
    let rows = [
        contact("Ada", "ada@gmail.com"),
        contact("Info", "info@example.com"),
        contact("Info", "info@example.com"),
        contact("Cem", "cem at example.com"),
    ];
    let spec = json!({"contacts": rows, "invalidMembers": "Skip", "maxInvalidPercent": 50});
    world.apply(Kind::Contacts, "people", json!({"spec": spec}));
    let audience = world.settled(Kind::Contacts, "people", "Created");
    assert_eq!(audience["status"]["warnings"], json!({"freeMailDomains": 1, "roleAddresses": 1}));
    let says = "the audience was created with 2 members of 4 rows (1 invalid, 1 duplicate, 0 excluded)";
    assert_eq!(message(&audience), says);
    assert_eq!(world.event("people", "Created"), says);
    for (class, many) in [("invalid", 1.0), ("duplicate", 1.0), ("excluded", 0.0), ("to_send", 2.0)] {
        let name = format!(r#"propensity_operator_list_rows{{kind="ContactAudience",class="{class}"}}"#);
        eventually(&name, || ensure(operator.metric(&name) == Some(many), || operator.metrics()));
    }
}
