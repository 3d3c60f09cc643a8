use super::*;

fn read(arguments: &[&str]) -> Result<Settings, String> {
    let all = ["propensity-operator"].iter().chain(arguments);
    Settings::read(all.map(OsString::from)).map_err(|e| e.to_string())
}

fn good(arguments: &[&str]) -> Settings {
    read(arguments).expect("these arguments are valid")
}

/// The error's first lines, without clap's pointer to `--help`.
fn refused(arguments: &[&str]) -> String {
    let text = read(arguments).expect_err("these arguments are invalid");
    let end = text.find("\n\n").unwrap_or(text.len());
    text[..end].trim().to_owned()
}

#[test]
fn the_defaults_are_what_the_documentation_says() {
    let settings = good(&[]);
    assert_eq!(settings.api_url.as_str(), "https://api.propensity.com/");
    assert_eq!(*settings.allowed_hosts, ["*.propensity.com"]);
    assert_eq!(settings.ca_file, None);
    assert_eq!(*settings.secret_names, ["propensity"]);
    assert!(settings.watch_namespaces.is_empty());
    assert!(settings.leader_elect && !settings.suspend);
    assert_eq!(settings.lease_name, "propensity-operator");
    assert_eq!(settings.lease_duration, Duration::from_secs(15));
    assert_eq!(settings.renew_deadline, Duration::from_secs(10));
    assert_eq!(settings.retry_period, Duration::from_secs(2));
    assert_eq!(settings.send_by, Duration::from_secs(10));
    assert_eq!(settings.listen.to_string(), "0.0.0.0:8080");
    assert_eq!(settings.log_format, LogFormat::Text);
    assert_eq!(settings.log_level, "info");
    assert_eq!(settings.dev_time_scale, 1);
}

#[test]
fn every_flag_has_documentation_and_a_variable_named_after_it() {
    for argument in Settings::command().get_arguments() {
        let Some(flag) = argument.get_long().filter(|f| !matches!(*f, "help" | "version")) else {
            continue;
        };
        let name = flag.to_uppercase().replace('-', "_");
        let ours = format!("PROPENSITY_OPERATOR_{name}");
        let expected = if flag.starts_with("pod-") { name } else { ours };
        let variable = argument.get_env().and_then(|v| v.to_str());
        assert_eq!(variable, Some(expected.as_str()), "--{flag}");
        assert!(argument.get_help().is_some(), "--{flag}");
        // The help must not show values of environment variables.
        assert!(argument.is_hide_set() || argument.is_hide_env_values_set(), "--{flag}");
    }
}

#[test]
fn help_groups_the_flags_and_hides_those_for_tests() {
    let help = read(&["--help"]).expect_err("clap returns the help as an error");
    for shown in [
        "Creates audiences in Propensity workspaces from lists in this cluster",
        "Propensity:\n",
        "Cluster:\n",
        "Leader election:\n",
        "Telemetry:\n",
        "--api-url <URL>",
        "[default: https://api.propensity.com/]",
        "[env: PROPENSITY_OPERATOR_API_URL]",
        "--leader-elect[=<BOOL>]",
        "[default: 15s]",
        "- text: Text for a terminal",
    ] {
        assert!(
            help.contains(shown),
            "{shown}
{help}"
        );
    }
    for hidden in ["dev-time-scale", "send-by", "pod-name"] {
        assert!(!help.contains(hidden), "{hidden}\n{help}");
    }
    let version = read(&["--version"]).expect_err("clap returns the version as an error");
    assert_eq!(version.trim(), concat!("propensity-operator ", env!("CARGO_PKG_VERSION")));
}

#[test]
fn switches_work_with_and_without_a_value() {
    assert!(good(&["--suspend"]).suspend);
    assert!(good(&["--suspend=true"]).suspend);
    assert!(!good(&["--leader-elect=false"]).leader_elect);
    assert!(good(&["--leader-elect"]).leader_elect);
}

#[test]
fn lists_are_trimmed_sorted_and_deduplicated() {
    let settings = good(&["--secret-names", " b, a,,b ", "--watch-namespaces", ""]);
    assert_eq!(*settings.secret_names, ["a", "b"]);
    assert!(settings.watch_namespaces.is_empty());
    let settings = good(&["--allowed-hosts", "*.Propensity.com,127.0.0.1,localhost"]);
    assert_eq!(*settings.allowed_hosts, ["*.propensity.com", "127.0.0.1", "localhost"]);
}

