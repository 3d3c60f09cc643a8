#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn all_spellings_of_a_website_have_one_normal_form() {
    for (raw, form) in [
        ("example.com", "example.com"),
        ("www.example.com", "example.com"),
        ("http://www.example.com/", "example.com"),
        ("\u{feff} HTTPS://WWW.Example.COM.:443/a/b?c=d#e \u{200b}\r\n", "example.com"),
        ("//example.com", "example.com"),
        ("www.www.example.com", "example.com"),
        ("wwww.example.com", "wwww.example.com"),
        ("www2.example.com", "www2.example.com"),
        ("blog.example.com", "blog.example.com"),
        ("https://www.bücher.de/", "xn--bcher-kva.de"),
        ("БАНК.рф", "xn--80ab2al.xn--p1ai"),
        ("www.com", "www.com"),
        ("www.www.com", "www.com"),
        ("www.gov.uk", "gov.uk"),
        ("example.com\\path", "example.com"),
    ] {
        assert_eq!(website(raw).as_deref(), Ok(form), "{raw:?}");
    }
}

#[test]
fn anything_but_a_website_is_refused_with_a_reason() {
    for (raw, reason) in [
        ("", "the website is not a valid host name: check its spelling"),
        ("https://", "the website is not a valid host name: check its spelling"),
        ("exa_mple.com", "the website is not a valid host name: check its spelling"),
        ("example..com", "the website is not a valid host name: check its spelling"),
        ("exam ple.com", "the website has white space inside: remove it"),
        ("exam\u{7}ple.com", "the website has a control character inside: remove it"),
        ("ftp://example.com", "the website is neither http nor https: enter only the host name, such as example.com"),
        (
            "ada@example.com",
            "the website has a user name or is an email address: enter only the host name, such as example.com",
        ),
        (
            "http://a:b@example.com",
            "the website has a user name or is an email address: enter only the host name, such as example.com",
        ),
        ("http://10.0.0.1/", "the website is an IP address: enter its host name"),
        ("0x7f.1", "the website is an IP address: enter its host name"),
        ("[2001:db8::1]", "the website is an IP address: enter its host name"),
        ("localhost:8080", "the website has no suffix: enter the complete name, such as example.com"),
    ] {
        assert_eq!(website(raw).unwrap_err().to_string(), reason, "{raw:?}");
    }
}

#[test]
fn the_suffix_list_is_applied_to_the_normal_form() {
    const BARE: &str = "the website without www. is only a public suffix: enter the complete name, such as example.com";
    const UNKNOWN: &str = "the website's suffix is not on the public suffix list: check its ending";
    for (raw, problem) in [
        ("EXAMPLE.COM", None),
        ("example.co.uk", None),
        ("банк.рф", None),
        ("www.com", None),
        ("www.gov.uk", Some(BARE)),
        // Private suffixes are websites.
        ("github.io", None),
        ("ruhr-uni-bochum.de", None),
        ("ada.github.io", None),
        ("gov.uk", Some(BARE)),
        ("co.uk", Some(BARE)),
        // A wildcard rule: *.ck.
        ("example.ck", Some(BARE)),
        ("www.ck", None),
        ("example.invalid", Some(UNKNOWN)),
        ("example.c0m", Some(UNKNOWN)),
    ] {
        let website = website(raw).unwrap();
        assert_eq!(suffix_problem(&website).map(|reason| reason.to_string()).as_deref(), problem, "{raw}");
    }
}
