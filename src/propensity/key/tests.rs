#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn white_space_around_a_key_does_not_count() {
    let bare = ApiKey::from_bytes(b"k-123").unwrap();
    let padded = ApiKey::from_bytes(b" \tk-123\r\n").unwrap();
    assert_eq!(bare.expose(), padded.expose());
    assert_eq!(bare.id(), padded.id());
}

#[test]
fn invalid_header_values_are_rejected_without_being_shown() {
    let long = [b'a'; MAX_BYTES + 1];
    let table: [(&[u8], KeyError); 7] = [
        (b"", KeyError::Empty),
        (b" \n", KeyError::Empty),
        (b"canary\xff", KeyError::NotText),
        (b"canary\nsecond", KeyError::ControlCharacter),
        (b"canary\x00", KeyError::ControlCharacter),
        ("canary\u{e9}".as_bytes(), KeyError::NotAscii),
        (&long, KeyError::TooLong),
    ];
    for (bytes, expected) in table {
        let error = ApiKey::from_bytes(bytes).unwrap_err();
        assert_eq!(error, expected);
        assert!(!format!("{error} {error:?}").contains("canary"));
    }
}

#[test]
fn neither_a_key_nor_its_id_can_be_printed() {
    let key = ApiKey::from_bytes(b"canary").unwrap();
    let id = key.id();
    assert_eq!(format!("{key:?} {id:?}"), "ApiKey(hidden) KeyId(hidden)");
    assert!(!format!("{:?}", key.header()).contains("canary"));
}

#[test]
fn different_keys_have_different_ids() {
    assert_ne!(ApiKey::from_bytes(b"a").unwrap().id(), ApiKey::from_bytes(b"b").unwrap().id());
}
