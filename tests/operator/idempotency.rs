//! A list that is in the ledger is never sent again, whatever happens to its resource.

use serde_json::{Value, json};

use crate::support::objects::message;
use crate::support::{Kind, Operator, World};

/// An audience `targets` that was created with two accounts.
fn created() -> (World, Operator, Value) {
    let world = World::new();
    let operator = world.operator().short_lease().start();
    world.connect();
    world.accounts("targets", &["example.com", "example.org"]);
    let audience = world.wait_reason(Kind::Accounts, "targets", "Created");
    (world, operator, audience)
}

#[test]
fn applying_the_same_again_changes_nothing() {
    let (world, _operator, before) = created();
    world.accounts("targets", &["example.com", "example.org"]);
    let after = world.wait_ready(Kind::Accounts, "targets");
    assert_eq!(after["metadata"]["generation"], before["metadata"]["generation"]);
    assert_eq!(after["status"], before["status"]);
    world.assert_sent(1, 1);
}

#[test]
fn reordered_duplicate_and_reformatted_rows_send_nothing() {
    let (world, _operator, before) = created();
    world.accounts("targets", &["http://www.Example.ORG/about", "example.com", " example.com. ", "EXAMPLE.com:443"]);
    let after = world.wait_ready(Kind::Accounts, "targets");
    assert_eq!(after["status"]["listHash"], before["status"]["listHash"]);
    assert_eq!(after["status"]["lastCreated"], before["status"]["lastCreated"]);
    assert_eq!(after["status"]["members"]["duplicate"], 2);
    world.assert_sent(1, 1);
}

#[test]
fn going_back_to_an_earlier_list_sends_nothing() {
    let (world, _operator, first) = created();
    world.accounts("targets", &["example.net"]);
    world.wait_reason(Kind::Accounts, "targets", "Created");
    world.accounts("targets", &["example.com", "example.org"]);
    let back = world.wait_reason(Kind::Accounts, "targets", "AlreadyCreated");
    assert_eq!(back["status"]["receiptRef"], first["status"]["receiptRef"]);
    for words in ["AccountAudience targets", "2 members", "spec.revision"] {
        assert!(message(&back).contains(words), "{words:?} isn't in the message: {}", message(&back));
    }
    world.assert_sent(2, 2);
}

#[test]
fn deleting_and_applying_again_sends_nothing() {
    let (world, _operator, before) = created();
    world.objects.delete(Kind::Accounts, "targets");
    assert_eq!(world.receipts().len(), 1, "the receipt is kept");
    world.accounts("targets", &["example.org", "example.com"]);
    let after = world.wait_reason(Kind::Accounts, "targets", "AlreadyCreated");
    assert_ne!(after["metadata"]["uid"], before["metadata"]["uid"]);
    assert_eq!(after["status"]["lastCreated"], before["status"]["lastCreated"]);
    world.assert_sent(1, 1);
}

#[test]
fn renaming_sends_nothing() {
    let (world, _operator, _) = created();
    world.objects.delete(Kind::Accounts, "targets");
    world.accounts("renamed", &["example.com", "example.org"]);
    world.wait_message(Kind::Accounts, "renamed", "AlreadyCreated", "AccountAudience targets");
    world.assert_sent(1, 1);
}

#[test]
fn a_deleted_status_is_written_again_and_nothing_is_sent() {
    let (world, _operator, before) = created();
    world
        .kubectl(&["patch", "aaud", "targets", "--subresource=status", "--type=merge", "-p", r#"{"status": null}"#])
        .expect_success();
    let after = world.wait_reason(Kind::Accounts, "targets", "AlreadyCreated");
    for field in ["listHash", "members", "receiptRef", "lastCreated", "recentCreates"] {
        assert_eq!(after["status"][field], before["status"][field], "{field}");
    }
    world.assert_sent(1, 1);
}

#[test]
fn a_status_that_is_deleted_while_the_operator_is_down_sends_nothing() {
    let (world, mut operator, _) = created();
    operator.signal("TERM");
    assert_eq!(operator.wait_ended(), "exit 0");
    world.objects.patch_status(Kind::Accounts, "targets", json!({"status": null}));
    let _operator = world.operator().start();
    world.wait_reason(Kind::Accounts, "targets", "AlreadyCreated");
    world.assert_sent(1, 1);
}

#[test]
fn replacing_sends_nothing() {
    let (world, _operator, _) = created();
    let body = Kind::Accounts
        .object("targets", json!({"spec": {"accounts": [{"website": "example.org"}, {"website": "example.com"}]}}));
    world.kubectl_with(&["replace", "-f", "-"], &body.to_string()).expect_success();
    world.wait_ready(Kind::Accounts, "targets");
    world.kubectl_with(&["replace", "--force", "-f", "-"], &body.to_string()).expect_success();
    world.wait_reason(Kind::Accounts, "targets", "AlreadyCreated");
    world.assert_sent(1, 1);
}

#[test]
fn two_audiences_with_the_same_content_share_a_receipt() {
    let (world, _operator, first) = created();
    world.accounts("twin", &["example.org", "example.com"]);
    let twin = world.wait_reason(Kind::Accounts, "twin", "AlreadyCreated");
    assert_eq!(twin["status"]["receiptRef"], first["status"]["receiptRef"]);
    world.assert_sent(1, 1);
    world.accounts_with("twin", &["example.org", "example.com"], json!({"revision": "wanted twice"}));
    world.wait_reason(Kind::Accounts, "twin", "Created");
    assert_eq!(world.simulator.borrow().audiences().len(), 2);
}

#[test]
fn identical_audiences_that_are_applied_together_are_created_once() {
    let world = World::new();
    let _operator = world.operator().start();
    world.connect();
    let names: Vec<_> = (0..10).map(|i| format!("twin-{i}")).collect();
    for name in &names {
        world.accounts(name, &["example.com"]);
    }
    for name in &names {
        world.wait_ready(Kind::Accounts, name);
    }
    assert_eq!(world.receipts().len(), 1);
    world.assert_sent(1, 1);
}

#[test]
fn reordered_rows_and_a_restart_keep_the_last_create_in_the_status() {
    let (world, mut operator, before) = created();
    operator.kill();
    world.accounts("targets", &["example.org", "example.com"]);
    let _operator = world.operator().short_lease().start();
    let after = world.wait_ready(Kind::Accounts, "targets");
    assert_eq!(after["status"]["lastCreated"], before["status"]["lastCreated"]);
    world.assert_sent(1, 1);
}
