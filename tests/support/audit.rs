//! The operator's requests to the API server, read from the API server's audit log.

use std::fs;

use serde_json::Value;

use super::cluster::{RELEASE, SYSTEM, cluster};

/// The operator's answered requests in a namespace, except watches and requests on the Lease.
pub fn requests(namespace: &str) -> Vec<String> {
    answered(namespace).filter(|e| !is_watch_or_lease(e)).map(|e| describe(&e)).collect()
}

/// The same, only requests that write.
pub fn writes(namespace: &str) -> Vec<String> {
    let is_write = |e: &Value| matches!(e["verb"].as_str(), Some("create" | "update" | "patch" | "delete" | "apply"));
    answered(namespace).filter(|e| !is_watch_or_lease(e) && is_write(e)).map(|e| describe(&e)).collect()
}

/// Requests that the API server refused because a permission is missing (HTTP 403).
pub fn forbidden(namespace: &str) -> Vec<String> {
    answered(namespace).filter(|e| e["responseStatus"]["code"] == 403).map(|e| describe(&e)).collect()
}

fn answered(namespace: &str) -> impl Iterator<Item = Value> {
    let user = format!("system:serviceaccount:{SYSTEM}:{RELEASE}");
    let namespace = namespace.to_owned();
    let log = fs::read_to_string(&cluster().audit_log).expect("the API server writes its audit log");
    let lines: Vec<Value> = log
        .lines()
        .filter(|line| line.contains(&namespace) && line.contains(&user))
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    lines.into_iter().filter(move |e| {
        e["stage"] == "ResponseComplete"
            && e["user"]["username"] == user.as_str()
            && e["objectRef"]["namespace"] == namespace.as_str()
    })
}

fn is_watch_or_lease(event: &Value) -> bool {
    event["verb"] == "watch" || event["objectRef"]["resource"] == "leases"
}

fn describe(event: &Value) -> String {
    let object = &event["objectRef"];
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let sub = object["subresource"].as_str().map(|sub| format!("/{sub}")).unwrap_or_default();
    let code = &event["responseStatus"]["code"];
    format!("{} {}{sub} {} -> {code}", text(&event["verb"]), text(&object["resource"]), text(&object["name"]))
}
