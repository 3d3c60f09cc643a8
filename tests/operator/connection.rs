//! A wrong, missing or forbidden key, workspace or host: one reason, a message that says what to do, nothing sent, and it goes
//! on at once when it is mended.

use serde_json::json;

use crate::support::cluster::{RELEASE, SYSTEM};
use crate::support::objects::{is_true, message};
use crate::support::wait::{ensure, eventually};
use crate::support::{Kind, World};

/// A world with an audience that waits for its connection.
fn waiting(prepare: impl FnOnce(&World)) -> (World, crate::support::Operator) {
    let world = World::new();
    prepare(&world);
    world.accounts("targets", &["example.com"]);
    let operator = world.operator().start();
    (world, operator)
}

/// The simulator's key.
fn key(world: &World) -> String {
    world.simulator.borrow().key().to_owned()
}

#[test]
fn a_missing_workspace_is_waited_for() {
    let (world, _operator) = waiting(|world| world.secret("propensity", &key(world)));
    let audience = world.says(Kind::Accounts, "targets", "WorkspaceNotFound", "PropensityWorkspace default");
    assert!(is_true(&audience, "Reconciling") && !is_true(&audience, "Stalled"));
    world.sent(0, 0);
    world.workspace(json!({}));
    world.settled(Kind::Accounts, "targets", "Created");
    world.sent(1, 1);
}

#[test]
fn a_missing_secret_is_waited_for() {
    let (world, _operator) = waiting(|world| world.workspace(json!({})));
    world.says(Kind::Accounts, "targets", "SecretNotFound", "Secret propensity");
    world.says(Kind::Workspace, "default", "SecretNotFound", "workspace_api_key");
    world.sent(0, 0);
    world.secret("propensity", &key(&world));
    world.settled(Kind::Accounts, "targets", "Created");
    world.settled(Kind::Workspace, "default", "Connected");
    world.sent(1, 1);
}

#[test]
fn a_deleted_secret_stops_new_creates() {
    let (world, _operator) = waiting(World::connect);
    world.settled(Kind::Accounts, "targets", "Created");
    world.objects.delete(Kind::Secret, "propensity");
    world.settled(Kind::Workspace, "default", "SecretNotFound");
    world.accounts("late", &["example.org"]);
    world.settled(Kind::Accounts, "late", "SecretNotFound");
    world.ready(Kind::Accounts, "targets");
    world.sent(1, 1);
}

#[test]
fn a_secret_without_the_key_is_waited_for() {
    let (world, _operator) = waiting(|world| {
        world.workspace(json!({}));
        world.apply(Kind::Secret, "propensity", json!({"stringData": {"api_key": "misnamed"}}));
    });
    world.says(Kind::Accounts, "targets", "KeyMissing", "workspace_api_key");
    world.sent(0, 0);
    world.secret("propensity", &key(&world));
    world.settled(Kind::Accounts, "targets", "Created");
}

#[test]
fn a_key_with_a_newline_at_its_end_works() {
    let (world, _operator) = waiting(|world| {
        world.workspace(json!({}));
        world.secret("propensity", &format!("  {}\r\n", key(world)));
    });
    world.settled(Kind::Accounts, "targets", "Created");
    world.sent(1, 1);
}

#[test]
fn a_key_that_cannot_be_one_is_refused_without_being_shown() {
    let (world, _operator) = waiting(|world| {
        world.workspace(json!({}));
        world.secret("propensity", "canary-1\ncanary-2");
    });
    let audience = world.says(Kind::Accounts, "targets", "KeyInvalid", "line break");
    let workspace = world.settled(Kind::Workspace, "default", "KeyInvalid");
    for object in [&audience, &workspace] {
        assert!(!object["status"].to_string().contains("canary"), "{:#}", object["status"]);
    }
    world.sent(0, 0);
    world.secret("propensity", &key(&world));
    world.settled(Kind::Accounts, "targets", "Created");
}

#[test]
fn a_wrong_key_opens_the_breaker_until_it_changes() {
    let (world, _operator) = waiting(|world| {
        world.workspace(json!({}));
        world.secret("propensity", "wrong");
    });
    world.says(Kind::Accounts, "targets", "CredentialsRejected", "put the workspace's present key into the Secret");
    world.workspace_has("BreakerOpen");
    world.accounts("second", &["example.org"]);
    world.settled(Kind::Accounts, "second", "CredentialsRejected");
    world.sent(1, 0);
    world.secret("propensity", &key(&world));
    for name in ["targets", "second"] {
        world.settled(Kind::Accounts, name, "Created");
    }
    world.sent(3, 2);
    let workspace = world.settled(Kind::Workspace, "default", "Connected");
    assert!(!is_true(&workspace, "BreakerOpen"), "{:#}", workspace["status"]);
}

#[test]
fn a_rotated_key_is_used_at_once() {
    let (world, _operator) = waiting(World::connect);
    world.settled(Kind::Accounts, "targets", "Created");
    world.simulator.borrow_mut().rotate("the-next-key");
    world.accounts("second", &["example.org"]);
    world.settled(Kind::Accounts, "second", "CredentialsRejected");
    world.secret("propensity", "the-next-key");
    world.settled(Kind::Accounts, "second", "Created");
    world.sent(3, 2);
}

