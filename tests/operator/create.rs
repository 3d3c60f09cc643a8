//! From an applied object to an audience in the workspace.

use serde_json::{Value, json};

use crate::support::objects::{is_true, message};
use crate::support::{Kind, World};

/// The members of a stored audience, sorted.
fn members(audience: &Value) -> Vec<String> {
    let mut members: Vec<_> = audience["members"].as_array().unwrap().iter().map(Value::to_string).collect();
    members.sort();
    members
}

fn sorted(members: &[Value]) -> Vec<String> {
    let mut members: Vec<_> = members.iter().map(Value::to_string).collect();
    members.sort();
    members
}

#[test]
fn an_applied_list_of_contacts_becomes_one_audience() {
    let world = World::new();
    let _operator = world.operator().start();
    world.connect();
    world.contacts(
        "leaders",
        json!([
            {"firstName": " Ada ", "lastName": "Lovelace", "companyName": "Analytical  Engines", "website": "https://www.Example.com/about"},
            {"firstName": "Ada", "lastName": "Lovelace", "website": "example.com", "email": "ADA@Example.com"},
            {"linkedinUrl": "linkedin.com/in/Grace/"},
        ]),
    );

    let audience = world.wait_reason(Kind::Contacts, "leaders", "Created");
    let simulator = world.simulator.borrow();
    let stored = simulator.audiences();
    assert_eq!(stored.len(), 1);
    assert_eq!(stored[0]["kind"], "contacts");
    let expected = [
        json!({"first_name": "Ada", "last_name": "Lovelace", "company_name": "Analytical Engines", "website": "example.com",
            "email": "ada@example.com"}),
        json!({"linkedin_url": "https://www.linkedin.com/in/grace"}),
    ];
    assert_eq!(members(&stored[0]), sorted(&expected), "normalised, without duplicates");

    let status = &audience["status"];
    assert!(is_true(&audience, "Ready"));
    assert_eq!(status["conditions"].as_array().unwrap().len(), 1, "only Ready: {status:#}");
    assert_eq!(status["members"], json!({"read": 3, "invalid": 0, "duplicate": 1, "excluded": 0, "toSend": 2}));
    let hash = status["listHash"].as_str().unwrap();
    assert_eq!(hash.len(), 64);
    assert!(hash.starts_with(status["shortListHash"].as_str().unwrap()));
    assert_eq!(status["lastResult"]["httpStatus"], 200);
    assert_eq!(status["lastResult"]["error"], false);
    assert_eq!(status["lastCreated"]["members"], 2);
    assert_eq!(status["recentCreates"].as_array().unwrap().len(), 1);
    assert!(status["superseded"].is_null(), "{status:#}");

    let receipt = world.receipt();
    assert_eq!(status["receiptRef"]["name"], receipt["metadata"]["name"]);
    assert_eq!(status["lastCreated"]["receipt"], receipt["metadata"]["name"]);
    assert_eq!(receipt["record"]["state"], "Created");
    assert_eq!(receipt["identity"]["listHash"], hash);
    assert_eq!(receipt["identity"]["workspaceID"], world.namespace.as_str());
    let attempts = receipt["record"]["attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 1);
    assert_eq!(attempts[0]["audience"]["uid"], audience["metadata"]["uid"]);
    assert_eq!(attempts[0]["payloadHash"], stored[0]["bodySha256"], "the receipt has the hash of what was sent");
    assert!(receipt["metadata"]["ownerReferences"].is_null(), "a receipt is kept after its audience");
    assert!(world.wait_event("leaders", "Created").contains("2 members"));
    drop(simulator);
    world.assert_sent(1, 1);
}

#[test]
fn an_applied_list_of_accounts_becomes_one_audience() {
    let world = World::new();
    let _operator = world.operator().start();
    world.connect();
    world.accounts(
        "targets",
        &["https://www.example.com/about", "EXAMPLE.com.", "bücher.example.de", "example.co.uk:8080"],
    );
    let audience = world.wait_reason(Kind::Accounts, "targets", "Created");
    let stored = world.simulator.borrow().audiences();
    let expected = ["example.com", "xn--bcher-kva.example.de", "example.co.uk"].map(|w| json!({"website": w}));
    assert_eq!(members(&stored[0]), sorted(&expected));
    assert_eq!(audience["status"]["members"]["toSend"], 3);
    assert_eq!(audience["status"]["members"]["duplicate"], 1);
    world.assert_sent(1, 1);
}

#[test]
fn requests_have_the_documented_headers_and_no_revealing_ones() {
    let world = World::new();
    let _operator = world.operator().start();
    world.connect();
    world.accounts("targets", &["example.com"]);
    world.wait_reason(Kind::Accounts, "targets", "Created");
    let request = world.simulator.borrow().requests().remove(0);
    assert_eq!(request["path"], "/create_account_audience");
    assert_eq!(request["method"], "POST");
    let names: Vec<_> = request["headerNames"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    for needed in ["content-type", "workspace_api_key"] {
        assert!(names.contains(&needed), "{names:?}");
    }
    for revealing in ["authorization", "cookie", "referer"] {
        assert!(!names.contains(&revealing), "{names:?}");
    }
}

#[test]
fn a_changed_list_becomes_a_new_audience_and_the_old_one_is_superseded() {
    let world = World::new();
    let _operator = world.operator().start();
    world.connect();
    world.accounts("targets", &["example.com"]);
    let first = world.wait_reason(Kind::Accounts, "targets", "Created");
    world.accounts_with("targets", &["example.com", "example.org"], json!({"maxSizeChangePercent": 100}));
    let second = world.wait_reason(Kind::Accounts, "targets", "Created");
    let status = &second["status"];
    assert_eq!(status["superseded"], 1);
    assert_eq!(status["lastCreated"]["members"], 2);
    assert_eq!(status["recentCreates"].as_array().unwrap().len(), 2);
    assert_eq!(status["recentCreates"][1]["receipt"], first["status"]["receiptRef"]["name"]);
    assert_ne!(status["receiptRef"], first["status"]["receiptRef"]);
    assert_eq!(world.receipts().len(), 2);
    world.assert_sent(2, 2);
}

#[test]
fn a_changed_revision_creates_the_same_list_again() {
    let world = World::new();
    let _operator = world.operator().start();
    world.connect();
    world.accounts("targets", &["example.com"]);
    world.wait_reason(Kind::Accounts, "targets", "Created");
    world.accounts_with("targets", &["example.com"], json!({"revision": "2"}));
    let again = world.wait_reason(Kind::Accounts, "targets", "Created");
    assert_eq!(again["status"]["superseded"], 1);
    let simulator = world.simulator.borrow();
    assert_eq!(simulator.audiences().len(), 2);
    assert_eq!(simulator.duplicates(), 1, "the changed revision requests a duplicate");
}

#[test]
fn the_workspace_reports_that_creates_are_possible() {
    let world = World::new();
    let _operator = world.operator().start();
    world.connect();
    let workspace = world.wait_reason(Kind::Workspace, "default", "Connected");
    assert!(is_true(&workspace, "Ready"), "{}", message(&workspace));
    assert_eq!(workspace["status"]["conditions"].as_array().unwrap().len(), 1, "{:#}", workspace["status"]);
    assert_eq!(workspace["status"]["openUnknowns"], 0);
    assert_eq!(workspace["status"]["budget"], "Available");
}
