//! Tests of the module's public interface: golden values of forms and hashes, and changes that must not affect them.
#![allow(clippy::unwrap_used)]

use proptest::{option, prelude::*, sample, string::string_regex};

use super::*;

fn contact(values: [&str; 6]) -> Member {
    let [first_name, last_name, company_name, website, email, linkedin_url] =
        values.map(|value| (!value.is_empty()).then(|| value.to_owned()));
    Member { first_name, last_name, company_name, website, email, linkedin_url }
}

fn list(kind: Kind, members: impl IntoIterator<Item = Member>) -> Normalised {
    List::normalise(kind, (1..).zip(members).map(|(number, member)| Row { source: "spec", number, member }))
}

fn sample_contacts() -> Vec<Member> {
    vec![
        contact(["Ada", "Lovelace", "Analytical Engines", "https://www.Example.com/", "Ada@Example.com", ""]),
        contact(["", "", "", "", "", "de.linkedin.com/in/Charles-Babbage/"]),
        contact(["Zoë  \"Z\"", "O'Neil", "Bücher & Söhne", "www.bücher.de", "", ""]),
    ]
}

#[test]
fn the_form_of_contacts_never_changes() {
    let Normalised { list, funnel, problems, .. } = list(Kind::Contacts, sample_contacts());
    assert_eq!(problems, Problems::default());
    assert_eq!(funnel, Funnel { read: 3, to_send: 3, ..Funnel::default() });
    let body = list.to_wire_body();
    assert_eq!(
        String::from_utf8(body.clone()).unwrap(),
        concat!(
            r#"{"contacts":[{"company_name":"Analytical Engines","email":"ada@example.com","first_name":"Ada","last_name":"Lovelace","website":"example.com"},"#,
            r#"{"company_name":"Bücher & Söhne","first_name":"Zoë \"Z\"","last_name":"O'Neil","website":"xn--bcher-kva.de"},"#,
            r#"{"linkedin_url":"https://www.linkedin.com/in/charles-babbage"}]}"#
        )
    );
    assert_eq!(list.hash().as_str(), "ab39e47fd3bbc307dabc5390b17e7ca3e7566c3fdac2f4f0ae2febbbdcac582b");
    assert_eq!(list.hash().short(), "ab39e47fd3bb");
    assert_eq!(payload_hash(&body), "bf2b08eefb8c7b86fd621574a3b76e96e528f114801a55e2f39e23947dcf748a");
}

#[test]
fn the_form_of_accounts_never_changes() {
    let Normalised { list, funnel, problems, .. } =
        list(Kind::Accounts, ["www.b.com", "https://A.com/x", "b.com", "c.d.example.org"].map(Member::account));
    assert_eq!(problems, Problems::default());
    assert_eq!(funnel, Funnel { read: 4, duplicate: 1, to_send: 3, ..Funnel::default() });
    let body = list.to_wire_body();
    assert_eq!(
        String::from_utf8(body.clone()).unwrap(),
        r#"{"accounts":[{"website":"a.com"},{"website":"b.com"},{"website":"c.d.example.org"}]}"#
    );
    assert_eq!(list.hash().as_str(), "cb7a2300f60eecd74b3d55ffd95e95613eac055d9742c3e69f29b1e0b57a3a1d");
    assert_eq!(payload_hash(&body), "c3c1390215fbed036fe130269f963aca7f8169cbae10c05b816e743e7689808c");
}

#[test]
fn the_hash_is_computed_as_documented() {
    let text = "propensity.audience/v1 accounts\n{\"website\":\"a.com\"}\n{\"website\":\"b.com\"}\n";
    let list = list(Kind::Accounts, ["b.com", "a.com", "b.com"].map(Member::account)).list;
    assert_eq!(list.hash().as_str(), payload_hash(text.as_bytes()));
}

#[test]
fn an_empty_list_has_a_form_and_a_hash() {
    let Normalised { list, funnel, .. } = list(Kind::Contacts, []);
    assert_eq!(funnel, Funnel::default());
    assert_eq!(list.to_wire_body(), b"{\"contacts\":[]}");
    assert_eq!(list.hash().as_str(), "657a20ef41c29de5f25adc6ecf31457efc03d31164473ba084e885c5b4c5ab0a");
}

