#![allow(clippy::unwrap_used)]

use data_encoding::HEXLOWER;

use super::*;

fn with(entries: &[(Entry, &str)]) -> Suppression {
    let mut suppression = Suppression::default();
    for (entry, text) in entries {
        suppression.add(*entry, text).unwrap();
    }
    suppression
}

fn emailed(address: &str) -> Member {
    Member { email: Some(address.to_owned()), ..Member::default() }
}

fn profile(address: &str) -> Member {
    Member { linkedin_url: Some(address.to_owned()), ..Member::default() }
}

fn hash(text: &str) -> String {
    format!("sha256:{}", HEXLOWER.encode(&Sha256::digest(text)))
}

#[test]
fn a_domain_excludes_itself_and_its_subdomains() {
    let list = with(&[(Entry::Domain, "https://www.Example.com/")]);
    for member in [
        Member::account("example.com"),
        Member::account("shop.example.com"),
        emailed("a@example.com"),
        emailed("a@mail.eu.example.com"),
    ] {
        assert!(list.excludes(&member), "{member:?}");
    }
    for member in [Member::account("anexample.com"), Member::account("example.com.de"), emailed("a@example.org")] {
        assert!(!list.excludes(&member), "{member:?}");
    }
}

#[test]
fn an_email_or_profile_excludes_only_itself() {
    let list = with(&[(Entry::Email, "Ada@Example.com"), (Entry::Profile, "linkedin.com/in/Ada/")]);
    assert!(list.excludes(&emailed("ada@example.com")));
    assert!(list.excludes(&profile("https://www.linkedin.com/in/ada")));
    assert!(!list.excludes(&emailed("bob@example.com")));
    assert!(!list.excludes(&Member::account("example.com")));
    assert!(!list.excludes(&profile("https://www.linkedin.com/in/bob")));
}

#[test]
fn a_hash_matches_the_normal_form() {
    let list = with(&[
        (Entry::Email, &hash("ada@example.com")),
        (Entry::Domain, &hash("example.org").to_uppercase().replace("SHA256", "sha256")),
        (Entry::Profile, &hash("https://www.linkedin.com/in/ada")),
    ]);
    assert!(list.excludes(&emailed("ada@example.com")));
    assert!(list.excludes(&Member::account("www.shop.example.org")));
    assert!(list.excludes(&profile("https://www.linkedin.com/in/ada")));
    assert!(!list.excludes(&emailed("bob@example.com")));
}

#[test]
fn an_invalid_entry_is_refused_and_not_repeated() {
    let mut list = Suppression::default();
    for (entry, text, why) in [
        (Entry::Domain, "", BadEntry::Domain),
        (Entry::Domain, "canary", BadEntry::Domain),
        (Entry::Email, "canary.example.com", BadEntry::Email),
        (Entry::Profile, "https://canary.example.com", BadEntry::Profile),
        (Entry::Email, "sha256:canary", BadEntry::Email),
        (Entry::Domain, "sha256:00ff", BadEntry::Domain),
    ] {
        assert_eq!(list.add(entry, text), Err(why), "{text}");
        assert!(!why.to_string().contains("canary"));
    }
    assert!(list.is_empty() && !list.excludes(&Member::account("canary.example.com")));
    assert_eq!(format!("{:?}", with(&[(Entry::Domain, "canary.example.com")])), "Suppression { entries: 1, .. }");
}
