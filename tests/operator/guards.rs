//! Guards: lists that are too small, too large, or changed too much.

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
fn a_list_outside_its_limits_is_blocked_and_can_be_allowed_by_its_hash() {
    let (world, _operator) = world();
    accounts(&world, 3, json!({"minMembers": 4}));
    world.wait_message(Kind::Accounts, "targets", "GuardTripped", "3 members, fewer than the 4 of spec.minMembers");
    accounts(&world, 3, json!({"maxMembers": 2}));
    let blocked =
        world.wait_message(Kind::Accounts, "targets", "GuardTripped", "3 members, more than the 2 of spec.maxMembers");
    assert!(is_true(&blocked, "Stalled"));
    world.assert_sent(0, 0);
    let short_hash = blocked["status"]["shortListHash"].as_str().unwrap();
    assert!(message(&blocked).contains(&format!("spec.bypassGuardsForHash: {short_hash:?}")), "{}", message(&blocked));
    accounts(&world, 3, json!({"maxMembers": 2, "bypassGuardsForHash": short_hash}));
    world.wait_reason(Kind::Accounts, "targets", "Created");
    // The next list is blocked again.
    accounts(&world, 4, json!({"maxMembers": 2, "bypassGuardsForHash": short_hash}));
    world.wait_reason(Kind::Accounts, "targets", "GuardTripped");
    world.assert_sent(1, 1);
}

#[test]
fn a_list_that_changed_too_much_is_blocked() {
    let (world, _operator) = world();
    accounts(&world, 10, json!({}));
    world.wait_reason(Kind::Accounts, "targets", "Created");
    accounts(&world, 4, json!({}));
    world.wait_message(Kind::Accounts, "targets", "GuardTripped", "4 members, 60% fewer than the 10");
    accounts(&world, 16, json!({}));
    world.wait_message(Kind::Accounts, "targets", "GuardTripped", "16 members, 60% more than the 10");
    accounts(&world, 15, json!({}));
    world.wait_reason(Kind::Accounts, "targets", "Created");
    accounts(&world, 2, json!({"maxSizeChangePercent": 100}));
    world.wait_reason(Kind::Accounts, "targets", "Created");
    world.assert_sent(3, 3);
    // A list that was created before is never blocked.
    accounts(&world, 10, json!({}));
    world.wait_reason(Kind::Accounts, "targets", "AlreadyCreated");
    world.assert_sent(3, 3);
}

#[test]
fn contradicting_limits_are_rejected() {
    let world = World::new();
    let spec = json!({"accounts": [{"website": "example.com"}], "minMembers": 3, "maxMembers": 2});
    let rejected = world.objects.apply(Kind::Accounts, "targets", json!({"spec": spec}));
    assert!(rejected.unwrap_err().to_string().contains("minMembers must not be greater than maxMembers"));
}

#[test]
fn the_limits_of_a_workspace_can_only_be_made_stricter_by_an_audience() {
    let (world, operator) = world();
    world.workspace(json!({"policy": {"minMembers": 2, "maxMembers": 4, "maxSizeChangePercent": 60}}));
    let blocked_by_policy = |count: usize, spec: Value, text: &str| {
        accounts(&world, count, spec);
        let audience = world.wait_message(Kind::Accounts, "targets", "GuardTripped", text);
        assert!(message(&audience).contains("PropensityWorkspace default"), "{}", message(&audience));
        audience
    };
    blocked_by_policy(1, json!({"minMembers": 1}), "1 member, fewer than the 2 of spec.policy.minMembers");
    let blocked =
        blocked_by_policy(5, json!({"maxMembers": 100}), "5 members, more than the 4 of spec.policy.maxMembers");
    // An audience can't bypass the workspace's guard, but it can be stricter.
    let short_hash = blocked["status"]["shortListHash"].as_str().unwrap().to_owned();
    blocked_by_policy(5, json!({"bypassGuardsForHash": short_hash}), "more than the 4 of spec.policy.maxMembers");
    accounts(&world, 3, json!({"maxMembers": 2}));
    world.wait_message(Kind::Accounts, "targets", "GuardTripped", "more than the 2 of spec.maxMembers");
    world.assert_sent(0, 0);
    accounts(&world, 2, json!({}));
    world.wait_reason(Kind::Accounts, "targets", "Created");
    blocked_by_policy(4, json!({"maxSizeChangePercent": 1000}), "100% more than the 2");
    // The workspace can allow a list.
    accounts(&world, 5, json!({"maxSizeChangePercent": 1000}));
    world.workspace(json!({"policy": {"maxMembers": 4, "bypassGuardsForHashes": [short_hash]}}));
    world.wait_reason(Kind::Accounts, "targets", "Created");
    world.assert_sent(2, 2);
    assert_eq!(operator.metric_sum("propensity_operator_leader"), 1.0);
}

#[test]
fn a_workspace_can_forbid_inline_contacts() {
    let (world, _operator) = world();
    world.workspace(json!({"policy": {"inlineContacts": false}}));
    world.contacts("people", json!([{"linkedinUrl": "https://www.linkedin.com/in/example"}]));
    world.wait_message(Kind::Contacts, "people", "GuardTripped", "doesn't allow contacts in the audience itself");
    accounts(&world, 1, json!({}));
    world.wait_reason(Kind::Accounts, "targets", "Created");
    let key = world.simulator.borrow().key().to_owned();
    let csv = "linkedin\nlinkedin.com/in/example\n";
    world.apply(Kind::Secret, "propensity", json!({"stringData": {"workspace_api_key": key, "people.csv": csv}}));
    world.apply(
        Kind::Contacts,
        "people",
        json!({"spec": {"stabilizationWindow": "0s", "from": [{"secret": {"name": "propensity", "key": "people.csv"}}]}}),
    );
    world.wait_reason(Kind::Contacts, "people", "Created");
    world.assert_sent(2, 2);
}

#[test]
fn row_counts_are_reported_everywhere_and_warnings_block_nothing() {
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
    let audience = world.wait_reason(Kind::Contacts, "people", "Created");
    assert_eq!(audience["status"]["warnings"], json!({"freeMailDomains": 1, "roleAddresses": 1}));
    let expected = "the audience was created with 2 members of 4 rows (1 invalid, 1 duplicate, 0 excluded)";
    assert_eq!(message(&audience), expected);
    assert_eq!(world.wait_event("people", "Created"), expected);
    for (class, many) in [("invalid", 1.0), ("duplicate", 1.0), ("excluded", 0.0), ("to_send", 2.0)] {
        let name = format!(r#"propensity_operator_list_rows{{kind="ContactAudience",class="{class}"}}"#);
        eventually(&name, || ensure(operator.metric(&name) == Some(many), || operator.metrics()));
    }
}
