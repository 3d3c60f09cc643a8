//! Checks that `audience`, `ledger`, `report` and `controller/decide` are pure, as `lib.rs` documents: they use no
//! Kubernetes client, HTTP, tokio, clock or randomness. The first three use no module that does, either; `decide` uses
//! the plain values of such modules, and which layers of the controller it may import is checked in `layers.rs`.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

const PURE: [&str; 4] = ["audience", "ledger", "report", "controller/decide"];

/// Pairs of a pure module and another module that it may use.
const MAY_USE: [(&str, &str); 10] = [
    ("report", "audience"),
    ("controller/decide", "api"),
    ("controller/decide", "audience"),
    ("controller/decide", "clock"),
    ("controller/decide", "controller"),
    ("controller/decide", "ledger"),
    ("controller/decide", "propensity"),
    ("controller/decide", "report"),
    ("controller/decide", "sources"),
    ("controller/decide", "telemetry"),
];

/// Crates and parts of the standard library that do IO or read the clock.
const FORBIDDEN: [&str; 23] = [
    "kube::",
    "kube_",
    "k8s_openapi",
    "reqwest",
    "rustls",
    "tokio",
    "futures",
    "axum",
    "tracing",
    "rustix",
    "getrandom",
    "Instant",
    "SystemTime",
    "Timestamp::now",
    "Zoned::now",
    "async ",
    ".await",
    "std::env",
    "std::fs",
    "std::net",
    "std::io",
    "std::process",
    "std::thread",
];

/// The source files of a folder, without its tests.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && name != "tests" {
            sources(&path, found);
        } else if name.ends_with(".rs") && name != "tests.rs" {
            found.push(path);
        }
    }
}

/// The code of a file, without comments and without the tests at its end.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let until_tests = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let until_tests = until_tests.split("#[cfg(test)]\n#[allow(clippy::unwrap_used)]\nmod tests {").next();
    let lines = until_tests.unwrap_or_default().lines().enumerate();
    lines.map(|(number, line)| (number + 1, line.split("//").next().unwrap_or_default()))
}

/// The forbidden crate or module that a line uses, if any.
fn violation(module: &str, line: &str) -> Option<String> {
    if let Some(word) = FORBIDDEN.into_iter().find(|word| line.contains(word)) {
        return Some(word.to_owned());
    }
    let others =
        line.split("crate::").skip(1).map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next());
    let may = |name: &str| name == module || MAY_USE.contains(&(module, name));
    others.flatten().find(|name| !may(name)).map(|name| format!("crate::{name}"))
}

#[test]
fn pure_modules_use_no_clients_and_no_clocks() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut violations = vec![];
    for module in PURE {
        let mut files = vec![];
        sources(&root.join(module), &mut files);
        assert!(files.len() > 2, "the source files of {module} weren't found");
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            let name = file.strip_prefix(&root).unwrap().display().to_string();
            let found = code(&text).filter_map(|(number, line)| Some((number, violation(module, line)?)));
            violations.extend(found.map(|(number, what)| format!("{name}:{number} uses {what}")));
        }
    }
    assert!(violations.is_empty(), "{violations:#?}");
}

#[test]
fn the_check_finds_violations() {
    for line in [
        "use kube::Client;",
        "let now = jiff::Timestamp::now();",
        "use std::time::{Duration, Instant};",
        "use crate::clock::Moment;",
        "use crate::propensity::Answer;",
        "#[schemars(with = \"crate::api::condition::Time\")]",
        "tokio::spawn(task);",
    ] {
        assert!(violation("ledger", line).is_some(), "{line}");
    }
    assert!(violation("controller/decide", "use crate::controller::kube::cluster::Cluster;").is_some());
    assert_eq!(violation("controller/decide", "use crate::clock::Moment;"), None);
    assert_eq!(violation("report", "use crate::audience::Member;"), None);
    for line in ["use std::time::Duration;", "use crate::ledger::State;", "use jiff::Timestamp;"] {
        assert_eq!(violation("ledger", line), None, "{line}");
    }
    assert_eq!(
        code("a // kube::Client\n#[cfg(test)]\nmod tests {\n kube::x").map(|(_, l)| l).collect::<String>(),
        "a "
    );
}
