//! The creates of a UTC day. Attempts that sent nothing don't count; attempts in progress do.

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
    /// The UTC day of a time, as in the label of a receipt.
    #[must_use]
    pub fn day_of(at: Timestamp) -> Date {
        at.to_zoned(TimeZone::UTC).date()
    }

    /// Counts an attempt. Each attempt counts once, and each day starts from zero.
    pub fn spend(&mut self, at: Timestamp, attempt: &str) {
        self.start_day(at);
        self.attempts.insert(attempt.to_owned());
    }

    /// Removes an attempt that sent nothing.
    pub fn refund(&mut self, attempt: &str) {
        self.attempts.remove(attempt);
    }

    /// How many creates are used on the day of this time.
    #[must_use]
    pub fn used(&self, at: Timestamp) -> u32 {
        if self.day == Some(Self::day_of(at)) { u32::try_from(self.attempts.len()).unwrap_or(u32::MAX) } else { 0 }
    }

    /// Counts the attempts of a receipt on the day of this time.
    pub fn count(&mut self, at: Timestamp, record: &Record) {
        self.start_day(at);
        let day = Self::day_of(at);
        for attempt in &record.attempts {
            let sent = attempt.outcome.as_ref().is_none_or(|o| o.result != OutcomeResult::NotSent);
            if sent && Self::day_of(attempt.claimed_at) == day {
                self.attempts.insert(attempt.id.clone());
            }
        }
    }

    fn start_day(&mut self, at: Timestamp) {
        let day = Self::day_of(at);
        if self.day != Some(day) {
            self.day = Some(day);
            self.attempts.clear();
        }
    }
}
