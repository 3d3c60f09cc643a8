//! From rows to the list that is sent, and its parts if it is split.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::{
    Kind, ListHash, Member, Problems, Suppression, Warnings,
    canonical::{Hashes, Rows, Sorted},
    dedupe::{Members, Slot},
    member,
    split::{self, Piece},
};

/// A row as read.
#[derive(Clone, Debug)]
pub struct Row<'a> {
    /// Its source, such as `spec.contacts`. Problems name it.
    pub source: &'a str,
    /// Its number in the source, counted from 1.
    pub number: u64,
    /// Its member.
    pub member: Member,
}

/// Counts of rows: `read` is the sum of the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Funnel {
    /// Rows that were read.
    pub read: u64,
    /// Rows with a problem.
    pub invalid: u64,
    /// Rows with a member that an earlier row named.
    pub duplicate: u64,
    /// Members that must not be sent.
    pub excluded: u64,
    /// Members that are sent.
    pub to_send: u64,
}

/// A list with its counts, problems and warnings.
#[derive(Clone, Debug)]
pub struct Normalised {
    /// The list to send. The caller decides by the problems whether it may be sent.
    pub list: List,
    /// The counts.
    pub funnel: Funnel,
    /// The rows that can't be sent.
    pub problems: Problems,
    /// Warnings about the members to send. They block nothing.
    pub warnings: Warnings,
    /// The parts of the list if it is larger than one audience may be. Then the members are in these and not in `list`.
    pub parts: Vec<Part>,
}

/// A part of a list. Each part is an audience of its own.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its name among the parts of its list.
    pub name: String,
    /// Its list.
    pub list: List,
    /// How many of its members are excluded.
    pub excluded: u64,
}

/// Builds a list from rows.
pub struct Normaliser {
    kind: Kind,
    suppression: Suppression,
    /// Every row with a normal form, for the hash.
    rows: Rows,
    members: Members,
    funnel: Funnel,
    problems: Problems,
    splitting: Option<Splitting>,
}

/// The data about rows that is needed to split their list.
struct Splitting {
    max: u64,
    /// The position of each row on the hash ring, and a hash of its text.
    rows: Vec<(u64, u64)>,
    /// Union-find: for each row, another row of the set that shares keys with it; for the root of a set, the row
    /// itself.
    linked: Vec<u32>,
    by_key: HashMap<u64, u32>,
}

impl Normaliser {
    /// The kind of members.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Starts a list. A member is excluded if any of its rows is, also if an earlier row replaced the suppressed value.
    pub fn new(kind: Kind, suppression: Suppression) -> Self {
        Self {
            kind,
            suppression,
            rows: Rows::default(),
            members: Members::new(kind),
            funnel: Funnel::default(),
            problems: Problems::default(),
            splitting: None,
        }
    }

    /// Splits the list into parts of at most `max` members each.
    #[must_use]
    pub fn split(self, max: Option<u64>) -> Self {
        Self {
            splitting: max.map(|max| Splitting { max, rows: vec![], linked: vec![], by_key: HashMap::new() }),
            ..self
        }
    }

    /// Adds a row.
    pub fn push(&mut self, row: Row<'_>) {
        let Row { source, number, mut member } = row;
        self.push_in_place(source, number, &mut member);
    }

    /// Adds a row and normalises `member` in place, so that the caller can reuse its buffers for the next row.
    pub fn push_in_place(&mut self, source: &str, row: u64, member: &mut Member) {
        self.funnel.read += 1;
        let problem = match member::normalise(self.kind, member) {
            Err(reason) => Some(reason),
            Ok(suffix_problem) => {
                let number = self.rows.push(member);
                if let Some(splitting) = &mut self.splitting {
                    splitting.add(member, self.members.keys(member).into_iter().flatten());
                }
                if suffix_problem.is_none() {
                    let excluded = self.suppression.excludes(member);
                    if excluded {
                        self.rows.exclude_last();
                    }
                    let (_, is_known) = self.members.add(&self.rows, number, member, excluded);
                    self.funnel.duplicate += u64::from(is_known);
                }
                suffix_problem
            }
        };
        if let Some(reason) = problem {
            self.funnel.invalid += 1;
            self.problems.add(source, row, reason);
        }
    }

    /// Returns the list.
    pub fn finish(self) -> Normalised {
        let Self { kind, suppression: _, mut rows, members, mut funnel, problems, splitting } = self;
        let members = members.finish();
        let mut warnings = Warnings::default();
        for member in &members {
            if member.excluded {
                funnel.excluded += 1;
            } else {
                funnel.to_send += 1;
                warnings.add(member.warning);
            }
        }
        rows.sort();
        let (hash, kept_hash) = rows.hash(kind);
        let ring = splitting.map(Splitting::finish).filter(|ring| ring.pieces.len() > 1);
        let (sent, parts) = match ring {
            None => (select(rows, members, 1, |_| 0).pop().unwrap_or_default(), vec![]),
            Some(ring) => (Sorted::default(), ring.parts(kind, rows, members)),
        };
        Normalised { list: List { kind, hash, kept_hash, sent }, funnel, problems, warnings, parts }
    }
}