#[test]
fn a_person_can_have_an_open_breaker_tried_at_once() {
    let (world, _operator) = waiting(|world| {
        world.connect();
        world.simulator.borrow().fault(json!({"fault": "status", "status": 403, "times": 1}));
    });
    world.settled(Kind::Accounts, "targets", "CredentialsRejected");
    world.sent(1, 0);
    world.kubectl(&["annotate", "pws", "default", "abm.propensity.com/requestedAt=now"]).fine();
    world.settled(Kind::Accounts, "targets", "Created");
    let workspace = world.get(Kind::Workspace, "default");
    assert_eq!(workspace["status"]["lastHandledRequestedAt"], "now");
    world.sent(2, 1);
}

#[test]
fn a_wrong_address_opens_the_breaker_too() {
    let (world, _operator) = waiting(|world| {
        world.connect();
        world.simulator.borrow().fault(json!({"fault": "status", "status": 404, "times": 1}));
    });
    world.settled(Kind::Accounts, "targets", "Rejected");
    world.workspace_has("BreakerOpen");
    world.accounts("second", &["example.org"]);
    world.says(Kind::Accounts, "second", "ApiMisconfigured", "--api-url");
    world.sent(1, 0);
    world.kubectl(&["annotate", "pws", "default", "abm.propensity.com/requestedAt=1"]).fine();
    world.settled(Kind::Accounts, "second", "Created");
    world.sent(2, 1);
}

/// The chart grants the Secret `propensity` alone; a tenant may grant another.
#[test]
fn a_secret_that_may_not_be_read_is_waited_for_until_it_may() {
    let (world, _operator) = waiting(|world| {
        world.workspace(json!({"secretRef": {"name": "of-the-tenant"}}));
        world.secret("of-the-tenant", &key(world));
    });
    let audience = world.says(Kind::Accounts, "targets", "AccessDenied", "Secret of-the-tenant");
    assert!(message(&audience).contains("RoleBinding"), "it says what to do: {}", message(&audience));
    world.sent(0, 0);
    let rule = json!({"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["of-the-tenant"], "verbs": ["get", "list", "watch"]});
    world.apply(Kind::Role, "propensity-key", json!({"rules": [rule]}));
    world.apply(
        Kind::RoleBinding,
        "propensity-key",
        json!({
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "propensity-key"},
            "subjects": [{"kind": "ServiceAccount", "name": RELEASE, "namespace": SYSTEM}],
        }),
    );
    world.settled(Kind::Accounts, "targets", "Created");
    world.sent(1, 1);
}

#[test]
fn a_host_outside_the_allow_list_gets_no_key() {
    let world = World::new();
    world.connect();
    world.accounts("targets", &["example.com"]);
    let mut operator =
        world.operator().flag("api-url", "https://api.example.com/").flag("allowed-hosts", "*.propensity.com").start();
    let audience = world.says(Kind::Accounts, "targets", "HostNotAllowed", "--allowed-hosts");
    assert!(is_true(&audience, "Stalled"));
    world.settled(Kind::Workspace, "default", "HostNotAllowed");
    world.sent(0, 0);
    operator.signal("TERM");
    operator.wait_ended();
    let _operator = world.operator().start();
    world.settled(Kind::Accounts, "targets", "Created");
}

#[test]
fn an_api_that_cannot_be_reached_is_tried_again() {
    let (world, _operator) = waiting(|world| {
        world.connect();
        world.simulator.borrow_mut().stop();
    });
    world.says(Kind::Accounts, "targets", "ApiUnreachable", "nothing was sent");
    world.simulator.borrow_mut().restart();
    world.settled(Kind::Accounts, "targets", "Created");
    world.sent(1, 1);
    let receipt = world.receipt();
    assert!(receipt["record"]["notSent"]["count"].as_u64() >= Some(1), "{:#}", receipt["record"]);
}

#[test]
fn suspending_stops_creates_and_keeps_the_last_truth() {
    let (world, mut operator) = waiting(World::connect);
    let created = world.settled(Kind::Accounts, "targets", "Created");

    world.workspace(json!({"suspend": true}));
    world.accounts("second", &["example.org"]);
    let second = world.says(Kind::Accounts, "second", "Suspended", "PropensityWorkspace default");
    assert_eq!(second["status"]["members"]["toSend"], 1, "lists are still read and counted");
    assert!(!second["status"]["listHash"].is_null());
    let kept = world.get(Kind::Accounts, "targets");
    assert_eq!(kept["status"]["conditions"], created["status"]["conditions"]);

    world.accounts_with("second", &["example.org"], json!({"suspend": true}));
    world.workspace(json!({"suspend": false}));
    eventually("the audience's own switch holds it", || {
        let second = world.get(Kind::Accounts, "second");
        ensure(message(&second).contains("spec.suspend of this AccountAudience"), || message(&second).to_owned())
    });
    world.sent(1, 1);

    operator.signal("TERM");
    assert_eq!(operator.wait_ended(), "exit 0");
    let mut operator = world.operator().flag("suspend", "true").start();
    world.accounts_with("second", &["example.org"], json!({"suspend": false}));
    world.says(Kind::Accounts, "second", "Suspended", "--suspend");
    world.sent(1, 1);
    operator.signal("TERM");
    assert_eq!(operator.wait_ended(), "exit 0");

    let _operator = world.operator().start();
    world.settled(Kind::Accounts, "second", "Created");
    world.sent(2, 2);
}
