//! Kubernetes objects as JSON: tests check what the API server returns, without the operator's types.

use kube::Api;
use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::Value;

use super::cluster::{RUNTIME, cluster};

/// The kinds that tests use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Workspace,
    Contacts,
    Accounts,
    Suppression,
    Report,
    GitRepository,
    OciRepository,
    Bucket,
    ExternalArtifact,
    Crd,
    Receipt,
    Secret,
    ConfigMap,
    Event,
    Role,
    RoleBinding,
    Lease,
}

impl Kind {
    fn parts(self) -> (&'static str, &'static str, &'static str, &'static str) {
        const GROUP: &str = "abm.propensity.com";
        const FLUX: &str = "source.toolkit.fluxcd.io";
        const RBAC: &str = "rbac.authorization.k8s.io";
        match self {
            Self::Workspace => (GROUP, "v1alpha1", "PropensityWorkspace", "propensityworkspaces"),
            Self::Contacts => (GROUP, "v1alpha1", "ContactAudience", "contactaudiences"),
            Self::Accounts => (GROUP, "v1alpha1", "AccountAudience", "accountaudiences"),
            Self::Suppression => (GROUP, "v1alpha1", "SuppressionList", "suppressionlists"),
            Self::Report => (GROUP, "v1alpha1", "PropensityReport", "propensityreports"),
            Self::GitRepository => (FLUX, "v1", "GitRepository", "gitrepositories"),
            Self::OciRepository => (FLUX, "v1", "OCIRepository", "ocirepositories"),
            Self::Bucket => (FLUX, "v1", "Bucket", "buckets"),
            Self::ExternalArtifact => (FLUX, "v1", "ExternalArtifact", "externalartifacts"),
            Self::Crd => ("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions"),
            Self::Receipt => (GROUP, "v1alpha1", "AudienceReceipt", "audiencereceipts"),
            Self::Secret => ("", "v1", "Secret", "secrets"),
            Self::ConfigMap => ("", "v1", "ConfigMap", "configmaps"),
            Self::Event => ("events.k8s.io", "v1", "Event", "events"),
            Self::Role => (RBAC, "v1", "Role", "roles"),
            Self::RoleBinding => (RBAC, "v1", "RoleBinding", "rolebindings"),
            Self::Lease => ("coordination.k8s.io", "v1", "Lease", "leases"),
        }
    }

    /// The plural name, for kubectl.
    pub fn plural(self) -> &'static str {
        self.parts().3
    }

    pub fn resource(self) -> ApiResource {
        let (group, version, kind, plural) = self.parts();
        ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural)
    }

    /// A complete object: adds type and name to the body.
    pub fn object(self, name: &str, mut body: Value) -> Value {
        let resource = self.resource();
        body["apiVersion"] = resource.api_version.into();
        body["kind"] = resource.kind.into();
        body["metadata"]["name"] = name.into();
        body
    }
}

/// The objects of a namespace.
#[derive(Clone, Debug)]
pub struct Objects {
    pub namespace: String,
}

impl Objects {
    fn api(&self, kind: Kind) -> Api<DynamicObject> {
        Api::namespaced_with(cluster().client.clone(), &self.namespace, &kind.resource())
    }

    /// Server-side apply.
    pub fn apply(&self, kind: Kind, name: &str, body: Value) -> Result<Value, kube::Error> {
        let body = kind.object(name, body);
        let how = PatchParams::apply("author").force();
        RUNTIME.block_on(self.api(kind).patch(name, &how, &Patch::Apply(&body))).map(json)
    }

    /// A merge patch of the object without its status.
    pub fn patch(&self, kind: Kind, name: &str, patch: Value) -> Value {
        let patched = self.api(kind).patch(name, &PatchParams::default(), &Patch::Merge(patch)).block();
        json(patched.expect("a patch that the API server accepts"))
    }

    /// A merge patch of the status.
    pub fn patch_status(&self, kind: Kind, name: &str, patch: Value) -> Value {
        let patched = self.api(kind).patch_status(name, &PatchParams::default(), &Patch::Merge(patch)).block();
        json(patched.expect("a patch that the API server accepts"))
    }

    pub fn find(&self, kind: Kind, name: &str) -> Option<Value> {
        self.api(kind).get_opt(name).block().expect("the API server answers").map(json)
    }

    #[track_caller]
    pub fn get(&self, kind: Kind, name: &str) -> Value {
        self.find(kind, name).unwrap_or_else(|| panic!("there is no {kind:?} {name}"))
    }

    pub fn list(&self, kind: Kind) -> Vec<Value> {
        let list = self.api(kind).list(&ListParams::default()).block().expect("the API server answers");
        list.items.into_iter().map(json).collect()
    }

    /// Deletes an object. The operator sets no finalizers, so it must be gone afterwards.
    pub fn delete(&self, kind: Kind, name: &str) {
        self.api(kind).delete(name, &DeleteParams::default()).block().expect("an existing object");
        assert!(self.find(kind, name).is_none(), "{kind:?} {name} must be deleted immediately");
    }
}

fn json(object: DynamicObject) -> Value {
    serde_json::to_value(object).expect("an object is JSON")
}

/// Runs a future to its end from a plain thread.
trait Block: Future + Sized {
    fn block(self) -> Self::Output {
        RUNTIME.block_on(self)
    }
}

impl<F: Future> Block for F {}

/// A condition of an object's status.
pub fn condition<'a>(object: &'a Value, type_: &str) -> Option<&'a Value> {
    object["status"]["conditions"].as_array()?.iter().find(|c| c["type"] == type_)
}

/// The reason of the `Ready` condition, empty if there is none.
pub fn reason(object: &Value) -> &str {
    condition(object, "Ready").and_then(|c| c["reason"].as_str()).unwrap_or_default()
}

/// The message of the `Ready` condition, empty if there is none.
pub fn message(object: &Value) -> &str {
    condition(object, "Ready").and_then(|c| c["message"].as_str()).unwrap_or_default()
}

/// Whether a condition exists and is `True`.
pub fn is_true(object: &Value, type_: &str) -> bool {
    condition(object, type_).is_some_and(|c| c["status"] == "True")
}
