//! Lists that can't be sent, and more of them than a day may hold.

use serde_json::{Value, json};

use crate::support::objects::{condition, is_true, message};
use crate::support::wait::{ensure, eventually};
use crate::support::{Kind, World};

#[test]
fn an_empty_list_is_not_sent() {
    let world = World::new();
    let _operator = world.operator().start();
    world.connect();
    world.accounts("targets", &[]);
    world.apply(Kind::Contacts, "leaders", json!({"spec": {}}));
    let audience = world.says(Kind::Accounts, "targets", "EmptyList", "spec.accounts");
    assert!(is_true(&audience, "Stalled"));
    world.says(Kind::Contacts, "leaders", "EmptyList", "spec.contacts");
    world.sent(0, 0);
    world.accounts("targets", &["example.com"]);
    world.settled(Kind::Accounts, "targets", "Created");
    world.sent(1, 1);
}

#[test]
fn a_list_that_normalises_to_nothing_is_not_sent() {
    let world = World::new();
    let _operator = world.operator().start();
    world.connect();
    world.accounts("targets", &[" ", "\u{200b}"]);
    world.contacts("leaders", json!([{"firstName": " ", "lastName": "\u{200b}", "companyName": "\t"}]));
    for (kind, name) in [(Kind::Accounts, "targets"), (Kind::Contacts, "leaders")] {
        let audience = world.settled(kind, name, "InvalidMembers");
        assert_eq!(audience["status"]["members"]["toSend"], 0);
    }
    world.sent(0, 0);
}

#[test]
fn invalid_members_are_named_by_source_row_and_reason_and_never_by_value() {
    let world = World::new();
    let _operator = world.operator().start();
    world.connect();
    world.accounts("targets", &["example.com", "not a canary", "127.0.0.1", "canary.notatld", "co.uk"]);
    world.contacts(
        "leaders",
        json!([
            {"linkedinUrl": "https://www.linkedin.com/company/canary"},
            {"firstName": "Ada", "lastName": "Lovelace", "website": "example.com", "email": "canary at example.com"},
        ]),
    );
    for (kind, name, source, rows) in [
        (Kind::Accounts, "targets", "spec.accounts", vec![2, 3, 4, 5]),
        (Kind::Contacts, "leaders", "spec.contacts", vec![1, 2]),
    ] {
        let audience = world.settled(kind, name, "InvalidMembers");
        assert!(is_true(&audience, "Stalled"));
        let problems = audience["status"]["problems"].as_array().unwrap();
        let found: Vec<_> = problems.iter().filter_map(|p| p["row"].as_u64()).collect();
        assert_eq!(found, rows);
        assert!(problems.iter().all(|p| p["source"] == source && p["reason"].as_str().is_some_and(|r| r.len() > 10)));
        assert_eq!(audience["status"]["members"]["invalid"], rows.len());
        assert!(!audience["status"].to_string().contains("canary"), "{:#}", audience["status"]);
        let note = world.event(name, "InvalidMembers");
        assert!(!note.contains("canary"), "{note}");
    }
    world.sent(0, 0);
    world.accounts("targets", &["example.com"]);
    let mended = world.settled(Kind::Accounts, "targets", "Created");
    assert!(mended["status"]["problems"].is_null(), "{:#}", mended["status"]);
    world.sent(1, 1);
}

#[test]
fn ten_problems_are_shown_of_many() {
    let world = World::new();
    let _operator = world.operator().start();
    world.connect();
    let wrong: Vec<_> = (0..500).map(|i| format!("wrong {i}")).collect();
    world.accounts("targets", &wrong.iter().map(String::as_str).collect::<Vec<_>>());
    let audience = world.settled(Kind::Accounts, "targets", "InvalidMembers");
    assert_eq!(audience["status"]["problems"].as_array().unwrap().len(), 10);
    assert!(message(&audience).starts_with("500 of 500 rows"), "{}", message(&audience));
}

/// A budget that is used, in a world with one audience of accounts for each of these.
fn budget(limit: u32, audiences: &[&str]) -> (World, crate::support::Operator) {
    let world = World::new();
    let operator = world.operator().mortal().start();
    world.connect_with(json!({"dailyCreateBudget": limit}));
    for name in audiences {
        world.accounts(name, &[&format!("{name}.example.com")]);
    }
    (world, operator)
}

#[test]
fn a_budget_of_nothing_sends_nothing_until_it_is_raised() {
    let (world, _operator) = budget(0, &["targets"]);
    world.says(Kind::Accounts, "targets", "BudgetSpent", "spec.dailyCreateBudget");
    world.sent(0, 0);
    world.workspace(json!({"dailyCreateBudget": 1}));
    world.settled(Kind::Accounts, "targets", "Created");
    world.sent(1, 1);
}

#[test]
fn a_spent_budget_is_still_spent_after_a_restart() {
    let (world, mut operator) = budget(2, &["one", "two"]);
    world.settled(Kind::Accounts, "one", "Created");
    world.settled(Kind::Accounts, "two", "Created");
    operator.kill();
    world.accounts("three", &["three.example.com"]);
    let _operator = world.operator().mortal().start();
    world.settled(Kind::Accounts, "three", "BudgetSpent");
    eventually("the workspace says that its budget is spent", || {
        let workspace = world.get(Kind::Workspace, "default");
        ensure(workspace["status"]["budget"] == "Spent", || workspace["status"].to_string())
    });
    world.sent(2, 2);
}

#[test]
fn a_budget_that_is_nearly_spent_is_told_in_time() {
    let (world, operator) = budget(5, &["one", "two", "three", "four"]);
    for name in ["one", "two", "three", "four"] {
        world.settled(Kind::Accounts, name, "Created");
    }
    let low = world.workspace_has("BudgetLow");
    assert_eq!(low["reason"], "BudgetNearlySpent", "{low:#}");
    let workspace = world.get(Kind::Workspace, "default");
    assert_eq!(workspace["status"]["budget"], "NearlySpent");
    assert!(condition(&workspace, "Stalled").is_none());
    let labels = format!(r#"{{namespace="{}",workspace="default"}}"#, world.namespace);
    assert_eq!(operator.metric(&format!("propensity_operator_workspace_budget_used{labels}")), Some(4.0));
    assert_eq!(operator.metric(&format!("propensity_operator_workspace_budget_limit{labels}")), Some(5.0));
}

#[test]
fn attempts_that_sent_nothing_cost_no_budget() {
    let (world, _operator) = budget(1, &[]);
    world.secret("propensity", "wrong");
    world.accounts("targets", &["example.com"]);
    world.settled(Kind::Accounts, "targets", "CredentialsRejected");
    let key = world.simulator.borrow().key().to_owned();
    world.secret("propensity", &key);
    world.settled(Kind::Accounts, "targets", "Created");
    let day: Value = world.receipt()["metadata"]["labels"]["abm.propensity.com/day"].clone();
    assert_eq!(day.as_str().map(str::len), Some("2026-01-02".len()), "the day of the last claim: {day}");
}
