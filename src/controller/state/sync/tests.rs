use futures::FutureExt;

use super::*;

#[test]
fn caches_are_synced_once_every_watch_has_listed() {
    let tracker = SyncTracker::default();
    let (first, second) = (tracker.handle("audiences"), tracker.handle("receipts"));
    assert!(tracker.synced().now_or_never().is_none());
    first.synced();
    first.synced();
    assert!(tracker.synced().now_or_never().is_none(), "receipts haven't listed yet");
    second.synced();
    assert!(tracker.synced().now_or_never().is_some());
}

#[test]
fn a_handle_that_is_dropped_early_never_counts_as_synced() {
    let tracker = SyncTracker::default();
    drop(tracker.handle("audiences"));
    assert!(tracker.synced().now_or_never().is_none());
}
