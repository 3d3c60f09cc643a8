//! One list as several, so that an edit of a few members changes few of them.
//!
//! Each member has a place on the ring of 64-bit numbers, by a hash of what tells it apart. The ring is one part; a part with more members than it may have becomes its two
//! halves, and so on. So which parts there are follows from the members alone, and a member that comes or goes changes its own part, or splits it in two, or lets two
//! become one. What counts is rows, those of suppressed members too, so that neither a suppression nor the order of rows moves anybody; rows that may be about one member are
//! in one place.

use sha2::{Digest, Sha256};

use super::Member;

/// Halvings after which a part isn't halved again, whatever is in it: members that share 32 bits are one attacker's work.
const DEEPEST: u32 = 32;

/// The place of a row: by its LinkedIn URL, else its email, else its name with website or company, else its website.
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

/// A piece of the ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// The lowest place in it.
    pub(super) start: u64,
    /// Its name: the first bits of every place in it.
    pub(super) name: String,
}

/// The pieces with at most `max` of these places each, in order; those without any are left out. A single one has no name.
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

/// The number of the piece that a place is in.
pub(super) fn piece_of(pieces: &[Piece], place: u64) -> usize {
    pieces.partition_point(|piece| piece.start <= place).saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::collection::btree_set;
    use proptest::prelude::*;

    use super::*;

    /// What is in each piece.
    fn held(places: &BTreeSet<u64>, max: u64) -> BTreeSet<(String, Vec<u64>)> {
        let pieces = pieces(places.iter().copied().collect(), max);
        let mut held = vec![vec![]; pieces.len()];
        places.iter().for_each(|place| held[piece_of(&pieces, *place)].push(*place));
        pieces.into_iter().map(|piece| piece.name).zip(held).collect()
    }

    proptest! {
        #[test]
        fn every_place_is_in_one_piece_of_bounded_size(places in btree_set(any::<u64>(), 0..300), max in 1_u64..40) {
            let held = held(&places, max);
            prop_assert!(held.iter().all(|(_, places)| !places.is_empty() && places.len() as u64 <= max));
            let mut all: Vec<_> = held.iter().flat_map(|(_, places)| places.clone()).collect();
            all.sort_unstable();
            prop_assert_eq!(all, places.iter().copied().collect::<Vec<_>>());
        }

        #[test]
        fn one_more_changes_its_own_piece_alone(
            places in btree_set(any::<u64>(), 1..300), more in any::<u64>(), max in 1_u64..40,
        ) {
            let before = held(&places, max);
            let mut places = places;
            places.insert(more);
            let after = held(&places, max);
            // Its piece, or as many as that became when it was halved until all had room.
            let gone: Vec<_> = before.difference(&after).collect();
            prop_assert!(gone.len() <= 1, "{gone:?}");
            let news: usize = after.difference(&before).map(|(_, places)| places.len()).sum();
            prop_assert!(news as u64 <= max + 1);
        }
    }

    #[test]
    fn all_that_fits_is_one_piece_without_a_name() {
        assert_eq!(pieces(vec![5, 1, u64::MAX], 3), [Piece { start: 0, name: String::new() }]);
        let names: Vec<_> = pieces(vec![0, 1 << 62, 1 << 63], 1).into_iter().map(|piece| piece.name).collect();
        assert_eq!(names, ["00", "01", "1"]);
        assert_eq!(pieces(vec![7; 10], 3).len(), 1, "what can't be told apart stays together");
    }
}
