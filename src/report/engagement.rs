//! Rows of a report that are about the members of audiences.

use super::plan::Binding;
use super::tally::{MOST_DISTINCT, Reading, Tally, Values};
use crate::audience::{Field, Kind, Lookup, Member};

/// Members of all audiences that are matched with one report: each takes some 50 bytes of memory meanwhile.
pub const MOST_MEMBERS: usize = 1_000_000;

/// Which column of a report holds which field of a member.
pub type Columns = Vec<(Field, String)>;

/// What rows about an audience come to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Engaged {
    /// Members that at least one row is about.
    pub members: u64,
    /// Rows about any of them.
    pub rows: u64,
    /// The report's metrics and ratios over those rows.
    pub values: Values,
    /// Metrics with more different values than are counted.
    pub uncounted: Vec<String>,
    /// Columns to match on that no row has.
    pub missing: Vec<String>,
}

/// Audiences of a kind that are matched by the same columns.
pub struct Matching {
    columns: Columns,
    /// The numbers of those.
    numbers: Vec<usize>,
    lookup: Lookup,
    audiences: Vec<Matched>,
    /// Which members were matched.
    matched: Vec<bool>,
    room: usize,
}

/// An audience that is matched.
struct Matched {
    /// The first member that isn't one of its.
    end: u32,
    rows: u64,
    /// The last row that was about it.
    last: u64,
    tally: Tally,
}

impl Matching {
    /// Without audiences yet. The columns become needed ones of the report.
    #[must_use]
    pub fn new(kind: Kind, columns: Columns, binding: &mut Binding) -> Self {
        Self {
            numbers: columns.iter().map(|(_, name)| binding.column(name)).collect(),
            columns,
            lookup: Lookup::new(kind),
            audiences: vec![],
            matched: vec![],
            room: MOST_DISTINCT,
        }
    }

    /// Adds an audience by its members, in normal form.
    pub fn add(&mut self, binding: &Binding, members: impl Iterator<Item = Member>) {
        members.for_each(|member| self.lookup.add(&member));
        let end = u32::try_from(self.lookup.len()).expect("fewer than four thousand million members");
        self.audiences.push(Matched { end, rows: 0, last: 0, tally: Tally::new(binding) });
    }

    /// No more audiences come; rows do.
    pub fn seal(&mut self) {
        self.lookup.seal();
        self.matched = vec![false; self.lookup.len()];
    }

    /// Adds a row of this number, counted from 1.
    pub fn push(&mut self, binding: &Binding, number: u64, reading: &Reading<'_>) {
        let mut row = Member::default();
        for ((field, _), column) in self.columns.iter().zip(&self.numbers) {
            *row.field_mut(*field) = reading.text(*column).map(std::borrow::Cow::into_owned);
        }
        let (audiences, matched, room) = (&mut self.audiences, &mut self.matched, &mut self.room);
        self.lookup.find(&mut row, |member| {
            matched[member as usize] = true;
            let place = audiences.partition_point(|audience| audience.end <= member);
            let audience = &mut audiences[place];
            if audience.last != number {
                audience.last = number;
                audience.rows += 1;
                audience.tally.push(binding, reading, room);
            }
        });
    }

    /// What each audience comes to, in their order.
    pub fn finish(self, binding: &Binding, has_seen: impl Fn(usize) -> bool) -> Vec<Engaged> {
        let columns = self.columns.iter().zip(&self.numbers).filter(|(_, number)| !has_seen(**number));
        let missing: Vec<_> = columns.map(|((_, name), _)| name.clone()).collect();
        let mut start = 0;
        let engaged = |Matched { end, rows, tally, .. }: Matched| {
            let members = self.matched[start as usize..end as usize].iter().filter(|is| **is).count() as u64;
            start = end;
            let (values, uncounted) = tally.finish(binding);
            Engaged { members, rows, values, uncounted, missing: missing.clone() }
        };
        self.audiences.into_iter().map(engaged).collect()
    }
}
