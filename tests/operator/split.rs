//! A list that is several audiences.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::support::objects::{is_true, message};
use crate::support::wait::{ensure, eventually};
use crate::support::{Kind, Operator, World};

fn world() -> (World, Operator) {
    let world = World::new();
    let operator = world.operator().mortal().start();
    world.connect();
    (world, operator)
}

fn sites(count: usize) -> Vec<String> {
    (0..count).map(|site| format!("site-{site}.example.com")).collect()
}

fn targets(world: &World, sites: &[String], spec: Value) {
    let sites: Vec<_> = sites.iter().map(String::as_str).collect();
    world.accounts_with("targets", &sites, spec);
}

fn split(max: u64) -> Value {
    json!({"split": {"maxMembers": max}})
}

/// The parts in a status, by name: receipt and members.
fn parts(audience: &Value) -> BTreeMap<String, (String, u64)> {
    let parts = audience["status"]["parts"].as_array().cloned().unwrap_or_default();
    let text = |part: &Value, field: &str| part[field].as_str().unwrap().to_owned();
    parts.iter().map(|p| (text(p, "name"), (text(p, "receipt"), p["members"].as_u64().unwrap()))).collect()
}

/// Each site of each stored audience.
fn stored(world: &World) -> Vec<BTreeSet<String>> {
    let site = |member: &Value| member["website"].as_str().unwrap_or_default().to_owned();
    let audiences = world.simulator.borrow().audiences();
    audiences.iter().map(|a| a["members"].as_array().unwrap().iter().map(site).collect()).collect()
}

#[test]
fn each_part_is_an_audience_with_a_receipt_of_its_own() {
    let (world, mut operator) = world();
    let mut sites = sites(100);
    targets(&world, &sites, split(20));
    let audience = world.settled(Kind::Accounts, "targets", "Created");
    let first = parts(&audience);
    assert!(first.len() > 5 && first.values().all(|(_, members)| *members <= 20), "{first:?}");
    assert!(message(&audience).contains(&format!("{} audiences in the workspace, with 100 members", first.len())));
    assert_eq!(audience["status"]["lastCreated"]["members"], 100);
    assert_eq!(audience["status"]["superseded"], Value::Null);
    let all: BTreeSet<_> = stored(&world).into_iter().flatten().collect();
    assert_eq!(all, sites.iter().cloned().collect());
    world.sent(first.len(), first.len());
    assert_eq!(world.receipts().len(), first.len());

    // One site more and one less change a part each; the others are neither sent nor told anew.
    sites[0] = "another.example.com".to_owned();
    targets(&world, &sites, split(20));
    let second = eventually("the edit is sent", || {
        let audience = world.settled(Kind::Accounts, "targets", "Created");
        let second = parts(&audience);
        ensure(second != first, || format!("{second:?}"))?;
        Ok::<_, String>(audience)
    });
    let changed: Vec<_> = parts(&second).into_iter().filter(|(name, part)| first.get(name) != Some(part)).collect();
    assert!((1..=3).contains(&changed.len()), "{changed:?}");
    world.sent(first.len() + changed.len(), first.len() + changed.len());
    assert!(second["status"]["superseded"].as_u64().is_some_and(|many| (1..=2).contains(&many)), "{second}");

    // A process that knows nothing sends nothing, and neither does one that lost the status.
    operator.kill();
    world.objects.patch_status(Kind::Accounts, "targets", json!({"status": null}));
    let operator = world.operator().mortal().start();
    operator.wait_leading();
    let again = world.settled(Kind::Accounts, "targets", "AlreadyCreated");
    assert_eq!(parts(&again), parts(&second));
    world.sent(first.len() + changed.len(), first.len() + changed.len());
}

#[test]
fn a_crash_in_the_middle_repeats_no_part() {
    let (world, mut operator) = world();
    world.workspace(json!({"concurrentCreates": 1}));
    // The fourth request is held until the process is dead: nobody can know what became of it.
    world.simulator.borrow().fault(json!({"fault": "hold", "after": 3, "times": 1}));
    targets(&world, &sites(100), split(20));
    world.simulator.borrow().wait_held(1);
    operator.kill();
    world.simulator.borrow().mend();
    world.simulator.borrow().release();
    let operator = world.operator().mortal().fast(100).start();
    operator.wait_leading();
    let audience = eventually("all parts but one are there", || {
        let audience = world.settled(Kind::Accounts, "targets", "OutcomeUnknown");
        let parts = audience["status"]["parts"].as_array().cloned().unwrap_or_default();
        let created = parts.iter().filter(|part| part["created"].is_object()).count();
        ensure(created + 1 == parts.len(), || format!("{created} of {}", parts.len()))?;
        Ok::<_, String>(audience)
    });
    assert!(is_true(&audience, "Stalled"));
    let requests = world.simulator.borrow().requests();
    assert_eq!(requests.len(), parts(&audience).len());
    let bodies: BTreeSet<_> = requests.iter().map(|request| request["bodySha256"].to_string()).collect();
    assert_eq!(bodies.len(), requests.len(), "no part is sent twice");
    assert!(message(&audience).contains("kubectl annotate audiencereceipt"), "{}", message(&audience));
}

