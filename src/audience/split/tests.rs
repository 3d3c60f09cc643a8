use std::collections::BTreeSet;

use proptest::collection::btree_set;
use proptest::prelude::*;

use super::*;

/// The places in each piece.
fn contents(places: &BTreeSet<u64>, max: u64) -> BTreeSet<(String, Vec<u64>)> {
    let pieces = pieces(places.iter().copied().collect(), max);
    let mut contents = vec![vec![]; pieces.len()];
    places.iter().for_each(|place| contents[piece_of(&pieces, *place)].push(*place));
    pieces.into_iter().map(|piece| piece.name).zip(contents).collect()
}

proptest! {
    #[test]
    fn every_place_is_in_one_piece_of_limited_size(places in btree_set(any::<u64>(), 0..300), max in 1_u64..40) {
        let contents = contents(&places, max);
        prop_assert!(contents.iter().all(|(_, places)| !places.is_empty() && places.len() as u64 <= max));
        let mut all: Vec<_> = contents.iter().flat_map(|(_, places)| places.clone()).collect();
        all.sort_unstable();
        prop_assert_eq!(all, places.iter().copied().collect::<Vec<_>>());
    }

    #[test]
    fn another_place_changes_only_its_own_piece(
        places in btree_set(any::<u64>(), 1..300), more in any::<u64>(), max in 1_u64..40,
    ) {
        let before = contents(&places, max);
        let mut places = places;
        places.insert(more);
        let after = contents(&places, max);
        // Only its own piece is gone. It is replaced by itself with one more place, or by the pieces it was divided
        // into.
        let gone: Vec<_> = before.difference(&after).collect();
        prop_assert!(gone.len() <= 1, "{gone:?}");
        let news: usize = after.difference(&before).map(|(_, places)| places.len()).sum();
        prop_assert!(news as u64 <= max + 1);
    }
}

#[test]
fn places_that_fit_are_one_piece_with_an_empty_name() {
    assert_eq!(pieces(vec![5, 1, u64::MAX], 3), [Piece { start: 0, name: String::new() }]);
    let names: Vec<_> = pieces(vec![0, 1 << 62, 1 << 63], 1).into_iter().map(|piece| piece.name).collect();
    assert_eq!(names, ["00", "01", "1"]);
    assert_eq!(pieces(vec![7; 10], 3).len(), 1, "equal places are in the same piece");
}
