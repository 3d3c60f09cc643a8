//! Suppression lists: members that must never be sent.

use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::support::call::Call;
use crate::support::intercept::{Point, Trap};
use crate::support::objects::{condition, is_true, message};
use crate::support::proxy::Gateway;
use crate::support::wait::{consistently, ensure, eventually};
use crate::support::{Kind, Operator, World};

/// The default stabilization window takes a tenth of a second.
const SPEEDUP: u32 = 100;

fn world() -> (World, Operator) {
    let world = World::new();
    let operator = world.operator().fast(SPEEDUP).short_lease().start();
    world.connect();
    (world, operator)
}

fn suppress(world: &World, name: &str, spec: Value) {
    world.apply(Kind::Suppression, name, json!({"spec": spec}));
}

/// Applies an audience of these sites with the suppression list `never`.
fn apply_targets(world: &World, sites: &[&str], more: Value) {
    let mut spec = json!({"suppressionRefs": [{"name": "never"}]});
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    world.accounts_with("targets", sites, spec);
}

/// The websites of each stored audience.
fn stored(world: &World) -> Vec<Vec<String>> {
    let audiences = world.simulator.borrow().audiences();
    let website = |member: &Value| member["website"].as_str().unwrap_or_default().to_owned();
    audiences.iter().map(|a| a["members"].as_array().unwrap().iter().map(website).collect()).collect()
}

fn hashed(text: &str) -> String {
    format!("sha256:{}", data_encoding::HEXLOWER.encode(&Sha256::digest(text)))
}

const SITES: [&str; 3] = ["a.example.com", "b.example.com", "shop.c.example.com"];

#[test]
fn suppressed_members_are_not_sent_but_counted() {
    let (world, _operator) = world();
    // The audience is applied first, and waits for the list that it refers to.
    apply_targets(&world, &SITES, json!({}));
    let waiting = world.wait_message(Kind::Accounts, "targets", "SourceNotFound", "there is no SuppressionList never");
    assert!(message(&waiting).contains("spec.suppressionRefs of this AccountAudience"), "{}", message(&waiting));
    world.assert_sent(0, 0);
    suppress(&world, "never", json!({"domains": ["C.example.com", hashed("b.example.com")]}));
    let audience = world.wait_reason(Kind::Accounts, "targets", "Created");
    assert_eq!(
        audience["status"]["members"],
        json!({"read": 3, "invalid": 0, "duplicate": 0, "excluded": 2, "toSend": 1})
    );
    assert_eq!(stored(&world), [["a.example.com"]]);
    let attempt = &world.receipt()["record"]["attempts"][0];
    assert_eq!((&attempt["members"], &attempt["excluded"]), (&json!(1), &json!(2)));
    let list = world.wait_reason(Kind::Suppression, "never", "Loaded");
    assert_eq!(list["status"]["entries"], json!({"domains": 1, "emails": 0, "linkedinUrls": 0, "hashed": 1}));
}

#[test]
fn a_list_in_a_secret_applies_to_all_audiences_of_the_workspace() {
    let (world, _operator) = world();
    let key = world.simulator.borrow().key().to_owned();
    let csv = format!("Email;LinkedIn\nADA@example.com;\n{};\n;linkedin.com/in/Bob\n", hashed("cem@example.com"));
    world.apply(Kind::Secret, "propensity", json!({"stringData": {"workspace_api_key": key, "left.csv": csv}}));
    suppress(&world, "left", json!({"from": [{"secret": {"name": "propensity", "key": "left.csv"}}]}));
    world.workspace(json!({"suppressionRefs": [{"name": "left"}]}));
    let contact = |name: &str| json!({"firstName": name, "lastName": "L", "companyName": "C", "email": format!("{name}@example.com")});
    let mut bob = contact("bob");
    bob["linkedinUrl"] = "https://www.linkedin.com/in/bob/".into();
    world.contacts("people", json!([contact("ada"), bob, contact("cem"), contact("dan")]));
    let audience = world.wait_reason(Kind::Contacts, "people", "Created");
    assert_eq!(audience["status"]["members"]["excluded"], 3);
    let members = world.simulator.borrow().audiences()[0]["members"].clone();
    assert_eq!(members.as_array().unwrap().len(), 1);
    assert_eq!(members[0]["first_name"], "dan");
    let list = world.wait_reason(Kind::Suppression, "left", "Loaded");
    assert_eq!(list["status"]["entries"], json!({"domains": 0, "emails": 1, "linkedinUrls": 1, "hashed": 1}));
}

