//! Rows as RFC 8785 JSON, their order, and what is hashed.
//!
//! The writer is our own because these flat objects of strings need none of the general algorithm (the keys are written
//! in their order, and there are no numbers); a property test holds it to the general one.

use std::fmt;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::{Kind, Member};

/// First line of what a list's hash covers. It changes only if the normal form ever does.
const VERSION: &str = "propensity.audience/v1";

/// The hash of a list: what an audience *is*, for the ledger. Lower-case hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ListHash(String);

impl ListHash {
    /// All 64 characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first twelve characters, for people.
    pub fn short(&self) -> &str {
        &self.0[..12]
    }
}

impl fmt::Display for ListHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The hash of a request's body, as lower-case hexadecimal: what was really sent.
pub fn payload_hash(body: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(body))
}

/// Members as JSON texts, in one buffer.
#[derive(Default)]
pub(super) struct Rows {
    json: Vec<u8>,
    rows: Vec<Entry>,
    /// Whether rows must not be sent, by their numbers; as far as it goes.
    excluded: Vec<bool>,
}

/// Where a row's text is, and how it begins: most comparisons are decided without a look at the text.
struct Entry {
    prefix: u128,
    start: usize,
    len: u32,
    /// Its number, in the order in which they were added.
    number: u32,
}

impl Entry {
    fn text<'a>(&self, json: &'a [u8]) -> &'a [u8] {
        &json[self.start..self.start + self.len as usize]
    }
}

impl Rows {
    /// Adds a member.
    pub(super) fn push(&mut self, member: &Member) {
        let start = self.json.len();
        write_object(&mut self.json, member);
        let len = u32::try_from(self.json.len() - start).expect("fields are bounded");
        let number = u32::try_from(self.rows.len()).expect("a list has fewer than four thousand million rows");
        self.rows.push(Entry { prefix: 0, start, len, number });
    }

    /// The row that was added last is one that must not be sent.
    pub(super) fn exclude_last(&mut self) {
        self.excluded.resize(self.rows.len().saturating_sub(1), false);
        self.excluded.push(true);
    }

    /// Sorts the texts by their bytes.
    pub(super) fn sort(&mut self) {
        let json = &self.json;
        // What all rows with the same first key begin with tells none of them apart.
        let mut common: [Option<&[u8]>; RANKS] = [None; RANKS];
        for text in self.rows.iter().map(|row| row.text(json)) {
            let known = &mut common[usize::from(rank(text))];
            *known = Some(known.map_or(text, |known| &known[..shared(known, text)]));
        }
        for row in &mut self.rows {
            let text = row.text(json);
            let rank = rank(text);
            row.prefix = prefix(rank, &text[common[usize::from(rank)].map_or(0, <[u8]>::len)..]);
        }
        self.rows.sort_unstable_by(|a, b| a.prefix.cmp(&b.prefix).then_with(|| a.text(json).cmp(b.text(json))));
    }

    /// The texts in their present order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.rows.iter().map(|row| row.text(&self.json))
    }

    /// The hash of the set of rows: each text once, in order, one a line after a line with version and kind. Where rows are excluded, also the hash of the others.
    pub(super) fn hash(&mut self, kind: Kind) -> (ListHash, Option<ListHash>) {
        self.sort();
        self.hash_of(kind, &self.rows)
    }

    /// The same of each part; `part_of` tells which a row is in, by its number.
    pub(super) fn hashes(
        &mut self,
        kind: Kind,
        parts: usize,
        part_of: impl Fn(usize) -> usize,
    ) -> Vec<(ListHash, Option<ListHash>)> {
        self.sort();
        let mut rows: Vec<Vec<Entry>> = (0..parts).map(|_| vec![]).collect();
        for row in self.rows.drain(..) {
            rows[part_of(row.number as usize)].push(row);
        }
        rows.iter().map(|rows| self.hash_of(kind, rows)).collect()
    }

    fn hash_of(&self, kind: Kind, rows: &[Entry]) -> (ListHash, Option<ListHash>) {
        let is_excluded = |row: &Entry| self.excluded.get(row.number as usize).copied().unwrap_or_default();
        let all = self.hash_where(kind, rows, |_| true);
        let any_excluded = rows.iter().any(is_excluded);
        (all, any_excluded.then(|| self.hash_where(kind, rows, |row| !is_excluded(row))))
    }

    fn hash_where(&self, kind: Kind, rows: &[Entry], is_meant: impl Fn(&Entry) -> bool) -> ListHash {
        let mut hasher = Sha256::new();
        hasher.update(format!("{VERSION} {}\n", kind.key()));
        let mut previous: &[u8] = &[];
        for row in rows.iter().filter(|row| is_meant(row)).map(|row| row.text(&self.json)) {
            if row != previous {
                hasher.update(row);
                hasher.update(b"\n");
            }
            previous = row;
        }
        ListHash(HEXLOWER.encode(&hasher.finalize()))
    }

    /// The body of the request that creates an audience of these rows.
    pub(super) fn body(mut self, kind: Kind) -> Vec<u8> {
        self.sort();
        let mut body = Vec::with_capacity(self.json.len() + self.rows.len() + 16);
        body.extend_from_slice(format!("{{\"{}\":[", kind.key()).as_bytes());
        for (index, row) in self.iter().enumerate() {
            if index > 0 {
                body.push(b',');
            }
            body.extend_from_slice(row);
        }
        body.extend_from_slice(b"]}");
        body
    }
}