#[test]
fn errors_of_invalid_values_give_a_valid_form() {
    let table: &[(&[&str], &str)] = &[
        (
            &["--api-url", "api.propensity.com"],
            "error: invalid value 'api.propensity.com' for '--api-url <URL>': use a URL such as \
                https://api.propensity.com/",
        ),
        (
            &["--api-url", "http://api.propensity.com"],
            "error: invalid value 'http://api.propensity.com' for '--api-url <URL>': it must start with https://, \
             since keys are sent there (http:// is allowed for this machine only)",
        ),
        (
            &["--api-url", "https://api.propensity.com/?key=1"],
            "error: invalid value 'https://api.propensity.com/?key=1' for '--api-url <URL>': it must not contain a \
             user name, a password, a `?` or a `#`",
        ),
        (
            &["--allowed-hosts", "https://x.example.com"],
            "error: invalid value 'https://x.example.com' for '--allowed-hosts <HOSTS>': `https://x.example.com` is \
             not a host: use names without https:// and port, such as *.propensity.com",
        ),
        (
            &["--allowed-hosts", "*.com"],
            "error: invalid value '*.com' for '--allowed-hosts <HOSTS>': `*.com` is too broad: use a pattern with \
             two labels, such as *.propensity.com",
        ),
        (
            &["--lease-duration", "15"],
            "error: invalid value '15' for '--lease-duration <DURATION>': use a duration such as 60s, 5m or 1h30m",
        ),
        (
            &["--retry-period", "0s"],
            "error: invalid value '0s' for '--retry-period <DURATION>': it must be greater than zero",
        ),
        (
            &["--lease-duration", "15s 500ms"],
            "error: --lease-duration must be whole seconds: a Lease has no smaller unit",
        ),
        (
            &["--renew-deadline", "15s"],
            "error: --renew-deadline must be shorter than --lease-duration: a leader must stop before another one \
             starts",
        ),
        (
            &["--retry-period", "5s"],
            "error: --retry-period must be less than half of --renew-deadline, so that a leader can retry in time",
        ),
        (
            &["--watch-namespaces", "team_a"],
            "error: invalid value 'team_a' for '--watch-namespaces <NAMES>': `team_a` isn't a valid name of a \
                namespace",
        ),
        (
            &["--secret-names", "propensity,Key"],
            "error: invalid value 'propensity,Key' for '--secret-names <NAMES>': `Key` isn't a valid name of a \
             Kubernetes object",
        ),
        (
            &["--secret-names", ","],
            "error: --secret-names must contain at least one name: keys are read from these \
            Secrets",
        ),
        (
            &["--listen", ":8080"],
            "error: invalid value ':8080' for '--listen <ADDRESS>': use an IP address and a port, such as 0.0.0.0:8080",
        ),
        (
            &["--log-level", "info,=loud"],
            "error: invalid value 'info,=loud' for '--log-level <LEVEL>': use a level (error, warn, info, debug, \
             trace) or directives such as `info,kube=warn`",
        ),
        (
            &["--identity", "two words"],
            "error: invalid value 'two words' for '--identity <NAME>': it must be 1 to 128 ASCII characters without \
             spaces",
        ),
        (&["--dev-time-scale", "0"], "error: invalid value '0' for '--dev-time-scale <N>': 0 is not in 1..=1000000"),
    ];
    for (arguments, expected) in table {
        assert_eq!(&refused(arguments), expected, "{arguments:?}");
    }
}

#[test]
fn plain_http_is_for_this_machine_only() {
    let hosts = "--allowed-hosts=127.0.0.1,localhost,[::1]";
    for url in ["http://127.0.0.1:9000/", "http://localhost/", "http://[::1]:9000/"] {
        assert_eq!(good(&["--api-url", url, hosts]).api_url.as_str(), url);
    }
}

#[test]
fn durations_have_the_same_form_as_in_resources() {
    for (text, seconds) in [("60s", 60), ("5m", 300), ("1h30m", 5_400), ("1h 30m", 5_400), ("0s", 0)] {
        assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
    }
    for text in ["", "60", "-5s", "5 parsecs", "s"] {
        assert!(duration(text).is_err(), "{text}");
    }
}

#[test]
fn the_namespace_of_the_lease_is_the_flag_then_the_pods_then_the_clients() {
    let pod = ["--pod-namespace", "pods"];
    assert_eq!(good(&["--lease-namespace", "given", pod[0], pod[1]]).lease_namespace_or("client"), "given");
    assert_eq!(good(&pod).lease_namespace_or("client"), "pods");
    assert_eq!(good(&["--pod-namespace", ""]).lease_namespace_or("client"), "client");
}

#[test]
fn a_default_identity_is_different_at_each_start() {
    let clock = Clock::new();
    assert_eq!(good(&["--identity", "me"]).identity_or_random(&clock), "me");
    let settings = good(&["--pod-name", "operator-0"]);
    let (one, other) = (settings.identity_or_random(&clock), settings.identity_or_random(&clock));
    assert!(one.starts_with("operator-0_") && one != other, "{one} {other}");
    let nameless = good(&[]).identity_or_random(&clock);
    assert!(nameless.len() > 17 && nameless.len() <= 128, "{nameless}");
}
