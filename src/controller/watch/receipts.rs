//! The watch of open receipts.

use std::sync::Arc;

use kube::runtime::watcher;

use super::context::Context;
use super::dependents;
use super::feed::{Change, follow};
use crate::api::AudienceReceipt;
use crate::controller::model::keys::{ReceiptKey, audience_of_attempt};
use crate::controller::model::receipt::StoredReceipt;
use crate::controller::state::sync::SyncHandle;

/// Open receipts only: all but the closed ones. A receipt without a record matches too.
const OPEN: &str = "record.state!=Created,record.state!=Dismissed";

/// Keeps the open receipts current, and enqueues each that changed, its audiences and their workspaces.
pub async fn watch(ctx: Arc<Context>, sync: SyncHandle) {
    let read = |receipt: AudienceReceipt| {
        let key =
            (receipt.metadata.namespace.clone().unwrap_or_default(), receipt.metadata.name.clone().unwrap_or_default());
        (key, StoredReceipt::of(&receipt))
    };
    let on_change = |change: Change<(ReceiptKey, StoredReceipt)>| match change {
        Change::Applied((key, receipt)) => {
            ctx.caches.receipts.upsert(key.clone(), receipt.clone(), ctx.process.clock.boottime());
            changed(&ctx, &key, Some(&receipt));
        }
        Change::Gone(key) => {
            let receipt = ctx.caches.receipts.remove(&key);
            changed(&ctx, &key, receipt.as_deref());
        }
        Change::Synced => sync.synced(),
    };
    let config = watcher::Config::default().fields(OPEN);
    follow(&ctx.cluster, &ctx.namespaces, config, read, on_change).await;
}

/// Enqueues a receipt, its audiences, and the workspaces of its namespace.
fn changed(ctx: &Context, key: &ReceiptKey, receipt: Option<&StoredReceipt>) {
    let (namespace, _) = key;
    ctx.queues.enqueue(key.clone());
    ctx.queues.enqueue_all(ctx.audiences.of_receipt(key));
    let attempted = receipt.map(StoredReceipt::audiences).unwrap_or_default();
    ctx.queues.enqueue_all(attempted.iter().filter_map(|audience| audience_of_attempt(namespace, audience)));
    dependents::workspaces_of_namespace(&ctx.caches, &ctx.queues, namespace);
}
