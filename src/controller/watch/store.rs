//! The stores that the watches fill.

use std::hash::Hash;

use kube::core::Resource;
use kube::runtime::reflector::store::Writer;
use kube::runtime::watcher;

/// Objects of one page of a list. Lists of members are long, and a page is in memory whole.
pub const PAGE: u32 = 50;

/// A store that counts as ready while it is still empty: it is filled one object at a time, and a
/// [`SyncHandle`](crate::controller::state::sync::SyncHandle) reports when it is complete.
pub fn empty<K>(kind: K::DynamicType) -> Writer<K>
where
    K: Resource + Clone,
    K::DynamicType: Eq + Hash + Clone,
{
    let mut writer = Writer::new(kind);
    writer.apply_watcher_event(&watcher::Event::Init);
    writer.apply_watcher_event(&watcher::Event::InitDone);
    writer
}
