//! Both kinds of audience as one plain value: what stays in memory of each, and the list itself where it is read live.
//!
//! A list's members don't stay in memory: a watched audience is digested and let go, and the list is read live when it must be sent.

use std::borrow::Cow;
use std::convert::Infallible;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::{NamespaceResourceScope, Resource};
use kube::runtime::reflector::ObjectRef;

use crate::api::condition::{Reason, Verdict};
use crate::api::{AccountAudience, AudienceOptions, AudienceStatus, Contact, ContactAudience};
use crate::audience::{self, Kind, Member, Normaliser, Row, Suppression};
use crate::controller::decide::assess::Phase;
use crate::controller::decide::messages::Said;

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
    /// How many members stand in the object itself.
    pub inline: u64,
    /// What its list comes to; of one with sources, once they are read.
    pub digest: Digest,
    /// Why its sources aren't read; none for one without any.
    pub unread: Option<Said>,
    /// The part of a split list that this is about.
    pub part: Option<Share>,
    /// Tells apart an audience that is sent anew although its list is the same, since others are suppressed now.
    pub variant: Option<String>,
}

/// What a list comes to, without its members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    /// SHA-256 of the normalised list.
    pub hash: audience::ListHash,
    /// SHA-256 of the rows that aren't suppressed, where any is.
    pub kept_hash: Option<audience::ListHash>,
    /// What became of its rows.
    pub funnel: audience::Funnel,
    /// The first invalid rows.
    pub problems: Vec<audience::Problem>,
    /// Columns of its sources that mean nothing.
    pub ignored_columns: u64,
    /// What is told of and blocks nothing.
    pub warnings: audience::Warnings,
    /// Its parts, where it is split.
    pub parts: Vec<Share>,
}

/// What is sent as one audience: a list, or a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// Its name among the parts.
    pub name: String,
    /// SHA-256 of its normalised rows.
    pub hash: audience::ListHash,
    /// SHA-256 of those that aren't suppressed, where any is.
    pub kept_hash: Option<audience::ListHash>,
    /// Members to send.
    pub to_send: u64,
    /// Members that are suppressed.
    pub excluded: u64,
}

/// Names one audience: kind, namespace and name.
pub type AudienceKey = ObjectRef<Tracked>;

/// An audience with its list.
pub struct Whole {
    /// What is remembered of it.
    pub tracked: Tracked,
    /// Its normalised members, unless it is split.
    pub list: audience::List,
    /// Its parts, in the order of the digest.
    pub parts: Vec<audience::Part>,
}

/// An audience as the API server has it, with the members that stand in it.
pub struct Parts {
    /// Its metadata, trimmed.
    pub meta: ObjectMeta,
    /// Which of the two kinds.
    pub kind: Kind,
    /// Its options.
    pub options: AudienceOptions,
    /// Its status.
    pub status: AudienceStatus,
    /// The members that stand in it.
    pub members: Vec<Member>,
}

/// An audience as the API server has it.
pub trait Listed: Sized {
    /// Both kinds as one.
    fn parts(self) -> Parts;
}

impl Listed for ContactAudience {
    fn parts(self) -> Parts {
        let members = self.spec.contacts.into_iter().map(Member::from).collect();
        parts(self.metadata, Kind::Contacts, self.spec.options, self.status, members)
    }
}

impl Listed for AccountAudience {
    fn parts(self) -> Parts {
        let members = self.spec.accounts.into_iter().map(|account| Member::account(account.website)).collect();
        parts(self.metadata, Kind::Accounts, self.spec.options, self.status, members)
    }
}

fn parts(
    meta: ObjectMeta,
    kind: Kind,
    options: AudienceOptions,
    status: Option<AudienceStatus>,
    members: Vec<Member>,
) -> Parts {
    let meta = ObjectMeta {
        name: meta.name,
        namespace: meta.namespace,
        uid: meta.uid,
        generation: meta.generation,
        resource_version: meta.resource_version,
        deletion_timestamp: meta.deletion_timestamp,
        ..ObjectMeta::default()
    };
    Parts { meta, kind, options, status: status.unwrap_or_default(), members }
}

impl Parts {
    /// The audience with the members that stand in it, and no others, nobody suppressed: one with sources counts as not read.
    #[must_use]
    pub fn inline(self) -> Whole {
        let mut whole =
            self.with(Suppression::default(), |_| Ok::<_, Infallible>(0)).unwrap_or_else(|never| match never {});
        if !whole.tracked.options.from.is_empty() {
            let verdict = Verdict::new(Reason::Pending, "the sources of the list are being looked up");
            whole.tracked.unread = Some((verdict, Phase::Reconciling));
        }
        whole
    }

    /// The audience with the members that stand in it, and those that are added, without those who are suppressed. What adds them tells how many columns it ignored.
    ///
    /// # Errors
    /// What the adding fails with.
    pub fn with<E>(
        self,
        suppression: Suppression,
        add: impl FnOnce(&mut Normaliser) -> Result<u64, E>,
    ) -> Result<Whole, E> {
        let Self { meta, kind, options, status, members } = self;
        let inline = members.len() as u64;
        let mut normaliser =
            Normaliser::new(kind, suppression).split(options.split.as_ref().map(|split| split.max_members));
        for (number, member) in (1..).zip(members) {
            normaliser.push(Row { source: list_field(kind), number, member });
        }
        let ignored_columns = add(&mut normaliser)?;
        let normalised = normaliser.finish();
        let digest = Digest {
            hash: normalised.list.hash().clone(),
            kept_hash: normalised.list.kept_hash().cloned(),
            funnel: normalised.funnel,
            problems: normalised.problems.first,
            ignored_columns,
            warnings: normalised.warnings,
            parts: normalised.parts.iter().map(Share::of).collect(),
        };
        let tracked = Tracked { meta, kind, options, status, inline, digest, unread: None, part: None, variant: None };
        Ok(Whole { tracked, list: normalised.list, parts: normalised.parts })
    }
}

impl Share {
    fn of(part: &audience::Part) -> Self {
        Self {
            name: part.name.clone(),
            hash: part.list.hash().clone(),
            kept_hash: part.list.kept_hash().cloned(),
            to_send: part.list.len(),
            excluded: part.excluded,
        }
    }

    /// Tells apart an audience of these rows by who of them is suppressed.
    #[must_use]
    pub fn variant(&self) -> String {
        self.kept_hash.as_ref().unwrap_or(&self.hash).as_str().to_owned()
    }
}

impl Tracked {
    /// Its key.
    #[must_use]
    pub fn key(&self) -> AudienceKey {
        ObjectRef::from_obj_with(self, self.kind)
    }

    /// What this is about: a part of its list, or all of it.
    #[must_use]
    pub fn share(&self) -> Share {
        let Digest { hash, kept_hash, funnel, .. } = &self.digest;
        self.part.clone().unwrap_or_else(|| Share {
            name: String::new(),
            hash: hash.clone(),
            kept_hash: kept_hash.clone(),
            to_send: funnel.to_send,
            excluded: funnel.excluded,
        })
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
