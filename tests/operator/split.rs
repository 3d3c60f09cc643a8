//! A list that is split into several audiences.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::support::objects::{is_true, message};
use crate::support::wait::{ensure, eventually};
use crate::support::{Kind, Operator, World};

fn world() -> (World, Operator) {
    let world = World::new();
    let operator = world.operator().short_lease().start();
    world.connect();
    (world, operator)
}

fn sites(count: usize) -> Vec<String> {
    (0..count).map(|site| format!("site-{site}.example.com")).collect()
}

fn apply_targets(world: &World, sites: &[String], spec: Value) {
    let sites: Vec<_> = sites.iter().map(String::as_str).collect();
    world.accounts_with("targets", &sites, spec);
}

fn split(max: u64) -> Value {
    json!({"split": {"maxMembers": max}})
}

/// The parts in a status by name, with receipt and number of members.
fn parts(audience: &Value) -> BTreeMap<String, (String, u64)> {
    let parts = audience["status"]["parts"].as_array().cloned().unwrap_or_default();
    let text = |part: &Value, field: &str| part[field].as_str().unwrap().to_owned();
    parts.iter().map(|p| (text(p, "name"), (text(p, "receipt"), p["members"].as_u64().unwrap()))).collect()
}

/// The websites of each stored audience.
fn stored(world: &World) -> Vec<BTreeSet<String>> {
    let site = |member: &Value| member["website"].as_str().unwrap_or_default().to_owned();
    let audiences = world.simulator.borrow().audiences();
    audiences.iter().map(|a| a["members"].as_array().unwrap().iter().map(site).collect()).collect()
}

#[test]
fn each_part_is_an_audience_with_its_own_receipt() {
    let (world, mut operator) = world();
    let mut sites = sites(100);
    apply_targets(&world, &sites, split(20));
    let audience = world.wait_reason(Kind::Accounts, "targets", "Created");
    let first = parts(&audience);
    assert!(first.len() > 5 && first.values().all(|(_, members)| *members <= 20), "{first:?}");
    assert!(message(&audience).contains(&format!("{} audiences in the workspace, with 100 members", first.len())));
    assert_eq!(audience["status"]["lastCreated"]["members"], 100);
    assert_eq!(audience["status"]["superseded"], Value::Null);
    let all: BTreeSet<_> = stored(&world).into_iter().flatten().collect();
    assert_eq!(all, sites.iter().cloned().collect());
    world.assert_sent(first.len(), first.len());
    assert_eq!(world.receipts().len(), first.len());

    // One added and one removed site change one part each. The other parts aren't sent or reported again.
    sites[0] = "another.example.com".to_owned();
    apply_targets(&world, &sites, split(20));
    let second = eventually("the edit is sent", || {
        let audience = world.wait_reason(Kind::Accounts, "targets", "Created");
        let second = parts(&audience);
        ensure(second != first, || format!("{second:?}"))?;
        Ok::<_, String>(audience)
    });
    let changed: Vec<_> = parts(&second).into_iter().filter(|(name, part)| first.get(name) != Some(part)).collect();
    assert!((1..=3).contains(&changed.len()), "{changed:?}");
    world.assert_sent(first.len() + changed.len(), first.len() + changed.len());
    assert!(second["status"]["superseded"].as_u64().is_some_and(|many| (1..=2).contains(&many)), "{second}");

    // A new process without the status sends nothing.
    operator.kill();
    world.objects.patch_status(Kind::Accounts, "targets", json!({"status": null}));
    let operator = world.operator().short_lease().start();
    operator.wait_leading();
    let again = world.wait_reason(Kind::Accounts, "targets", "AlreadyCreated");
    assert_eq!(parts(&again), parts(&second));
    world.assert_sent(first.len() + changed.len(), first.len() + changed.len());
}

