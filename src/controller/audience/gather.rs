//! Gather: what is known about an audience, from memory or read by name.

use std::sync::Arc;

use super::context::Context;
use crate::api::PropensityWorkspace;
use crate::api::audience_status::OpenUnknown;
use crate::audience::ListHash;
use crate::controller::decide::assess::{Assessment, Input, Plan, assess};
use crate::controller::decide::messages::created_attempt;
use crate::controller::kube::cluster::CallError;
use crate::controller::kube::ledger_store::LedgerStore;
use crate::controller::model::audience::Tracked;
use crate::controller::model::desired::Desired;
use crate::controller::model::ledger::LedgerState;
use crate::controller::model::receipt::StoredReceipt;
use crate::ledger::{OutcomeResult, State};
use crate::sources::KeyState;

/// Unknown attempts of older lists that a status lists.
const MAX_UNKNOWNS: usize = 10;

/// What is known of the receipt of a list.
#[derive(Clone)]
pub enum KnownReceipt {
    /// It isn't open, and it wasn't read: it may be closed or absent.
    Unread,
    /// There is none.
    Absent,
    /// There is one.
    Stored(Arc<StoredReceipt>),
}

/// All that is known about an audience and this workspace, which may be fresh from the API server or from memory.
#[must_use]
pub fn input<'a>(ctx: &'a Context, desired: &'a Desired, workspace: Option<&'a PropensityWorkspace>) -> Input<'a> {
    let namespace = desired.audience.namespace();
    let now = ctx.process.clock.wall();
    Input {
        desired,
        workspace,
        host: ctx.creates.host(),
        ledger: workspace.map_or(LedgerState::Unknown, |w| ctx.workspaces.ledger(w)),
        key: workspace.map_or(KeyState::Unknown, |w| ctx.caches.secrets.key(namespace, &w.spec.secret_ref.name)),
        operator_suspended: ctx.process.suspend,
        budget_used: workspace.map_or(0, |w| ctx.creates.budgets.used(&w.spec.workspace_id, now)),
        may_claim: ctx.process.may_claim(),
    }
}

/// Assesses an audience or a part of it. Where the same list must be created again because other members are suppressed
/// now, `desired` becomes that variant.
///
/// # Errors
/// When the API server doesn't answer.
pub async fn assess_variant(
    ctx: &Context,
    desired: &mut Desired,
    workspace: Option<&PropensityWorkspace>,
) -> Result<Assessment, CallError> {
    desired.variant = None;
    let assessment = assess(&input(ctx, desired, workspace));
    if let Assessment::Identified(plan) = &assessment {
        desired.variant = variant(ctx, desired, plan).await?;
        if desired.variant.is_some() {
            return Ok(assess(&input(ctx, desired, workspace)));
        }
    }
    Ok(assessment)
}

/// The variant of a list that is created already, where the audience asks to create it again for other suppressed
/// members.
async fn variant(ctx: &Context, desired: &Desired, plan: &Plan) -> Result<Option<String>, CallError> {
    let audience = &desired.audience;
    let is_open = ctx.caches.receipts.get(audience.namespace(), &plan.receipt).is_some();
    if !audience.options.resend_on_suppression || is_open {
        return Ok(None);
    }
    let KnownReceipt::Stored(stored) = read_receipt(ctx, audience, &plan.receipt).await? else { return Ok(None) };
    let Ok(receipt) = &stored.receipt else { return Ok(None) };
    let part = desired.to_send();
    let kept = part.kept_hash.as_ref().map(ListHash::as_str);
    let created = created_attempt(receipt);
    let differs =
        stored.state() == State::Created && created.is_some_and(|attempt| attempt.kept_hash.as_deref() != kept);
    Ok(differs.then(|| part.variant()))
}

/// What is known of a receipt. It is read where the status names it. A list that seems new isn't looked up: creating its
/// receipt is the check.
///
/// # Errors
/// When the API server doesn't answer.
pub async fn known_receipt(ctx: &Context, audience: &Tracked, receipt: &str) -> Result<KnownReceipt, CallError> {
    let status = &audience.status;
    let is_named = status.receipt_ref.as_ref().is_some_and(|r| r.name == receipt)
        || status.parts.iter().any(|part| part.receipt == receipt);
    match ctx.caches.receipts.get(audience.namespace(), receipt) {
        Some(stored) => Ok(KnownReceipt::Stored(stored)),
        None if ctx.memory.is_absent(audience.uid(), receipt) => Ok(KnownReceipt::Absent),
        None if is_named => read_receipt(ctx, audience, receipt).await,
        None => Ok(KnownReceipt::Unread),
    }
}

/// Reads a receipt by its name.
///
/// # Errors
/// When the API server doesn't answer.
pub async fn read_receipt(ctx: &Context, audience: &Tracked, receipt: &str) -> Result<KnownReceipt, CallError> {
    Ok(match LedgerStore::new(&ctx.cluster, audience.namespace()).read(receipt).await? {
        Some(stored) => KnownReceipt::Stored(Arc::new(stored)),
        None => {
            ctx.memory.set_absent(audience.uid(), receipt);
            KnownReceipt::Absent
        }
    })
}

/// Unknown attempts that were made for an audience under other receipts than its current ones.
#[must_use]
pub fn open_unknowns(ctx: &Context, audience: &Tracked, current: &[&str]) -> Vec<OpenUnknown> {
    let mut unknowns = ctx.caches.receipts.select(|(namespace, name), stored| {
        if namespace != audience.namespace() || current.contains(&name.as_str()) || stored.state() != State::Unknown {
            return None;
        }
        let receipt = stored.receipt.as_ref().ok()?;
        let attempt = receipt.record.attempts.iter().rfind(|a| {
            a.audience.uid == audience.uid()
                && a.outcome.as_ref().is_some_and(|o| o.result == OutcomeResult::Unknown)
                && receipt.record.resolution(&a.id).is_none()
        })?;
        Some(OpenUnknown {
            receipt: name.clone(),
            attempt: attempt.id.clone(),
            time: attempt.claimed_at,
            members: attempt.members,
        })
    });
    unknowns.sort_by(|a, b| a.receipt.cmp(&b.receipt));
    unknowns.truncate(MAX_UNKNOWNS);
    unknowns
}

/// The reports that an audience names and that exist.
#[must_use]
pub fn existing_reports(ctx: &Context, audience: &Tracked) -> Vec<String> {
    let named = audience.options.engagement.iter().map(|engagement| &engagement.report);
    named.filter(|name| ctx.caches.report(audience.namespace(), name).is_some()).cloned().collect()
}