#[test]
fn an_unreadable_suppression_list_stops_all_creates() {
    let (world, _operator) = world();
    suppress(
        &world,
        "never",
        json!({"domains": ["example.org"], "from": [{"configMap": {"name": "never", "key": "sites.csv"}}]}),
    );
    apply_targets(&world, &SITES, json!({}));
    let missing = world.wait_message(Kind::Accounts, "targets", "SourceNotFound", "there is no ConfigMap never");
    assert!(message(&missing).contains("spec.from of SuppressionList never"), "{}", message(&missing));
    world.wait_reason(Kind::Suppression, "never", "SourceNotFound");
    let set_file = |text: &str| {
        world.apply(Kind::ConfigMap, "never", json!({"data": {"sites.csv": text}}));
    };
    for (text, why) in [
        ("", "it is empty"),
        ("domain\nexample.net\n\"cut off", "a quote is never closed"),
        ("domain\nexample.net\ncanary\n", "row 3 has something that isn't a domain"),
        ("domain,name\nexample.net,\n,Ada\n", "row 3 has no domain, email or LinkedIn profile"),
        ("name\nAda\n", "no column is known"),
    ] {
        set_file(text);
        let audience = world.wait_message(Kind::Accounts, "targets", "SourceUnreadable", why);
        assert!(is_true(&audience, "Stalled") && !audience.to_string().contains("canary"));
        let list = world.wait_message(Kind::Suppression, "never", "SourceUnreadable", why);
        assert!(is_true(&list, "Stalled") && !list.to_string().contains("canary"));
    }
    suppress(&world, "never", json!({"emails": ["ada@example.com", "canary"]}));
    world.wait_message(Kind::Accounts, "targets", "SourceUnreadable", "entry 2 of spec.emails isn't an email address");
    consistently(Duration::from_millis(500), "nothing is sent", || {
        ensure(world.simulator.borrow().requests().is_empty(), || "there are requests".to_owned())
    });
    suppress(&world, "never", json!({"domains": ["b.example.com"]}));
    world.wait_reason(Kind::Accounts, "targets", "Created");
    world.wait_reason(Kind::Suppression, "never", "Loaded");
    assert_eq!(stored(&world), [["a.example.com", "shop.c.example.com"]]);
}

#[test]
fn members_suppressed_after_they_were_sent_are_reported_and_nothing_is_sent() {
    let (world, mut operator) = world();
    suppress(&world, "never", json!({}));
    apply_targets(&world, &SITES, json!({}));
    world.wait_reason(Kind::Accounts, "targets", "Created");
    suppress(&world, "never", json!({"domains": ["b.example.com", "c.example.com"]}));
    let wait_count = |many: u64| {
        eventually("the count is reported", || {
            let audience = world.get(Kind::Accounts, "targets");
            ensure(audience["status"]["suppressedMembersSent"].as_u64().unwrap_or_default() == many, || {
                audience["status"].to_string()
            })?;
            Ok::<_, String>(audience)
        })
    };
    let audience = wait_count(2);
    assert!(is_true(&audience, "Ready") && is_true(&audience, "SuppressedMembersSent"));
    assert_eq!(audience["status"]["members"]["toSend"], 1);
    let text = condition(&audience, "SuppressedMembersSent").unwrap()["message"].as_str().unwrap().to_owned();
    assert!(text.contains("at least 2 of the 3 members that were sent"), "{text}");
    assert!(text.contains("manually"), "{text}");
    assert_eq!(world.wait_event("targets", "SuppressedMembersSent"), text);
    let metric = r#"propensity_operator_suppressed_members_sent{kind="AccountAudience"}"#;
    eventually("the metric has the count", || {
        let value = operator.metric(metric);
        ensure(value == Some(2.0), || format!("it is {value:?}"))
    });
    world.assert_sent(1, 1);
    // All members are suppressed: nothing can be sent, and the sent members are still reported.
    suppress(&world, "never", json!({"domains": ["example.com"]}));
    assert!(is_true(&wait_count(3), "Ready"));
    // A new process changes nothing.
    operator.kill();
    let operator = world.operator().fast(SPEEDUP).short_lease().start();
    operator.wait_leading();
    suppress(&world, "never", json!({"domains": ["example.org"]}));
    let audience = wait_count(0);
    assert!(condition(&audience, "SuppressedMembersSent").is_none());
    world.assert_sent(1, 1);
    assert_eq!(world.receipts().len(), 1);
}

