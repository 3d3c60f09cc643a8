//! Engagement: the rows of a report that belong to the members of audiences.

use super::aggregate::{Aggregate, MAX_DISTINCT, RowView, Values};
use super::plan::Binding;
use crate::audience::{Field, Kind, Member, MemberIndex};

/// The maximum number of members, over all audiences, that are matched with one report. Each takes about 50 bytes of
/// memory meanwhile.
pub const MAX_MATCHED_MEMBERS: usize = 1_000_000;

/// Which column of a report contains which field of a member.
pub type Columns = Vec<(Field, String)>;

/// The engagement of one audience.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EngagementResult {
    /// Members with at least one row.
    pub members: u64,
    /// Rows of any member.
    pub rows: u64,
    /// The report's metrics and ratios over those rows.
    pub values: Values,
    /// Metrics that aren't available: they have too many different values, or too large a sum.
    pub uncounted: Vec<String>,
    /// Columns to match by that no row has.
    pub missing: Vec<String>,
}

/// Matches rows with audiences of one kind that use the same columns.
pub struct AudienceMatcher {
    columns: Columns,
    /// The numbers of these columns in the binding.
    numbers: Vec<usize>,
    index: MemberIndex,
    audiences: Vec<Matched>,
    /// Whether a row matched the member, by member number.
    matched: Vec<bool>,
    /// How many more distinct values may be stored.
    room: usize,
}

/// One audience.
struct Matched {
    /// The number after that of its last member.
    end: u32,
    rows: u64,
    /// The number of the last row that matched it.
    last: u64,
    aggregate: Aggregate,
}

impl AudienceMatcher {
    /// A matcher without audiences. It adds its columns to those that the report needs.
    #[must_use]
    pub fn new(kind: Kind, columns: Columns, binding: &mut Binding) -> Self {
        Self {
            numbers: columns.iter().map(|(_, name)| binding.column(name)).collect(),
            columns,
            index: MemberIndex::new(kind),
            audiences: vec![],
            matched: vec![],
            room: MAX_DISTINCT,
        }
    }

    /// Adds an audience by its members, in normal form.
    pub fn add(&mut self, binding: &Binding, members: impl Iterator<Item = Member>) {
        members.for_each(|member| self.index.add(&member));
        let end = u32::try_from(self.index.len()).expect("fewer than 2^32 members");
        self.audiences.push(Matched { end, rows: 0, last: 0, aggregate: Aggregate::new(binding) });
    }

    /// Builds the index after all audiences are added and before the first row.
    pub fn build_index(&mut self) {
        self.index.build_index();
        self.matched = vec![false; self.index.len()];
    }

    /// Adds a row with its number, counted from 1.
    pub fn push(&mut self, binding: &Binding, number: u64, view: &RowView<'_>) {
        let mut row = Member::default();
        for ((field, _), column) in self.columns.iter().zip(&self.numbers) {
            *row.field_mut(*field) = view.text(*column).map(std::borrow::Cow::into_owned);
        }
        let (audiences, matched, room) = (&mut self.audiences, &mut self.matched, &mut self.room);
        self.index.find(&mut row, |member| {
            matched[member as usize] = true;
            let place = audiences.partition_point(|audience| audience.end <= member);
            let audience = &mut audiences[place];
            if audience.last != number {
                audience.last = number;
                audience.rows += 1;
                audience.aggregate.push(binding, view, room);
            }
        });
    }

    /// The engagement of each audience, in the order in which they were added. `has_seen` returns whether a column was
    /// in any row.
    pub fn finish(self, binding: &Binding, has_seen: impl Fn(usize) -> bool) -> Vec<EngagementResult> {
        let columns = self.columns.iter().zip(&self.numbers).filter(|(_, number)| !has_seen(**number));
        let missing: Vec<_> = columns.map(|((_, name), _)| name.clone()).collect();
        let mut start = 0;
        let engaged = |Matched { end, rows, aggregate, .. }: Matched| {
            let members = self.matched[start as usize..end as usize].iter().filter(|is| **is).count() as u64;
            start = end;
            let (values, uncounted) = aggregate.finish(binding);
            EngagementResult { members, rows, values, uncounted, missing: missing.clone() }
        };
        self.audiences.into_iter().map(engaged).collect()
    }
}
