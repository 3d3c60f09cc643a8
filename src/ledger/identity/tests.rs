#![allow(clippy::unwrap_used)]

use super::*;

fn identity() -> Identity {
    Identity::audience(
        IdentityKind::AccountAudience,
        "acme-prod",
        "api.propensity.com",
        "create_account_audience",
        "",
        &"a".repeat(64),
    )
}

#[test]
fn the_name_of_a_receipt_never_changes() {
    assert_eq!(identity().receipt_name(), "ar-vqjbsmxhhelp3cyg5ywgrfbkbunr2bzmmv66ascqcqqaeyev2w2q");
    assert_eq!(
        Identity::anchor("acme-prod", "api.propensity.com", "x").receipt_name(),
        "anchor-hewlemkzo4zq4k7rnx4ag4rdvjgiohnug4fie6vtbwuzgnh5d74q"
    );
}

/// The RFC 8785 forms. To check one manually: `printf %s '…' | sha256sum`, then base32.
#[test]
fn the_hashed_form_never_changes() {
    let form = |identity: &Identity| String::from_utf8(serde_json_canonicalizer::to_vec(identity).unwrap()).unwrap();
    let whole = Identity {
        variant: Some("v1".into()),
        ..Identity::audience(
            IdentityKind::ContactAudience,
            "acme-prod",
            "localhost:8443",
            "create_contact_audience",
            "2027 é \"x\"",
            &"0123456789abcdef".repeat(4),
        )
    };
    assert_eq!(
        form(&whole),
        r#"{"endpoint":"create_contact_audience","host":"localhost:8443","kind":"ContactAudience","listHash":"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef","revision":"2027 é \"x\"","variant":"v1","workspaceID":"acme-prod"}"#
    );
    assert_eq!(whole.receipt_name(), "ar-dst5jlhilo43kexv7s7yf35uq3ialsarziktly2i42lxqjny6kma");
    assert_eq!(
        form(&identity()),
        format!(
            r#"{{"endpoint":"create_account_audience","host":"api.propensity.com","kind":"AccountAudience","listHash":"{}","workspaceID":"acme-prod"}}"#,
            "a".repeat(64)
        )
    );
}

#[test]
fn a_field_of_a_newer_version_is_part_of_the_name() {
    let mut identity = serde_json::to_value(identity()).unwrap();
    let before = receipt_name(&identity);
    identity["newer"] = "x".into();
    assert_ne!(receipt_name(&identity), before);
}

#[test]
fn a_change_of_any_part_changes_the_name() {
    let base = identity();
    let changed = [
        Identity { kind: IdentityKind::ContactAudience, ..base.clone() },
        Identity { workspace_id: "other".into(), ..base.clone() },
        Identity { host: "eu.propensity.com".into(), ..base.clone() },
        Identity { endpoint: Some("create_contact_audience".into()), ..base.clone() },
        Identity { revision: Some("2".into()), ..base.clone() },
        Identity { list_hash: Some("b".repeat(64)), ..base.clone() },
        Identity { variant: Some("v".into()), ..base.clone() },
    ];
    let mut names: Vec<_> = changed.iter().map(Identity::receipt_name).collect();
    names.push(base.receipt_name());
    names.sort();
    names.dedup();
    assert_eq!(names.len(), changed.len() + 1);
}

#[test]
fn two_ledgers_of_one_workspace_compete_for_the_same_anchor() {
    let names = ["one", "two"].map(|id| Identity::anchor("acme", "api.propensity.com", id).receipt_name());
    assert_eq!(names[0], names[1]);
}
