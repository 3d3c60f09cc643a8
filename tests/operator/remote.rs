//! Lists in artifacts of Flux, and behind URLs.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::files::{Files, archive, gzip, install_crd, install_flux, sha256};
use crate::support::objects::{is_true, message};
use crate::support::programs::{RUN, root};
use crate::support::wait::{ensure, eventually, holds_for};
use crate::support::{Kind, Operator, World};

/// Where the servers of these tests are, which no list may come from by itself.
const LOOPBACK: &str = "127.0.0.0/8,::1/128";

/// The default settle time takes a tenth of a second, an hour 36 s.
const HURRY: u32 = 100;

fn world() -> (World, Operator) {
    let world = World::new();
    let operator = world.operator().fast(HURRY).flag("source-networks", LOOPBACK).start();
    world.connect();
    (world, operator)
}

fn from(world: &World, source: Value) {
    world.apply(Kind::Accounts, "targets", json!({"spec": {"from": [source]}}));
}

fn flux(kind: &str, path: &str) -> Value {
    json!({"fluxSource": {"kind": kind, "name": "lists", "path": path}})
}

/// What source-controller writes when it stored an artifact.
fn stored(world: &World, kind: Kind, url: &str, digest: &str) {
    let artifact = json!({
        "url": url, "digest": digest, "path": "x", "revision": "main@sha1:0", "lastUpdateTime": "2026-01-01T00:00:00Z",
    });
    world.objects.patch_status(kind, "lists", json!({"status": {"artifact": artifact}}));
}

