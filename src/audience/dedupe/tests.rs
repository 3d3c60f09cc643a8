use super::*;

/// First name, last name, company, website, email, LinkedIn URL; empty text for an absent field.
fn row(values: [&str; 6]) -> Member {
    let [first_name, last_name, company_name, website, email, linkedin_url] =
        values.map(|value| (!value.is_empty()).then(|| value.to_owned()));
    Member { first_name, last_name, company_name, website, email, linkedin_url }
}

/// Adds rows, some of them excluded.
fn added(kind: Kind, all: impl IntoIterator<Item = (Member, bool)>) -> (Vec<(u32, bool)>, Vec<Option<Member>>) {
    let (mut rows, mut members) = (Rows::default(), Members::new(kind));
    let add = |(row, excluded): (Member, bool)| {
        let number = rows.push(&row);
        members.add(&rows, number, &row, excluded)
    };
    let added = all.into_iter().map(add).collect();
    let member = |slot: Slot| {
        let Slot { row, merged, excluded, .. } = slot;
        (!excluded).then(|| merged.map_or_else(|| rows.member(row), |merged| *merged))
    };
    let members = members.finish().into_iter().map(member).collect();
    (added, members)
}

fn members(rows: &[[&str; 6]]) -> Vec<Member> {
    let (_, members) = added(Kind::Contacts, rows.iter().map(|values| (row(*values), false)));
    members.into_iter().flatten().collect()
}

#[test]
fn the_strongest_key_that_both_rows_have_decides() {
    for (case, a, b, same) in [
        (
            "one profile, all else differs",
            ["A", "B", "C", "d.com", "e@f.g", "in/h"],
            ["Z", "Y", "X", "w.com", "v@u.t", "in/h"],
            true,
        ),
        ("one email, two profiles", ["A", "B", "C", "", "e@f.g", "in/h"], ["A", "B", "C", "", "e@f.g", "in/i"], false),
        ("one email, one profile", ["A", "B", "C", "", "e@f.g", "in/h"], ["Z", "Y", "X", "", "e@f.g", ""], true),
        ("one name, two emails", ["A", "B", "C", "d.com", "e@f.g", ""], ["A", "B", "C", "d.com", "h@f.g", ""], false),
        ("one name and website", ["Ada", "B", "C", "d.com", "", "in/h"], ["ADA", "b", "X", "d.com", "v@u.t", ""], true),
        ("one name, two websites", ["A", "B", "C", "d.com", "", ""], ["A", "B", "C", "w.com", "", ""], false),
        ("one name and company", ["Åsa", "B", "C AB", "d.com", "", ""], ["åsa", "b", "c ab", "", "v@u.t", ""], true),
        ("two names, one company", ["A", "B", "C", "", "", ""], ["A", "Y", "C", "", "", ""], false),
        ("names that join to the same text", ["AB", "C", "D", "", "", ""], ["A", "BC", "D", "", "", ""], false),
    ] {
        assert_eq!(members(&[a, b]).len() == 1, same, "{case}");
        assert_eq!(members(&[b, a]).len() == 1, same, "{case}, in reverse order");
    }
}

#[test]
fn the_first_row_wins_and_its_absent_fields_are_filled() {
    let merged = members(&[
        ["Ada", "B", "", "d.com", "", ""],
        ["ADA", "B", "C", "d.com", "e@f.g", ""],
        ["", "", "", "", "e@f.g", "in/h"],
        ["", "", "", "", "", "in/h"],
    ]);
    assert!(merged == [row(["Ada", "B", "C", "d.com", "e@f.g", "in/h"])]);
}

#[test]
fn a_member_is_excluded_when_any_of_its_rows_is() {
    let rows = [
        (["", "", "", "", "", "in/h"], false),
        (["", "", "", "", "e@f.g", "in/h"], true),
        (["", "", "", "", "", "in/i"], false),
    ];
    let (added, members) = added(Kind::Contacts, rows.map(|(values, excluded)| (row(values), excluded)));
    assert_eq!(added, [(0, false), (0, true), (1, false)]);
    assert!(members == [None, Some(row(["", "", "", "", "", "in/i"]))]);
}

#[test]
fn accounts_are_the_same_by_website() {
    let rows = ["a.com", "b.com", "a.com"].map(|website| (Member::account(website), false));
    assert_eq!(added(Kind::Accounts, rows).0, [(0, false), (1, false), (0, true)]);
}
