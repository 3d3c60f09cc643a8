//! A wrong, missing or forbidden key, workspace or host: one reason, a message that says what to do, and no request.
//! When it is corrected, the operator continues immediately.

use serde_json::json;

use crate::support::cluster::{RELEASE, SYSTEM};
use crate::support::objects::{is_true, message};
use crate::support::wait::{ensure, eventually};
use crate::support::{Kind, World};

/// A new world after `prepare`, with the audience `targets` and a running operator.
fn start_after(prepare: impl FnOnce(&World)) -> (World, crate::support::Operator) {
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
fn an_audience_waits_for_a_missing_workspace() {
    let (world, _operator) = start_after(|world| world.secret("propensity", &key(world)));
    let audience = world.wait_message(Kind::Accounts, "targets", "WorkspaceNotFound", "PropensityWorkspace default");
    assert!(is_true(&audience, "Reconciling") && !is_true(&audience, "Stalled"));
    world.assert_sent(0, 0);
    world.workspace(json!({}));
    world.wait_reason(Kind::Accounts, "targets", "Created");
    world.assert_sent(1, 1);
}

#[test]
fn an_audience_waits_for_a_missing_secret() {
    let (world, _operator) = start_after(|world| world.workspace(json!({})));
    world.wait_message(Kind::Accounts, "targets", "SecretNotFound", "Secret propensity");
    world.wait_message(Kind::Workspace, "default", "SecretNotFound", "workspace_api_key");
    world.assert_sent(0, 0);
    world.secret("propensity", &key(&world));
    world.wait_reason(Kind::Accounts, "targets", "Created");
    world.wait_reason(Kind::Workspace, "default", "Connected");
    world.assert_sent(1, 1);
}

#[test]
fn a_deleted_secret_stops_new_creates() {
    let (world, _operator) = start_after(World::connect);
    world.wait_reason(Kind::Accounts, "targets", "Created");
    world.objects.delete(Kind::Secret, "propensity");
    world.wait_reason(Kind::Workspace, "default", "SecretNotFound");
    world.accounts("late", &["example.org"]);
    world.wait_reason(Kind::Accounts, "late", "SecretNotFound");
    world.wait_ready(Kind::Accounts, "targets");
    world.assert_sent(1, 1);
}

#[test]
fn an_audience_waits_for_a_missing_key_in_the_secret() {
    let (world, _operator) = start_after(|world| {
        world.workspace(json!({}));
        world.apply(Kind::Secret, "propensity", json!({"stringData": {"api_key": "misnamed"}}));
    });
    world.wait_message(Kind::Accounts, "targets", "KeyMissing", "workspace_api_key");
    world.assert_sent(0, 0);
    world.secret("propensity", &key(&world));
    world.wait_reason(Kind::Accounts, "targets", "Created");
}

#[test]
fn a_key_with_a_newline_at_its_end_works() {
    let (world, _operator) = start_after(|world| {
        world.workspace(json!({}));
        world.secret("propensity", &format!("  {}\r\n", key(world)));
    });
    world.wait_reason(Kind::Accounts, "targets", "Created");
    world.assert_sent(1, 1);
}

#[test]
fn an_invalid_key_is_rejected_and_never_printed() {
    let (world, _operator) = start_after(|world| {
        world.workspace(json!({}));
        world.secret("propensity", "canary-1\ncanary-2");
    });
    let audience = world.wait_message(Kind::Accounts, "targets", "KeyInvalid", "line break");
    let workspace = world.wait_reason(Kind::Workspace, "default", "KeyInvalid");
    for object in [&audience, &workspace] {
        assert!(!object["status"].to_string().contains("canary"), "{:#}", object["status"]);
    }
    world.assert_sent(0, 0);
    world.secret("propensity", &key(&world));
    world.wait_reason(Kind::Accounts, "targets", "Created");
}

#[test]
fn a_wrong_key_opens_the_breaker_until_the_key_changes() {
    let (world, _operator) = start_after(|world| {
        world.workspace(json!({}));
        world.secret("propensity", "wrong");
    });
    world.wait_message(Kind::Accounts, "targets", "CredentialsRejected", "Put the current key into the Secret");
    world.wait_workspace_condition("BreakerOpen");
    world.accounts("second", &["example.org"]);
    world.wait_reason(Kind::Accounts, "second", "CredentialsRejected");
    world.assert_sent(1, 0);
    world.secret("propensity", &key(&world));
    for name in ["targets", "second"] {
        world.wait_reason(Kind::Accounts, name, "Created");
    }
    world.assert_sent(3, 2);
    let workspace = world.wait_reason(Kind::Workspace, "default", "Connected");
    assert!(!is_true(&workspace, "BreakerOpen"), "{:#}", workspace["status"]);
}

#[test]
fn a_rotated_key_is_used_immediately() {
    let (world, _operator) = start_after(World::connect);
    world.wait_reason(Kind::Accounts, "targets", "Created");
    world.simulator.borrow_mut().rotate_key("the-next-key");
    world.accounts("second", &["example.org"]);
    world.wait_reason(Kind::Accounts, "second", "CredentialsRejected");
    world.secret("propensity", "the-next-key");
    world.wait_reason(Kind::Accounts, "second", "Created");
    world.assert_sent(3, 2);
}

#[test]
fn an_annotation_makes_an_open_breaker_retry_immediately() {
    let (world, _operator) = start_after(|world| {
        world.connect();
        world.simulator.borrow().fault(json!({"fault": "status", "status": 403, "times": 1}));
    });
    world.wait_reason(Kind::Accounts, "targets", "CredentialsRejected");
    world.assert_sent(1, 0);
    world.kubectl(&["annotate", "pws", "default", "abm.propensity.com/requestedAt=now"]).expect_success();
    world.wait_reason(Kind::Accounts, "targets", "Created");
    let workspace = world.get(Kind::Workspace, "default");
    assert_eq!(workspace["status"]["lastHandledRequestedAt"], "now");
    world.assert_sent(2, 1);
}

#[test]
fn a_wrong_api_url_opens_the_breaker_too() {
    let (world, _operator) = start_after(|world| {
        world.connect();
        world.simulator.borrow().fault(json!({"fault": "status", "status": 404, "times": 1}));
    });
    world.wait_reason(Kind::Accounts, "targets", "Rejected");
    world.wait_workspace_condition("BreakerOpen");
    world.accounts("second", &["example.org"]);
    world.wait_message(Kind::Accounts, "second", "ApiMisconfigured", "--api-url");
    world.assert_sent(1, 0);
    world.kubectl(&["annotate", "pws", "default", "abm.propensity.com/requestedAt=1"]).expect_success();
    world.wait_reason(Kind::Accounts, "second", "Created");
    world.assert_sent(2, 1);
}

/// The chart grants access only to the Secret `propensity`; a tenant can grant access to another one.
#[test]
fn an_audience_waits_for_permission_to_read_the_secret() {
    let (world, _operator) = start_after(|world| {
        world.workspace(json!({"secretRef": {"name": "of-the-tenant"}}));
        world.secret("of-the-tenant", &key(world));
    });
    let audience = world.wait_message(Kind::Accounts, "targets", "AccessDenied", "Secret of-the-tenant");
    assert!(message(&audience).contains("RoleBinding"), "the message says what to do: {}", message(&audience));
    world.assert_sent(0, 0);
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
    world.wait_reason(Kind::Accounts, "targets", "Created");
    world.assert_sent(1, 1);
}

#[test]
fn a_host_that_is_not_allowed_gets_no_key() {
    let world = World::new();
    world.connect();
    world.accounts("targets", &["example.com"]);
    let mut operator =
        world.operator().flag("api-url", "https://api.example.com/").flag("allowed-hosts", "*.propensity.com").start();
    let audience = world.wait_message(Kind::Accounts, "targets", "HostNotAllowed", "--allowed-hosts");
    assert!(is_true(&audience, "Stalled"));
    world.wait_reason(Kind::Workspace, "default", "HostNotAllowed");
    world.assert_sent(0, 0);
    operator.signal("TERM");
    operator.wait_ended();
    let _operator = world.operator().start();
    world.wait_reason(Kind::Accounts, "targets", "Created");
}

#[test]
fn an_unreachable_api_is_tried_again() {
    let (world, _operator) = start_after(|world| {
        world.connect();
        world.simulator.borrow_mut().stop();
    });
    world.wait_message(Kind::Accounts, "targets", "ApiUnreachable", "nothing was sent");
    world.simulator.borrow_mut().restart();
    world.wait_reason(Kind::Accounts, "targets", "Created");
    world.assert_sent(1, 1);
    let receipt = world.receipt();
    assert!(receipt["record"]["notSent"]["count"].as_u64() >= Some(1), "{:#}", receipt["record"]);
}

#[test]
fn suspending_stops_creates_and_keeps_the_last_status() {
    let (world, mut operator) = start_after(World::connect);
    let created = world.wait_reason(Kind::Accounts, "targets", "Created");

    world.workspace(json!({"suspend": true}));
    world.accounts("second", &["example.org"]);
    let second = world.wait_message(Kind::Accounts, "second", "Suspended", "PropensityWorkspace default");
    assert_eq!(second["status"]["members"]["toSend"], 1, "lists are still read and counted");
    assert!(!second["status"]["listHash"].is_null());
    let kept = world.get(Kind::Accounts, "targets");
    assert_eq!(kept["status"]["conditions"], created["status"]["conditions"]);

    world.accounts_with("second", &["example.org"], json!({"suspend": true}));
    world.workspace(json!({"suspend": false}));
    eventually("spec.suspend of the audience blocks it", || {
        let second = world.get(Kind::Accounts, "second");
        ensure(message(&second).contains("spec.suspend of this AccountAudience"), || message(&second).to_owned())
    });
    world.assert_sent(1, 1);

    operator.signal("TERM");
    assert_eq!(operator.wait_ended(), "exit 0");
    let mut operator = world.operator().flag("suspend", "true").start();
    world.accounts_with("second", &["example.org"], json!({"suspend": false}));
    world.wait_message(Kind::Accounts, "second", "Suspended", "--suspend");
    world.assert_sent(1, 1);
    operator.signal("TERM");
    assert_eq!(operator.wait_ended(), "exit 0");

    let _operator = world.operator().start();
    world.wait_reason(Kind::Accounts, "second", "Created");
    world.assert_sent(2, 2);
}
