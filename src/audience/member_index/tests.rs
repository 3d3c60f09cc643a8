use super::*;

/// First name, last name, company, website, email, LinkedIn URL; empty text for an absent field.
fn row(values: [&str; 6]) -> Member {
    let [first_name, last_name, company_name, website, email, linkedin_url] =
        values.map(|value| (!value.is_empty()).then(|| value.to_owned()));
    Member { first_name, last_name, company_name, website, email, linkedin_url }
}

fn found(index: &mut MemberIndex, values: [&str; 6]) -> Vec<u32> {
    let mut found = vec![];
    index.find(&mut row(values), |member| found.push(member));
    found
}

#[test]
fn accounts_are_found_by_any_spelling_of_their_website() {
    let mut index = MemberIndex::new(Kind::Accounts);
    for website in ["example.com", "example.org", "example.com"] {
        index.add(&Member::account(website));
    }
    index.build_index();
    assert_eq!(index.len(), 3);
    assert_eq!(found(&mut index, ["", "", "", "https://WWW.Example.com/x", "", ""]), [0, 2]);
    for website in ["example.net", "not a site", ""] {
        assert!(found(&mut index, ["Ada", "King", "Engines", website, "", ""]).is_empty(), "{website}");
    }
}

#[test]
fn the_strongest_key_that_a_row_and_a_contact_both_have_decides() {
    let mut index = MemberIndex::new(Kind::Contacts);
    let profile = "https://www.linkedin.com/in/ada";
    for member in [
        ["Ada", "King", "Engines", "", "", profile],
        ["Ada", "King", "Engines", "example.com", "ada@example.com", ""],
        ["Ada", "King", "Looms", "", "", ""],
    ] {
        index.add(&row(member));
    }
    index.build_index();
    for (about, wanted) in [
        (["", "", "", "", "", "de.linkedin.com/in/Ada/?x=1"], vec![0]),
        (["", "", "", "", "mailto:Ada@Example.com", ""], vec![1]),
        // With the first contact the strongest common key is the profile, with the second the email. Both are
        // equal.
        (["", "", "", "", "ada@example.com", profile], vec![0, 1]),
        // Another profile is another person. For a contact without a profile, the email decides.
        (["Ada", "King", "Engines", "", "ada@example.com", "linkedin.com/in/another"], vec![1]),
        (["Ada", "King", "Engines", "", "other@example.com", ""], vec![0]),
        (["ada", "KING", "", "example.com", "", ""], vec![1]),
        (["Ada", "King", "looms", "example.net", "", ""], vec![2]),
        // An invalid email is ignored.
        (["Ada", "King", "Looms", "", "unknown", ""], vec![2]),
        (["Ada", "", "Looms", "", "", ""], vec![]),
    ] {
        assert_eq!(found(&mut index, about), wanted, "{about:?}");
    }
}
