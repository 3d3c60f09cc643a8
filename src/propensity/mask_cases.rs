//! What is masked, and what isn't.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde_json::json;

use super::key::ApiKey;
use super::mask::{LONG, MAX_MESSAGE_BYTES, MAX_SHOWN_CHARS, Masker};

fn key() -> ApiKey {
    ApiKey::from_bytes(b"Sesame-42").unwrap()
}

fn body(values: &[&str]) -> Vec<u8> {
    let contacts: Vec<_> = values.iter().map(|value| json!({"first_name": value})).collect();
    json!({ "contacts": contacts }).to_string().into_bytes()
}

fn mask(values: &[&str], message: &str) -> Option<String> {
    Masker::new(&key(), &body(values)).mask(message)
}

#[test]
fn a_harmless_message_stays_as_it_is() {
    for message in ["Audience created.", "Rate limit: 60 requests a minute (retry in 30 s)", "error 42: try again"] {
        assert_eq!(mask(&["Ada", "Lovelace", "example.com"], message).as_deref(), Some(message));
    }
}

#[test]
fn values_are_masked_in_every_spelling() {
    let values = ["Lovelace", "Analytical Engines", "Fish & Chips", "O\"Neill"];
    for message in [
        "Lovelace",
        "LOVELACE",
        "xLovelacey",
        "Analytical  Engines",
        "analytical+engines",
        "Analytical%20Engines",
        "Analytical%2520Engines",
        "Fish &amp; Chips",
        "fish &amp;amp; chips",
        r"Fish \u0026 Chips",
        r"O\u0022Neill",
        r#"O\"Neill"#,
        "Love\u{200b}lace",
        "L\u{f6}velace",
    ] {
        let shown = mask(&values, &format!("no {message} here")).unwrap();
        let left = shown.replace("***", "").replace(['x', 'y', '"', '+'], "");
        assert_eq!(left.split_whitespace().collect::<Vec<_>>(), ["no", "here"], "{message}: {shown}");
    }
}

#[test]
fn short_values_are_masked_as_whole_words_only() {
    assert_eq!(mask(&["Al", "Q"], "AL, also q: equal").as_deref(), Some("***, also ***: equal"));
    assert_eq!(mask(&["A B"], "a-b but cab").as_deref(), Some("*** but cab"));
    assert_eq!(mask(&["...", ""], "fine...").as_deref(), Some("fine..."));
}

#[test]
fn the_key_is_masked() {
    assert_eq!(mask(&[], "bad key sesame-42!").as_deref(), Some("bad key ***!"));
}

#[test]
fn addresses_and_tokens_are_masked_whoever_they_belong_to() {
    for secret in [
        "someone@elsewhere.test",
        "https://a.b/c?d=e",
        "www.shop",
        "elsewhere.test",
        "elsewhere.test/in/someone",
        "site=elsewhere.test",
        "10.1.2.3:443",
        "0123456789abcdef0123",
        "eyJhbGciOiJIUzI1NiJ9.e30.x",
        "someone%40elsewhere.test",
        "someone&#64;elsewhere.test",
        "M\u{fc}ller",
        "Mu\u{308}ller",
    ] {
        assert_eq!(mask(&[], &format!("see ({secret}), please")).as_deref(), Some("see (***), please"), "{secret}");
    }
}

#[test]
fn a_message_becomes_one_short_line() {
    assert_eq!(mask(&[], " a\n\tb\u{0}c\u{1b}[31m  \u{202e}d ").as_deref(), Some("a b c [31m d"));
    let shown = mask(&[], &"word ".repeat(100)).unwrap();
    assert_eq!(shown.chars().count(), MAX_SHOWN_CHARS);
    assert!(shown.ends_with('\u{2026}'));
    let exact = "abcd ".repeat(51) + "e";
    assert_eq!(mask(&[], &exact), Some(exact));
}

#[test]
fn messages_that_cannot_be_searched_are_dropped() {
    assert_eq!(mask(&[], ""), None);
    assert_eq!(mask(&[], " \n"), None);
    assert_eq!(mask(&[], &"a ".repeat(MAX_MESSAGE_BYTES)), None);
    assert_eq!(mask(&[], "a%2525252525"), None, "too many layers");
    assert_eq!(Masker::new(&key(), b"not json").mask("fine"), None);
    assert_eq!(Masker::new(&key(), b"{} trailing").mask("fine"), None);
}

#[test]
fn every_string_of_the_body_counts_but_no_field_name() {
    let sent = br#"{"contacts":[{"first_name":"Grace","n":1,"f":1.5,"m":-1,"b":true,"z":null,"deep":[["Hopper"]]}]}"#;
    let shown = Masker::new(&key(), sent).mask("first_name Grace Hopper missing");
    assert_eq!(shown.as_deref(), Some("first_name *** missing"));
}

#[test]
fn a_masker_cannot_be_printed() {
    assert_eq!(format!("{:?}", Masker::new(&key(), &body(&["canary"]))), "Masker(hidden)");
}

fn spell(value: &str, spelling: u8) -> String {
    match spelling {
        0 => value.to_owned(),
        1 => value.to_uppercase(),
        2 => value.bytes().map(|byte| format!("%{byte:02X}")).collect(),
        3 => value.chars().map(|c| format!("&#{};", c as u32)).collect(),
        4 => value.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect(),
        5 => serde_json::to_string(value).unwrap(),
        _ => value.replace('&', "&amp;").replace(' ', "\n\n"),
    }
}

proptest! {
    #[test]
    fn no_value_of_the_list_survives(
        values in proptest::collection::vec("[a-zA-Z0-9äß .&%'\"\\\\@/-]{1,24}", 1..8),
        parts in proptest::collection::vec((any::<prop::sample::Index>(), 0_u8..7, "[a-z ,.:%&]{0,6}"), 0..6),
    ) {
        let list: Vec<&str> = values.iter().map(String::as_str).collect();
        let mut message = String::from("answer: ");
        for (index, spelling, between) in parts {
            message += &format!("{} {between} ", spell(index.get::<&str>(&list), spelling));
        }
        let Some(shown) = mask(&list, &message) else { return Ok(()) };
        prop_assert!(shown.chars().count() <= MAX_SHOWN_CHARS);
        let shown = shown.to_lowercase();
        for value in values {
            let wanted = value.trim().to_lowercase();
            let long = wanted.chars().filter(|c| c.is_alphanumeric()).count() >= LONG;
            prop_assert!(!(long && shown.contains(&wanted)), "{wanted:?} in {shown:?}");
        }
    }

    #[test]
    fn any_message_can_be_masked_without_a_panic(message in any::<String>(), values in any::<Vec<String>>()) {
        let list: Vec<&str> = values.iter().map(String::as_str).collect();
        let _ = mask(&list, &message);
    }
}
