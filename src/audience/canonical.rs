//! Rows as RFC 8785 JSON: their storage, their order, the hash of a list and the request body.

use std::fmt;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::{
    Kind, Member,
    json::{parse, write_object},
};

/// Begins the first line that a list's hash covers. It changes only if the normal form changes.
const VERSION: &str = "propensity.audience/v1";

/// The hash of a list, by which the ledger identifies it: SHA-256 in lower-case hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ListHash(String);

impl ListHash {
    /// All 64 characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first twelve characters, for display.
    pub fn short(&self) -> &str {
        &self.0[..12]
    }
}

impl fmt::Display for ListHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// SHA-256 of a request body, in lower-case hexadecimal.
pub fn payload_hash(body: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(body))
}

/// Members as JSON texts, stored one after the other in chunks that are never reallocated.
#[derive(Default)]
pub(super) struct Rows {
    chunks: Vec<Vec<u8>>,
    rows: Vec<Entry>,
    /// Whether rows must not be sent, by row number. Rows beyond its end may be sent.
    excluded: Vec<bool>,
    scratch: Vec<u8>,
}

/// Where a row's text is, and a prefix that decides most comparisons without reading the text.
#[derive(Clone, Copy)]
struct Entry {
    prefix: u128,
    chunk: u32,
    start: u32,
    len: u32,
    /// Its number, in the order in which rows were added.
    number: u32,
}

/// Size of the first chunk and maximum size of a later one, in bytes. Each chunk is twice as large as the one before.
const SMALL_CHUNK: usize = 4 << 10;
const LARGE_CHUNK: usize = 1 << 20;

impl Entry {
    fn text<'a>(&self, chunks: &'a [Vec<u8>]) -> &'a [u8] {
        let start = self.start as usize;
        &chunks[self.chunk as usize][start..start + self.len as usize]
    }
}

fn small(number: usize) -> u32 {
    u32::try_from(number).expect("a list has fewer than 2^32 rows and chunks")
}

impl Rows {
    /// Adds a member and returns its row number.
    pub(super) fn push(&mut self, member: &Member) -> u32 {
        self.scratch.clear();
        write_object(&mut self.scratch, member);
        let len = self.scratch.len();
        if self.chunks.last().is_none_or(|chunk| chunk.capacity() - chunk.len() < len) {
            let doubled = self.chunks.last().map_or(SMALL_CHUNK, |chunk| chunk.capacity() * 2);
            self.chunks.push(Vec::with_capacity(doubled.min(LARGE_CHUNK).max(len)));
        }
        let chunk = self.chunks.len() - 1;
        let start = self.chunks[chunk].len();
        self.chunks[chunk].extend_from_slice(&self.scratch);
        let number = small(self.rows.len());
        self.rows.push(Entry { prefix: 0, chunk: small(chunk), start: small(start), len: small(len), number });
        number
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The member with this row number. Call it only before the rows are sorted.
    pub(super) fn member(&self, number: u32) -> Member {
        parse(self.rows[number as usize].text(&self.chunks))
    }

    /// Marks the row that was added last as one that must not be sent.
    pub(super) fn exclude_last(&mut self) {
        self.excluded.resize(self.rows.len().saturating_sub(1), false);
        self.excluded.push(true);
    }

    /// Sorts the texts by bytes.
    pub(super) fn sort(&mut self) {
        let chunks = &self.chunks;
        // A beginning that all rows with the same first key share doesn't help to compare them, so it is skipped.
        let mut common: [Option<&[u8]>; RANKS] = [None; RANKS];
        for text in self.rows.iter().map(|row| row.text(chunks)) {
            let known = &mut common[usize::from(rank(text))];
            *known = Some(known.map_or(text, |known| &known[..shared(known, text)]));
        }
        for row in &mut self.rows {
            let text = row.text(chunks);
            let rank = rank(text);
            row.prefix = prefix(rank, &text[common[usize::from(rank)].map_or(0, <[u8]>::len)..]);
        }
        self.rows.sort_unstable_by(|a, b| a.prefix.cmp(&b.prefix).then_with(|| a.text(chunks).cmp(b.text(chunks))));
    }

    /// The texts in their current order.
    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.rows.iter().map(|row| row.text(&self.chunks))
    }

    /// The hash of the set of rows: a line with version and kind, then each text once, in order, one per line. If rows
    /// are excluded, also the hash of the other rows. The rows must be sorted.
    pub(super) fn hash(&self, kind: Kind) -> Hashes {
        self.hash_of(kind, self.rows.iter())
    }

