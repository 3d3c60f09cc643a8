use serde_json::json;

use super::*;
use crate::api::FluxKind;
use crate::controller::fixtures::shown;

const FLUX: SourceKind = SourceKind::Flux(FluxKind::GitRepository);

fn entry() -> EntryRef {
    EntryRef { name: "leads".into(), key: "list.csv".into() }
}

#[test]
fn what_is_wrong_with_a_source_is_reported_with_its_name_and_what_to_do() {
    use Phase::{Reconciling, Stalled};
    let audience = Owner::Audience(Kind::Contacts);
    let accounts = Owner::Audience(Kind::Accounts);
    let suppression = Owner::Suppression("blocked");
    let table = [
        (
            not_found(SourceKind::ConfigMap, "leads", "team", "spec.from of this ContactAudience"),
            Reason::SourceNotFound,
            Reconciling,
            "nothing is sent: there is no ConfigMap leads in namespace team. Create it, or correct spec.from of this \
             ContactAudience.",
        ),
        (
            not_found(FLUX, "leads", "team", "spec.from of this ContactAudience"),
            Reason::SourceNotFound,
            Reconciling,
            "nothing is sent: there is no GitRepository leads in namespace team. Create it, or correct spec.from of \
             this ContactAudience.",
        ),
        (
            no_entry(SourceKind::Secret, &entry(), audience),
            Reason::SourceNotFound,
            Reconciling,
            "nothing is sent: Secret leads has no entry list.csv. Add it, or correct the key in spec.from of this \
             ContactAudience.",
        ),
        (
            no_entry(SourceKind::ConfigMap, &entry(), suppression),
            Reason::SourceNotFound,
            Reconciling,
            "nothing is sent: ConfigMap leads has no entry list.csv. Add it, or correct the key in spec.from of \
             SuppressionList blocked.",
        ),
        (
            wrong_count(2, 3, accounts),
            Reason::SourceNotFound,
            Reconciling,
            "nothing is sent: 2 ConfigMaps have the labels of configMaps in spec.from of this AccountAudience, but its \
             count is 3. Add or remove ConfigMaps, or correct the count.",
        ),
        (looked_up(SourceKind::Secret, "leads"), Reason::Pending, Reconciling, "Secret leads is being read"),
        (
            denied(SourceKind::Secret, "leads", "team"),
            Reason::AccessDenied,
            Reconciling,
            "nothing is sent: the operator isn't allowed to read Secret leads in namespace team. Grant its \
             ServiceAccount get, list and watch on it with a Role and RoleBinding in the namespace.",
        ),
        (
            no_kind(FLUX, "leads", "spec.from of this ContactAudience"),
            Reason::SourceNotFound,
            Reconciling,
            "nothing is sent: there is no GitRepository leads, because this cluster doesn't have the kind \
             GitRepository of source.toolkit.fluxcd.io/v1. Install Flux, or correct spec.from of this ContactAudience.",
        ),
        (
            no_artifact(FLUX, "leads"),
            Reason::SourceNotFound,
            Reconciling,
            "nothing is sent: GitRepository leads has no artifact yet. Its status shows the cause.",
        ),
        (
            no_format("secret leads/list", audience),
            Reason::SourceUnreadable,
            Stalled,
            "nothing is sent: the format of secret leads/list is unknown, because its key doesn't end with a known \
             file extension. Set format in spec.from of this ContactAudience to CSV, JSON, NDJSON or YAML.",
        ),
        (
            unreadable("secret leads/list.csv", "it is cut off"),
            Reason::SourceUnreadable,
            Stalled,
            "secret leads/list.csv can't be read, so nothing is sent: it is cut off",
        ),
        (
            bug(),
            Reason::SourceUnreadable,
            Stalled,
            "nothing is sent: reading the sources failed because of a bug in the operator. Report it with the \
             operator's log.",
        ),
    ];
    for (readiness, reason, phase, message) in table {
        assert_eq!(shown(readiness), (reason, message.to_owned(), phase));
    }
}

#[test]
fn a_file_that_can_not_be_fetched_is_tried_again_where_that_may_help() {
    use Phase::{Reconciling, Stalled};
    let table = [
        (FetchError::Unreachable, Reconciling),
        (FetchError::HostNotFound, Reconciling),
        (FetchError::ConnectionLost, Reconciling),
        (FetchError::Status(503), Reconciling),
        (FetchError::Status(429), Reconciling),
        (FetchError::Status(404), Stalled),
        (FetchError::Redirect(302), Stalled),
        (FetchError::HostNotAllowed, Stalled),
        (FetchError::DigestMismatch, Stalled),
    ];
    for (why, phase) in table {
        let message =
            format!("http files.example/list.csv can't be read, so nothing is sent: {}", sentences::of_error(&why));
        let found = unfetched("http files.example/list.csv", &why);
        assert_eq!(shown(found), (Reason::SourceUnreadable, message, phase));
    }
}

#[test]
fn the_name_of_a_file_shows_no_token_of_its_url() {
    let table = [
        (json!({"url": "https://files.example/lists/a.csv?token=canary#canary"}), "http files.example/lists/a.csv"),
        (json!({"url": "https://canary:canary@files.example:8443/a.csv"}), "http files.example/a.csv"),
        (json!({"url": "canary"}), "http"),
        (json!({}), "http"),
        (json!({"urlFrom": {"name": "urls", "key": "leads"}}), "http secret urls/leads"),
        (
            json!({"url": "https://canary.example", "urlFrom": {"name": "urls", "key": "leads"}}),
            "http secret urls/leads",
        ),
    ];
    for (file, name) in table {
        let file: HttpFile = serde_json::from_value(file).expect("a file");
        assert_eq!(file_name(&file), name);
    }
}

#[test]
fn a_source_of_an_unknown_type_blocks_the_list_instead_of_shrinking_it() {
    let readiness = unknown_source(Owner::Audience(Kind::Contacts));
    assert_eq!((readiness.reason(), readiness.phase), (Reason::SourceUnreadable, Phase::Stalled));
    let message = "nothing is sent: this version of the operator doesn't know the type of a source in spec.from of this \
                   ContactAudience. Upgrade the operator, or correct spec.from.";
    assert_eq!(readiness.verdict.message, message);
}
