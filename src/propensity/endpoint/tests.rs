#![allow(clippy::unwrap_used)]

use super::*;

fn host(text: &str) -> Result<String, EndpointError> {
    BaseUrl::parse(text, &AllowedHosts::default()).map(|base| base.host().to_owned())
}

#[test]
fn the_host_is_the_same_in_every_notation() {
    for text in ["https://api.propensity.com", "https://API.Propensity.com:443/", " https://api.propensity.com/\n"] {
        assert_eq!(host(text).unwrap(), "api.propensity.com", "{text}");
    }
    assert_eq!(host("https://api.propensity.com:8443").unwrap(), "api.propensity.com:8443");
}

#[test]
fn plain_http_is_for_this_machine_only() {
    assert_eq!(host("http://127.0.0.1:8080").unwrap(), "127.0.0.1:8080");
    assert_eq!(host("http://127.1.2.3").unwrap(), "127.1.2.3");
    assert_eq!(host("http://[::1]:9").unwrap(), "[::1]:9");
    assert_eq!(host("http://localhost:80").unwrap(), "localhost");
    for text in ["http://api.propensity.com", "http://10.0.0.1", "http://localhost.propensity.com", "ftp://localhost"] {
        assert!(matches!(host(text), Err(EndpointError::NotHttps { .. })), "{text}");
    }
}

#[test]
fn only_allowed_hosts_get_a_key() {
    for text in [
        "https://propensity.com",
        "https://evil-propensity.com",
        "https://api.propensity.com.evil.example",
        "https://api.propensity.com.",
        "https://192.0.2.1",
    ] {
        assert!(matches!(host(text), Err(EndpointError::NotAllowed { .. })), "{text}");
    }
    let exact = AllowedHosts::parse(["Gateway.Example.com"]).unwrap();
    assert!(BaseUrl::parse("https://gateway.example.com", &exact).is_ok());
    assert!(BaseUrl::parse("https://a.gateway.example.com", &exact).is_err());
}

#[test]
fn a_base_url_ends_after_the_host() {
    for text in ["/v1", "/?a=b", "/#x", "//"] {
        let result = host(&format!("https://api.propensity.com{text}"));
        assert!(matches!(result, Err(EndpointError::NotBare { .. })), "{text}");
    }
    assert!(matches!(host("https://u:canary@api.propensity.com"), Err(EndpointError::NotBare { .. })));
    for text in ["", "api.propensity.com", "https://", "data:,x", "/path"] {
        assert!(matches!(host(text), Err(EndpointError::NotAUrl)), "{text}");
    }
}

#[test]
fn errors_show_no_more_than_the_host() {
    let error = host("https://u:canary@evil.example/canary?canary").unwrap_err();
    assert!(!format!("{error} {error:?}").contains("canary"));
    assert!(error.to_string().contains("evil.example"));
}

#[test]
fn patterns_that_are_too_broad_are_rejected() {
    for text in ["*", "*.", "*.com", "", "a..b", "https://x.y", "*.*.com", "x.com:443"] {
        assert!(matches!(AllowedHosts::parse([text]), Err(EndpointError::BadPattern { .. })), "{text}");
    }
}
