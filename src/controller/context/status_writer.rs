//! The one way in which a status is written.
//!
//! A write names the version that it is based on. On a conflict the object is read again and its status computed from
//! what it is now, so that nothing another writer added is lost. A status that wouldn't change is not written, and an
//! object that is gone needs none.

use std::future::Future;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{Patch, PatchParams};
use serde::Serialize;
use serde_json::json;

use crate::api::report::ReportStatus;
use crate::api::suppression::SuppressionStatus;
use crate::api::workspace::WorkspaceStatus;
use crate::api::{
    AccountAudience, AudienceStatus, ContactAudience, PropensityReport, PropensityWorkspace, SuppressionList,
};
use crate::audience::Kind;
use crate::controller::kube::cluster::{CallError, Cluster};
use crate::controller::kube::live;
use crate::controller::model::audience::Tracked;
use crate::controller::state::record::Records;

/// How often a status is computed again after a conflict before the reconcile fails.
const TRIES: usize = 5;

/// An object with a status.
pub trait HasStatus: Clone + Send + Sync {
    /// Its status.
    type Status: Clone + PartialEq + Serialize + Send + Sync;

    /// Its metadata.
    fn metadata(&self) -> &ObjectMeta;

    /// Its status as last observed.
    fn observed_status(&self) -> Option<&Self::Status>;

    /// Patches its status; the metadata afterwards.
    fn patch_status(
        &self,
        cluster: &Cluster,
        patch: &Patch<()>,
    ) -> impl Future<Output = Result<ObjectMeta, CallError>> + Send;

    /// Reads it again; `None` where it is gone or another object took its name.
    fn read_again(&self, cluster: &Cluster) -> impl Future<Output = Result<Option<Self>, CallError>> + Send;
}

/// Writes the status that `next` computes from an object, and keeps it until the watch shows it. Returns whether it was
/// written.
///
/// # Errors
/// When the API server doesn't accept it.
pub async fn write<O, D>(
    cluster: &Cluster,
    records: &Records<O::Status, D>,
    object: &O,
    next: impl Fn(&O) -> O::Status + Send + Sync,
) -> Result<bool, CallError>
where
    O: HasStatus,
    D: Default + Send,
{
    let mut base = object.clone();
    for _ in 0..TRIES {
        let status = next(&base);
        if base.observed_status() == Some(&status) {
            return Ok(false);
        }
        match base.patch_status(cluster, &patch(base.metadata(), &status)).await {
            Ok(written) => {
                let version = written.resource_version.unwrap_or_default();
                records.wrote(base.metadata().uid.as_deref().unwrap_or_default(), version, status);
                return Ok(true);
            }
            Err(CallError::NotFound) => return Ok(false),
            Err(CallError::Conflict) => match base.read_again(cluster).await? {
                Some(now) => base = now,
                None => return Ok(false),
            },
            Err(error) => return Err(error),
        }
    }
    Err(CallError::Conflict)
}

/// A `replace` of the version, not a `test`: a stale one is then a conflict (409) instead of an invalid patch (422).
fn patch(meta: &ObjectMeta, status: &impl Serialize) -> Patch<()> {
    let patch = serde_json::from_value(json!([
        {"op": "replace", "path": "/metadata/resourceVersion", "value": meta.resource_version},
        {"op": "add", "path": "/status", "value": status},
    ]))
    .expect("the operations above are a JSON Patch");
    Patch::Json(patch)
}

impl HasStatus for Tracked {
    type Status = AudienceStatus;

    fn metadata(&self) -> &ObjectMeta {
        &self.meta
    }

    fn observed_status(&self) -> Option<&AudienceStatus> {
        Some(&self.status)
    }

    async fn patch_status(&self, cluster: &Cluster, patch: &Patch<()>) -> Result<ObjectMeta, CallError> {
        let (namespace, name, params) = (self.namespace(), self.name(), PatchParams::default());
        Ok(match self.kind {
            Kind::Contacts => {
                let api = cluster.api::<ContactAudience>(namespace);
                cluster.call(api.patch_status(name, &params, patch)).await?.metadata
            }
            Kind::Accounts => {
                let api = cluster.api::<AccountAudience>(namespace);
                cluster.call(api.patch_status(name, &params, patch)).await?.metadata
            }
        })
    }

    async fn read_again(&self, cluster: &Cluster) -> Result<Option<Self>, CallError> {
        live::tracked(cluster, self).await
    }
}

macro_rules! has_status {
    ($kind:ty, $status:ty) => {
        impl HasStatus for $kind {
            type Status = $status;

            fn metadata(&self) -> &ObjectMeta {
                &self.metadata
            }

            fn observed_status(&self) -> Option<&$status> {
                self.status.as_ref()
            }

            async fn patch_status(&self, cluster: &Cluster, patch: &Patch<()>) -> Result<ObjectMeta, CallError> {
                let api = cluster.api::<$kind>(self.metadata.namespace.as_deref().unwrap_or_default());
                let name = self.metadata.name.as_deref().unwrap_or_default();
                Ok(cluster.call(api.patch_status(name, &PatchParams::default(), patch)).await?.metadata)
            }

            async fn read_again(&self, cluster: &Cluster) -> Result<Option<Self>, CallError> {
                let api = cluster.api::<$kind>(self.metadata.namespace.as_deref().unwrap_or_default());
                let name = self.metadata.name.as_deref().unwrap_or_default();
                let live = cluster.call(api.get_opt(name)).await?;
                Ok(live.filter(|live| live.metadata.uid == self.metadata.uid))
            }
        }
    };
}

has_status!(PropensityWorkspace, WorkspaceStatus);
has_status!(SuppressionList, SuppressionStatus);
has_status!(PropensityReport, ReportStatus);
