//! Who must never be sent.

use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::support::call::Call;
use crate::support::objects::{condition, is_true, message};
use crate::support::proxy::{Gateway, Point, Trap};
use crate::support::wait::{ensure, eventually, holds_for};
use crate::support::{Kind, Operator, World};

/// The default settle time takes a tenth of a second.
const HURRY: u32 = 100;

fn world() -> (World, Operator) {
    let world = World::new();
    let operator = world.operator().fast(HURRY).mortal().start();
    world.connect();
    (world, operator)
}

fn suppress(world: &World, name: &str, spec: Value) {
    world.apply(Kind::Suppression, name, json!({"spec": spec}));
}

/// An audience of these sites for which a list holds.
fn targets(world: &World, sites: &[&str], more: Value) {
    let mut spec = json!({"suppressionRefs": [{"name": "never"}]});
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    world.accounts_with("targets", sites, spec);
}

/// What each stored audience holds.
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
fn who_is_suppressed_is_not_sent_and_counted() {
    let (world, _operator) = world();
    // The audience comes first, and waits for what it names.
    targets(&world, &SITES, json!({}));
    let waiting = world.says(Kind::Accounts, "targets", "SourceNotFound", "there is no SuppressionList never");
    assert!(message(&waiting).contains("spec.suppressionRefs of this AccountAudience"), "{}", message(&waiting));
    world.sent(0, 0);
    suppress(&world, "never", json!({"domains": ["C.example.com", hashed("b.example.com")]}));
    let audience = world.settled(Kind::Accounts, "targets", "Created");
    assert_eq!(
        audience["status"]["members"],
        json!({"read": 3, "invalid": 0, "duplicate": 0, "excluded": 2, "toSend": 1})
    );
    assert_eq!(stored(&world), [["a.example.com"]]);
    let attempt = &world.receipt()["record"]["attempts"][0];
    assert_eq!((&attempt["members"], &attempt["excluded"]), (&json!(1), &json!(2)));
    let list = world.settled(Kind::Suppression, "never", "Loaded");
    assert_eq!(list["status"]["entries"], json!({"domains": 1, "emails": 0, "linkedinUrls": 0, "hashed": 1}));
}

#[test]
fn a_list_in_a_secret_holds_for_all_audiences_of_the_workspace() {
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
    let audience = world.settled(Kind::Contacts, "people", "Created");
    assert_eq!(audience["status"]["members"]["excluded"], 3);
    let members = world.simulator.borrow().audiences()[0]["members"].clone();
    assert_eq!(members.as_array().unwrap().len(), 1);
    assert_eq!(members[0]["first_name"], "dan");
    let list = world.settled(Kind::Suppression, "left", "Loaded");
    assert_eq!(list["status"]["entries"], json!({"domains": 0, "emails": 1, "linkedinUrls": 1, "hashed": 1}));
}

#[test]
fn one_that_cannot_be_read_stops_everything() {
    let (world, _operator) = world();
    suppress(
        &world,
        "never",
        json!({"domains": ["example.org"], "from": [{"configMap": {"name": "never", "key": "sites.csv"}}]}),
    );
    targets(&world, &SITES, json!({}));
    let missing = world.says(Kind::Accounts, "targets", "SourceNotFound", "there is no ConfigMap never");
    assert!(message(&missing).contains("spec.from of SuppressionList never"), "{}", message(&missing));
    world.settled(Kind::Suppression, "never", "SourceNotFound");
    let map = |text: &str| {
        world.apply(Kind::ConfigMap, "never", json!({"data": {"sites.csv": text}}));
    };
    for (text, why) in [
        ("", "it is empty"),
        ("domain\nexample.net\n\"cut off", "a quote is never closed"),
        ("domain\nexample.net\ncanary\n", "row 3 has something that isn't a domain"),
        ("domain,name\nexample.net,\n,Ada\n", "row 3 has no domain, email or LinkedIn profile"),
        ("name\nAda\n", "no column is known"),
    ] {
        map(text);
        let audience = world.says(Kind::Accounts, "targets", "SourceUnreadable", why);
        assert!(is_true(&audience, "Stalled") && !audience.to_string().contains("canary"));
        let list = world.says(Kind::Suppression, "never", "SourceUnreadable", why);
        assert!(is_true(&list, "Stalled") && !list.to_string().contains("canary"));
    }
    suppress(&world, "never", json!({"emails": ["ada@example.com", "canary"]}));
    world.says(Kind::Accounts, "targets", "SourceUnreadable", "entry 2 of spec.emails isn't an email address");
    holds_for(Duration::from_millis(500), "nothing is sent", || {
        ensure(world.simulator.borrow().requests().is_empty(), || "something is".to_owned())
    });
    suppress(&world, "never", json!({"domains": ["b.example.com"]}));
    world.settled(Kind::Accounts, "targets", "Created");
    world.settled(Kind::Suppression, "never", "Loaded");
    assert_eq!(stored(&world), [["a.example.com", "shop.c.example.com"]]);
}

