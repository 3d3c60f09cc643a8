//! From rows to the list that is sent.

use std::fmt;

use super::{
    Kind, ListHash, Member, Problems, Suppression,
    canonical::Rows,
    dedupe::Members,
    member::{self, Normal},
};

/// A row as it was read.
#[derive(Clone, Debug)]
pub struct Row<'a> {
    /// Where it came from, such as `spec.contacts`: a name that problems are reported under.
    pub source: &'a str,
    /// Its number in the source, counted from 1.
    pub number: u64,
    /// What it says.
    pub member: Member,
}

/// What became of the rows: `read` is the sum of the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Funnel {
    /// Rows that were read.
    pub read: u64,
    /// Rows with a problem.
    pub invalid: u64,
    /// Rows about a member that an earlier row had named.
    pub duplicate: u64,
    /// Members that must not be sent.
    pub excluded: u64,
    /// Members that are sent.
    pub to_send: u64,
}

/// The list, how it came about, and what is wrong with it.
#[derive(Clone, Debug)]
pub struct Normalised {
    /// What would be sent. Whether it may be is for the caller to decide, by the problems.
    pub list: List,
    /// The counts.
    pub funnel: Funnel,
    /// The rows that can't be sent.
    pub problems: Problems,
}

/// Takes rows one by one and makes a list of them.
pub struct Normaliser {
    kind: Kind,
    suppression: Suppression,
    /// Every row with a normal form, for the hash.
    rows: Rows,
    members: Members,
    funnel: Funnel,
    problems: Problems,
}

impl Normaliser {
    /// Which kind of members it takes.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Starts a list. A member is excluded when any of its rows is, also where the row's telling value lost to that of an earlier row.
    pub fn new(kind: Kind, suppression: Suppression) -> Self {
        Self {
            kind,
            suppression,
            rows: Rows::default(),
            members: Members::new(kind),
            funnel: Funnel::default(),
            problems: Problems::default(),
        }
    }

    /// Adds a row.
    pub fn push(&mut self, row: Row<'_>) {
        self.funnel.read += 1;
        let problem = match member::normalise(self.kind, row.member) {
            Err(reason) => Some(reason),
            Ok(Normal { member, suffix_problem }) => {
                self.rows.push(&member);
                if suffix_problem.is_none() {
                    let excluded = self.suppression.excludes(&member);
                    if excluded {
                        self.rows.exclude_last();
                    }
                    self.funnel.duplicate += u64::from(self.members.add(member, excluded));
                }
                suffix_problem
            }
        };
        if let Some(reason) = problem {
            self.funnel.invalid += 1;
            self.problems.add(row.source, row.number, reason);
        }
    }

    /// The list.
    pub fn finish(self) -> Normalised {
        let Self { kind, suppression: _, rows, members, mut funnel, problems } = self;
        let (hash, kept_hash) = rows.hash(kind);
        let (members, excluded) = members.finish();
        funnel.excluded = excluded;
        funnel.to_send = members.len() as u64;
        Normalised { list: List { kind, hash, kept_hash, members }, funnel, problems }
    }
}

impl fmt::Debug for Normaliser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Normaliser").field("kind", &self.kind).field("funnel", &self.funnel).finish_non_exhaustive()
    }
}

/// The members to send, normalised and each of them once, and the hash of the list they came from.
#[derive(Clone, PartialEq, Eq)]
pub struct List {
    kind: Kind,
    hash: ListHash,
    kept_hash: Option<ListHash>,
    members: Vec<Member>,
}

impl List {
    /// A list of these rows, with nobody excluded.
    pub fn normalise<'a>(kind: Kind, rows: impl IntoIterator<Item = Row<'a>>) -> Normalised {
        Self::normalise_except(kind, rows, Suppression::default())
    }

    /// A list of these rows without those who must not be sent, see [`Normaliser::new`].
    pub fn normalise_except<'a>(
        kind: Kind,
        rows: impl IntoIterator<Item = Row<'a>>,
        suppression: Suppression,
    ) -> Normalised {
        let mut normaliser = Normaliser::new(kind, suppression);
        rows.into_iter().for_each(|row| normaliser.push(row));
        normaliser.finish()
    }

    /// Contacts or accounts.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The hash of the set of rows that have a normal form, see the [module](super) for what doesn't change it.
    pub fn hash(&self) -> &ListHash {
        &self.hash
    }

    /// The hash of the rows that aren't excluded, where any is.
    pub fn kept_hash(&self) -> Option<&ListHash> {
        self.kept_hash.as_ref()
    }

    /// The members to send, in the order of their first rows.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// Every value that is sent, so that a reply can be masked.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        self.members.iter().flat_map(|member| member.fields().map(|(_, value)| value))
    }

    /// The body of the request. Its members are sorted, so the order of the rows doesn't show in it.
    pub fn to_wire_body(&self) -> Vec<u8> {
        let mut rows = Rows::default();
        self.members.iter().for_each(|member| rows.push(member));
        rows.body(self.kind)
    }
}

impl fmt::Debug for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("List")
            .field("kind", &self.kind)
            .field("hash", &self.hash.short())
            .field("members", &self.members.len())
            .finish()
    }
}
