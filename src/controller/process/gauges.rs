//! The gauges that are counted from what is in memory.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::api::audience_status::Funnel;
use crate::audience::Kind;
use crate::controller::audience::context::Context;
use crate::controller::model::labels;

/// How often the gauges are set.
const INTERVAL: Duration = Duration::from_secs(5);

/// Keeps the gauges of states current.
pub async fn run(ctx: Arc<Context>) {
    let metrics = &ctx.process.metrics;
    loop {
        let mut receipts = BTreeMap::new();
        for state in ctx.caches.receipts.select(|_, entry| Some(entry.state().as_str())) {
            *receipts.entry(state).or_default() += 1;
        }
        metrics.set_open_receipts(&receipts);
        metrics.set_audiences(&ctx.memory.count_reasons());
        metrics.set_waiting(&ctx.memory.count_queued());
        for kind in [Kind::Contacts, Kind::Accounts] {
            count_members(&ctx, kind);
        }
        // A standby would show them a second time.
        let leads = ctx.process.may_claim();
        metrics.set_reports(ctx.caches.reports.state().iter().filter(|_| leads).map(AsRef::as_ref));
        let engaged = [Kind::Contacts, Kind::Accounts].map(|kind| ctx.caches.audiences(kind).state());
        metrics.set_engagement(engaged.iter().flatten().filter(|_| leads).flat_map(|audience| {
            let kind = labels::kind(audience.kind);
            audience.status.engagement.iter().map(move |status| (kind, audience.namespace(), audience.name(), status))
        }));
        tokio::time::sleep(INTERVAL).await;
    }
}

/// Adds up what the statuses of a kind say about members.
fn count_members(ctx: &Context, kind: Kind) {
    let (mut suppressed, mut rows) = (0, Funnel::default());
    for audience in ctx.caches.audiences(kind).state() {
        suppressed += audience.status.suppressed_members_sent;
        let Some(funnel) = &audience.status.members else { continue };
        rows.invalid += funnel.invalid;
        rows.duplicate += funnel.duplicate;
        rows.excluded += funnel.excluded;
        rows.to_send += funnel.to_send;
    }
    let (metrics, label) = (&ctx.process.metrics, labels::kind(kind));
    metrics.set_suppressed_members_sent([(label, suppressed)]);
    let Funnel { invalid, duplicate, excluded, to_send, .. } = rows;
    let classes = [("invalid", invalid), ("duplicate", duplicate), ("excluded", excluded), ("to_send", to_send)];
    metrics.set_list_rows(classes.map(|(class, many)| (label, class, many)));
}
