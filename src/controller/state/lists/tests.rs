#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::*;
use crate::api::Reason;
use crate::controller::fixtures::{audience, named};

fn versions(versions: &[&str]) -> Vec<String> {
    versions.iter().map(|version| (*version).to_owned()).collect()
}

fn suppression(uid: &str) -> SuppressionList {
    let object = json!({"metadata": {"name": "blocked", "namespace": "team", "uid": uid}, "spec": {}});
    serde_json::from_value(object).unwrap()
}

#[test]
fn a_result_holds_for_the_same_object_and_versions_only() {
    let memory = ListMemory::default();
    let (audience, list) = (audience().audience, Ok(audience().list));
    assert_eq!(memory.result(&audience, &versions(&["1"])), None);
    memory.set_result(&audience, versions(&["1", "2"]), list.clone());
    assert_eq!(memory.result(&audience, &versions(&["1", "2"])), Some(list));
    assert_eq!(memory.result(&audience, &versions(&["1"])), None, "fewer sources");
    assert_eq!(memory.result(&audience, &versions(&["1", "3"])), None, "a source changed");
    let mut edited = audience.clone();
    edited.meta.generation = Some(4);
    assert_eq!(memory.result(&edited, &versions(&["1", "2"])), None, "another generation");
    let mut successor = audience;
    successor.meta.uid = Some("another".to_owned());
    assert_eq!(memory.result(&successor, &versions(&["1", "2"])), None, "another object of the same name");
}

#[test]
fn the_last_result_counts_also_one_that_blocks() {
    let memory = ListMemory::default();
    let (audience, list) = (audience().audience, Ok(audience().list));
    let blocked = Err(Readiness::stalled(Reason::SourceUnreadable, "why"));
    memory.set_result(&audience, versions(&["1"]), list);
    memory.set_result(&audience, versions(&["2"]), blocked.clone());
    assert_eq!(memory.result(&audience, &versions(&["1"])), None);
    assert_eq!(memory.result(&audience, &versions(&["2"])), Some(blocked));
    memory.forget_result(&audience.key());
    assert_eq!(memory.result(&audience, &versions(&["2"])), None);
}

#[test]
fn dependents_are_kept_by_namespace_until_they_are_forgotten() {
    let memory = ListMemory::default();
    let one = audience().audience;
    let mut elsewhere = named(&[2]).audience;
    elsewhere.meta.namespace = Some("other".to_owned());
    memory.add_dependent(one.key());
    memory.add_dependent(one.key());
    memory.add_dependent(elsewhere.key());
    assert_eq!(memory.dependents("team"), [one.key()]);
    assert_eq!(memory.dependents("other"), [elsewhere.key()]);
    assert_eq!(memory.dependents("nowhere"), []);
    memory.set_result(&one, versions(&["1"]), Ok(one.inline_list.clone()));
    memory.forget(&one.key());
    assert_eq!(memory.dependents("team"), []);
    assert_eq!(memory.result(&one, &versions(&["1"])), None);
    assert_eq!(memory.dependents("other"), [elsewhere.key()]);
    memory.forget(&named(&[3]).key());
}

#[test]
fn a_suppression_list_is_read_again_when_a_version_changes_or_it_was_forgotten() {
    let memory = ListMemory::default();
    ["a", "b"].iter().for_each(|uid| memory.suppression_lists.begin(uid));
    let list = suppression("a");
    assert!(memory.reads_suppression(&list, &versions(&["1"])));
    assert!(!memory.reads_suppression(&list, &versions(&["1"])));
    assert!(memory.reads_suppression(&list, &versions(&["2"])));
    assert!(memory.reads_suppression(&suppression("b"), &versions(&["2"])), "another list");
    memory.forget_suppression(&list);
    assert!(memory.reads_suppression(&list, &versions(&["2"])));
    memory.forget_suppression(&suppression("never seen"));
}