#[test]
fn a_crash_in_the_middle_repeats_no_part() {
    let (world, mut operator) = world();
    world.workspace(json!({"concurrentCreates": 1}));
    // The fourth request is held until the process is dead, so its outcome is unknown.
    world.simulator.borrow().fault(json!({"fault": "hold", "after": 3, "times": 1}));
    apply_targets(&world, &sites(100), split(20));
    world.simulator.borrow().wait_held(1);
    operator.kill();
    world.simulator.borrow().clear_faults();
    world.simulator.borrow().release();
    let operator = world.operator().short_lease().fast(100).start();
    operator.wait_leading();
    let audience = eventually("all parts but one are created", || {
        let audience = world.wait_reason(Kind::Accounts, "targets", "OutcomeUnknown");
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
fn splitting_an_existing_audience_is_blocked_until_it_is_allowed() {
    let (world, _operator) = world();
    let sites = sites(30);
    apply_targets(&world, &sites, json!({}));
    world.wait_reason(Kind::Accounts, "targets", "Created");
    // The whole list fits in one part: nothing changes.
    apply_targets(&world, &sites, split(30));
    world.wait_reason(Kind::Accounts, "targets", "AlreadyCreated");
    world.assert_sent(1, 1);
    apply_targets(&world, &sites, split(10));
    let blocked = world.wait_message(
        Kind::Accounts,
        "targets",
        "GuardTripped",
        "as one audience. Its members would be sent again in",
    );
    assert!(is_true(&blocked, "Stalled"));
    let short_hash = blocked["status"]["shortListHash"].as_str().unwrap().to_owned();
    assert!(message(&blocked).contains(&format!("spec.bypassGuardsForHash: {short_hash:?}")), "{}", message(&blocked));
    world.assert_sent(1, 1);
    let with_bypass = |mut spec: Value| {
        spec["bypassGuardsForHash"] = short_hash.clone().into();
        spec
    };
    apply_targets(&world, &sites, with_bypass(split(10)));
    let audience = world.wait_reason(Kind::Accounts, "targets", "Created");
    let many = parts(&audience).len();
    assert!(many > 2);
    assert_eq!(audience["status"]["superseded"], 1);
    world.assert_sent(1 + many, 1 + many);
    // Another size of the parts, and one single audience, are blocked too.
    apply_targets(&world, &sites, split(3));
    world.wait_message(Kind::Accounts, "targets", "GuardTripped", "parts would be sent again");
    apply_targets(&world, &sites, json!({"revision": "2"}));
    world.wait_message(Kind::Accounts, "targets", "GuardTripped", "would be sent again as one audience");
    world.assert_sent(1 + many, 1 + many);
    apply_targets(&world, &sites, json!({}));
    let whole = world.wait_reason(Kind::Accounts, "targets", "AlreadyCreated");
    assert!(parts(&whole).is_empty());
    world.assert_sent(1 + many, 1 + many);
}

#[test]
fn a_suppressed_member_changes_only_its_own_part() {
    let (world, _operator) = world();
    world.apply(Kind::Suppression, "never", json!({"spec": {"domains": ["site-1.example.com"]}}));
    let spec = |resend: bool| {
        json!({
            "split": {"maxMembers": 10}, "stabilizationWindow": "0s", "resendOnSuppression": resend, "suppressionRefs": [{"name": "never"}],
        })
    };
    apply_targets(&world, &sites(40), spec(false));
    let first = parts(&world.wait_reason(Kind::Accounts, "targets", "Created"));
    assert_eq!(first.values().map(|(_, members)| members).sum::<u64>(), 39);
    world.apply(Kind::Suppression, "never", json!({"spec": {"domains": ["site-1.example.com", "site-2.example.com"]}}));
    eventually("the condition is set", || {
        let audience = world.get(Kind::Accounts, "targets");
        ensure(is_true(&audience, "SuppressedMembersSent"), || audience["status"].to_string())?;
        ensure(audience["status"]["suppressedMembersSent"] == 1, || audience["status"].to_string())
    });
    world.assert_sent(first.len(), first.len());
    apply_targets(&world, &sites(40), spec(true));
    eventually("the part is sent again", || {
        let many = world.simulator.borrow().audiences().len();
        ensure(many == first.len() + 1, || format!("{many} audiences"))
    });
    let audience = world.wait_ready(Kind::Accounts, "targets");
    assert!(!is_true(&audience, "SuppressedMembersSent"));
    assert!(!stored(&world).last().unwrap().contains("site-2.example.com"));
    world.assert_sent(first.len() + 1, first.len() + 1);
}

#[test]
fn an_unsplit_audience_is_found_without_a_status_and_with_other_suppressed_members() {
    let (world, _operator) = world();
    let sites = sites(30);
    world.apply(Kind::Suppression, "never", json!({"spec": {"domains": ["site-1.example.com"]}}));
    let resend =
        json!({"resendOnSuppression": true, "stabilizationWindow": "0s", "suppressionRefs": [{"name": "never"}]});
    apply_targets(&world, &sites, resend.clone());
    world.wait_reason(Kind::Accounts, "targets", "Created");
    world.apply(Kind::Suppression, "never", json!({"spec": {"domains": ["site-2.example.com"]}}));
    eventually("the list is sent again", || {
        let many = world.simulator.borrow().audiences().len();
        ensure(many == 2, || format!("{many}"))
    });
    // The object is created again, with a split.
    world.objects.delete(Kind::Accounts, "targets");
    let mut spec = resend;
    spec["split"] = json!({"maxMembers": 10});
    apply_targets(&world, &sites, spec.clone());
    let blocked = world.wait_message(
        Kind::Accounts,
        "targets",
        "GuardTripped",
        "as one audience. Its members would be sent again in",
    );
    world.assert_sent(2, 2);
    let text = message(&blocked);
    let short_hash = text.split("spec.bypassGuardsForHash: \"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    spec["bypassGuardsForHash"] = short_hash.into();
    apply_targets(&world, &sites, spec);
    let audience = world.wait_reason(Kind::Accounts, "targets", "Created");
    let many = parts(&audience).len();
    world.assert_sent(2 + many, 2 + many);
    let sent: BTreeSet<_> = stored(&world).into_iter().skip(2).flatten().collect();
    assert!(!sent.contains("site-2.example.com") && sent.len() == 29);
}
