//! Lists that can't be sent, and the daily budget of creates.

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
    let audience = world.wait_message(Kind::Accounts, "targets", "EmptyList", "spec.accounts");
    assert!(is_true(&audience, "Stalled"));
    world.wait_message(Kind::Contacts, "leaders", "EmptyList", "spec.contacts");
    world.assert_sent(0, 0);
    world.accounts("targets", &["example.com"]);
    world.wait_reason(Kind::Accounts, "targets", "Created");
    world.assert_sent(1, 1);
}

#[test]
fn a_list_that_is_empty_after_normalisation_is_not_sent() {
    let world = World::new();
    let _operator = world.operator().start();
    world.connect();
    world.accounts("targets", &[" ", "\u{200b}"]);
    world.contacts("leaders", json!([{"firstName": " ", "lastName": "\u{200b}", "companyName": "\t"}]));
    for (kind, name) in [(Kind::Accounts, "targets"), (Kind::Contacts, "leaders")] {
        let audience = world.wait_reason(kind, name, "InvalidMembers");
        assert_eq!(audience["status"]["members"]["toSend"], 0);
    }
    world.assert_sent(0, 0);
}

#[test]
fn invalid_members_are_reported_by_source_row_and_reason_never_by_value() {
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
        let audience = world.wait_reason(kind, name, "InvalidMembers");
        assert!(is_true(&audience, "Stalled"));
        let problems = audience["status"]["problems"].as_array().unwrap();
        let found: Vec<_> = problems.iter().filter_map(|p| p["row"].as_u64()).collect();
        assert_eq!(found, rows);
        assert!(problems.iter().all(|p| p["source"] == source && p["reason"].as_str().is_some_and(|r| r.len() > 10)));
        assert_eq!(audience["status"]["members"]["invalid"], rows.len());
        assert!(!audience["status"].to_string().contains("canary"), "{:#}", audience["status"]);
        let note = world.wait_event(name, "InvalidMembers");
        assert!(!note.contains("canary"), "{note}");
    }
    world.assert_sent(0, 0);
    world.accounts("targets", &["example.com"]);
    let corrected = world.wait_reason(Kind::Accounts, "targets", "Created");
    assert!(corrected["status"]["problems"].is_null(), "{:#}", corrected["status"]);
    world.assert_sent(1, 1);
}

#[test]
fn at_most_ten_problems_are_reported() {
    let world = World::new();
    let _operator = world.operator().start();
    world.connect();
    let wrong: Vec<_> = (0..500).map(|i| format!("wrong {i}")).collect();
    world.accounts("targets", &wrong.iter().map(String::as_str).collect::<Vec<_>>());
    let audience = world.wait_reason(Kind::Accounts, "targets", "InvalidMembers");
    assert_eq!(audience["status"]["problems"].as_array().unwrap().len(), 10);
    assert!(message(&audience).starts_with("500 of 500 rows"), "{}", message(&audience));
}

/// A workspace with this budget, and one audience for each of these names.
fn workspace_with_budget(limit: u32, audiences: &[&str]) -> (World, crate::support::Operator) {
    let world = World::new();
    let operator = world.operator().short_lease().start();
    world.connect_with(json!({"dailyCreateBudget": limit}));
    for name in audiences {
        world.accounts(name, &[&format!("{name}.example.com")]);
    }
    (world, operator)
}

#[test]
fn a_budget_of_zero_sends_nothing_until_it_is_raised() {
    let (world, _operator) = workspace_with_budget(0, &["targets"]);
    world.wait_message(Kind::Accounts, "targets", "BudgetSpent", "spec.dailyCreateBudget");
    world.assert_sent(0, 0);
    world.workspace(json!({"dailyCreateBudget": 1}));
    world.wait_reason(Kind::Accounts, "targets", "Created");
    world.assert_sent(1, 1);
}

#[test]
fn a_spent_budget_is_still_spent_after_a_restart() {
    let (world, mut operator) = workspace_with_budget(2, &["one", "two"]);
    world.wait_reason(Kind::Accounts, "one", "Created");
    world.wait_reason(Kind::Accounts, "two", "Created");
    operator.kill();
    world.accounts("three", &["three.example.com"]);
    let _operator = world.operator().short_lease().start();
    world.wait_reason(Kind::Accounts, "three", "BudgetSpent");
    eventually("the workspace reports that its budget is spent", || {
        let workspace = world.get(Kind::Workspace, "default");
        ensure(workspace["status"]["budget"] == "Spent", || workspace["status"].to_string())
    });
    world.assert_sent(2, 2);
}

#[test]
fn a_nearly_spent_budget_is_reported_before_it_is_spent() {
    let (world, operator) = workspace_with_budget(5, &["one", "two", "three", "four"]);
    for name in ["one", "two", "three", "four"] {
        world.wait_reason(Kind::Accounts, name, "Created");
    }
    let low = world.wait_workspace_condition("BudgetLow");
    assert_eq!(low["reason"], "BudgetNearlySpent", "{low:#}");
    let workspace = world.get(Kind::Workspace, "default");
    assert_eq!(workspace["status"]["budget"], "NearlySpent");
    assert!(condition(&workspace, "Stalled").is_none());
    let labels = format!(r#"{{namespace="{}",workspace="default"}}"#, world.namespace);
    assert_eq!(operator.metric(&format!("propensity_operator_workspace_budget_used{labels}")), Some(4.0));
    assert_eq!(operator.metric(&format!("propensity_operator_workspace_budget_limit{labels}")), Some(5.0));
}

#[test]
fn an_attempt_with_a_wrong_key_does_not_count_against_the_budget() {
    let (world, _operator) = workspace_with_budget(1, &[]);
    world.secret("propensity", "wrong");
    world.accounts("targets", &["example.com"]);
    world.wait_reason(Kind::Accounts, "targets", "CredentialsRejected");
    let key = world.simulator.borrow().key().to_owned();
    world.secret("propensity", &key);
    world.wait_reason(Kind::Accounts, "targets", "Created");
    let day: Value = world.receipt()["metadata"]["labels"]["abm.propensity.com/day"].clone();
    assert_eq!(day.as_str().map(str::len), Some("2026-01-02".len()), "the day of the last claim: {day}");
}
