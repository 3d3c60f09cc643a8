use super::*;

fn at(seconds: u64) -> Moment {
    Moment::from_zero(Duration::from_secs(seconds))
}

fn in_team(name: &str) -> NamespacedName {
    ("team".to_owned(), name.to_owned())
}

fn object(version: &str, labels: &[(&str, &str)]) -> ObjectVersion {
    let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    ObjectVersion { version: version.to_owned(), labels }
}

#[test]
fn a_config_map_is_unknown_until_all_are_listed() {
    let versions = Versions::default();
    assert_eq!(versions.state_of(SourceKind::ConfigMap, &in_team("a")), SourceState::Unknown);
    assert!(versions.upsert(SourceKind::ConfigMap, in_team("a"), object("1", &[]), at(5)));
    versions.mark_listed(SourceKind::ConfigMap);
    assert_eq!(versions.state_of(SourceKind::ConfigMap, &in_team("a")), SourceState::Present("1".to_owned()));
    assert_eq!(versions.state_of(SourceKind::ConfigMap, &in_team("b")), SourceState::Absent);
    assert_eq!(versions.last_changed(SourceKind::ConfigMap, &in_team("a")), at(0), "it existed before");
    assert!(!versions.upsert(SourceKind::ConfigMap, in_team("a"), object("1", &[]), at(6)));
    assert!(versions.upsert(SourceKind::ConfigMap, in_team("a"), object("2", &[]), at(7)));
    assert_eq!(versions.last_changed(SourceKind::ConfigMap, &in_team("a")), at(7));
    versions.remove(SourceKind::ConfigMap, &in_team("a"), at(8));
    assert_eq!(versions.state_of(SourceKind::ConfigMap, &in_team("a")), SourceState::Absent);
    assert_eq!(versions.last_changed(SourceKind::ConfigMap, &in_team("a")), at(8));
}

#[test]
fn a_secret_is_known_by_its_own_watch() {
    let versions = Versions::default();
    versions.mark_listed(SourceKind::ConfigMap);
    assert_eq!(versions.state_of(SourceKind::Secret, &in_team("a")), SourceState::Unknown);
    assert!(
        versions.add_watch(SourceKind::Secret, &in_team("a")) && !versions.add_watch(SourceKind::Secret, &in_team("a"))
    );
    assert_eq!(versions.state_of(SourceKind::Secret, &in_team("a")), SourceState::Unknown);
    assert!(versions.set_watch_state(SourceKind::Secret, &in_team("a"), SourceWatchState::Denied));
    assert_eq!(versions.state_of(SourceKind::Secret, &in_team("a")), SourceState::Denied);
    versions.set_watch_state(SourceKind::Secret, &in_team("a"), SourceWatchState::Current);
    assert_eq!(versions.state_of(SourceKind::Secret, &in_team("a")), SourceState::Absent);
    versions.upsert(SourceKind::Secret, in_team("a"), object("3", &[]), at(1));
    assert_eq!(versions.state_of(SourceKind::Secret, &in_team("a")), SourceState::Present("3".to_owned()));
    versions.forget(SourceKind::Secret, &in_team("a"));
    assert_eq!(versions.state_of(SourceKind::Secret, &in_team("a")), SourceState::Unknown);
}

#[test]
fn labels_select_within_a_namespace() {
    let versions = Versions::default();
    for (name, labels) in [("b", &[("list", "q4"), ("x", "y")][..]), ("a", &[("list", "q4")]), ("c", &[])] {
        versions.upsert(SourceKind::ConfigMap, in_team(name), object("1", labels), at(1));
    }
    versions.upsert(SourceKind::ConfigMap, ("other".into(), "d".into()), object("1", &[("list", "q4")]), at(1));
    let labels = [("list".to_owned(), "q4".to_owned())].into();
    assert_eq!(versions.config_maps_with_labels("team", &labels), ["a", "b"]);
}
