use super::*;

#[test]
fn each_kind_of_escape_is_decoded() {
    for (escaped, plain) in [
        ("ada%40example%2Ecom", "ada@example.com"),
        (r"Ada \u0041\u00e9 \ud83d\ude00 \/ \n", "Ada A\u{e9} \u{1f600} /  "),
        ("Fish &amp; &#67;hips &#x43; &unknown; & &#xffffffff;", "Fish & Chips C &unknown; & &#xffffffff;"),
        (r"\u12 \ud800x \", "\\u12 \u{fffd}x \\"),
        ("100%", "100%"),
        ("&\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9};", "&\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9};"),
    ] {
        assert_eq!(decode(escaped), plain);
    }
}
