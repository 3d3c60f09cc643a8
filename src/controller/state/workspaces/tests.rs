use serde_json::json;

use super::*;
use crate::controller::fixtures::workspace;
use crate::propensity::ApiKey;

/// A memory that has a record of the workspace.
fn memory() -> WorkspaceMemory {
    let memory = WorkspaceMemory::default();
    memory.records.begin("uid of default");
    memory
}

fn aspects() -> Aspects {
    Aspects { generation: Some(3), key: None, ready: Reason::Connected, spent: false, requested: None }
}

/// The workspace as the watch shows it at this version.
fn seen(version: &str) -> PropensityWorkspace {
    let mut workspace = workspace(json!({}));
    workspace.metadata.resource_version = Some(version.to_owned());
    workspace
}

#[test]
fn the_ledger_of_a_workspace_is_unknown_until_it_was_found() {
    let (memory, workspace) = (memory(), workspace(json!({})));
    assert_eq!(memory.ledger(&workspace), LedgerState::Unknown);
    memory.set_ledger(&workspace, LedgerState::Present("ledger-1".into()));
    assert_eq!(memory.ledger(&workspace), LedgerState::Present("ledger-1".into()));
    let mut successor = workspace.clone();
    successor.metadata.uid = Some("another".to_owned());
    assert_eq!(memory.ledger(&successor), LedgerState::Unknown, "one of the same name is another");
}

#[test]
fn whoever_depends_on_a_workspace_is_enqueued_for_each_change_and_once() {
    let (memory, workspace) = (memory(), workspace(json!({})));
    let key = ApiKey::from_bytes(b"canary-key").ok().map(|key| key.id());
    let changes = [
        aspects(),
        Aspects { generation: Some(4), ..aspects() },
        Aspects { key, ..aspects() },
        Aspects { ready: Reason::KeyMissing, ..aspects() },
        Aspects { spent: true, ..aspects() },
        Aspects { requested: Some("1".into()), ..aspects() },
        aspects(),
    ];
    for aspects in changes {
        assert!(memory.changed(&workspace, aspects.clone()), "{aspects:?}");
        assert!(!memory.changed(&workspace, aspects), "nothing new");
    }
}

#[test]
fn a_request_to_try_again_is_followed_once() {
    let workspace = workspace(json!({}));
    let (one, two) = (Some("1".to_owned()), Some("2".to_owned()));
    let memory = memory();
    let is_new = |requested: &Option<String>, handled: &Option<String>| {
        memory.is_new_request(&workspace, requested.as_ref(), handled.as_ref())
    };
    assert!(!is_new(&None, &None), "nobody asks");
    assert!(!is_new(&one, &one), "the status reports it as handled");
    assert!(is_new(&one, &None));
    assert!(!is_new(&one, &None), "also where the status can't be written");
    assert!(is_new(&two, &one));
    assert!(!is_new(&two, &two));
}

#[test]
fn a_status_that_was_written_counts_until_the_watch_shows_it() {
    let memory = memory();
    memory.set_ledger(&seen("9"), LedgerState::Unknown);
    let status = WorkspaceStatus { open_unknowns: 7, ..WorkspaceStatus::default() };
    memory.records.wrote("uid of default", "12".to_owned(), status.clone());
    let newest = memory.newest(&seen("9"));
    assert_eq!((newest.metadata.resource_version.as_deref(), newest.status), (Some("12"), Some(status)));
    assert_eq!(memory.newest(&seen("12")), seen("12"));
    assert_eq!(memory.newest(&seen("9")), seen("9"), "once shown, it is dropped");
}
