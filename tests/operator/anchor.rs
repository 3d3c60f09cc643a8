//! The anchor of a ledger, and what happens where it isn't the right one.

use serde_json::{Value, json};

use crate::support::objects::is_true;
use crate::support::wait::{ensure, eventually};
use crate::support::{Kind, Operator, World};

/// A world whose workspace has its ledger; its ID, and the anchor.
fn anchored() -> (World, Operator, String, Value) {
    let world = World::new();
    let operator = world.operator().mortal().start();
    world.connect();
    let workspace = world.settled(Kind::Workspace, "default", "Connected");
    let id = workspace["status"]["ledgerID"].as_str().expect("it is shown").to_owned();
    let mut receipts = world.objects.list(Kind::Receipt);
    assert_eq!(receipts.len(), 1, "only the anchor");
    (world, operator, id, receipts.remove(0))
}

fn anchors(world: &World) -> usize {
    world.objects.list(Kind::Receipt).iter().filter(|r| r["identity"]["kind"] == "Anchor").count()
}

#[test]
fn the_first_start_makes_an_anchor_and_shows_its_id() {
    let (world, mut operator, id, anchor) = anchored();
    assert_eq!(anchor["identity"]["ledgerID"], id.as_str());
    assert_eq!(anchor["identity"]["workspaceID"], world.namespace.as_str());
    assert_eq!(anchor["record"]["state"], "Created");
    assert!(anchor["metadata"]["name"].as_str().unwrap().starts_with("anchor-"));
    operator.kill();
    let _operator = world.operator().mortal().start();
    world.accounts("targets", &["example.com"]);
    world.settled(Kind::Accounts, "targets", "Created");
    assert_eq!(world.get(Kind::Workspace, "default")["status"]["ledgerID"], id.as_str(), "it stays");
}

#[test]
fn a_pin_that_matches_lets_everything_go_on() {
    let (world, _operator, id, _) = anchored();
    world.workspace(json!({"ledgerID": id}));
    world.accounts("targets", &["example.com"]);
    world.settled(Kind::Accounts, "targets", "Created");
    world.settled(Kind::Workspace, "default", "Connected");
}

#[test]
fn a_pin_that_does_not_match_stops_everything_until_it_does() {
    let (world, _operator, id, _) = anchored();
    world.workspace(json!({"ledgerID": "of-another-cluster"}));
    world.accounts("targets", &["example.com"]);
    let workspace = world.says(Kind::Workspace, "default", "LedgerMissing", "of-another-cluster");
    assert!(is_true(&workspace, "Stalled"));
    let audience = world.settled(Kind::Accounts, "targets", "LedgerMissing");
    assert!(is_true(&audience, "Stalled"));
    assert_eq!(audience["status"]["members"]["toSend"], 1, "lists are still read");
    world.sent(0, 0);
    world.workspace(json!({"ledgerID": id}));
    world.settled(Kind::Accounts, "targets", "Created");
    world.sent(1, 1);
}

/// A rebuilt cluster on the same git: it must not send everything again.
#[test]
fn a_pin_without_an_anchor_never_makes_one() {
    let world = World::new();
    let _operator = world.operator().mortal().start();
    world.connect_with(json!({"ledgerID": "of-the-cluster-that-was"}));
    world.accounts("targets", &["example.com"]);
    world.says(Kind::Accounts, "targets", "LedgerMissing", "Restore the AudienceReceipts");
    assert_eq!(anchors(&world), 0);
    world.sent(0, 0);
}

#[test]
fn a_lost_anchor_is_not_made_again_while_the_status_remembers_it() {
    let (world, mut operator, id, anchor) = anchored();
    world.accounts("targets", &["example.com"]);
    world.settled(Kind::Accounts, "targets", "Created");
    operator.kill();
    for receipt in world.objects.list(Kind::Receipt) {
        world.objects.delete(Kind::Receipt, receipt["metadata"]["name"].as_str().unwrap());
    }
    world.accounts("second", &["example.org"]);
    let mut operator = world.operator().mortal().start();
    world.says(Kind::Accounts, "second", "LedgerMissing", &id);
    assert_eq!(anchors(&world), 0);
    world.sent(1, 1);

    // Restored from a backup; and as the last resort a person starts anew.
    operator.kill();
    let name = anchor["metadata"]["name"].as_str().unwrap();
    world.apply(Kind::Receipt, name, json!({"identity": anchor["identity"], "record": anchor["record"]}));
    let _operator = world.operator().mortal().start();
    world.settled(Kind::Accounts, "second", "Created");
    world.sent(2, 2);
}

#[test]
fn a_restored_anchor_is_noticed_without_a_restart() {
    let (world, mut operator, _, anchor) = anchored();
    operator.kill();
    let name = anchor["metadata"]["name"].as_str().unwrap();
    world.objects.delete(Kind::Receipt, name);
    let _operator = world.operator().mortal().fast(60).start();
    world.settled(Kind::Workspace, "default", "LedgerMissing");
    world.apply(Kind::Receipt, name, json!({"identity": anchor["identity"], "record": anchor["record"]}));
    world.settled(Kind::Workspace, "default", "Connected");
}

#[test]
fn two_workspaces_of_one_remote_workspace_share_their_ledger() {
    let (world, _operator, id, _) = anchored();
    let spec = world.get(Kind::Workspace, "default")["spec"].clone();
    world.apply(Kind::Workspace, "twin", json!({"spec": spec}));
    world.settled(Kind::Workspace, "twin", "Connected");
    eventually("the twin shows the same ledger", || {
        let twin = world.get(Kind::Workspace, "twin");
        ensure(twin["status"]["ledgerID"] == id.as_str(), || twin["status"].to_string())
    });
    assert_eq!(anchors(&world), 1);
    world.accounts("targets", &["example.com"]);
    world.settled(Kind::Accounts, "targets", "Created");
    world.accounts_with("by-the-twin", &["example.com"], json!({"workspaceRef": {"name": "twin"}}));
    world.settled(Kind::Accounts, "by-the-twin", "AlreadyCreated");
    world.sent(1, 1);
}
