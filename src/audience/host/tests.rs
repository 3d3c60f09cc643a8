use super::*;

#[test]
fn addresses_are_split() {
    for (address, expected) in [
        ("example.com", Ok(("example.com", ""))),
        ("HTTPS://example.com:8080/a?b#c", Ok(("example.com", "/a?b#c"))),
        ("//example.com:/", Ok(("example.com", "/"))),
        ("example.com?x=http://y", Ok(("example.com", "?x=http://y"))),
        ("http:\\\\example.com", Ok(("http", "\\\\example.com"))),
        ("ftp://example.com", Err(NotHost::Scheme)),
        ("://example.com", Err(NotHost::Scheme)),
        ("http://ada@example.com/", Err(NotHost::User)),
        ("mailto:ada@example.com", Err(NotHost::User)),
        ("http://[::1]:80/", Err(NotHost::Address)),
        ("2001:db8::1", Err(NotHost::Address)),
        ("javascript:alert", Err(NotHost::Malformed)),
        ("example.com:http", Err(NotHost::Malformed)),
        ("example.com:123456", Err(NotHost::Malformed)),
    ] {
        assert_eq!(split(address), expected, "{address}");
    }
}

#[test]
fn host_names_have_one_normal_form() {
    let long = format!("{}.com", "a".repeat(64));
    let longer = format!("{}com", "a.".repeat(126));
    for (host, expected) in [
        ("Example.COM.", Ok("example.com")),
        ("bücher.example", Ok("xn--bcher-kva.example")),
        ("XN--BCHER-KVA.example", Ok("xn--bcher-kva.example")),
        ("faß.de", Ok("xn--fa-hia.de")),
        ("ｅｘａｍｐｌｅ。com", Ok("example.com")),
        ("a--b.example", Ok("a--b.example")),
        ("127.0.0.1", Err(NotHost::Address)),
        ("127.1", Err(NotHost::Address)),
        ("0x7F.1", Err(NotHost::Address)),
        ("1.0x7f", Err(NotHost::Address)),
        ("2130706433", Err(NotHost::Address)),
        ("１２７.1", Err(NotHost::Address)),
        ("127.0.0.1.", Err(NotHost::Address)),
        ("localhost", Err(NotHost::SingleLabel)),
        ("", Err(NotHost::Malformed)),
        (".", Err(NotHost::Malformed)),
        ("example..com", Err(NotHost::Malformed)),
        (".example.com", Err(NotHost::Malformed)),
        ("example.com..", Err(NotHost::Malformed)),
        ("-a.example", Err(NotHost::Malformed)),
        ("a-.example", Err(NotHost::Malformed)),
        ("a_b.example", Err(NotHost::Malformed)),
        ("a／b.example", Err(NotHost::Malformed)),
        ("xn--a.example", Err(NotHost::Malformed)),
        (long.as_str(), Err(NotHost::Malformed)),
        (longer.as_str(), Err(NotHost::Malformed)),
    ] {
        assert_eq!(normal(host).as_deref(), expected.as_ref().copied(), "{host}");
    }
}
