//! Events, without list values: created, rejected, unknown, resolved, held back.

use k8s_openapi::api::core::v1::ObjectReference;

use super::context::Context;
use super::events::EventType;
use super::open_receipts::Entry;
use super::scene::Phase;
use super::status::Facts;
use super::tracked::{Tracked, kind_name};
use crate::api::condition::{self, ConditionType};
use crate::api::{GROUP, Reason, VERSION};
use crate::ledger::{AudienceRef, Instruction, Receipt, Resolve, ResolvedBy};

/// Says where an audience stands now, for what is worth an event.
pub async fn standing(ctx: &Context, audience: &Tracked, facts: &Facts) {
    let reason = facts.verdict.reason;
    let type_ = match (facts.phase, reason) {
        (Phase::Ready, Reason::Created) => EventType::Normal,
        (Phase::Stalled, _) => EventType::Warning,
        (Phase::Reconciling, Reason::Queued | Reason::Sending | Reason::Pending | Reason::CreatesSerialized) => return,
        (Phase::Reconciling, _) => EventType::Warning,
        (Phase::Ready | Phase::Idle, _) => return,
    };
    let action = if facts.phase == Phase::Ready { "Create" } else { "HoldBack" };
    let subject = subject(audience.namespace(), kind_name(audience.kind), audience.name(), audience.uid());
    ctx.events.publish(&subject, type_, reason.as_str(), action, facts.verdict.message.to_string()).await;
}

/// Says that members were suppressed after they were sent, where that is new.
pub async fn suppressed_later(ctx: &Context, audience: &Tracked, facts: &Facts) {
    let told = condition::find(&audience.status.conditions, ConditionType::SuppressedMembersSent);
    let Some(verdict) = facts.suppressed_later().filter(|v| told.is_none_or(|c| c.message != v.message)) else {
        return;
    };
    let subject = subject(audience.namespace(), kind_name(audience.kind), audience.name(), audience.uid());
    let (reason, note) = (ConditionType::SuppressedMembersSent.as_str(), verdict.message.to_string());
    ctx.events.publish(&subject, EventType::Warning, reason, "Suppress", note).await;
}

/// Says that an attempt was settled.
pub async fn resolved(
    ctx: &Context,
    namespace: &str,
    receipt: &str,
    entry: &Entry,
    instruction: &Instruction,
    by: ResolvedBy,
) {
    let Ok(Receipt { record, .. }) = &entry.receipt else { return };
    let Some(attempt) = record.attempt(&instruction.attempt) else { return };
    let AudienceRef { kind, name, uid } = &attempt.audience;
    let who = match by {
        ResolvedBy::Person => "a person",
        ResolvedBy::Policy => "the SendAgain policy",
    };
    let what = match instruction.decision {
        Resolve::Created => "as created",
        Resolve::SendAgain => "to be sent again",
        Resolve::Dismiss => "as dismissed",
    };
    let note = format!("attempt {} of receipt {receipt} was settled by {who} {what}", attempt.id);
    ctx.events.publish(&subject(namespace, kind, name, uid), EventType::Normal, "Resolved", "Resolve", note).await;
}

/// Says that an instruction on a receipt can't be followed, on the receipt itself.
pub async fn refused(ctx: &Context, namespace: &str, receipt: &str, error: &crate::ledger::ResolveError) {
    let subject = subject(namespace, "AudienceReceipt", receipt, "");
    ctx.events
        .publish(&subject, EventType::Warning, Reason::ResolutionInvalid.as_str(), "Resolve", error.to_string())
        .await;
}

pub(super) fn subject(namespace: &str, kind: &str, name: &str, uid: &str) -> ObjectReference {
    ObjectReference {
        api_version: Some(format!("{GROUP}/{VERSION}")),
        kind: Some(kind.to_owned()),
        namespace: Some(namespace.to_owned()),
        name: Some(name.to_owned()),
        uid: Some(uid.to_owned()),
        ..ObjectReference::default()
    }
}
