//! The creates of the day, counted against the daily budget.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use crate::ledger::{DayBudget, Receipt};

/// The creates of the day, by `workspaceID`.
#[derive(Default)]
pub struct Budgets {
    days: Mutex<HashMap<String, DayBudget>>,
}

impl Budgets {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, DayBudget>> {
        self.days.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many creates a day has used.
    #[must_use]
    pub fn used(&self, workspace_id: &str, now: Timestamp) -> u32 {
        self.lock().get(workspace_id).map_or(0, |day| day.used(now))
    }

    /// Counts an attempt, if there is room for it.
    #[must_use]
    pub fn try_spend(&self, workspace_id: &str, limit: u32, now: Timestamp, attempt: &str) -> bool {
        let mut days = self.lock();
        let day = days.entry(workspace_id.to_owned()).or_default();
        if day.used(now) >= limit {
            return false;
        }
        day.spend(now, attempt);
        true
    }

    /// Gives back an attempt that sent nothing.
    pub fn refund(&self, workspace_id: &str, attempt: &str) {
        if let Some(day) = self.lock().get_mut(workspace_id) {
            day.refund(attempt);
        }
    }

    /// Counts what a receipt says about the day.
    pub fn count(&self, now: Timestamp, receipt: &Receipt) {
        let mut days = self.lock();
        days.entry(receipt.identity.workspace_id.clone()).or_default().count(now, &receipt.record);
    }
}

#[cfg(test)]
mod tests;
