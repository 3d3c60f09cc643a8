//! Splits one list into several parts, so that an edit of a few members changes few parts.
//!
//! Each member has a place on a hash ring of 64-bit numbers, by a hash of its strongest key. At first the whole ring is
//! one part. A part with too many members is divided into its two halves, and so on. So the parts follow only from the
//! members. Adding or removing a member changes its own part, divides that part, or merges two parts.
//!
//! Sizes are counted in rows, including those of suppressed members, so neither a suppression nor the order of rows
//! moves a member to another part. Rows that may belong to the same member have the same place.

use sha2::{Digest, Sha256};

use super::Member;

/// The maximum number of times that a part is divided, whatever its size. Members share 32 bits of a hash only if
/// somebody chose them for that.
const DEEPEST: u32 = 32;

/// The place of a row: a hash of its LinkedIn URL, else its email, else its name with website or company, else its
/// website.
pub(super) fn place(row: &Member) -> u64 {
    let Member { first_name, last_name, company_name, website, email, linkedin_url } = row;
    let mut hasher = Sha256::new();
    let mut add = |text: &Option<String>| {
        hasher.update(text.as_deref().unwrap_or_default().to_lowercase());
        hasher.update([0]);
    };
    match (linkedin_url, email, first_name.is_some() || last_name.is_some()) {
        (Some(_), ..) => add(linkedin_url),
        (None, Some(_), _) => add(email),
        (None, None, true) => {
            [first_name, last_name, if website.is_some() { website } else { company_name }].into_iter().for_each(add);
        }
        (None, None, false) => add(website),
    }
    let mut start = [0; 8];
    start.copy_from_slice(&hasher.finalize()[..8]);
    u64::from_be_bytes(start)
}

/// A section of the ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// The lowest place in the section.
    pub(super) start: u64,
    /// Its name: the bits that all places in the section begin with.
    pub(super) name: String,
}

/// The pieces with at most `max` of these places each, in order. Empty pieces are left out. A single piece has an empty
/// name.
pub(super) fn pieces(mut places: Vec<u64>, max: u64) -> Vec<Piece> {
    places.sort_unstable();
    let mut pieces = vec![];
    divide(&places, max.max(1), 0, 0, &mut pieces);
    pieces
}

fn divide(places: &[u64], max: u64, start: u64, depth: u32, pieces: &mut Vec<Piece>) {
    if places.is_empty() {
        return;
    }
    if places.len() as u64 <= max || depth == DEEPEST {
        let bits = |bit: u32| if start >> (63 - bit) & 1 == 1 { '1' } else { '0' };
        return pieces.push(Piece { start, name: (0..depth).map(bits).collect() });
    }
    let middle = start | 1 << (63 - depth);
    let (low, high) = places.split_at(places.partition_point(|place| *place < middle));
    divide(low, max, start, depth + 1, pieces);
    divide(high, max, middle, depth + 1, pieces);
}

/// The index of the piece that contains a place.
pub(super) fn piece_of(pieces: &[Piece], place: u64) -> usize {
    pieces.partition_point(|piece| piece.start <= place).saturating_sub(1)
}

#[cfg(test)]
mod tests;
