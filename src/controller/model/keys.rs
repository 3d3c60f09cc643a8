//! Names of objects, as queues and memory use them.

use kube::runtime::reflector::ObjectRef;

use super::audience::{AudienceKey, kind_of};
use crate::api::{PropensityReport, PropensityWorkspace, SuppressionList};
use crate::ledger::AudienceRef;
use crate::sources::versions::NamespacedName;

/// A workspace, by namespace and name.
pub type WorkspaceRef = ObjectRef<PropensityWorkspace>;

/// A receipt, by namespace and name.
pub type ReceiptKey = NamespacedName;

/// Any object that is reconciled.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ObjectKey {
    /// A `ContactAudience` or an `AccountAudience`.
    Audience(AudienceKey),
    /// A `PropensityWorkspace`.
    Workspace(WorkspaceRef),
    /// A `SuppressionList`.
    SuppressionList(ObjectRef<SuppressionList>),
    /// A `PropensityReport`.
    Report(ObjectRef<PropensityReport>),
    /// An `AudienceReceipt`.
    Receipt(ReceiptKey),
}

impl From<AudienceKey> for ObjectKey {
    fn from(key: AudienceKey) -> Self {
        Self::Audience(key)
    }
}

impl From<WorkspaceRef> for ObjectKey {
    fn from(key: WorkspaceRef) -> Self {
        Self::Workspace(key)
    }
}

impl From<ObjectRef<SuppressionList>> for ObjectKey {
    fn from(key: ObjectRef<SuppressionList>) -> Self {
        Self::SuppressionList(key)
    }
}

impl From<ObjectRef<PropensityReport>> for ObjectKey {
    fn from(key: ObjectRef<PropensityReport>) -> Self {
        Self::Report(key)
    }
}

impl From<ReceiptKey> for ObjectKey {
    fn from(key: ReceiptKey) -> Self {
        Self::Receipt(key)
    }
}

/// The key of the audience that an attempt was made for; `None` where the attempt names a kind that doesn't exist.
#[must_use]
pub fn audience_of_attempt(namespace: &str, audience: &AudienceRef) -> Option<AudienceKey> {
    let kind = kind_of(&audience.kind)?;
    Some(AudienceKey::new_with(&audience.name, kind).within(namespace))
}