/// The websites of the last audience.
fn sent(world: &World) -> Vec<String> {
    let audiences = world.simulator.borrow().audiences();
    let members = audiences.last().map(|audience| audience["members"].as_array().unwrap().clone()).unwrap_or_default();
    members.iter().map(|member| member["website"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn a_file_of_an_artifact_is_sent_and_followed() {
    install_flux();
    let (world, _operator) = world();
    let files = Files::plain();
    from(&world, flux("GitRepository", "lists/accounts.csv"));
    world.says(Kind::Accounts, "targets", "SourceNotFound", "there is no GitRepository lists");
    world.apply(Kind::GitRepository, "lists", json!({"spec": {"url": "https://git.example.com/lists"}}));
    world.says(Kind::Accounts, "targets", "SourceNotFound", "GitRepository lists has no artifact yet");
    let put = |path: &str, sites: &str| {
        let bytes = archive(&[("README.md", "#"), ("lists/accounts.csv", &format!("website\n{sites}\n"))]);
        files.put(path, bytes.clone());
        stored(&world, Kind::GitRepository, &files.url(path), &format!("sha256:{}", sha256(&bytes)));
    };
    put("/1.tar.gz", "a.example.com");
    world.settled(Kind::Accounts, "targets", "Created");
    assert_eq!(sent(&world), ["a.example.com"]);
    put("/2.tar.gz", "a.example.com\nb.example.com\nc.example.com");
    // More than half is new, which a guard holds.
    world.settled(Kind::Accounts, "targets", "GuardTripped");
    put("/3.tar.gz", "d.example.com");
    eventually("the new list is sent", || ensure(sent(&world) == ["d.example.com"], || format!("{:?}", sent(&world))));
    world.sent(2, 2);
}

#[test]
fn what_an_artifact_lacks_stops_the_audience() {
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
    let says = |url: &str, digest: &str, path: &str, reason: &str, text: &str| {
        stored(&world, Kind::OciRepository, url, digest);
        from(&world, flux("OCIRepository", path));
        let audience = world.says(Kind::Accounts, "targets", reason, text);
        assert!(!audience["status"].to_string().contains("canary"));
    };
    let url = |path: &str| files.url(path);
    says(&url("/whole.tar.gz"), &digest, "other.csv", "SourceUnreadable", "there is no such file in it");
    says(&url("/whole.tar.gz"), &digest, "bad.csv", "SourceUnreadable", "a quote is never closed");
    says(&url("/half.tar.gz"), &half, "accounts.csv", "SourceUnreadable", "or it is cut off");
    says(&url("/half.tar.gz"), &digest, "accounts.csv", "SourceUnreadable", "its digest isn't the one");
    says(&url("/whole.tar.gz"), "blake3:00", "accounts.csv", "SourceUnreadable", "its digest must be sha256");
    says(&url("/none.tar.gz"), &digest, "accounts.csv", "SourceUnreadable", "its server answers HTTP 404");
    says(&url("/moved.tar.gz"), &digest, "accounts.csv", "SourceUnreadable", "redirects (HTTP 302)");
    says("http://127.0.0.1:1/x.tar.gz", &digest, "accounts.csv", "SourceUnreadable", "no connection to its server");
    world.sent(0, 0);
    stored(&world, Kind::OciRepository, &url("/whole.tar.gz"), &digest);
    world.settled(Kind::Accounts, "targets", "Created");
}

#[test]
fn no_artifact_comes_from_the_operators_own_machine() {
    install_flux();
    let world = World::new();
    let _operator = world.operator().start();
    world.connect();
    let files = Files::plain();
    let bytes = archive(&[("accounts.csv", "website\na.example.com\n")]);
    files.put("/a.tar.gz", bytes.clone());
    world.apply(Kind::GitRepository, "lists", json!({}));
    from(&world, flux("GitRepository", "accounts.csv"));
    let local = files.url("/a.tar.gz");
    for url in [local.clone(), local.replace("localhost", "127.0.0.1"), "http://169.254.169.254/a".to_owned()] {
        stored(&world, Kind::GitRepository, &url, &format!("sha256:{}", sha256(url.as_bytes())));
        world.says(Kind::Accounts, "targets", "SourceUnreadable", "its host has a private address");
    }
    assert!(files.requests().is_empty());
}

#[test]
fn a_server_that_fails_for_a_while_is_asked_again() {
    install_flux();
    let (world, _operator) = world();
    let files = Files::plain();
    let bytes = archive(&[("accounts.csv", "website\na.example.com\n")]);
    files.serve("/a.tar.gz", 503, vec![], b"canary".to_vec());
    world.apply(Kind::Bucket, "lists", json!({}));
    stored(&world, Kind::Bucket, &files.url("/a.tar.gz"), &format!("sha256:{}", sha256(&bytes)));
    from(&world, flux("Bucket", "accounts.csv"));
    let audience = world.says(Kind::Accounts, "targets", "SourceUnreadable", "its server answers HTTP 503");
    assert!(is_true(&audience, "Reconciling"));
    files.put("/a.tar.gz", bytes);
    world.settled(Kind::Accounts, "targets", "Created");
}

#[test]
fn flux_that_is_installed_later_is_found() {
    let (world, operator) = world();
    from(&world, flux("ExternalArtifact", "accounts.csv.gz"));
    let audience = world.says(Kind::Accounts, "targets", "SourceNotFound", "this cluster knows no ExternalArtifact");
    assert!(message(&audience).contains("Install Flux"));
    install_crd(Kind::ExternalArtifact);
    let files = Files::plain();
    // What is packed inside is unpacked too.
    let mut builder = tar::Builder::new(flate2::write::GzEncoder::new(vec![], flate2::Compression::default()));
    let packed = gzip(b"website\na.example.com\n");
    let mut header = tar::Header::new_gnu();
    header.set_size(packed.len() as u64);
    builder.append_data(&mut header, "accounts.csv.gz", &packed[..]).unwrap();
    let bytes = builder.into_inner().unwrap().finish().unwrap();
    files.put("/a.tar.gz", bytes.clone());
    world.apply(Kind::ExternalArtifact, "lists", json!({}));
    stored(&world, Kind::ExternalArtifact, &files.url("/a.tar.gz"), &format!("sha256:{}", sha256(&bytes)));
    world.settled(Kind::Accounts, "targets", "Created");
    assert_eq!(operator.metric_sum("propensity_operator_leader"), 1.0);
}

/// A world with a server of its own, from which lists may be fetched.
fn with_files() -> (World, Operator, Files) {
    let (files, ca) = Files::secure();
    let world = World::new();
    let launch = world.operator().fast(HURRY).flag("ca-file", ca.to_str().unwrap());
    let operator = launch.flag("source-hosts", "localhost").flag("source-networks", LOOPBACK).start();
    world.connect();
    (world, operator, files)
}

#[test]
fn a_file_behind_a_url_is_sent_and_asked_for_news() {
    let (world, _operator, files) = with_files();
    files.put("/accounts.csv", "website\na.example.com\nb.example.com\n");
    from(&world, json!({"http": {"url": format!("{}?token=canary", files.url("/accounts.csv")), "interval": "1m"}}));
    world.settled(Kind::Accounts, "targets", "Created");
    assert_eq!(sent(&world), ["a.example.com", "b.example.com"]);
    eventually("it is asked with its tag", || {
        let same = files.requests().iter().filter(|(_, status)| *status == 304).count();
        ensure(same >= 2, || format!("{:?}", files.requests()))
    });
    // The same rows in other words, then other rows.
    files.put("/accounts.csv", "Domain\nb.example.com\na.example.com\n");
    world.settled(Kind::Accounts, "targets", "AlreadyCreated");
    files.put("/accounts.csv", "website\na.example.com\nc.example.com\n");
    world.settled(Kind::Accounts, "targets", "Created");
    world.sent(2, 2);
    // It is gone: that is told, and nothing is sent; and it comes back.
    files.serve("/accounts.csv", 404, vec![], b"canary".to_vec());
    let gone = world.says(Kind::Accounts, "targets", "SourceUnreadable", "its server answers HTTP 404");
    assert!(message(&gone).contains("http localhost/accounts.csv"), "{}", message(&gone));
    assert!(!gone["status"].to_string().contains("canary"));
    files.put("/accounts.csv", "website\na.example.com\nc.example.com\n");
    world.ready(Kind::Accounts, "targets");
    world.sent(2, 2);
}

#[test]
fn a_url_in_a_secret_and_a_pinned_file() {
    let (world, operator, files) = with_files();
    let list = b"website\na.example.com\n";
    files.put("/canary/accounts.csv", *list);
    let key = world.simulator.borrow().key().to_owned();
    let secret = json!({"workspace_api_key": key, "url": files.url("/canary/accounts.csv?canary")});
    world.apply(Kind::Secret, "propensity", json!({"stringData": secret}));
    let http = |sha256: &str| json!({"http": {"urlFrom": {"name": "propensity", "key": "url"}, "sha256": sha256}});
    from(&world, http(&sha256(b"another")));
    let audience = world.says(Kind::Accounts, "targets", "SourceUnreadable", "its digest isn't the one");
    assert!(message(&audience).contains("http secret propensity/url"), "{}", message(&audience));
    from(&world, http(&sha256(list).to_uppercase()));
    let audience = world.settled(Kind::Accounts, "targets", "Created");
    for text in [audience["status"].to_string(), operator.log(), format!("{:?}", world.events("targets"))] {
        assert!(!text.contains("canary"), "{text}");
    }
    let many = files.requests().len();
    holds_for(Duration::from_secs(2), "nobody asks for news", || {
        ensure(files.requests().len() == many, || format!("{:?}", files.requests()))
    });
    from(&world, json!({"http": {"urlFrom": {"name": "propensity", "key": "none"}}, "format": "CSV"}));
    world.says(Kind::Accounts, "targets", "SourceUnreadable", "the entry of the Secret that should hold its URL");
}

#[test]
fn only_what_is_allowed_is_fetched() {
    let (files, ca) = Files::secure();
    files.put("/accounts.csv", "website\na.example.com\n");
    files.serve("/moved.csv", 301, vec![("location", files.url("/accounts.csv"))], b"canary".to_vec());
    let world = World::new();
    let operator = world.operator().fast(HURRY).mortal().flag("ca-file", ca.to_str().unwrap()).start();
    world.connect();
    let says = |url: &str, text: &str| {
        from(&world, json!({"http": {"url": url}, "format": "CSV"}));
        world.says(Kind::Accounts, "targets", "SourceUnreadable", text);
    };
    says(&files.url("/accounts.csv"), "--source-hosts");
    drop(operator);
    let launch = world.operator().fast(HURRY).mortal().flag("ca-file", ca.to_str().unwrap());
    let launch = launch.flag("source-hosts", "localhost,127.0.0.1,*.example.com");
    let operator = launch.start();
    operator.wait_leading();
    says(&files.url("/accounts.csv"), "its host has a private address");
    says("https://127.0.0.1/accounts.csv", "its host has a private address");
    says("https://169.254.169.254/latest", "--source-hosts");
    says("http://a.example.com/accounts.csv", "must begin with https://");
    says("https://ada@a.example.com/accounts.csv", "must begin with https:// and hold no user name");
    assert!(files.requests().is_empty(), "{:?}", files.requests());
    drop(operator);
    let launch = world.operator().fast(HURRY).mortal().flag("source-hosts", "localhost");
    let _operator = launch.flag("source-networks", LOOPBACK).flag("ca-file", ca.to_str().unwrap()).start();
    says(&files.url("/moved.csv"), "redirects (HTTP 301)");
    says("https://localhost:1/accounts.csv", "no connection to its server");
    assert_eq!(files.requests().iter().filter(|(path, _)| path == "/accounts.csv").count(), 0);
    world.sent(0, 0);
}

#[test]
fn the_api_server_refuses_what_means_nothing() {
    let world = World::new();
    let refused = |source: Value, why: &str| {
        let spec = json!({"spec": {"from": [source]}});
        let error = world.objects.apply(Kind::Accounts, "targets", spec).expect_err(why).to_string();
        assert!(error.contains(why), "{error}");
    };
    for path in ["/accounts.csv", "../accounts.csv", "a//b.csv", "a/./b.csv", "a/"] {
        refused(flux("GitRepository", path), "path must name a file from the root of the artifact");
    }
    refused(flux("HelmRepository", "a.csv"), "Unsupported value");
    refused(json!({"http": {}}), "give either url or urlFrom");
    let both = json!({"url": "https://a.example.com", "urlFrom": {"name": "a", "key": "b"}});
    refused(json!({"http": both}), "give either url or urlFrom");
    refused(json!({"http": {"url": "https://a.example.com", "interval": "1s"}}), "interval must be a duration");
    refused(json!({"http": {"url": "https://a.example.com", "sha256": "00"}}), "sha256");
}

#[test]
fn the_examples_of_lists_elsewhere_are_valid() {
    install_flux();
    let world = World::new();
    let examples = root().join("examples/elsewhere");
    world.kubectl(&["apply", "--server-side", "--dry-run=server", "-f", examples.to_str().unwrap()]).fine();
    for name in ["flux.yaml", "argo-cd.yaml"] {
        let text = std::fs::read_to_string(root().join("examples/gitops").join(name)).unwrap();
        let object: Value = serde_saphyr::from_str(&text).unwrap();
        assert!(object["spec"].is_object(), "{name}");
    }
    // The folder that both point to is one that kustomize builds.
    let folder = RUN.join(&world.namespace);
    std::fs::create_dir_all(folder.join("lists")).unwrap();
    for name in ["workspace.yaml", "accounts.yaml", "gitops/kustomization.yaml"] {
        let target = folder.join(name.rsplit('/').next().unwrap());
        std::fs::copy(root().join("examples").join(name), target).unwrap();
    }
    std::fs::write(folder.join("lists/accounts.csv"), "website\na.example.com\n").unwrap();
    let built = world.kubectl(&["kustomize", folder.to_str().unwrap()]).fine();
    assert!(built.contains("name: q4-accounts\n") && built.contains("kind: PropensityWorkspace"), "{built}");
}
