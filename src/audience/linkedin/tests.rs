#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn all_spellings_of_a_profile_have_one_normal_form() {
    for (raw, name) in [
        ("https://www.linkedin.com/in/ada-lovelace", "ada-lovelace"),
        ("linkedin.com/in/Ada-Lovelace/", "ada-lovelace"),
        ("HTTP://DE.LinkedIn.com:443/IN/ada-lovelace?trk=x#top", "ada-lovelace"),
        ("https://www.linkedin.com/in/ada-lovelace/en", "ada-lovelace"),
        ("www.linkedin.com//in//ada-lovelace//details/experience/", "ada-lovelace"),
        ("//uk.linkedin.com/in/ada_lovelace", "ada_lovelace"),
        ("linkedin.com/in/%41da%2Dlovelace", "ada-lovelace"),
        ("linkedin.com/in/%c3%85sa", "%C3%A5sa"),
        ("linkedin.com/in/Åsa", "%C3%A5sa"),
        ("linkedin.com/in/ada%20", "ada"),
        ("linkedin.com/in/ada%E2%80%8B", "ada"),
        (" linkedin.com/in/ada. ", "ada."),
    ] {
        assert_eq!(linkedin_url(raw), Ok(format!("https://www.linkedin.com/in/{name}")), "{raw:?}");
    }
}

#[test]
fn anything_but_a_profile_is_refused_with_a_reason() {
    const HOST: &str =
        "the linkedinUrl is not on linkedin.com: enter the URL of the profile, https://www.linkedin.com/in/…";
    const PROFILE: &str =
        "the linkedinUrl is not a person's profile: enter the URL of the profile, https://www.linkedin.com/in/…";
    const NAME: &str = "the linkedinUrl has no valid profile name after /in/: copy the URL from the profile";
    let long = format!("linkedin.com/in/{}", "a".repeat(257));
    for (raw, reason) in [
        ("", HOST),
        ("ada-lovelace", HOST),
        ("https://evil-linkedin.com/in/ada", HOST),
        ("https://linkedin.com.example.com/in/ada", HOST),
        ("https://linkedin.com@example.com/in/ada", HOST),
        ("https://example.com/linkedin.com/in/ada", HOST),
        ("https://lınkedin.com/in/ada", HOST),
        ("https://lnkd.in/ada", HOST),
        ("ftp://linkedin.com/in/ada", HOST),
        ("https://www.linkedin.com/company/example", PROFILE),
        ("https://www.linkedin.com/pub/ada/1/2/3", PROFILE),
        ("https://www.linkedin.com", PROFILE),
        ("https://www.linkedin.com/?/in/ada", PROFILE),
        ("https://www.linkedin.com/in/", NAME),
        ("https://www.linkedin.com/in/?x=ada", NAME),
        ("https://www.linkedin.com/in/..", NAME),
        ("https://www.linkedin.com/in/%2e%2E/feed", NAME),
        ("https://www.linkedin.com/in/a%2Fb", NAME),
        ("https://www.linkedin.com/in/a%zz", NAME),
        ("https://www.linkedin.com/in/%ff", NAME),
        ("https://www.linkedin.com/in/a%00b", NAME),
        ("https://www.linkedin.com/in/a%20b", NAME),
        (long.as_str(), NAME),
        ("linkedin.com/in/ada lovelace", "the linkedinUrl has white space inside: remove it"),
    ] {
        assert_eq!(linkedin_url(raw).unwrap_err().to_string(), reason, "{raw:?}");
    }
}