/// The members to send, in groups. `group_of` returns the group of a member's first row.
fn select(rows: Rows, members: Vec<Slot>, groups: usize, group_of: impl Fn(u32) -> usize) -> Vec<Sorted> {
    let mut first_rows = vec![None; rows.len()];
    let mut merged = vec![];
    for member in members.into_iter().filter(|member| !member.excluded) {
        let group = group_of(member.row);
        match member.merged {
            Some(member) => merged.push((group, *member)),
            None => first_rows[member.row as usize] = u32::try_from(group).ok(),
        }
    }
    rows.select(groups, |row| first_rows[row as usize].map(|group| group as usize), merged)
}

/// The rows of a list on the hash ring.
struct Ring {
    pieces: Vec<Piece>,
    /// The index of the piece of each row.
    rows: Vec<usize>,
}

impl Splitting {
    fn add(&mut self, row: &Member, keys: impl Iterator<Item = u64>) {
        let place = split::place(row);
        let mut hasher = DefaultHasher::new();
        row.fields().for_each(|field| field.hash(&mut hasher));
        let number = u32::try_from(self.rows.len()).expect("a list has fewer than 2^32 rows");
        self.rows.push((place, hasher.finish()));
        self.linked.push(number);
        for key in keys {
            let other = *self.by_key.entry(key).or_insert(number);
            let (a, b) = (self.root(number), self.root(other));
            self.linked[a.max(b) as usize] = a.min(b);
        }
    }

    /// The root of the set that contains this row.
    fn root(&mut self, mut row: u32) -> u32 {
        while self.linked[row as usize] != row {
            let next = self.linked[row as usize];
            self.linked[row as usize] = self.linked[next as usize];
            row = next;
        }
        row
    }

    /// Rows that share a key, directly or through other rows, get into the same part. Which of them are the same member
    /// depends on their order, and the parts must not.
    fn finish(mut self) -> Ring {
        let roots: Vec<_> = (0..self.linked.len()).map(|row| self.root(row as u32) as usize).collect();
        let mut places = vec![u64::MAX; self.rows.len()];
        for (row, (place, _)) in self.rows.iter().enumerate() {
            places[roots[row]] = places[roots[row]].min(*place);
        }
        // A repeated row counts once.
        let mut texts = HashSet::new();
        let counted = self.rows.iter().enumerate().filter(|(_, (_, text))| texts.insert(*text));
        let pieces = split::pieces(counted.map(|(row, _)| places[roots[row]]).collect(), self.max);
        let rows = roots.iter().map(|root| split::piece_of(&pieces, places[*root])).collect();
        Ring { pieces, rows }
    }
}

impl Ring {
    fn parts(self, kind: Kind, rows: Rows, members: Vec<Slot>) -> Vec<Part> {
        let hashes = rows.hashes(kind, self.pieces.len(), |row| self.rows[row as usize]);
        let mut excluded = vec![0; self.pieces.len()];
        for member in members.iter().filter(|member| member.excluded) {
            excluded[self.rows[member.row as usize]] += 1;
        }
        let sent = select(rows, members, self.pieces.len(), |row| self.rows[row as usize]);
        let parts = self.pieces.into_iter().zip(hashes).zip(sent).zip(excluded);
        let part = |(((piece, (hash, kept_hash)), sent), excluded): (((Piece, Hashes), Sorted), u64)| Part {
            name: piece.name,
            list: List { kind, hash, kept_hash, sent },
            excluded,
        };
        parts.map(part).collect()
    }
}

impl fmt::Debug for Normaliser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Normaliser").field("kind", &self.kind).field("funnel", &self.funnel).finish_non_exhaustive()
    }
}

/// The members to send, normalised and without duplicates, and the hash of the list.
#[derive(Clone)]
pub struct List {
    kind: Kind,
    hash: ListHash,
    kept_hash: Option<ListHash>,
    sent: Sorted,
}

impl List {
    /// A list of these rows, without suppression.
    pub fn normalise<'a>(kind: Kind, rows: impl IntoIterator<Item = Row<'a>>) -> Normalised {
        Self::normalise_except(kind, rows, Suppression::default())
    }

    /// A list of these rows without suppressed members, see [`Normaliser::new`].
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

    /// The hash of the set of rows that have a normal form. The [module](super) documents what doesn't change it.
    pub fn hash(&self) -> &ListHash {
        &self.hash
    }

    /// The hash of the rows that aren't excluded; `None` if no row is.
    pub fn kept_hash(&self) -> Option<&ListHash> {
        self.kept_hash.as_ref()
    }

    /// How many members are sent.
    pub fn len(&self) -> u64 {
        self.sent.len() as u64
    }

    /// Whether no member is sent.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The members to send, sorted. Each is parsed from its stored text.
    pub fn members(&self) -> impl Iterator<Item = Member> {
        self.sent.members()
    }

    /// The body of the request. Its members are sorted, so it doesn't depend on the order of the rows.
    pub fn to_wire_body(&self) -> Vec<u8> {
        self.sent.body(self.kind)
    }
}

impl fmt::Debug for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("List")
            .field("kind", &self.kind)
            .field("hash", &self.hash.short())
            .field("members", &self.len())
            .finish()
    }
}
