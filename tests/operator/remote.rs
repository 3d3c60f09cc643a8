//! Lists in Flux artifacts and at URLs.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::files::{Files, archive, gzip, install_crd, install_flux, sha256};
use crate::support::objects::{is_true, message};
use crate::support::programs::{RUN, root};
use crate::support::wait::{consistently, ensure, eventually};
use crate::support::{Kind, Operator, World};

/// The network of the servers in these tests. By default, lists aren't fetched from it.
const LOOPBACK: &str = "127.0.0.0/8,::1/128";

/// The default stabilization window takes a tenth of a second, an hour takes 36 s.
const SPEEDUP: u32 = 100;

fn world() -> (World, Operator) {
    let world = World::new();
    let operator = world.operator().fast(SPEEDUP).flag("source-networks", LOOPBACK).start();
    world.connect();
    (world, operator)
}

fn apply_from(world: &World, source: Value) {
    world.apply(Kind::Accounts, "targets", json!({"spec": {"from": [source]}}));
}

fn flux(kind: &str, path: &str) -> Value {
    json!({"fluxSource": {"kind": kind, "name": "lists", "path": path}})
}

/// Writes the status that source-controller writes for a stored artifact.
fn set_artifact(world: &World, kind: Kind, url: &str, digest: &str) {
    let artifact = json!({
        "url": url, "digest": digest, "path": "x", "revision": "main@sha1:0", "lastUpdateTime": "2026-01-01T00:00:00Z",
    });
    world.objects.patch_status(kind, "lists", json!({"status": {"artifact": artifact}}));
}