#[test]
fn the_suffix_list_does_not_change_the_hash() {
    let judged = list(Kind::Accounts, ["a.com", "example.invalid", "co.uk"].map(Member::account));
    assert_eq!(judged.funnel, Funnel { read: 3, invalid: 2, to_send: 1, ..Funnel::default() });
    assert_eq!(judged.problems.by_suffix_list, 2);
    assert_eq!(judged.list.to_wire_body(), b"{\"accounts\":[{\"website\":\"a.com\"}]}");
    assert_eq!(judged.list.hash().as_str(), "430d52e9271ecd06f77b75e714868805a08bf1ed73cd5a8f7460dc15e0a32503");
}

#[test]
fn problems_name_the_row_and_never_its_values() {
    let rows = ["localhost", "canary 1.example", "canary@2.example", "1.2.3.4"].map(Member::account);
    let Normalised { funnel, problems, .. } = list(Kind::Accounts, rows);
    assert_eq!(funnel.invalid, 4);
    let texts: Vec<_> = problems.first.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "spec row 1: the website has no suffix: enter the complete name, such as example.com",
            "spec row 2: the website has white space inside: remove it",
            "spec row 3: the website has a user name or is an email address: enter only the host name, such as example.com",
            "spec row 4: the website is an IP address: enter its host name",
        ]
    );
}

fn without(email: &str) -> Suppression {
    let mut suppression = Suppression::default();
    suppression.add(Entry::Email, email).unwrap();
    suppression
}

#[test]
fn exclusion_is_counted_and_does_not_change_the_hash() {
    let rows = || sample_contacts().into_iter().map(|member| Row { source: "spec", number: 1, member });
    let all = List::normalise(Kind::Contacts, rows());
    let some = List::normalise_except(Kind::Contacts, rows(), without("ada@example.com"));
    assert_eq!(some.funnel, Funnel { read: 3, excluded: 1, to_send: 2, ..Funnel::default() });
    assert_eq!(some.list.hash(), all.list.hash());
    let is_ada = |member: &Member| member.email.as_deref().is_some_and(|email| email.to_lowercase().contains("ada@"));
    let kept = sample_contacts().into_iter().filter(|member| !is_ada(member));
    assert_eq!(some.list.kept_hash(), Some(list(Kind::Contacts, kept).list.hash()));
    assert_eq!(all.list.kept_hash(), None);
    let values = |list: &List| -> Vec<String> {
        list.members().flat_map(|m| m.fields().map(|(_, value)| value.to_owned()).collect::<Vec<_>>()).collect()
    };
    assert!(!values(&some.list).iter().any(|value| value.contains("ada@")));
    assert_eq!(values(&all.list).len(), 10);
}

