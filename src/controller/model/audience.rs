//! Both kinds of audience as one plain value, as they are observed.
//!
//! Members don't stay in memory: a watched audience is summarised and its members are dropped. The list is read live
//! when it must be sent.

use std::borrow::Cow;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::{NamespaceResourceScope, Resource};
use kube::runtime::reflector::ObjectRef;

use super::list::ListSummary;
use crate::api::{AccountAudience, AudienceOptions, AudienceStatus, Contact, ContactAudience};
use crate::audience::{Kind, Member};

/// An audience as a watch shows it, without its members.
#[derive(Clone, Debug)]
pub struct Tracked {
    /// Name, namespace, UID, generation, version and deletion; nothing else of the metadata.
    pub meta: ObjectMeta,
    /// Which of the two kinds.
    pub kind: Kind,
    /// Its options.
    pub options: AudienceOptions,
    /// Its status as last observed.
    pub status: AudienceStatus,
    /// How many members the object itself contains.
    pub inline_members: u64,
    /// The list of those members alone, with nobody suppressed.
    pub inline_list: ListSummary,
}

/// An audience of either kind, by kind, namespace and name.
pub type AudienceKey = ObjectRef<Tracked>;

/// An audience as the API server has it, with its inline members.
pub struct AudienceObject {
    /// Its metadata, trimmed.
    pub meta: ObjectMeta,
    /// Which of the two kinds.
    pub kind: Kind,
    /// Its options.
    pub options: AudienceOptions,
    /// Its status.
    pub status: AudienceStatus,
    /// Its inline members.
    pub members: Vec<Member>,
}

/// A resource of one of the two kinds.
pub trait AudienceResource: Sized {
    /// Both kinds as one.
    fn into_object(self) -> AudienceObject;
}

impl AudienceResource for ContactAudience {
    fn into_object(self) -> AudienceObject {
        let members = self.spec.contacts.into_iter().map(Member::from).collect();
        object(self.metadata, Kind::Contacts, self.spec.options, self.status, members)
    }
}

impl AudienceResource for AccountAudience {
    fn into_object(self) -> AudienceObject {
        let members = self.spec.accounts.into_iter().map(|account| Member::account(account.website)).collect();
        object(self.metadata, Kind::Accounts, self.spec.options, self.status, members)
    }
}

fn object(
    meta: ObjectMeta,
    kind: Kind,
    options: AudienceOptions,
    status: Option<AudienceStatus>,
    members: Vec<Member>,
) -> AudienceObject {
    let meta = ObjectMeta {
        name: meta.name,
        namespace: meta.namespace,
        uid: meta.uid,
        generation: meta.generation,
        resource_version: meta.resource_version,
        deletion_timestamp: meta.deletion_timestamp,
        ..ObjectMeta::default()
    };
    AudienceObject { meta, kind, options, status: status.unwrap_or_default(), members }
}

impl Tracked {
    /// Its key.
    #[must_use]
    pub fn key(&self) -> AudienceKey {
        ObjectRef::from_obj_with(self, self.kind)
    }

    /// Its namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.meta.namespace.as_deref().unwrap_or_default()
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.meta.name.as_deref().unwrap_or_default()
    }

    /// Its UID.
    #[must_use]
    pub fn uid(&self) -> &str {
        self.meta.uid.as_deref().unwrap_or_default()
    }

    /// Whether it is being deleted.
    #[must_use]
    pub fn is_deleting(&self) -> bool {
        self.meta.deletion_timestamp.is_some()
    }
}

impl From<Contact> for Member {
    fn from(contact: Contact) -> Self {
        let Contact { first_name, last_name, company_name, website, email, linkedin_url } = contact;
        Self { first_name, last_name, company_name, website, email, linkedin_url }
    }
}

/// The field that holds the inline list of a kind.
#[must_use]
pub fn list_field(kind: Kind) -> &'static str {
    match kind {
        Kind::Contacts => "spec.contacts",
        Kind::Accounts => "spec.accounts",
    }
}

/// The kind of a resource, as Kubernetes names it.
#[must_use]
pub fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Contacts => "ContactAudience",
        Kind::Accounts => "AccountAudience",
    }
}

/// The kind by that name.
#[must_use]
pub fn kind_of(name: &str) -> Option<Kind> {
    [Kind::Contacts, Kind::Accounts].into_iter().find(|kind| kind_name(*kind) == name)
}

impl Resource for Tracked {
    type DynamicType = Kind;
    type Scope = NamespaceResourceScope;

    fn kind(kind: &Kind) -> Cow<'_, str> {
        kind_name(*kind).into()
    }
    fn group(_: &Kind) -> Cow<'_, str> {
        crate::api::GROUP.into()
    }
    fn version(_: &Kind) -> Cow<'_, str> {
        crate::api::VERSION.into()
    }
    fn plural(kind: &Kind) -> Cow<'_, str> {
        match kind {
            Kind::Contacts => "contactaudiences".into(),
            Kind::Accounts => "accountaudiences".into(),
        }
    }
    fn meta(&self) -> &ObjectMeta {
        &self.meta
    }
    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.meta
    }
}