/// The websites of the last stored audience.
fn sent(world: &World) -> Vec<String> {
    let audiences = world.simulator.borrow().audiences();
    let members = audiences.last().map(|audience| audience["members"].as_array().unwrap().clone()).unwrap_or_default();
    members.iter().map(|member| member["website"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn a_file_in_an_artifact_is_sent_and_its_changes_are_followed() {
    install_flux();
    let (world, _operator) = world();
    let files = Files::plain();
    apply_from(&world, flux("GitRepository", "lists/accounts.csv"));
    world.wait_message(Kind::Accounts, "targets", "SourceNotFound", "there is no GitRepository lists");
    world.apply(Kind::GitRepository, "lists", json!({"spec": {"url": "https://git.example.com/lists"}}));
    world.wait_message(Kind::Accounts, "targets", "SourceNotFound", "GitRepository lists has no artifact yet");
    let put = |path: &str, sites: &str| {
        let bytes = archive(&[("README.md", "#"), ("lists/accounts.csv", &format!("website\n{sites}\n"))]);
        files.put(path, bytes.clone());
        set_artifact(&world, Kind::GitRepository, &files.url(path), &format!("sha256:{}", sha256(&bytes)));
    };
    put("/1.tar.gz", "a.example.com");
    world.wait_reason(Kind::Accounts, "targets", "Created");
    assert_eq!(sent(&world), ["a.example.com"]);
    put("/2.tar.gz", "a.example.com\nb.example.com\nc.example.com");
    // A size change of more than half is blocked by a guard.
    world.wait_reason(Kind::Accounts, "targets", "GuardTripped");
    put("/3.tar.gz", "d.example.com");
    eventually("the new list is sent", || ensure(sent(&world) == ["d.example.com"], || format!("{:?}", sent(&world))));
    world.assert_sent(2, 2);
}

#[test]
fn an_unreadable_artifact_stops_the_audience() {
    install_flux();
    let (world, _operator) = world();
    let files = Files::plain();
    let whole = archive(&[("accounts.csv", "website\na.example.com\n"), ("bad.csv", "website\n\"cut")]);
    files.put("/whole.tar.gz", whole.clone());
    files.put("/half.tar.gz", whole[..whole.len() / 2].to_vec());
    files.serve("/moved.tar.gz", 302, vec![("location", files.url("/whole.tar.gz"))], vec![]);
    let digest = format!("sha256:{}", sha256(&whole));
    let half = format!("sha256:{}", sha256(&whole[..whole.len() / 2]));
    world.apply(Kind::OciRepository, "lists", json!({}));
    let expect_reason = |url: &str, digest: &str, path: &str, reason: &str, text: &str| {
        set_artifact(&world, Kind::OciRepository, url, digest);
        apply_from(&world, flux("OCIRepository", path));
        let audience = world.wait_message(Kind::Accounts, "targets", reason, text);
        assert!(!audience["status"].to_string().contains("canary"));
    };
    let url = |path: &str| files.url(path);
    expect_reason(&url("/whole.tar.gz"), &digest, "other.csv", "SourceUnreadable", "there is no such file in it");
    expect_reason(&url("/whole.tar.gz"), &digest, "bad.csv", "SourceUnreadable", "a quote is never closed");
    expect_reason(&url("/half.tar.gz"), &half, "accounts.csv", "SourceUnreadable", "or it is cut off");
    expect_reason(&url("/half.tar.gz"), &digest, "accounts.csv", "SourceUnreadable", "its digest isn't the one");
    expect_reason(&url("/whole.tar.gz"), "blake3:00", "accounts.csv", "SourceUnreadable", "its digest must be sha256");
    expect_reason(&url("/none.tar.gz"), &digest, "accounts.csv", "SourceUnreadable", "its server answers HTTP 404");
    expect_reason(&url("/moved.tar.gz"), &digest, "accounts.csv", "SourceUnreadable", "redirects (HTTP 302)");
    expect_reason(
        "http://127.0.0.1:1/x.tar.gz",
        &digest,
        "accounts.csv",
        "SourceUnreadable",
        "no connection to its server",
    );
    world.assert_sent(0, 0);
    set_artifact(&world, Kind::OciRepository, &url("/whole.tar.gz"), &digest);
    world.wait_reason(Kind::Accounts, "targets", "Created");
}

#[test]
fn no_artifact_is_fetched_from_the_operators_own_machine() {
    install_flux();
    let world = World::new();
    let _operator = world.operator().start();
    world.connect();
    let files = Files::plain();
    let bytes = archive(&[("accounts.csv", "website\na.example.com\n")]);
    files.put("/a.tar.gz", bytes.clone());
    world.apply(Kind::GitRepository, "lists", json!({}));
    apply_from(&world, flux("GitRepository", "accounts.csv"));
    let local = files.url("/a.tar.gz");
    for url in [local.clone(), local.replace("localhost", "127.0.0.1"), "http://169.254.169.254/a".to_owned()] {
        set_artifact(&world, Kind::GitRepository, &url, &format!("sha256:{}", sha256(url.as_bytes())));
        world.wait_message(Kind::Accounts, "targets", "SourceUnreadable", "its host has a private address");
    }
    assert!(files.requests().is_empty());
}

#[test]
fn a_failing_server_is_tried_again() {
    install_flux();
    let (world, _operator) = world();
    let files = Files::plain();
    let bytes = archive(&[("accounts.csv", "website\na.example.com\n")]);
    files.serve("/a.tar.gz", 503, vec![], b"canary".to_vec());
    world.apply(Kind::Bucket, "lists", json!({}));
    set_artifact(&world, Kind::Bucket, &files.url("/a.tar.gz"), &format!("sha256:{}", sha256(&bytes)));
    apply_from(&world, flux("Bucket", "accounts.csv"));
    let audience = world.wait_message(Kind::Accounts, "targets", "SourceUnreadable", "its server answers HTTP 503");
    assert!(is_true(&audience, "Reconciling"));
    files.put("/a.tar.gz", bytes);
    world.wait_reason(Kind::Accounts, "targets", "Created");
}

#[test]
fn flux_can_be_installed_later() {
    let (world, operator) = world();
    apply_from(&world, flux("ExternalArtifact", "accounts.csv.gz"));
    let audience = world.wait_message(
        Kind::Accounts,
        "targets",
        "SourceNotFound",
        "this cluster doesn't have the kind ExternalArtifact",
    );
    assert!(message(&audience).contains("Install Flux"));
    install_crd(Kind::ExternalArtifact);
    let files = Files::plain();
    // A gzip file inside the artifact is unpacked too.
    let mut builder = tar::Builder::new(flate2::write::GzEncoder::new(vec![], flate2::Compression::default()));
    let packed = gzip(b"website\na.example.com\n");
    let mut header = tar::Header::new_gnu();
    header.set_size(packed.len() as u64);
    builder.append_data(&mut header, "accounts.csv.gz", &packed[..]).unwrap();
    let bytes = builder.into_inner().unwrap().finish().unwrap();
    files.put("/a.tar.gz", bytes.clone());
    world.apply(Kind::ExternalArtifact, "lists", json!({}));
    set_artifact(&world, Kind::ExternalArtifact, &files.url("/a.tar.gz"), &format!("sha256:{}", sha256(&bytes)));
    world.wait_reason(Kind::Accounts, "targets", "Created");
    assert_eq!(operator.metric_sum("propensity_operator_leader"), 1.0);
}

/// An operator and an HTTPS server that it may fetch lists from.
fn world_with_files() -> (World, Operator, Files) {
    let (files, ca) = Files::secure();
    let world = World::new();
    let launch = world.operator().fast(SPEEDUP).flag("ca-file", ca.to_str().unwrap());
    let operator = launch.flag("source-hosts", "localhost").flag("source-networks", LOOPBACK).start();
    world.connect();
    (world, operator, files)
}

#[test]
fn a_file_at_a_url_is_sent_and_checked_for_changes() {
    let (world, _operator, files) = world_with_files();
    files.put("/accounts.csv", "website\na.example.com\nb.example.com\n");
    apply_from(
        &world,
        json!({"http": {"url": format!("{}?token=canary", files.url("/accounts.csv")), "interval": "1m"}}),
    );
    world.wait_reason(Kind::Accounts, "targets", "Created");
    assert_eq!(sent(&world), ["a.example.com", "b.example.com"]);
    eventually("it is requested with its ETag", || {
        let unchanged = files.requests().iter().filter(|(_, status)| *status == 304).count();
        ensure(unchanged >= 2, || format!("{:?}", files.requests()))
    });
    // The same rows in another form are downloaded by the poll and again for the list, and nothing is sent.
    let downloads = || files.requests().iter().filter(|(_, status)| *status == 200).count();
    let before = downloads();
    files.put("/accounts.csv", "Domain\nb.example.com\na.example.com\n");
    eventually("the changed file is read", || {
        ensure(downloads() >= before + 2, || format!("{before}, {}", downloads()))
    });
    world.wait_ready(Kind::Accounts, "targets");
    world.assert_sent(1, 1);
    // Other rows are another audience.
    files.put("/accounts.csv", "website\na.example.com\nc.example.com\n");
    world.simulator.borrow().wait_requests(2);
    world.wait_reason(Kind::Accounts, "targets", "Created");
    world.assert_sent(2, 2);
    // The file is deleted: this is reported, and nothing is sent. Then it is restored.
    files.serve("/accounts.csv", 404, vec![], b"canary".to_vec());
    let gone = world.wait_message(Kind::Accounts, "targets", "SourceUnreadable", "its server answers HTTP 404");
    assert!(message(&gone).contains("http localhost/accounts.csv"), "{}", message(&gone));
    assert!(!gone["status"].to_string().contains("canary"));
    files.put("/accounts.csv", "website\na.example.com\nc.example.com\n");
    world.wait_ready(Kind::Accounts, "targets");
    world.assert_sent(2, 2);
}

#[test]
fn a_url_in_a_secret_and_a_pinned_file() {
    let (world, operator, files) = world_with_files();
    let list = b"website\na.example.com\n";
    files.put("/canary/accounts.csv", *list);
    let key = world.simulator.borrow().key().to_owned();
    let secret = json!({"workspace_api_key": key, "url": files.url("/canary/accounts.csv?canary")});
    world.apply(Kind::Secret, "propensity", json!({"stringData": secret}));
    let http = |sha256: &str| json!({"http": {"urlFrom": {"name": "propensity", "key": "url"}, "sha256": sha256}});
    apply_from(&world, http(&sha256(b"another")));
    let audience = world.wait_message(Kind::Accounts, "targets", "SourceUnreadable", "its digest isn't the one");
    assert!(message(&audience).contains("http secret propensity/url"), "{}", message(&audience));
    apply_from(&world, http(&sha256(list).to_uppercase()));
    let audience = world.wait_reason(Kind::Accounts, "targets", "Created");
    for text in [audience["status"].to_string(), operator.log(), format!("{:?}", world.events("targets"))] {
        assert!(!text.contains("canary"), "{text}");
    }
    let many = files.requests().len();
    consistently(Duration::from_secs(2), "a pinned file isn't checked for changes", || {
        ensure(files.requests().len() == many, || format!("{:?}", files.requests()))
    });
    apply_from(&world, json!({"http": {"urlFrom": {"name": "propensity", "key": "none"}}, "format": "CSV"}));
    world.wait_message(Kind::Accounts, "targets", "SourceUnreadable", "the Secret has no entry with its URL");
}

#[test]
fn only_allowed_urls_are_fetched() {
    let (files, ca) = Files::secure();
    files.put("/accounts.csv", "website\na.example.com\n");
    files.serve("/moved.csv", 301, vec![("location", files.url("/accounts.csv"))], b"canary".to_vec());
    let world = World::new();
    let operator = world.operator().fast(SPEEDUP).short_lease().flag("ca-file", ca.to_str().unwrap()).start();
    world.connect();
    let expect_unreadable = |url: &str, text: &str| {
        apply_from(&world, json!({"http": {"url": url}, "format": "CSV"}));
        world.wait_message(Kind::Accounts, "targets", "SourceUnreadable", text);
    };
    expect_unreadable(&files.url("/accounts.csv"), "--source-hosts");
    drop(operator);
    let launch = world.operator().fast(SPEEDUP).short_lease().flag("ca-file", ca.to_str().unwrap());
    let launch = launch.flag("source-hosts", "localhost,127.0.0.1,*.example.com");
    let operator = launch.start();
    operator.wait_leading();
    expect_unreadable(&files.url("/accounts.csv"), "its host has a private address");
    expect_unreadable("https://127.0.0.1/accounts.csv", "its host has a private address");
    expect_unreadable("https://169.254.169.254/latest", "--source-hosts");
    expect_unreadable("http://a.example.com/accounts.csv", "must begin with https://");
    expect_unreadable("https://ada@a.example.com/accounts.csv", "must begin with https:// and hold no user name");
    assert!(files.requests().is_empty(), "{:?}", files.requests());
    drop(operator);
    let launch = world.operator().fast(SPEEDUP).short_lease().flag("source-hosts", "localhost");
    let _operator = launch.flag("source-networks", LOOPBACK).flag("ca-file", ca.to_str().unwrap()).start();
    expect_unreadable(&files.url("/moved.csv"), "redirects (HTTP 301)");
    expect_unreadable("https://localhost:1/accounts.csv", "no connection to its server");
    assert_eq!(files.requests().iter().filter(|(path, _)| path == "/accounts.csv").count(), 0);
    world.assert_sent(0, 0);
}

#[test]
fn the_api_server_rejects_invalid_sources() {
    let world = World::new();
    let assert_rejected = |source: Value, why: &str| {
        let spec = json!({"spec": {"from": [source]}});
        let error = world.objects.apply(Kind::Accounts, "targets", spec).expect_err(why).to_string();
        assert!(error.contains(why), "{error}");
    };
    for path in ["/accounts.csv", "../accounts.csv", "a//b.csv", "a/./b.csv", "a/"] {
        assert_rejected(flux("GitRepository", path), "path must name a file from the root of the artifact");
    }
    assert_rejected(flux("HelmRepository", "a.csv"), "Unsupported value");
    assert_rejected(json!({"http": {}}), "give either url or urlFrom");
    let both = json!({"url": "https://a.example.com", "urlFrom": {"name": "a", "key": "b"}});
    assert_rejected(json!({"http": both}), "give either url or urlFrom");
    assert_rejected(json!({"http": {"url": "https://a.example.com", "interval": "1s"}}), "interval must be a duration");
    assert_rejected(json!({"http": {"url": "https://a.example.com", "sha256": "00"}}), "sha256");
}

#[test]
fn the_examples_of_external_lists_are_valid() {
    install_flux();
    let world = World::new();
    let examples = root().join("examples/elsewhere");
    world.kubectl(&["apply", "--server-side", "--dry-run=server", "-f", examples.to_str().unwrap()]).expect_success();
    for name in ["flux.yaml", "argo-cd.yaml"] {
        let text = std::fs::read_to_string(root().join("examples/gitops").join(name)).unwrap();
        let object: Value = serde_saphyr::from_str(&text).unwrap();
        assert!(object["spec"].is_object(), "{name}");
    }
    // Kustomize can build the folder that both examples refer to.
    let folder = RUN.join(&world.namespace);
    std::fs::create_dir_all(folder.join("lists")).unwrap();
    for name in ["workspace.yaml", "accounts.yaml", "gitops/kustomization.yaml"] {
        let target = folder.join(name.rsplit('/').next().unwrap());
        std::fs::copy(root().join("examples").join(name), target).unwrap();
    }
    std::fs::write(folder.join("lists/accounts.csv"), "website\na.example.com\n").unwrap();
    let built = world.kubectl(&["kustomize", folder.to_str().unwrap()]).expect_success();
    assert!(built.contains("name: q4-accounts\n") && built.contains("kind: PropensityWorkspace"), "{built}");
}
