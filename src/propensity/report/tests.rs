#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn neither_a_url_nor_its_id_can_be_printed() {
    let url = ReportUrl::from_bytes(b" https://canary.propensity.com/canary?canary\n").unwrap();
    assert_eq!(format!("{url:?} {:?}", url.id()), "ReportUrl(hidden) UrlId(hidden)");
    assert!(url.id() == ReportUrl::from_bytes(b"https://canary.propensity.com/canary?canary").unwrap().id());
}

#[test]
fn invalid_urls_are_rejected_without_being_shown() {
    for (bytes, why) in [
        (&b" "[..], UrlError::Empty),
        (b"canary\xff", UrlError::NotText),
        (&[b'a'; MAX_URL_BYTES + 1], UrlError::NotText),
        (b"canary", UrlError::NotAUrl),
        (b"/canary", UrlError::NotAUrl),
        (b"mailto:canary@example.com", UrlError::NotAUrl),
    ] {
        let error = ReportUrl::from_bytes(bytes).unwrap_err();
        assert_eq!(error, why);
        assert!(!format!("{error} {error:?}").contains("canary"));
    }
}

#[test]
fn the_error_of_a_host_that_is_not_allowed_contains_only_the_host() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = ReportClient::new(AllowedHosts::default(), &ClientSettings::default(), true).unwrap();
    let url = |text: &str| ReportUrl::from_bytes(text.as_bytes()).unwrap();
    assert!(client.check(&url("https://reports.propensity.com/canary")).is_ok());
    for text in ["https://u:canary@evil.example/canary?canary", "http://reports.propensity.com/canary"] {
        let error = client.check(&url(text)).unwrap_err().to_string();
        assert!(!error.contains("canary") && (error.contains("evil.example") || error.contains("propensity.com")));
    }
}