#[test]
fn a_list_with_only_suppressed_members_is_not_sent() {
    let (world, _operator) = world();
    suppress(&world, "never", json!({"domains": ["example.com"]}));
    apply_targets(&world, &SITES, json!({}));
    world.wait_message(Kind::Accounts, "targets", "EmptyList", "the list has only suppressed members (3)");
    world.assert_sent(0, 0);
    // The guards count only the members that would be sent.
    suppress(&world, "never", json!({"domains": ["a.example.com"]}));
    apply_targets(&world, &SITES, json!({"minMembers": 3}));
    world.wait_message(Kind::Accounts, "targets", "GuardTripped", "the list has 2 members, fewer than the 3");
    world.assert_sent(0, 0);
}

#[test]
fn with_resend_a_changed_suppression_creates_one_new_audience() {
    let (world, mut operator) = world();
    suppress(&world, "never", json!({"domains": ["a.example.com"]}));
    let resend = json!({"resendOnSuppression": true, "maxSizeChangePercent": 100});
    apply_targets(&world, &SITES, json!({"maxSizeChangePercent": 100}));
    world.wait_reason(Kind::Accounts, "targets", "Created");
    // Switching it on without a newly suppressed member sends nothing.
    apply_targets(&world, &SITES, resend.clone());
    world.wait_reason(Kind::Accounts, "targets", "AlreadyCreated");
    world.assert_sent(1, 1);
    suppress(&world, "never", json!({"domains": ["a.example.com", "b.example.com"]}));
    eventually("the list is sent without b", || ensure(stored(&world).len() == 2, || format!("{:?}", stored(&world))));
    let audience = world.wait_reason(Kind::Accounts, "targets", "Created");
    assert_eq!(stored(&world)[1], ["shop.c.example.com"]);
    assert!(condition(&audience, "SuppressedMembersSent").is_none());
    assert_eq!(audience["status"]["superseded"], 1);
    // The same entries in another form and a new process send nothing.
    operator.kill();
    let operator = world.operator().fast(SPEEDUP).short_lease().start();
    operator.wait_leading();
    suppress(&world, "never", json!({"domains": [hashed("b.example.com"), "https://www.a.example.com/"]}));
    world.wait_reason(Kind::Accounts, "targets", "Created");
    // Back to the first list: its audience still exists.
    suppress(&world, "never", json!({"domains": ["a.example.com"]}));
    world.wait_reason(Kind::Accounts, "targets", "AlreadyCreated");
    // Switched off: the list was sent before, so nothing is sent.
    suppress(&world, "never", json!({"domains": []}));
    apply_targets(&world, &SITES, json!({"maxSizeChangePercent": 100}));
    world.wait_reason(Kind::Accounts, "targets", "AlreadyCreated");
    world.assert_sent(2, 2);
}

#[test]
fn an_entry_that_is_added_at_the_last_moment_is_respected() {
    let world = World::new();
    let gateway = Gateway::start(world.simulator.borrow().address());
    let proxy = gateway.proxy();
    let launch = world.operator().through(&proxy).fast(SPEEDUP);
    let operator = launch.start();
    world.connect();
    world.wait_reason(Kind::Workspace, "default", "Connected");
    suppress(&world, "never", json!({}));
    world.wait_reason(Kind::Suppression, "never", "Loaded");
    operator.wait_leading();
    // The live read right before the claim: its response is old when it arrives.
    proxy.arm(Trap { call: Call::Live, nth: 3, point: Point::Answered });
    apply_targets(&world, &SITES, json!({}));
    eventually("the request is caught", || ensure(proxy.has_caught(), || "it isn't".to_owned()));
    suppress(&world, "never", json!({"domains": ["b.example.com"]}));
    proxy.resume(false);
    world.wait_ready(Kind::Accounts, "targets");
    assert_eq!(stored(&world), [["a.example.com", "shop.c.example.com"]]);
    world.assert_sent(1, 1);
}
