#![allow(clippy::unwrap_used)]

use super::*;

/// First name, last name, company, website, email, LinkedIn URL; empty text for an absent field.
fn row(values: [&str; 6]) -> Member {
    let [first_name, last_name, company_name, website, email, linkedin_url] =
        values.map(|value| Some(value.to_owned()));
    Member { first_name, last_name, company_name, website, email, linkedin_url }
}

#[test]
fn a_contact_needs_one_of_three_combinations() {
    const INCOMPLETE: &str = "needs linkedinUrl, or firstName and lastName with companyName or website";
    const ALONE: &str =
        "email alone is not enough: add linkedinUrl, or firstName and lastName with companyName or website";
    const HOST: &str = "the website is not a valid host name: check its spelling";
    for (values, problem) in [
        (["", "", "", "", "", "linkedin.com/in/ada"], None),
        (["Ada", "King", "Engines", "", "", ""], None),
        (["Ada", "King", "", "example.com", "", ""], None),
        (["Ada", "King", "", "", "", ""], Some(INCOMPLETE)),
        (["Ada", "", "Engines", "example.com", "ada@example.com", ""], Some(INCOMPLETE)),
        (["Ada", " \u{200b} ", "Engines", "example.com", "", ""], Some(INCOMPLETE)),
        (["", "", "", "", "", ""], Some(INCOMPLETE)),
        (["", "", "", "", "ada@example.com", ""], Some(ALONE)),
        // A present field must be valid, required or not.
        (["Ada", "King", "Engines", "not_a_site", "", "linkedin.com/in/ada"], Some(HOST)),
        (
            ["Ada\u{1}", "", "", "", "", "linkedin.com/in/ada"],
            Some("the firstName has a control character inside: remove it"),
        ),
    ] {
        let result = normalise(Kind::Contacts, &mut row(values)).map(|_| ()).map_err(|reason| reason.to_string());
        assert_eq!(result.err().as_deref(), problem, "{values:?}");
    }
}

#[test]
fn an_account_has_only_a_website() {
    let mut member = row(["Ada", "", "", "WWW.Example.com", "nonsense", ""]);
    assert_eq!(normalise(Kind::Accounts, &mut member), Ok(None));
    assert!(member == Member::account("example.com"));
    assert_eq!(normalise(Kind::Accounts, &mut row(["Ada"; 6].map(|_| " "))).err(), Some(Reason::WebsiteMissing));
}

#[test]
fn a_suffix_problem_does_not_change_the_normal_form() {
    let mut member = Member::account("www.Example.Invalid");
    assert_eq!(normalise(Kind::Accounts, &mut member), Ok(Some(Reason::WebsiteUnknownSuffix)));
    assert!(member == Member::account("example.invalid"));
}

#[test]
fn names_keep_their_case_and_get_single_spaces() {
    let mut member = row([" Ada ", "de  la\tCruz", "ENGINES ltd", "", "", "linkedin.com/in/ada"]);
    assert_eq!(normalise(Kind::Contacts, &mut member), Ok(None));
    let fields: Vec<_> = member.fields().collect();
    assert_eq!(
        fields,
        [
            ("company_name", "ENGINES ltd"),
            ("first_name", "Ada"),
            ("last_name", "de la Cruz"),
            ("linkedin_url", "https://www.linkedin.com/in/ada")
        ]
    );
}

#[test]
fn debug_shows_no_value() {
    assert_eq!(format!("{:?}", Member::account("canary.example")), r#"Member {"website"}"#);
}
