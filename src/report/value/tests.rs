#![allow(clippy::unwrap_used)]

use super::*;

fn format(decimal: char, group: Option<char>, prefix: &str, suffix: &str) -> NumberFormat {
    NumberFormat { decimal, group, prefix: prefix.to_owned(), suffix: suffix.to_owned() }
}

#[test]
fn numbers_are_parsed_only_in_their_declared_format() {
    let dollars = format('.', Some(','), "$", "");
    for (text, number) in [
        ("$1,234.50", Some(1234.5)),
        (" $ 12 ", Some(12.0)),
        ("-$1,000", Some(-1000.0)),
        ("$-5.25", Some(-5.25)),
        ("$1234", Some(1234.0)),
        ("1,234.50", None),
        ("$1,23", None),
        ("$1,2345", None),
        ("$1.234,50", None),
        ("$", None),
        ("-$-5", None),
        ("$1e5", None),
        ("$NaN", None),
        ("$inf", None),
        ("$1.", None),
    ] {
        assert_eq!(dollars.read(text), number, "{text}");
    }
    let percent = format(',', Some('.'), "", "%");
    assert_eq!(percent.read("12,5 %"), Some(12.5));
    assert_eq!(percent.read("1.234,5%"), Some(1234.5));
    assert_eq!(percent.read("12.5%"), None);
    assert_eq!(NumberFormat::default().read(&"9".repeat(400)), None);
    assert_eq!(NumberFormat::default().read("0.125"), Some(0.125));
}

#[test]
fn dates_are_parsed_only_in_their_declared_format() {
    let day = DateFormat("%Y-%m-%d".to_owned());
    assert_eq!(day.read(" 2026-11-25 ").unwrap().to_string(), "2026-11-25T00:00:00Z");
    for text in ["25.11.2026", "2026-13-01", "2026-11-25T10:00:00Z", ""] {
        assert_eq!(day.read(text), None, "{text}");
    }
    let minute = DateFormat("%m/%d/%Y %H:%M".to_owned());
    assert_eq!(minute.read("11/25/2026 09:30").unwrap().to_string(), "2026-11-25T09:30:00Z");
    let offset = DateFormat("%Y-%m-%dT%H:%M:%S%z".to_owned());
    assert_eq!(offset.read("2026-11-25T09:30:00+0200").unwrap().to_string(), "2026-11-25T07:30:00Z");
    assert_eq!(DateFormat("%nonsense".to_owned()).read("2026"), None);
    for (form, is_valid) in [
        ("%Y-%m-%d", true),
        ("%d %b %Y", true),
        ("%s", true),
        ("%m/%d/%y %I:%M %p", true),
        ("%Y-%m-%dT%H:%M:%S%.fZ", true),
        ("", false),
        ("today", false),
        ("%H:%M", false),
        ("%Y-%m", false),
        ("%nonsense", false),
    ] {
        assert_eq!(DateFormat(form.to_owned()).is_valid(), is_valid, "{form}");
    }
}
