//! Gather: the scene of an audience from what is in memory.

use crate::api::PropensityWorkspace;
use crate::audience::Kind;
use crate::controller::context::shared::Context;
use crate::controller::decide::assess::Scene;
use crate::controller::model::audience::Tracked;
use crate::controller::workspace::reconcile::anchor::LedgerState;
use crate::sources::KeyState;
use crate::telemetry::metrics as labels;

/// All that is known about an audience and this workspace, which may be fresh from the API server or from memory.
#[must_use]
pub fn scene<'a>(ctx: &'a Context, audience: &'a Tracked, workspace: Option<&'a PropensityWorkspace>) -> Scene<'a> {
    let namespace = audience.namespace();
    Scene {
        audience,
        workspace,
        host: ctx.host(),
        ledger: workspace.map_or(LedgerState::Unknown, |w| ctx.ledgers.get(w)),
        key: workspace.map_or(KeyState::Unknown, |w| ctx.secrets.key(namespace, &w.spec.secret_ref.name)),
        operator_suspended: ctx.switches.suspend,
        budget_used: workspace.map_or(0, |w| ctx.budgets.used(&w.spec.workspace_id, ctx.clock.wall())),
        may_claim: ctx.may_claim(),
    }
}

/// The kind as a metric's label.
#[must_use]
pub fn kind_label(kind: Kind) -> labels::Kind {
    match kind {
        Kind::Contacts => labels::Kind::ContactAudience,
        Kind::Accounts => labels::Kind::AccountAudience,
    }
}

/// The endpoint as a metric's label.
#[must_use]
pub fn endpoint_label(kind: Kind) -> labels::Endpoint {
    match kind {
        Kind::Contacts => labels::Endpoint::CreateContactAudience,
        Kind::Accounts => labels::Endpoint::CreateAccountAudience,
    }
}
