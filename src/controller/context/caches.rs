//! What the watches show: objects without members, open receipts, keys, and versions of the objects that lists are read
//! from.

use std::sync::Arc;

use kube::runtime::reflector::{ObjectRef, Store};

use crate::api::{PropensityReport, PropensityWorkspace, SuppressionList};
use crate::audience::Kind;
use crate::controller::model::audience::Tracked;
use crate::controller::state::open_receipts::OpenReceipts;
use crate::sources::Secrets;
use crate::sources::versions::Versions;

/// What the watches show.
pub struct Caches {
    /// The workspaces.
    pub workspaces: Store<PropensityWorkspace>,
    /// The contact audiences.
    pub contacts: Store<Tracked>,
    /// The account audiences.
    pub accounts: Store<Tracked>,
    /// The suppression lists, without their entries.
    pub suppression_lists: Store<SuppressionList>,
    /// The reports.
    pub reports: Store<PropensityReport>,
    /// The open receipts.
    pub receipts: OpenReceipts,
    /// The keys and report URLs.
    pub secrets: Secrets,
    /// Versions of the objects that lists are read from.
    pub versions: Versions,
}

impl Caches {
    /// The audiences of a kind.
    #[must_use]
    pub fn audiences(&self, kind: Kind) -> &Store<Tracked> {
        match kind {
            Kind::Contacts => &self.contacts,
            Kind::Accounts => &self.accounts,
        }
    }

    /// The audiences of both kinds.
    pub fn all_audiences(&self) -> impl Iterator<Item = Arc<Tracked>> + use<> {
        self.contacts.state().into_iter().chain(self.accounts.state())
    }

    /// A workspace.
    #[must_use]
    pub fn workspace(&self, namespace: &str, name: &str) -> Option<Arc<PropensityWorkspace>> {
        self.workspaces.get(&ObjectRef::new(name).within(namespace))
    }

    /// The workspace that an audience names.
    #[must_use]
    pub fn workspace_of(&self, audience: &Tracked) -> Option<Arc<PropensityWorkspace>> {
        self.workspace(audience.namespace(), &audience.options.workspace_ref.name)
    }

    /// A suppression list, without its entries.
    #[must_use]
    pub fn suppression_list(&self, namespace: &str, name: &str) -> Option<Arc<SuppressionList>> {
        self.suppression_lists.get(&ObjectRef::new(name).within(namespace))
    }

    /// A report.
    #[must_use]
    pub fn report(&self, namespace: &str, name: &str) -> Option<Arc<PropensityReport>> {
        self.reports.get(&ObjectRef::new(name).within(namespace))
    }

    /// The reports of a workspace.
    pub fn reports_of<'a>(
        &self,
        namespace: &'a str,
        workspace: &'a str,
    ) -> impl Iterator<Item = Arc<PropensityReport>> + use<'a> {
        self.reports.state().into_iter().filter(move |report| {
            report.metadata.namespace.as_deref() == Some(namespace) && report.spec.workspace_ref.name == workspace
        })
    }

    /// The audiences of a workspace.
    pub fn audiences_of<'a>(
        &self,
        namespace: &'a str,
        workspace: &'a str,
    ) -> impl Iterator<Item = Arc<Tracked>> + use<'a> {
        self.all_audiences().filter(move |audience| {
            audience.namespace() == namespace && audience.options.workspace_ref.name == workspace
        })
    }
}
