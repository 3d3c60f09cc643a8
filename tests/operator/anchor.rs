//! The anchor of a ledger, and what happens if it is missing or not the right one.

use serde_json::{Value, json};

use crate::support::objects::is_true;
use crate::support::wait::{ensure, eventually};
use crate::support::{Kind, Operator, World};

/// A workspace with a ledger; returns the ledger's ID and the anchor.
fn workspace_with_ledger() -> (World, Operator, String, Value) {
    let world = World::new();
    let operator = world.operator().short_lease().start();
    world.connect();
    let workspace = world.wait_reason(Kind::Workspace, "default", "Connected");
    let id = workspace["status"]["ledgerID"].as_str().expect("a ledger ID in the status").to_owned();
    let mut receipts = world.objects.list(Kind::Receipt);
    assert_eq!(receipts.len(), 1, "only the anchor");
    (world, operator, id, receipts.remove(0))
}

fn anchors(world: &World) -> usize {
    world.objects.list(Kind::Receipt).iter().filter(|r| r["identity"]["kind"] == "Anchor").count()
}

#[test]
fn the_first_start_creates_an_anchor_and_reports_its_id() {
    let (world, mut operator, id, anchor) = workspace_with_ledger();
    assert_eq!(anchor["identity"]["ledgerID"], id.as_str());
    assert_eq!(anchor["identity"]["workspaceID"], world.namespace.as_str());
    assert_eq!(anchor["record"]["state"], "Created");
    assert!(anchor["metadata"]["name"].as_str().unwrap().starts_with("anchor-"));
    operator.kill();
    let _operator = world.operator().short_lease().start();
    world.accounts("targets", &["example.com"]);
    world.wait_reason(Kind::Accounts, "targets", "Created");
    assert_eq!(
        world.get(Kind::Workspace, "default")["status"]["ledgerID"],
        id.as_str(),
        "the ledger ID stays the same"
    );
}

#[test]
fn a_matching_ledger_id_in_the_spec_changes_nothing() {
    let (world, _operator, id, _) = workspace_with_ledger();
    world.workspace(json!({"ledgerID": id}));
    world.accounts("targets", &["example.com"]);
    world.wait_reason(Kind::Accounts, "targets", "Created");
    world.wait_reason(Kind::Workspace, "default", "Connected");
}

#[test]
fn a_wrong_ledger_id_in_the_spec_stops_all_creates_until_it_matches() {
    let (world, _operator, id, _) = workspace_with_ledger();
    world.workspace(json!({"ledgerID": "of-another-cluster"}));
    world.accounts("targets", &["example.com"]);
    let workspace = world.wait_message(Kind::Workspace, "default", "LedgerMissing", "of-another-cluster");
    assert!(is_true(&workspace, "Stalled"));
    let audience = world.wait_reason(Kind::Accounts, "targets", "LedgerMissing");
    assert!(is_true(&audience, "Stalled"));
    assert_eq!(audience["status"]["members"]["toSend"], 1, "lists are still read");
    world.assert_sent(0, 0);
    world.workspace(json!({"ledgerID": id}));
    world.wait_reason(Kind::Accounts, "targets", "Created");
    world.assert_sent(1, 1);
}

/// A rebuilt cluster with the same Git repository must not send everything again.
#[test]
fn with_a_ledger_id_in_the_spec_no_anchor_is_created() {
    let world = World::new();
    let _operator = world.operator().short_lease().start();
    world.connect_with(json!({"ledgerID": "of-the-cluster-that-was"}));
    world.accounts("targets", &["example.com"]);
    world.wait_message(Kind::Accounts, "targets", "LedgerMissing", "Restore the AudienceReceipts");
    assert_eq!(anchors(&world), 0);
    world.assert_sent(0, 0);
}

#[test]
fn a_lost_anchor_is_not_created_again_while_the_status_has_its_id() {
    let (world, mut operator, id, anchor) = workspace_with_ledger();
    world.accounts("targets", &["example.com"]);
    world.wait_reason(Kind::Accounts, "targets", "Created");
    operator.kill();
    for receipt in world.objects.list(Kind::Receipt) {
        world.objects.delete(Kind::Receipt, receipt["metadata"]["name"].as_str().unwrap());
    }
    world.accounts("second", &["example.org"]);
    let mut operator = world.operator().short_lease().start();
    world.wait_message(Kind::Accounts, "second", "LedgerMissing", &id);
    assert_eq!(anchors(&world), 0);
    world.assert_sent(1, 1);

    // The anchor is restored from a backup.
    operator.kill();
    let name = anchor["metadata"]["name"].as_str().unwrap();
    world.apply(Kind::Receipt, name, json!({"identity": anchor["identity"], "record": anchor["record"]}));
    let _operator = world.operator().short_lease().start();
    world.wait_reason(Kind::Accounts, "second", "Created");
    world.assert_sent(2, 2);
}

#[test]
fn a_restored_anchor_is_found_without_a_restart() {
    let (world, mut operator, _, anchor) = workspace_with_ledger();
    operator.kill();
    let name = anchor["metadata"]["name"].as_str().unwrap();
    world.objects.delete(Kind::Receipt, name);
    let _operator = world.operator().short_lease().fast(60).start();
    world.wait_reason(Kind::Workspace, "default", "LedgerMissing");
    world.apply(Kind::Receipt, name, json!({"identity": anchor["identity"], "record": anchor["record"]}));
    world.wait_reason(Kind::Workspace, "default", "Connected");
}

#[test]
fn two_workspaces_with_the_same_workspace_id_share_a_ledger() {
    let (world, _operator, id, _) = workspace_with_ledger();
    let spec = world.get(Kind::Workspace, "default")["spec"].clone();
    world.apply(Kind::Workspace, "twin", json!({"spec": spec}));
    world.wait_reason(Kind::Workspace, "twin", "Connected");
    eventually("the twin reports the same ledger ID", || {
        let twin = world.get(Kind::Workspace, "twin");
        ensure(twin["status"]["ledgerID"] == id.as_str(), || twin["status"].to_string())
    });
    assert_eq!(anchors(&world), 1);
    world.accounts("targets", &["example.com"]);
    world.wait_reason(Kind::Accounts, "targets", "Created");
    world.accounts_with("by-the-twin", &["example.com"], json!({"workspaceRef": {"name": "twin"}}));
    world.wait_reason(Kind::Accounts, "by-the-twin", "AlreadyCreated");
    world.assert_sent(1, 1);
}