/// The first keys that a row can have, and none.
const RANKS: usize = 7;

/// The place of a row's first key among them, in their order.
fn rank(object: &[u8]) -> u8 {
    match object {
        [_, _, b'c', ..] => 0,
        [_, _, b'e', ..] => 1,
        [_, _, b'f', ..] => 2,
        [_, _, b'l', b'a', ..] => 3,
        [_, _, b'l', ..] => 4,
        [_, _, b'w', ..] => 5,
        _ => 6,
    }
}

/// How many bytes two texts have in common at their beginning.
fn shared(a: &[u8], b: &[u8]) -> usize {
    if b.starts_with(a) { a.len() } else { a.iter().zip(b).take_while(|(a, b)| a == b).count() }
}

/// What tells rows apart soonest, as a number in the same order: the first key's rank, and the first bytes in which they differ.
fn prefix(rank: u8, rest: &[u8]) -> u128 {
    let mut bytes = [0; 16];
    bytes[0] = rank;
    let len = rest.len().min(15);
    bytes[1..=len].copy_from_slice(&rest[..len]);
    u128::from_be_bytes(bytes)
}

fn write_object(json: &mut Vec<u8>, member: &Member) {
    let Member { first_name, last_name, company_name, website, email, linkedin_url } = member;
    let start = json.len();
    write_field(json, b",\"company_name\":", company_name);
    write_field(json, b",\"email\":", email);
    write_field(json, b",\"first_name\":", first_name);
    write_field(json, b",\"last_name\":", last_name);
    write_field(json, b",\"linkedin_url\":", linkedin_url);
    write_field(json, b",\"website\":", website);
    match json.get_mut(start) {
        Some(comma) => *comma = b'{',
        None => json.push(b'{'),
    }
    json.push(b'}');
}

#[inline]
fn write_field<const N: usize>(json: &mut Vec<u8>, name: &[u8; N], value: &Option<String>) {
    if let Some(value) = value {
        json.extend_from_slice(name);
        write_string(json, value);
    }
}

fn write_string(json: &mut Vec<u8>, text: &str) {
    json.push(b'"');
    // No early exit: this way the compiler looks at many bytes at once.
    if text.bytes().fold(false, |any, byte| any | needs_escape(byte)) {
        for byte in text.bytes() {
            match byte {
                b'"' | b'\\' => json.extend_from_slice(&[b'\\', byte]),
                0x08 => json.extend_from_slice(b"\\b"),
                b'\t' => json.extend_from_slice(b"\\t"),
                b'\n' => json.extend_from_slice(b"\\n"),
                0x0c => json.extend_from_slice(b"\\f"),
                b'\r' => json.extend_from_slice(b"\\r"),
                0..0x20 => json.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
                _ => json.push(byte),
            }
        }
    } else {
        json.extend_from_slice(text.as_bytes());
    }
    json.push(b'"');
}

const fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::{option, prelude::*};

    use super::*;

    prop_compose! {
        fn any_member()(
            first_name in option::of(any::<String>()),
            last_name in option::of("[\"\\\\\u{0}-\u{1f}a€😀]{0,9}"),
            company_name in option::of("a{0,20}[b\"\u{1}]?"),
            website in option::of("a{0,20}"),
            email in option::of("a{0,20}"),
            linkedin_url in option::of("a{0,20}"),
        ) -> Member {
            Member { first_name, last_name, company_name, website, email, linkedin_url }
        }
    }

    fn json(member: &Member) -> Vec<u8> {
        let mut json = Vec::new();
        write_object(&mut json, member);
        json
    }

    proptest! {
        #[test]
        fn a_row_is_what_rfc_8785_says(member in any_member()) {
            let fields: BTreeMap<_, _> = member.fields().collect();
            prop_assert_eq!(json(&member), serde_json_canonicalizer::to_vec(&fields).unwrap());
        }

        #[test]
        fn rows_are_sorted_by_their_bytes(members in proptest::collection::vec(any_member(), 0..20)) {
            let mut rows = Rows::default();
            members.iter().for_each(|member| rows.push(member));
            rows.sort();
            let mut expected: Vec<_> = members.iter().map(json).collect();
            expected.sort();
            prop_assert_eq!(rows.iter().map(<[u8]>::to_vec).collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn a_payload_hash_is_plain_sha_256() {
        assert_eq!(payload_hash(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
