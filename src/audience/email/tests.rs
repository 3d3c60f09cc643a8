#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn all_spellings_of_an_address_have_one_normal_form() {
    for (raw, form) in [
        ("ada@example.com", "ada@example.com"),
        (" Ada.Lovelace+News@Example.COM ", "ada.lovelace+news@example.com"),
        ("MailTo:ada@example.com?subject=Hello", "ada@example.com"),
        ("ada@bücher.de", "ada@xn--bcher-kva.de"),
        ("ÅSA@example.se", "åsa@example.se"),
        ("o'brien@example.ie", "o'brien@example.ie"),
        ("ada@mail.example.com.", "ada@mail.example.com"),
        ("\u{200b}ada@exam\u{200b}ple.com", "ada@example.com"),
    ] {
        assert_eq!(email(raw).as_deref(), Ok(form), "{raw:?}");
    }
}

#[test]
fn anything_but_a_plain_address_is_refused_with_a_reason() {
    let long = format!("{}@example.com", "a".repeat(65));
    let longer = format!("{}@example.com", "a".repeat(300));
    for (raw, reason) in [
        ("", "the email is not a valid address: check its spelling"),
        ("ada", "the email is not a valid address: check its spelling"),
        ("@example.com", "the email is not a valid address: check its spelling"),
        ("ada@", "the email has no valid domain: check what follows the @"),
        ("ada..l@example.com", "the email is not a valid address: check its spelling"),
        ("ada,bob@example.com", "the email is not a valid address: check its spelling"),
        ("a@b@example.com", "the email is not a valid address: check its spelling"),
        (long.as_str(), "the email is not a valid address: check its spelling"),
        (longer.as_str(), "the email is longer than 256 characters: shorten it"),
        ("ada@localhost", "the email has no valid domain: check what follows the @"),
        ("ada@[127.0.0.1]", "the email has no valid domain: check what follows the @"),
        ("ada@127.0.0.1", "the email has no valid domain: check what follows the @"),
        ("ada@exa_mple.com", "the email has no valid domain: check what follows the @"),
        ("Ada <ada@example.com>", "the email has a name or brackets around the address: enter only the address"),
        ("<ada@example.com>", "the email has a name or brackets around the address: enter only the address"),
        ("ada @example.com", "the email has white space inside: remove it"),
    ] {
        assert_eq!(email(raw).unwrap_err().to_string(), reason, "{raw:?}");
    }
}
