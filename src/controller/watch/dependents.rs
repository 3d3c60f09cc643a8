//! Enqueues the objects that depend on another.

use kube::runtime::reflector::ObjectRef;

use crate::api::PropensityReport;
use crate::controller::context::caches::Caches;
use crate::controller::context::queues::Queues;
use crate::controller::lists::access::ListAccess;

/// The audiences of a workspace.
pub fn audiences_of_workspace(caches: &Caches, queues: &Queues, namespace: &str, workspace: &str) {
    queues.enqueue_all(caches.audiences_of(namespace, workspace).map(|audience| audience.key()));
}

/// The reports of a workspace.
pub fn reports_of_workspace(caches: &Caches, queues: &Queues, namespace: &str, workspace: &str) {
    queues.enqueue_all(caches.reports_of(namespace, workspace).map(|report| ObjectRef::from_obj(report.as_ref())));
}

/// The workspaces of a namespace.
pub fn workspaces_of_namespace(caches: &Caches, queues: &Queues, namespace: &str) {
    for workspace in caches.workspaces.state() {
        if workspace.metadata.namespace.as_deref() == Some(namespace) {
            queues.enqueue(ObjectRef::from_obj(workspace.as_ref()));
        }
    }
}

/// The audiences that name a report.
pub fn audiences_of_report(caches: &Caches, queues: &Queues, report: &ObjectRef<PropensityReport>) {
    for audience in caches.all_audiences() {
        let is_here = Some(audience.namespace()) == report.namespace.as_deref();
        if is_here && audience.options.engagement.iter().any(|engagement| engagement.report == report.name) {
            queues.enqueue(audience.key());
        }
    }
}

/// The audiences and suppression lists of a namespace whose lists may be in an object that changed.
pub fn lists_of_namespace(lists: &ListAccess, namespace: &str) {
    lists.queues.enqueue_all(lists.memory.dependents(namespace));
    for list in lists.caches.suppression_lists.state() {
        if list.metadata.namespace.as_deref() == Some(namespace) && !list.spec.from.is_empty() {
            lists.queues.enqueue(ObjectRef::from_obj(list.as_ref()));
        }
    }
}
