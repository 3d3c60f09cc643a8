use super::*;

#[test]
fn values_are_distinguished_from_names() {
    for name in ["Account Domain", "account.name", "CTR %", "Spend ($)", "q4", "e-mail", "", "2nd contact", "site.id"] {
        assert!(!looks_like_value(name), "{name}");
    }
    for value in [
        "ada@example.com",
        "https://example.com",
        "Example.com",
        "www.example.de",
        "2026-11-25",
        "$1,000.50",
        "12 %",
        "linkedin.com/in/ada",
    ] {
        assert!(looks_like_value(value), "{value}");
    }
}
