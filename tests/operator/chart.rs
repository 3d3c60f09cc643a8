//! The chart and `install.yaml`, checked with the real API server.

use std::process::Command;

use crate::support::cluster::{cluster, succeed};
use crate::support::programs::root;
use crate::support::{Kind, World};

#[test]
fn the_chart_and_its_rendered_objects_pass_their_checks() {
    let cluster = cluster();
    let mut check = Command::new("bash");
    check
        .arg("dev/check-chart.sh")
        .current_dir(root())
        .env("HELM", cluster.bin.join("helm"))
        .env("PROMTOOL", cluster.bin.join("promtool"))
        .env("KUBECTL", cluster.bin.join("kubectl"))
        .env("KUBECONFIG", &cluster.kubeconfig);
    succeed("dev/check-chart.sh", &mut check);
}

#[test]
fn the_operator_has_no_permissions_that_it_does_not_need() {
    let world = World::new();
    let account = "--as=system:serviceaccount:propensity-system:propensity-operator";
    for verb_and_resource in [
        ["delete", "audiencereceipts"],
        ["update", "contactaudiences"],
        ["patch", "propensityworkspaces"],
        ["delete", "accountaudiences"],
        ["get", "secrets"],
        ["get", "secrets/other"],
        ["list", "secrets"],
        ["create", "secrets"],
        ["update", "secrets/propensity"],
        ["update", "configmaps"],
        ["create", "pods"],
    ] {
        let output = world.kubectl(&["auth", "can-i", verb_and_resource[0], verb_and_resource[1], account]);
        assert_eq!(output.text.lines().next(), Some("no"), "{verb_and_resource:?}");
    }
    let output = world.kubectl(&["auth", "can-i", "get", "secrets/propensity", account]);
    assert_eq!(output.text.trim(), "yes");
    assert!(world.objects.list(Kind::Receipt).is_empty());
}
