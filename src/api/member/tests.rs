use super::*;

#[test]
fn debug_shows_no_value() {
    let contact =
        Contact { first_name: Some("canary".into()), email: Some("canary@example.com".into()), ..Contact::default() };
    let account = Account { website: "canary.example.com".into() };
    assert!(!format!("{contact:?} {account:?}").contains("canary"));
}
