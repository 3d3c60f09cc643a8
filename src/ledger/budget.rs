//! The creates of a UTC day. Attempts that sent nothing don't count; those in flight do.

use std::collections::HashSet;

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::{OutcomeResult, Record};

/// The attempts of one UTC day for one `workspaceID`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DayBudget {
    day: Option<Date>,
    attempts: HashSet<String>,
}

impl DayBudget {
    /// The UTC day of a time, as it stands in a receipt's label.
    #[must_use]
    pub fn day_of(at: Timestamp) -> Date {
        at.to_zoned(TimeZone::UTC).date()
    }

    /// Counts an attempt. An attempt counts once, and another day starts from nothing.
    pub fn spend(&mut self, at: Timestamp, attempt: &str) {
        self.turn(at);
        self.attempts.insert(attempt.to_owned());
    }

    /// Gives back an attempt that sent nothing.
    pub fn refund(&mut self, attempt: &str) {
        self.attempts.remove(attempt);
    }

    /// How many creates this day has used.
    #[must_use]
    pub fn used(&self, at: Timestamp) -> u32 {
        if self.day == Some(Self::day_of(at)) { u32::try_from(self.attempts.len()).unwrap_or(u32::MAX) } else { 0 }
    }

    /// Counts what a receipt says about a day.
    pub fn count(&mut self, at: Timestamp, record: &Record) {
        self.turn(at);
        let day = Self::day_of(at);
        for attempt in &record.attempts {
            let sent = attempt.outcome.as_ref().is_none_or(|o| o.result != OutcomeResult::NotSent);
            if sent && Self::day_of(attempt.claimed_at) == day {
                self.attempts.insert(attempt.id.clone());
            }
        }
    }

    fn turn(&mut self, at: Timestamp) {
        let day = Self::day_of(at);
        if self.day != Some(day) {
            self.day = Some(day);
            self.attempts.clear();
        }
    }
}
