//! Both kinds of audience as one plain value: what stays in memory of each, and the list itself where it is read live.
//!
//! A list's members don't stay in memory: a watched audience is digested and let go, and the list is read live when it must be sent.

use std::borrow::Cow;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::{NamespaceResourceScope, Resource};
use kube::runtime::reflector::ObjectRef;

use crate::api::{AccountAudience, AudienceOptions, AudienceStatus, Contact, ContactAudience};
use crate::audience::{self, Kind, List, Member, Row};

/// What the operator remembers of an audience.
#[derive(Clone, Debug)]
pub struct Tracked {
    /// Name, namespace, UID, generation, version and deletion; nothing else of the metadata.
    pub meta: ObjectMeta,
    /// Which of the two kinds.
    pub kind: Kind,
    /// Its options.
    pub options: AudienceOptions,
    /// Its status as last seen.
    pub status: AudienceStatus,
    /// What its list comes to.
    pub digest: Digest,
}

/// What a list comes to, without its members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    /// SHA-256 of the normalised list.
    pub hash: audience::ListHash,
    /// What became of its rows.
    pub funnel: audience::Funnel,
    /// The first invalid rows.
    pub problems: Vec<audience::Problem>,
}

/// Names one audience: kind, namespace and name.
pub type AudienceKey = ObjectRef<Tracked>;

/// An audience with its list.
pub struct Whole {
    /// What is remembered of it.
    pub tracked: Tracked,
    /// Its normalised members.
    pub list: audience::List,
}

/// An audience as the API server has it.
pub trait Listed: Sized {
    /// Takes the list out of the object and normalises it.
    fn whole(self) -> Whole;
}

impl Listed for ContactAudience {
    fn whole(self) -> Whole {
        let members = self.spec.contacts.into_iter().map(Member::from);
        whole(self.metadata, Kind::Contacts, self.spec.options, self.status, members)
    }
}

impl Listed for AccountAudience {
    fn whole(self) -> Whole {
        let members = self.spec.accounts.into_iter().map(|account| Member::account(account.website));
        whole(self.metadata, Kind::Accounts, self.spec.options, self.status, members)
    }
}

fn whole(
    meta: ObjectMeta,
    kind: Kind,
    options: AudienceOptions,
    status: Option<AudienceStatus>,
    members: impl Iterator<Item = Member>,
) -> Whole {
    let rows = (1..).zip(members).map(|(number, member)| Row { source: list_field(kind), number, member });
    let normalised = List::normalise(kind, rows);
    let digest =
        Digest { hash: normalised.list.hash().clone(), funnel: normalised.funnel, problems: normalised.problems.first };
    let meta = ObjectMeta {
        name: meta.name,
        namespace: meta.namespace,
        uid: meta.uid,
        generation: meta.generation,
        resource_version: meta.resource_version,
        deletion_timestamp: meta.deletion_timestamp,
        ..ObjectMeta::default()
    };
    let status = status.unwrap_or_default();
    Whole { tracked: Tracked { meta, kind, options, status, digest }, list: normalised.list }
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
