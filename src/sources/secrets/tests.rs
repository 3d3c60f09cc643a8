#![allow(clippy::unwrap_used)]

use super::*;
use k8s_openapi::ByteString;

fn secret(namespace: &str, entries: &[(&str, &str)]) -> Secret {
    let mut secret = Secret::default();
    secret.metadata.namespace = Some(namespace.to_owned());
    secret.metadata.name = Some("propensity".to_owned());
    let bytes = |text: &str| ByteString(text.as_bytes().to_vec());
    secret.data = Some(entries.iter().map(|(name, value)| ((*name).to_owned(), bytes(value))).collect());
    secret
}

fn scope(namespace: Option<&str>) -> Scope {
    Scope { namespace: namespace.map(str::to_owned), name: "propensity".to_owned() }
}

fn listed(secrets: &[Secret]) -> HashMap<SecretRef, Entries> {
    secrets.iter().map(|secret| (reference(secret), Entries::of(secret))).collect()
}

fn place(namespace: &str) -> SecretRef {
    (namespace.to_owned(), "propensity".to_owned())
}

/// The state of the key, without its value.
fn known(secrets: &Secrets, namespace: &str) -> &'static str {
    match secrets.key(namespace, "propensity") {
        KeyState::Unknown => "unknown",
        KeyState::Denied => "denied",
        KeyState::NoSecret => "no secret",
        KeyState::NoKey => "no key",
        KeyState::Invalid(_) => "invalid",
        KeyState::Key(_) => "key",
    }
}

#[test]
fn a_secret_is_unknown_until_its_watch_has_listed() {
    let secrets = Secrets::default();
    assert_eq!((known(&secrets, "team"), secrets.is_covered("team", "propensity")), ("unknown", false));
    assert!(secrets.add_watch(&scope(None)));
    assert!(!secrets.add_watch(&scope(None)), "one watch for a scope");
    assert_eq!((known(&secrets, "team"), secrets.is_covered("team", "propensity")), ("unknown", true));
    let touched = secrets.lock().relist(&scope(None), HashMap::new());
    assert_eq!(
        touched,
        [(String::new(), "propensity".to_owned())],
        "those that wait are notified that there is no Secret"
    );
    assert_eq!(known(&secrets, "team"), "no secret");
    assert!(!secrets.is_covered("team", "other"));
}

#[test]
fn a_secret_has_a_key_or_a_reason_why_not() {
    let secrets = Secrets::default();
    secrets.add_watch(&scope(None));
    let list = [
        secret("good", &[("workspace_api_key", " canary\n"), ("other", "x")]),
        secret("empty", &[("workspace_api_key", " ")]),
        secret("other", &[("api_key", "canary")]),
        Secret { data: None, ..secret("bare", &[]) },
    ];
    secrets.lock().relist(&scope(None), listed(&list));
    let all = ["good", "empty", "other", "bare", "absent"].map(|namespace| known(&secrets, namespace));
    assert_eq!(all, ["key", "invalid", "no key", "no key", "no secret"]);
    assert!(!format!("{:?}", secrets.key("good", "propensity")).contains("canary"));
}

#[test]
fn only_changes_of_kept_entries_are_reported() {
    let secrets = Secrets::default();
    let set = |secret: &Secret| secrets.lock().set(reference(secret), Entries::of(secret));
    assert!(set(&secret("team", &[("workspace_api_key", "one")])));
    assert!(!set(&secret("team", &[("workspace_api_key", "one\n")])));
    assert!(set(&secret("team", &[("workspace_api_key", "two")])));
    assert!(set(&secret("team", &[("workspace_api_key", "")])));
    assert!(!set(&secret("team", &[("workspace_api_key", "  ")])), "empty is empty");
    assert!(set(&secret("team", &[])));
    assert!(set(&secret("team", &[("report", "https://example.com/a")])));
    assert!(!set(&secret("team", &[("report", " https://example.com/a\n")])));
    assert!(set(&secret("team", &[("report", "https://example.com/b")])));
    assert!(set(&secret("team", &[("report", "no URL")])));
    assert!(!set(&secret("team", &[("report", "none either")])), "both are equally invalid");
}

#[test]
fn valid_and_invalid_report_urls_are_distinguished_and_never_shown() {
    let secrets = Secrets::default();
    let entries = [("workspace_api_key", "canary"), ("good", "https://canary.example.com/x"), ("bad", "canary")];
    secrets.lock().set(("team".to_owned(), "propensity".to_owned()), Entries::of(&secret("team", &entries)));
    let url = |entry: &str| secrets.report_url("team", "propensity", entry);
    assert!(matches!(url("good"), UrlState::Url(_)));
    assert!(matches!(url("bad"), UrlState::Invalid(UrlError::NotAUrl)));
    for missing in ["other", "workspace_api_key"] {
        assert!(matches!(url(missing), UrlState::Missing), "{missing}");
    }
    assert!(!format!("{:?} {:?}", url("good"), url("bad")).contains("canary"));
}

#[test]
fn a_list_reports_what_was_added_changed_and_removed() {
    let secrets = Secrets::default();
    let one = |namespace: &str, key: &str| secret(namespace, &[("workspace_api_key", key)]);
    secrets.lock().relist(&scope(None), listed(&[one("same", "a"), one("changed", "a"), one("gone", "a")]));
    let next = [one("same", "a"), one("changed", "b"), one("new", "a")];
    let mut touched = secrets.lock().relist(&scope(None), listed(&next));
    touched.sort();
    assert_eq!(touched, [place("changed"), place("gone"), place("new")]);
    assert_eq!(known(&secrets, "gone"), "no secret");
}

#[test]
fn a_list_of_one_namespace_does_not_affect_another() {
    let secrets = Secrets::default();
    let one = |namespace: &str| secret(namespace, &[("workspace_api_key", "a")]);
    secrets.lock().relist(&scope(Some("one")), listed(&[one("one")]));
    secrets.lock().relist(&scope(Some("two")), listed(&[one("two")]));
    secrets.lock().relist(&scope(Some("one")), HashMap::new());
    assert_eq!(
        [known(&secrets, "one"), known(&secrets, "two"), known(&secrets, "three")],
        ["no secret", "key", "unknown"]
    );
}

#[test]
fn a_denied_watch_is_reported_once_until_the_first_list() {
    let secrets = Secrets::default();
    secrets.add_watch(&scope(Some("team")));
    assert!(
        secrets.lock().failed(&scope(Some("team")), false).is_empty(),
        "another failure doesn't mean a lack of permission"
    );
    assert_eq!(known(&secrets, "team"), "unknown");
    assert_eq!(secrets.lock().failed(&scope(Some("team")), true), [place("team")]);
    assert!(secrets.lock().failed(&scope(Some("team")), true).is_empty());
    assert_eq!(known(&secrets, "team"), "denied");
    secrets.lock().relist(&scope(Some("team")), listed(&[secret("team", &[("workspace_api_key", "a")])]));
    assert_eq!(known(&secrets, "team"), "key");
}

#[test]
fn of_two_watches_the_allowed_one_takes_precedence() {
    let secrets = Secrets::default();
    secrets.add_watch(&scope(None));
    secrets.add_watch(&scope(Some("team")));
    secrets.lock().failed(&scope(None), true);
    assert_eq!(known(&secrets, "team"), "unknown", "its own watch hasn't listed yet");
    assert_eq!(known(&secrets, "other"), "denied");
    secrets.lock().relist(&scope(Some("team")), HashMap::new());
    assert_eq!(known(&secrets, "team"), "no secret");
}
