//! A fuzz target: any rows become a valid list or problems, and problems name the row but never its values. `make test`
//! runs it for a limited time with random inputs; `cargo bolero test audience::list_fuzz::lists` runs it with a
//! coverage-guided engine.

use bolero::{TypeGenerator, check};
use serde_json::Value;

use super::{Kind, List, Member, Normalised, Row, payload_hash};

/// Pieces of text that have a meaning in some field.
const PIECES: [&str; 40] = [
    "example",
    ".com",
    ".co.uk",
    ".de",
    ".",
    "www.",
    "https://",
    "http://",
    "//",
    "/",
    "?a=b",
    "#c",
    ":443",
    "@",
    "mailto:",
    "user",
    "+tag",
    "linkedin.com/in/",
    "linkedin.com/company/",
    "de.linkedin.com",
    "%C3%A5",
    "%2F",
    "xn--",
    "bücher",
    "。",
    "ß",
    "İ",
    "\u{200b}",
    "\u{ad}",
    "\u{202e}",
    "\u{0}",
    " ",
    "\t",
    "\n",
    "\"",
    "\\",
    "{",
    "Ada",
    "Lovelace",
    "1.2.3.4",
];

/// A field: a sequence of pieces and single characters.
#[derive(Debug, TypeGenerator)]
struct Field(Vec<u16>);

impl Field {
    fn text(&self) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        let piece = |n: &u16| match PIECES.get(usize::from(*n) % 64) {
            Some(piece) => (*piece).to_owned(),
            None => char::from_u32(u32::from(*n)).unwrap_or('\u{fffd}').to_string(),
        };
        Some(self.0.iter().map(piece).collect())
    }
}

#[derive(Debug, TypeGenerator)]
struct Input {
    accounts: bool,
    rows: Vec<[Field; 6]>,
}

fn normalise(kind: Kind, members: &[Member]) -> Normalised {
    let rows = (1..).zip(members).map(|(number, member)| Row { source: "spec", number, member: member.clone() });
    List::normalise(kind, rows)
}

#[test]
fn lists() {
    check!().with_type::<Input>().for_each(|input| {
        let kind = if input.accounts { Kind::Accounts } else { Kind::Contacts };
        let members: Vec<_> = input
            .rows
            .iter()
            .map(|row| {
                let [first_name, last_name, company_name, website, email, linkedin_url] =
                    row.each_ref().map(Field::text);
                if input.accounts {
                    return Member { website, ..Member::default() };
                }
                Member { first_name, last_name, company_name, website, email, linkedin_url }
            })
            .collect();
        let once = normalise(kind, &members);
        let funnel = &once.funnel;
        assert_eq!(funnel.read, members.len() as u64);
        assert_eq!(funnel.read, funnel.invalid + funnel.duplicate + funnel.excluded + funnel.to_send);
        let body = once.list.to_wire_body();
        let sent: Value = serde_json::from_slice(&body).expect("the body is JSON");
        let sent = sent.as_object().and_then(|body| body.values().next()?.as_array()).expect("a list of members");
        assert_eq!(sent.len() as u64, funnel.to_send);
        for value in sent.iter().flat_map(|member| member.as_object().expect("a member").values()) {
            let text = value.as_str().expect("text");
            assert!(!text.trim().is_empty() && !text.contains(char::is_control), "{text:?}");
        }
        // A normal form is its own normal form, and the order of rows doesn't change the hash.
        let twice = normalise(kind, &once.list.members().collect::<Vec<_>>());
        assert_eq!(twice.problems.total, 0);
        assert_eq!(payload_hash(&body), payload_hash(&twice.list.to_wire_body()));
        let mut reversed = members;
        reversed.reverse();
        assert_eq!(once.list.hash(), normalise(kind, &reversed).list.hash());
    });
}