    /// The hashes of each part. `part_of` returns the part of a row number.
    pub(super) fn hashes(&self, kind: Kind, parts: usize, part_of: impl Fn(u32) -> usize) -> Vec<Hashes> {
        let mut rows: Vec<Vec<&Entry>> = (0..parts).map(|_| vec![]).collect();
        for row in &self.rows {
            rows[part_of(row.number)].push(row);
        }
        rows.into_iter().map(|rows| self.hash_of(kind, rows.into_iter())).collect()
    }

    fn hash_of<'a>(&self, kind: Kind, rows: impl Iterator<Item = &'a Entry> + Clone) -> Hashes {
        let is_excluded = |row: &&Entry| self.excluded.get(row.number as usize).copied().unwrap_or_default();
        let any_excluded = rows.clone().any(|row| is_excluded(&row));
        let all = self.hash_each(kind, rows.clone());
        (all, any_excluded.then(|| self.hash_each(kind, rows.filter(|row| !is_excluded(row)))))
    }

    fn hash_each<'a>(&self, kind: Kind, rows: impl Iterator<Item = &'a Entry>) -> ListHash {
        let mut hasher = Sha256::new();
        hasher.update(format!("{VERSION} {}\n", kind.key()));
        let mut previous: &[u8] = &[];
        for row in rows.map(|row| row.text(&self.chunks)) {
            if row != previous {
                hasher.update(row);
                hasher.update(b"\n");
            }
            previous = row;
        }
        ListHash(HEXLOWER.encode(&hasher.finalize()))
    }

    /// The rows to send, sorted, in groups: the rows for whose number `group_of` returns a group, and the added
    /// members.
    pub(super) fn select(
        mut self,
        groups: usize,
        group_of: impl Fn(u32) -> Option<usize>,
        added: Vec<(usize, Member)>,
    ) -> Vec<Sorted> {
        let first_added = small(self.rows.len());
        for (_, member) in &added {
            self.push(member);
        }
        if !added.is_empty() {
            self.sort();
        }
        let group = |number: u32| match number.checked_sub(first_added) {
            Some(index) => Some(added[index as usize].0),
            None => group_of(number),
        };
        let mut selected: Vec<Vec<Entry>> = (0..groups).map(|_| vec![]).collect();
        if groups == 1 {
            self.rows.retain(|row| group(row.number).is_some());
            selected[0] = self.rows;
        } else {
            for row in self.rows {
                if let Some(group) = group(row.number) {
                    selected[group].push(row);
                }
            }
        }
        let chunks = Arc::new(self.chunks);
        selected.into_iter().map(|rows| Sorted { chunks: Arc::clone(&chunks), rows }).collect()
    }
}

/// The hash of rows and, if some are excluded, the hash of the others.
pub(super) type Hashes = (ListHash, Option<ListHash>);

/// Members as sorted JSON texts.
#[derive(Clone, Default)]
pub(super) struct Sorted {
    chunks: Arc<Vec<Vec<u8>>>,
    rows: Vec<Entry>,
}

impl Sorted {
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn members(&self) -> impl Iterator<Item = Member> {
        self.rows.iter().map(|row| parse(row.text(&self.chunks)))
    }

    /// The body of the request that creates an audience with these rows.
    pub(super) fn body(&self, kind: Kind) -> Vec<u8> {
        let texts = || self.rows.iter().map(|row| row.text(&self.chunks));
        let mut body = Vec::with_capacity(texts().map(|text| text.len() + 1).sum::<usize>() + 16);
        body.extend_from_slice(format!("{{\"{}\":[", kind.key()).as_bytes());
        for (index, row) in texts().enumerate() {
            if index > 0 {
                body.push(b',');
            }
            body.extend_from_slice(row);
        }
        body.extend_from_slice(b"]}");
        body
    }
}

/// The number of first keys that a row can have, plus one for no key.
const RANKS: usize = 7;

/// The position of a row's first key in the order of keys.
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

/// The length of the common beginning of two texts, in bytes.
fn shared(a: &[u8], b: &[u8]) -> usize {
    if b.starts_with(a) { a.len() } else { a.iter().zip(b).take_while(|(a, b)| a == b).count() }
}

/// A number with the same order as the rows: the rank of the first key, then the first bytes that may differ.
fn prefix(rank: u8, rest: &[u8]) -> u128 {
    let mut bytes = [0; 16];
    bytes[0] = rank;
    let len = rest.len().min(15);
    bytes[1..=len].copy_from_slice(&rest[..len]);
    u128::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests;
