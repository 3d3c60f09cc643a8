#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn text_is_trimmed_and_its_white_space_collapsed() {
    for (raw, cleaned) in [
        ("Ada", "Ada"),
        ("", ""),
        (" \t\r\n", ""),
        ("  Ada  ", "Ada"),
        ("\u{feff}Ada\u{a0}", "Ada"),
        ("Ada \u{200b} King", "Ada King"),
        ("Ada\t\nKing", "Ada King"),
        ("Ada\u{2003}\u{3000}King", "Ada King"),
        ("\u{202a}A\u{200b}d\u{ad}a\u{202c}", "Ada"),
        ("\u{200d}", ""),
        // A joiner inside a name is part of its spelling.
        ("\u{200c}می\u{200c}نا", "می\u{200c}نا"),
        ("Łukasz  Żółć", "Łukasz Żółć"),
        // The decomposed form, which some systems write, becomes the composed form.
        ("Rene\u{301}", "Ren\u{e9}"),
    ] {
        assert_eq!(clean(raw, Field::FirstName).unwrap(), cleaned, "{raw:?}");
    }
}

#[test]
fn text_in_normal_form_is_borrowed() {
    assert!(matches!(clean(" Ada King ", Field::FirstName), Ok(Cow::Borrowed("Ada King"))));
}

#[test]
fn control_characters_and_long_text_are_refused() {
    let name = Field::FirstName;
    assert_eq!(clean("A\0da", name), Err(Reason::ControlCharacter(name)));
    assert_eq!(clean("A\u{9b}da", name), Err(Reason::ControlCharacter(name)));
    assert_eq!(clean_word("a b", Field::Email), Err(Reason::WhiteSpace(Field::Email)));
    assert!(clean(&"é".repeat(256), name).is_ok());
    assert_eq!(clean(&"é".repeat(257), name), Err(Reason::TooLong(name, 256)));
    assert!(clean(&"e".repeat(2_048), Field::LinkedinUrl).is_ok());
    assert_eq!(clean(&"e".repeat(2_049), Field::LinkedinUrl), Err(Reason::TooLong(Field::LinkedinUrl, 2_048)));
}