#[test]
fn one_who_was_sent_and_is_suppressed_later_is_told_and_nothing_is_sent() {
    let (world, mut operator) = world();
    suppress(&world, "never", json!({}));
    targets(&world, &SITES, json!({}));
    world.settled(Kind::Accounts, "targets", "Created");
    suppress(&world, "never", json!({"domains": ["b.example.com", "c.example.com"]}));
    let told = |many: u64| {
        eventually("the condition is told", || {
            let audience = world.get(Kind::Accounts, "targets");
            ensure(audience["status"]["suppressedMembersSent"].as_u64().unwrap_or_default() == many, || {
                audience["status"].to_string()
            })?;
            Ok::<_, String>(audience)
        })
    };
    let audience = told(2);
    assert!(is_true(&audience, "Ready") && is_true(&audience, "SuppressedMembersSent"));
    assert_eq!(audience["status"]["members"]["toSend"], 1);
    let says = condition(&audience, "SuppressedMembersSent").unwrap()["message"].as_str().unwrap().to_owned();
    assert!(says.contains("at least 2 of the 3 members that were sent"), "{says}");
    assert!(says.contains("by hand"), "{says}");
    assert_eq!(world.event("targets", "SuppressedMembersSent"), says);
    let metric = r#"propensity_operator_suppressed_members_sent{kind="AccountAudience"}"#;
    eventually("the metric follows", || {
        let value = operator.metric(metric);
        ensure(value == Some(2.0), || format!("it is {value:?}"))
    });
    world.sent(1, 1);
    // Everybody: nothing is left that could be sent, and what was sent is still told.
    suppress(&world, "never", json!({"domains": ["example.com"]}));
    assert!(is_true(&told(3), "Ready"));
    // A process that knows nothing of all this changes nothing.
    operator.kill();
    let operator = world.operator().fast(HURRY).mortal().start();
    operator.wait_leading();
    suppress(&world, "never", json!({"domains": ["example.org"]}));
    let audience = told(0);
    assert!(condition(&audience, "SuppressedMembersSent").is_none());
    world.sent(1, 1);
    assert_eq!(world.receipts().len(), 1);
}

#[test]
fn a_list_of_suppressed_members_alone_is_not_sent() {
    let (world, _operator) = world();
    suppress(&world, "never", json!({"domains": ["example.com"]}));
    targets(&world, &SITES, json!({}));
    world.says(Kind::Accounts, "targets", "EmptyList", "all 3 members of the list are suppressed");
    world.sent(0, 0);
    // The guards count who would be sent.
    suppress(&world, "never", json!({"domains": ["a.example.com"]}));
    targets(&world, &SITES, json!({"minMembers": 3}));
    world.says(Kind::Accounts, "targets", "GuardTripped", "the list has 2 members, fewer than the 3");
    world.sent(0, 0);
}

#[test]
fn with_resend_a_changed_suppression_is_a_new_audience_once() {
    let (world, mut operator) = world();
    suppress(&world, "never", json!({"domains": ["a.example.com"]}));
    let resend = json!({"resendOnSuppression": true, "maxSizeChangePercent": 100});
    targets(&world, &SITES, json!({"maxSizeChangePercent": 100}));
    world.settled(Kind::Accounts, "targets", "Created");
    // Asked for when nobody new is suppressed, it sends nothing.
    targets(&world, &SITES, resend.clone());
    world.settled(Kind::Accounts, "targets", "AlreadyCreated");
    world.sent(1, 1);
    suppress(&world, "never", json!({"domains": ["a.example.com", "b.example.com"]}));
    eventually("the list is sent without b", || ensure(stored(&world).len() == 2, || format!("{:?}", stored(&world))));
    let audience = world.settled(Kind::Accounts, "targets", "Created");
    assert_eq!(stored(&world)[1], ["shop.c.example.com"]);
    assert!(condition(&audience, "SuppressedMembersSent").is_none());
    assert_eq!(audience["status"]["superseded"], 1);
    // The same entries, written differently or elsewhere, and a new process: nothing.
    operator.kill();
    let operator = world.operator().fast(HURRY).mortal().start();
    operator.wait_leading();
    suppress(&world, "never", json!({"domains": [hashed("b.example.com"), "https://www.a.example.com/"]}));
    world.settled(Kind::Accounts, "targets", "Created");
    // Back to what was sent first: that audience is still there.
    suppress(&world, "never", json!({"domains": ["a.example.com"]}));
    world.settled(Kind::Accounts, "targets", "AlreadyCreated");
    // No longer asked for: the list itself was sent, so nothing is.
    suppress(&world, "never", json!({"domains": []}));
    targets(&world, &SITES, json!({"maxSizeChangePercent": 100}));
    world.settled(Kind::Accounts, "targets", "AlreadyCreated");
    world.sent(2, 2);
}

#[test]
fn an_entry_of_the_last_moment_holds() {
    let world = World::new();
    let gateway = Gateway::start(world.simulator.borrow().address());
    let proxy = gateway.proxy();
    let launch = world.operator().through(&proxy).fast(HURRY);
    let operator = launch.start();
    world.connect();
    world.settled(Kind::Workspace, "default", "Connected");
    suppress(&world, "never", json!({}));
    world.settled(Kind::Suppression, "never", "Loaded");
    operator.wait_leading();
    // The first live read is for the hash, the second right before the claim: its answer is old when it arrives.
    proxy.arm(Trap { call: Call::Live, nth: 3, point: Point::Answered });
    targets(&world, &SITES, json!({}));
    eventually("it is caught", || ensure(proxy.has_caught(), || "it isn't".to_owned()));
    suppress(&world, "never", json!({"domains": ["b.example.com"]}));
    proxy.go_on(false);
    world.ready(Kind::Accounts, "targets");
    assert_eq!(stored(&world), [["a.example.com", "shop.c.example.com"]]);
    world.sent(1, 1);
}
