//! What a fetch needs, or what prevents it.

use super::context::Context;
use crate::api::condition::Reason;
use crate::api::{PropensityReport, PropensityWorkspace};
use crate::controller::decide::assess::usable_key;
use crate::controller::decide::report_plan;
use crate::controller::model::readiness::Readiness;
use crate::propensity::{EndpointError, ReportUrl, WorkspaceKey};
use crate::report::Binding;
use crate::sources::secrets::{KeyState, UrlState};

/// What a fetch needs.
pub struct Prepared {
    /// Where it is fetched from.
    pub url: ReportUrl,
    /// The key to use.
    pub key: WorkspaceKey,
    /// The plan of its numbers, to be bound to columns.
    pub binding: Binding,
}

/// What a fetch needs.
///
/// # Errors
/// What prevents the fetch.
pub fn prepare(ctx: &Context, report: &PropensityReport) -> Result<Prepared, Readiness> {
    let namespace = report.metadata.namespace.as_deref().unwrap_or_default();
    let spec = &report.spec;
    if spec.suspend {
        let message = "the report isn't fetched: spec.suspend is true. Its last numbers stay";
        return Err(Readiness::idle(Reason::Suspended, message));
    }
    let binding = Binding::new(report_plan::plan(spec)).map_err(|error| {
        let message = format!("the report isn't fetched, since its spec contradicts itself: {error}");
        Readiness::stalled(Reason::InvalidSpec, message)
    })?;
    let Some(workspace) = ctx.caches.workspace(namespace, &spec.workspace_ref.name) else {
        let message = format!(
            "there is no PropensityWorkspace {} in namespace {namespace}: create it, or correct spec.workspaceRef",
            spec.workspace_ref.name
        );
        return Err(Readiness::reconciling(Reason::WorkspaceNotFound, message));
    };
    let (url, key) = secrets(ctx, &workspace, namespace, &spec.report)?;
    Ok(Prepared { url, key, binding })
}

fn secrets(
    ctx: &Context,
    workspace: &PropensityWorkspace,
    namespace: &str,
    report: &str,
) -> Result<(ReportUrl, WorkspaceKey), Readiness> {
    let secret = &workspace.spec.secret_ref.name;
    let state: KeyState = ctx.caches.secrets.key(namespace, secret);
    let key = usable_key(&state, workspace)?;
    let entry = format!("the entry {report} of Secret {secret} in namespace {namespace}");
    let url = match ctx.caches.secrets.report_url(namespace, secret, report) {
        UrlState::Url(url) => url,
        UrlState::Missing => {
            let message = format!("{entry} isn't there: add it, with the report's endpoint URL from Propensity");
            return Err(Readiness::reconciling(Reason::UrlMissing, message));
        }
        UrlState::Invalid(error) => {
            let message = format!("{entry} is no endpoint URL: {error}. Copy it again from Propensity");
            return Err(Readiness::reconciling(Reason::UrlInvalid, message));
        }
    };
    match ctx.client.check(&url) {
        Ok(()) => Ok((url, key)),
        Err(error) => {
            let reason = match error {
                EndpointError::NotAllowed { .. } => Reason::HostNotAllowed,
                _ => Reason::UrlInvalid,
            };
            let message = format!(
                "{entry} can't be used: {error}. The allowed hosts are the operator's setting --allowed-hosts (the chart's api.allowedHosts)"
            );
            Err(Readiness::reconciling(reason, message))
        }
    }
}
