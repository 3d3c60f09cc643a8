//! What a fetch needs, or what prevents it.

use super::context::Context;
use crate::api::{PropensityReport, PropensityWorkspace};
use crate::controller::decide::assess::usable_key;
use crate::controller::decide::report_messages::{self as messages, UrlEntry};
use crate::controller::decide::report_plan;
use crate::controller::model::readiness::Readiness;
use crate::propensity::{ApiKey, ReportUrl};
use crate::report::Binding;
use crate::sources::secrets::{KeyState, UrlState};

/// What a fetch needs.
pub struct Prepared {
    /// Where it is fetched from.
    pub url: ReportUrl,
    /// The key to use.
    pub key: ApiKey,
    /// The plan of its numbers, to be bound to columns.
    pub binding: Binding,
}

/// Collects what a fetch needs.
///
/// # Errors
/// What prevents the fetch.
pub fn prepare(ctx: &Context, report: &PropensityReport) -> Result<Prepared, Readiness> {
    let namespace = report.metadata.namespace.as_deref().unwrap_or_default();
    let spec = &report.spec;
    if spec.suspend {
        return Err(messages::suspended());
    }
    let binding = Binding::new(report_plan::plan(spec)).map_err(|error| messages::invalid_spec(&error))?;
    let Some(workspace) = ctx.caches.workspace(namespace, &spec.workspace_ref.name) else {
        return Err(messages::no_workspace(&spec.workspace_ref.name, namespace));
    };
    let (url, key) = secrets(ctx, &workspace, namespace, &spec.report)?;
    Ok(Prepared { url, key, binding })
}

fn secrets(
    ctx: &Context,
    workspace: &PropensityWorkspace,
    namespace: &str,
    report: &str,
) -> Result<(ReportUrl, ApiKey), Readiness> {
    let secret = &workspace.spec.secret_ref.name;
    let state: KeyState = ctx.caches.secrets.key(namespace, secret);
    let key = usable_key(&state, workspace)?;
    let entry = UrlEntry { report, secret, namespace };
    let url = match ctx.caches.secrets.report_url(namespace, secret, report) {
        UrlState::Url(url) => url,
        UrlState::Missing => return Err(messages::no_url(entry)),
        UrlState::Invalid(why) => return Err(messages::invalid_url(entry, &why)),
    };
    ctx.client.check(&url).map_err(|why| messages::unusable_url(entry, &why))?;
    Ok((url, key))
}