#[test]
fn splitting_what_is_there_is_said_before_and_let_happen() {
    let (world, _operator) = world();
    let sites = sites(30);
    targets(&world, &sites, json!({}));
    world.settled(Kind::Accounts, "targets", "Created");
    // All of it fits in one part: nothing changes.
    targets(&world, &sites, split(30));
    world.settled(Kind::Accounts, "targets", "AlreadyCreated");
    world.sent(1, 1);
    targets(&world, &sites, split(10));
    let held = world.says(Kind::Accounts, "targets", "GuardTripped", "it would be sent anew as");
    assert!(is_true(&held, "Stalled"));
    let short = held["status"]["shortListHash"].as_str().unwrap().to_owned();
    assert!(message(&held).contains(&format!("spec.bypassGuardsForHash: {short:?}")), "{}", message(&held));
    world.sent(1, 1);
    let passed = |mut spec: Value| {
        spec["bypassGuardsForHash"] = short.clone().into();
        spec
    };
    targets(&world, &sites, passed(split(10)));
    let audience = world.settled(Kind::Accounts, "targets", "Created");
    let many = parts(&audience).len();
    assert!(many > 2);
    assert_eq!(audience["status"]["superseded"], 1);
    world.sent(1 + many, 1 + many);
    // Another size, and one audience again: the same.
    targets(&world, &sites, split(3));
    world.says(Kind::Accounts, "targets", "GuardTripped", "would be sent anew beside them");
    targets(&world, &sites, json!({"revision": "2"}));
    world.says(Kind::Accounts, "targets", "GuardTripped", "as one audience beside them");
    world.sent(1 + many, 1 + many);
    targets(&world, &sites, json!({}));
    let whole = world.settled(Kind::Accounts, "targets", "AlreadyCreated");
    assert!(parts(&whole).is_empty());
    world.sent(1 + many, 1 + many);
}

#[test]
fn a_suppressed_member_leaves_its_part_alone() {
    let (world, _operator) = world();
    world.apply(Kind::Suppression, "never", json!({"spec": {"domains": ["site-1.example.com"]}}));
    let spec = |resend: bool| {
        json!({
            "split": {"maxMembers": 10}, "stabilizationWindow": "0s", "resendOnSuppression": resend, "suppressionRefs": [{"name": "never"}],
        })
    };
    targets(&world, &sites(40), spec(false));
    let first = parts(&world.settled(Kind::Accounts, "targets", "Created"));
    assert_eq!(first.values().map(|(_, members)| members).sum::<u64>(), 39);
    world.apply(Kind::Suppression, "never", json!({"spec": {"domains": ["site-1.example.com", "site-2.example.com"]}}));
    eventually("the condition is told", || {
        let audience = world.get(Kind::Accounts, "targets");
        ensure(is_true(&audience, "SuppressedMembersSent"), || audience["status"].to_string())?;
        ensure(audience["status"]["suppressedMembersSent"] == 1, || audience["status"].to_string())
    });
    world.sent(first.len(), first.len());
    targets(&world, &sites(40), spec(true));
    eventually("the part is sent anew", || {
        let many = world.simulator.borrow().audiences().len();
        ensure(many == first.len() + 1, || format!("{many} audiences"))
    });
    let audience = world.ready(Kind::Accounts, "targets");
    assert!(!is_true(&audience, "SuppressedMembersSent"));
    assert!(!stored(&world).last().unwrap().contains("site-2.example.com"));
    world.sent(first.len() + 1, first.len() + 1);
}

#[test]
fn what_was_sent_whole_is_known_without_a_status_and_with_others_suppressed() {
    let (world, _operator) = world();
    let sites = sites(30);
    world.apply(Kind::Suppression, "never", json!({"spec": {"domains": ["site-1.example.com"]}}));
    let resend =
        json!({"resendOnSuppression": true, "stabilizationWindow": "0s", "suppressionRefs": [{"name": "never"}]});
    targets(&world, &sites, resend.clone());
    world.settled(Kind::Accounts, "targets", "Created");
    world.apply(Kind::Suppression, "never", json!({"spec": {"domains": ["site-2.example.com"]}}));
    eventually("it is sent anew", || {
        let many = world.simulator.borrow().audiences().len();
        ensure(many == 2, || format!("{many}"))
    });
    // The object is made anew, with a split.
    world.objects.delete(Kind::Accounts, "targets");
    let mut spec = resend;
    spec["split"] = json!({"maxMembers": 10});
    targets(&world, &sites, spec.clone());
    let held = world.says(Kind::Accounts, "targets", "GuardTripped", "it would be sent anew as");
    world.sent(2, 2);
    let said = message(&held);
    let short = said.split("spec.bypassGuardsForHash: \"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    spec["bypassGuardsForHash"] = short.into();
    targets(&world, &sites, spec);
    let audience = world.settled(Kind::Accounts, "targets", "Created");
    let many = parts(&audience).len();
    world.sent(2 + many, 2 + many);
    let sent: BTreeSet<_> = stored(&world).into_iter().skip(2).flatten().collect();
    assert!(!sent.contains("site-2.example.com") && sent.len() == 29);
}
