//! The outcome for each kind of response: created, rejected, sent again later, or unknown.

use serde_json::{Value, json};

use crate::support::objects::{condition, is_true, message};
use crate::support::wait::{ensure, eventually};
use crate::support::{Kind, World};

/// A wait of a minute takes less than a tenth of a second.
const SPEEDUP: u32 = 1_000;

#[test]
fn every_ambiguous_response_makes_the_outcome_unknown_and_nothing_is_sent_again() {
    let world = World::new();
    let operator = world.operator().fast(SPEEDUP).start();
    world.connect_with(json!({"requestTimeout": "1s"}));
    let responses = [
        ("internal-error", json!({"fault": "status", "status": 500}), Some(500)),
        ("unavailable", json!({"fault": "status", "status": 503}), Some(503)),
        ("stored-then-503", json!({"fault": "storeThenStatus", "status": 503}), Some(503)),
        ("gateway-timeout", json!({"fault": "status", "status": 504}), Some(504)),
        ("conflict", json!({"fault": "status", "status": 409}), Some(409)),
        ("redirect", json!({"fault": "redirect", "location": "/create_account_audience"}), Some(307)),
        ("garbage", json!({"fault": "garbage"}), Some(200)),
        ("empty", json!({"fault": "empty"}), Some(200)),
        ("truncated", json!({"fault": "truncated", "store": true}), None),
        ("endless", json!({"fault": "endless"}), None),
        ("late", json!({"fault": "delay", "delayMs": 3000}), None),
        ("closed-unread", json!({"fault": "closeBeforeReading"}), None),
        ("closed-after-storing", json!({"fault": "closeAfterStoring"}), None),
        ("reset-after-storing", json!({"fault": "closeAfterStoring", "reset": true}), None),
    ];
    for (number, (name, fault, status)) in responses.iter().enumerate() {
        let mut fault = fault.clone();
        fault["times"] = 1.into();
        world.simulator.borrow().fault(fault);
        world.accounts(name, &[&format!("{name}.example.com")]);
        let audience = world.wait_reason(Kind::Accounts, name, "OutcomeUnknown");
        assert!(is_true(&audience, "Stalled"), "{name}");
        let result = &audience["status"]["lastResult"];
        if let Some(status) = status {
            assert_eq!(result["httpStatus"], *status, "{name}: {result}");
        }
        assert!(world.wait_event(name, "OutcomeUnknown").contains("may or may not have created"), "{name}");
        // A clear response ends the wait between creates before the next fault.
        let clear = format!("clear-{number}");
        world.accounts(&clear, &[&format!("{clear}.example.com")]);
        world.wait_reason(Kind::Accounts, &clear, "Created");
    }
    let simulator = world.simulator.borrow();
    assert_eq!(simulator.requests().len(), 2 * responses.len(), "each list was sent once");
    assert_eq!(simulator.duplicates(), 0);
    let workspace = world.get(Kind::Workspace, "default");
    assert_eq!(workspace["status"]["openUnknowns"], responses.len());
    assert!(is_true(&workspace, "OutcomesUnknown"), "{:#}", workspace["status"]);
    eventually("the metrics count the unknown outcomes", || {
        let counted = operator.metric(r#"propensity_operator_open_receipts{state="Unknown"}"#);
        ensure(counted == Some(responses.len() as f64), || format!("{counted:?}"))
    });
}

#[test]
fn every_clear_error_response_is_a_rejection() {
    let world = World::new();
    let _operator = world.operator().start();
    world.connect();
    let responses = [
        ("error-true", json!({"fault": "errorTrue", "message": "we have seen this list"}), 200),
        ("bad-request", json!({"fault": "status", "status": 400}), 400),
        ("too-large", json!({"fault": "status", "status": 413}), 413),
        ("unprocessable", json!({"fault": "status", "status": 422}), 422),
    ];
    for (name, fault, status) in &responses {
        let mut fault = fault.clone();
        fault["times"] = 1.into();
        world.simulator.borrow().fault(fault);
        world.accounts(name, &[&format!("{name}.example.com")]);
        let audience = world.wait_reason(Kind::Accounts, name, "Rejected");
        assert!(is_true(&audience, "Stalled"), "{name}");
        assert_eq!(audience["status"]["lastResult"]["httpStatus"], *status, "{name}");
        world.wait_event(name, "Rejected");
    }
    let rejected = world.get(Kind::Accounts, "error-true");
    assert_eq!(rejected["status"]["lastResult"]["error"], true);
    assert!(message(&rejected).contains("we have seen this list"), "the API's message: {}", message(&rejected));
    world.assert_sent(responses.len(), 0);
    // A rejected list doesn't block the next one.
    world.accounts("error-true", &["another.example.com"]);
    world.wait_reason(Kind::Accounts, "error-true", "Created");
}

#[test]
fn a_429_is_sent_again_automatically() {
    let world = World::new();
    // Ten seconds of a Retry-After take one second.
    let _operator = world.operator().fast(10).start();
    world.connect();
    world.simulator.borrow().fault(json!({"fault": "rateLimited", "retryAfter": 30, "times": 2}));
    world.accounts("targets", &["example.com"]);
    world.wait_reason(Kind::Accounts, "targets", "RateLimited");
    world.wait_workspace_condition("Paused");
    world.accounts("second", &["example.org"]);
    world.wait_reason(Kind::Accounts, "second", "RateLimited");
    world.wait_reason(Kind::Accounts, "targets", "Created");
    world.wait_reason(Kind::Accounts, "second", "Created");
    world.assert_sent(4, 2);
    let workspace = world.wait_reason(Kind::Workspace, "default", "Connected");
    assert!(condition(&workspace, "Paused").is_none(), "{:#}", workspace["status"]);
}

#[test]
fn a_503_that_is_configured_as_refused_is_sent_again_twice() {
    let world = World::new();
    let _operator = world.operator().fast(100).start();
    world.connect_with(json!({"refusedStatuses": [429, 503]}));
    world.simulator.borrow().fault(json!({"fault": "status", "status": 503, "times": 1}));
    world.accounts("once", &["example.com"]);
    world.wait_reason(Kind::Accounts, "once", "Created");
    world.assert_sent(2, 1);
    world.simulator.borrow().fault(json!({"fault": "status", "status": 503}));
    world.accounts("always", &["example.org"]);
    world.wait_reason(Kind::Accounts, "always", "OutcomeUnknown");
    world.assert_sent(5, 1);
}

/// Many lists are applied together, with a rate limit in the workspace.
#[test]
fn the_rate_limit_of_the_workspace_is_kept() {
    let world = World::new();
    let _operator = world.operator().fast(10).start();
    world.connect_with(json!({"rateLimit": {"requestsPerMinute": 60, "burst": 2}}));
    let names: Vec<_> = (0..12).map(|i| format!("targets-{i}")).collect();
    for name in &names {
        world.accounts(name, &[&format!("{name}.example.com")]);
    }
    for name in &names {
        world.wait_ready(Kind::Accounts, name);
    }
    let requests = world.simulator.borrow().requests();
    let time = |request: &Value| request["time"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let took = time(&requests[11]).duration_since(time(&requests[0]));
    // Ten waits of a second, with a clock that is ten times as fast.
    assert!(took.as_millis() >= 900, "{took:?}");
    world.assert_sent(12, 12);
}

#[test]
fn after_an_unknown_outcome_creates_go_one_at_a_time() {
    let world = World::new();
    let _operator = world.operator().start();
    world.connect();
    world.simulator.borrow().fault(json!({"fault": "status", "status": 500, "times": 1}));
    world.accounts("unclear", &["example.com"]);
    world.wait_reason(Kind::Accounts, "unclear", "OutcomeUnknown");
    world.accounts("next", &["example.org"]);
    world.wait_message(Kind::Accounts, "next", "CreatesSerialized", "one at a time");
    world.wait_workspace_condition("CreatesSerialized");
    world.assert_sent(1, 0);
}

#[test]
fn an_old_list_whose_outcome_is_unknown_does_not_block_a_new_one() {
    let world = World::new();
    let _operator = world.operator().fast(SPEEDUP).start();
    world.connect();
    world.simulator.borrow().fault(json!({"fault": "status", "status": 500, "times": 1}));
    world.accounts("targets", &["example.com"]);
    world.wait_reason(Kind::Accounts, "targets", "OutcomeUnknown");
    let old = world.receipt();
    world.accounts("targets", &["example.org"]);
    let audience = world.wait_reason(Kind::Accounts, "targets", "Created");
    let open = &audience["status"]["openUnknowns"][0];
    assert_eq!(open["receipt"], old["metadata"]["name"], "it is still reported: {:#}", audience["status"]);
    assert_eq!(open["attempt"], old["record"]["attempts"][0]["id"]);
    world.assert_sent(2, 1);
}