#[test]
fn debug_shows_counts_and_no_value() {
    let row = Row { source: "spec", number: 7, member: Member::account("canary.example.com") };
    assert_eq!(format!("{row:?}"), r#"Row { source: "spec", number: 7, member: Member {"website"} }"#);
    let mut normaliser = Normaliser::new(Kind::Accounts, Suppression::default());
    normaliser.push(row);
    let shown = format!("{normaliser:?}") + &format!("{:?}", normaliser.finish());
    assert!(!shown.contains("canary"), "{shown}");
    assert!(shown.contains("members: 1"), "{shown}");
}

#[test]
fn kinds_have_endpoints_and_nouns() {
    assert_eq!(
        (Kind::Contacts.endpoint(), Kind::Accounts.endpoint()),
        ("create_contact_audience", "create_account_audience")
    );
    assert_eq!((Kind::Contacts.member_noun(1), Kind::Accounts.member_noun(0)), ("contact", "accounts"));
}

/// Texts that are similar to valid values of each field, and random texts.
fn text() -> impl Strategy<Value = String> {
    const HOST: &str = "(www\\.){0,3}([a-cA-C]{1,3}|bü|ｗｗｗ|xn--bcher-kva)[.。](com|co\\.uk|de|рф|COM|ck|1)\\.?";
    let website = format!("(https?://|HTTP://|//|)({HOST})(:80|:|)(/[a-b]{{0,2}}|\\?x|#y|)");
    let email = format!("(mailto:|)[a-bA-Bİ.+]{{1,4}}@({HOST})(\\?x)?");
    prop_oneof![
        any::<String>(),
        "[ \t\u{200b}]?[a-bA-Bİßςé\u{200d}\u{ad}]{0,3}[ \u{a0}]{0,2}[a-b\u{301}]{0,2}[ \n]?",
        string_regex(&website).unwrap(),
        string_regex(&email).unwrap(),
        "(https?://|)(www\\.|de\\.|)(LinkedIn|linkedin)\\.com/(in|IN|pub)/([a-bA-B.%-]|%4[1-3]|%20|%c3%85|%C3%A5|İ|é|%25|%2F){0,4}(/en|/|\\?x|)",
    ]
}

prop_compose! {
    /// Only a few values, so that many rows belong to the same member.
    fn any_contact()(
        first in sample::select(&["", "Ada", "ada ", "Åsa"][..]),
        last in sample::select(&["", "King", "KING"][..]),
        company in sample::select(&["", "Engines", "engines", "Other"][..]),
        website in sample::select(&["", "a.com", "www.a.com", "b.com", "b.invalid", "_"][..]),
        email in sample::select(&["", "a@a.com", "A@a.com", "b@a.com"][..]),
        linkedin in sample::select(&["", "linkedin.com/in/a", "linkedin.com/in/A/", "linkedin.com/in/b"][..]),
    ) -> Member {
        contact([first, last, company, website, email, linkedin])
    }
}

fn split(rows: &[Member], max: u64, suppression: Suppression) -> Normalised {
    let mut normaliser = Normaliser::new(Kind::Contacts, suppression).split(Some(max));
    for (number, member) in (1..).zip(rows.iter().cloned()) {
        normaliser.push(Row { source: "spec", number, member });
    }
    normaliser.finish()
}

fn people(count: u32) -> Vec<Member> {
    let person = |number| Member {
        first_name: Some(format!("First{number}")),
        last_name: Some("Last".to_owned()),
        company_name: Some("Company".to_owned()),
        email: (number % 3 > 0).then(|| format!("p{number}@example.com")),
        linkedin_url: (number % 2 > 0).then(|| format!("linkedin.com/in/p{number}")),
        ..Member::default()
    };
    (0..count).map(person).collect()
}

#[test]
fn a_split_list_is_the_same_list_in_parts() {
    let rows = people(500);
    let whole = list(Kind::Contacts, rows.clone());
    let parts = split(&rows, 60, without("p7@example.com"));
    assert_eq!(parts.list.hash(), whole.list.hash());
    assert!(parts.list.is_empty() && parts.parts.len() > 8);
    assert_eq!(parts.funnel, Funnel { read: 500, excluded: 1, to_send: 499, ..Funnel::default() });
    assert!(parts.parts.iter().all(|part| part.list.len() <= 60));
    assert_eq!(parts.parts.iter().map(|part| part.list.len()).sum::<u64>(), 499);
    assert_eq!(parts.parts.iter().map(|part| part.excluded).sum::<u64>(), 1);
    // A part has the hash of a list with the same rows, and a suppression doesn't change it.
    let one = parts.parts.iter().find(|part| part.excluded == 0).unwrap();
    let alone = list(Kind::Contacts, one.list.members());
    assert_eq!((one.list.hash(), one.list.kept_hash()), (alone.list.hash(), None));
    let unsuppressed = split(&rows, 60, Suppression::default());
    let hashes = |normalised: &Normalised| -> Vec<_> {
        normalised.parts.iter().map(|part| (part.name.clone(), part.list.hash().clone())).collect()
    };
    assert_eq!(hashes(&parts), hashes(&unsuppressed));
    // The order of rows doesn't change them either.
    let backwards: Vec<_> = rows.iter().rev().cloned().collect();
    assert_eq!(hashes(&split(&backwards, 60, Suppression::default())), hashes(&unsuppressed));
    // An edit of one member changes only its own part.
    let mut edited = rows.clone();
    edited[3].company_name = Some("Another".to_owned());
    let edited = hashes(&split(&edited, 60, Suppression::default()));
    assert_eq!(edited.iter().zip(hashes(&unsuppressed)).filter(|(now, then)| **now != *then).count(), 1);
    // A list that fits in one part isn't split.
    let fits = split(&rows, 500, Suppression::default());
    assert!(fits.parts.is_empty() && fits.list.len() == 500);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn parts_have_the_same_rows_in_any_order(
        (rows, shuffled) in proptest::collection::vec(any_contact(), 0..30)
            .prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle())),
        max in 1_u64..6,
    ) {
        let hashes = |rows: &[Member]| -> Vec<_> {
            let parts = split(rows, max, Suppression::default()).parts;
            parts.into_iter().map(|part| (part.name, part.list.hash().clone())).collect()
        };
        prop_assert_eq!(hashes(&rows), hashes(&shuffled));
    }

    #[test]
    fn parts_contain_every_member_once(rows in proptest::collection::vec(any_contact(), 0..30), max in 1_u64..6) {
        let whole = list(Kind::Contacts, rows.clone());
        let parts = split(&rows, max, Suppression::default());
        prop_assert_eq!(parts.funnel, whole.funnel);
        if !parts.parts.is_empty() {
            let sorted = |members: Vec<Member>| {
                let text = |member: &Member| format!("{:?}", member.fields().collect::<Vec<_>>());
                let mut texts: Vec<_> = members.iter().map(text).collect();
                texts.sort();
                texts
            };
            let members = parts.parts.iter().flat_map(|part| part.list.members()).collect();
            prop_assert_eq!(sorted(members), sorted(whole.list.members().collect()));
        }
    }

    #[test]
    fn normalising_twice_changes_nothing(text in text()) {
        for form in [website, email, linkedin_url] {
            if let Ok(once) = form(&text) {
                prop_assert_eq!(form(&once), Ok(once));
            }
        }
    }

    #[test]
    fn a_normalised_row_is_its_own_normal_form(
        first_name in option::of(text()), last_name in option::of(text()), company_name in option::of(text()),
        website in option::of(text()), email in option::of(text()), linkedin_url in option::of(text()),
    ) {
        let raw = Member { first_name, last_name, company_name, website, email, linkedin_url };
        let once = list(Kind::Contacts, [raw]);
        let twice = list(Kind::Contacts, once.list.members());
        prop_assert_eq!(twice.problems.total, 0);
        prop_assert_eq!(once.list.to_wire_body(), twice.list.to_wire_body());
    }

    #[test]
    fn order_repetition_and_source_do_not_change_the_hash(
        rows in proptest::collection::vec(any_contact(), 0..8).prop_flat_map(|rows| {
            let repeated = [rows.clone(), rows.clone()].concat();
            (Just(rows), Just(repeated).prop_shuffle(), 0..9_usize)
        }),
    ) {
        let (rows, shuffled, cut) = rows;
        let one = list(Kind::Contacts, rows.clone());
        let other = List::normalise(Kind::Contacts, (0..).zip(shuffled.iter()).map(|(at, member)| Row {
            source: if at < cut { "spec.contacts" } else { "configMap q4/contacts.csv" },
            number: at as u64 + 1,
            member: member.clone(),
        }));
        prop_assert_eq!(one.list.hash(), other.list.hash());
        let again = list(Kind::Contacts, [rows.clone(), rows].concat());
        prop_assert_eq!(one.list.to_wire_body(), again.list.to_wire_body());
    }

    #[test]
    fn the_funnel_accounts_for_every_row(rows in proptest::collection::vec(any_contact(), 0..12)) {
        let count = rows.len() as u64;
        let rows = (1..).zip(rows).map(|(number, member)| Row { source: "spec", number, member });
        let suppression = without("b@a.com");
        let Normalised { list, funnel, problems, .. } = List::normalise_except(Kind::Contacts, rows, suppression);
        let Funnel { read, invalid, duplicate, excluded, to_send } = funnel;
        prop_assert_eq!(read, count);
        prop_assert_eq!(read, invalid + duplicate + excluded + to_send);
        prop_assert_eq!(invalid, problems.total);
        prop_assert_eq!(to_send, list.len());
    }
}
