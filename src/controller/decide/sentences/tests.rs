use super::*;

#[test]
fn the_advice_of_an_error_is_a_sentence_of_its_own() {
    for (error, sentences) in [
        ("it is empty", "it is empty"),
        ("it isn't UTF-8 (byte 3): save it as UTF-8", "it isn't UTF-8 (byte 3). Save it as UTF-8."),
        ("group a: b is declared twice: rename it", "group a: b is declared twice. Rename it."),
        ("it must begin with https://", "it must begin with https://"),
    ] {
        assert_eq!(of_error(&error), sentences);
    }
}

#[test]
fn a_message_of_several_sentences_ends_with_a_full_stop() {
    assert_eq!(with("it is empty".to_owned(), "Fill it."), "it is empty. Fill it.");
    assert_eq!(with("it is empty. Fill it.".to_owned(), "Soon."), "it is empty. Fill it. Soon.");
}
