//! Resources of other projects that have no type here.

use kube::core::{ApiResource, GroupVersionKind};

use crate::api::FluxKind;

/// The resource of a kind of Flux sources.
#[must_use]
pub fn flux_resource(kind: FluxKind) -> ApiResource {
    let kind = GroupVersionKind::gvk("source.toolkit.fluxcd.io", "v1", kind.as_str());
    let plural = match kind.kind.as_str() {
        "GitRepository" => "gitrepositories",
        "OCIRepository" => "ocirepositories",
        "Bucket" => "buckets",
        _ => "externalartifacts",
    };
    ApiResource::from_gvk_with_plural(&kind, plural)
}
