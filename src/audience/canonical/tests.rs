#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::audience::json::tests::{any_member, json};

proptest! {
    #[test]
    fn a_row_is_read_back_unchanged(member in any_member()) {
        let mut rows = Rows::default();
        let number = rows.push(&member);
        prop_assert!(rows.member(number) == member);
    }

    #[test]
    fn rows_are_sorted_by_their_bytes(members in proptest::collection::vec(any_member(), 0..20)) {
        let mut rows = Rows::default();
        for member in &members {
            rows.push(member);
        }
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
