//! An example of every condition with its message, for `docs/conditions.md`: made by the functions that make the
//! messages of real objects, from fixed inputs.

mod audiences;
mod reports;
mod suppression_lists;
mod workspaces;

use super::conditions;
use crate::api::condition::{ConditionType, Reason, Verdict};
use crate::controller::model::readiness::Readiness;

const NAMESPACE: &str = "marketing";
const WORKSPACE: &str = "default";
const SECRET: &str = "propensity";
const LEDGER: &str = "k3vq7xw2m5tz";
const SHORT_HASH: &str = "9f2c41d07ab8";

/// An example of a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionExample {
    /// The kinds of objects that have it, such as `Audiences`.
    pub kind: &'static str,
    /// Its type.
    pub type_: ConditionType,
    /// What the conditions show: `Ready`, or the type that is present beside it.
    pub state: &'static str,
    /// Its reason.
    pub reason: Reason,
    /// Its message.
    pub message: String,
    /// What to do about it.
    pub action: &'static str,
}

/// An example of every condition, by kind of object.
#[must_use]
pub fn condition_examples() -> Vec<ConditionExample> {
    let mut all = Examples { kind: "Audiences", rows: vec![] };
    audiences::add(&mut all);
    all.kind = "Workspaces";
    workspaces::add(&mut all);
    all.kind = "Suppression lists";
    suppression_lists::add(&mut all);
    all.kind = "Reports";
    reports::add(&mut all);
    all.rows
}

/// The examples of one kind of object after the other.
struct Examples {
    kind: &'static str,
    rows: Vec<ConditionExample>,
}

impl Examples {
    /// Adds states with what to do about each of them.
    fn ready(&mut self, action: &'static str, examples: impl IntoIterator<Item = Readiness>) {
        for readiness in examples {
            let state = match conditions::ready(&readiness).as_slice() {
                [ready] if ready.status => "`Ready` True",
                [_, beside] if beside.type_ == ConditionType::Stalled => "`Stalled`",
                [_, _] => "`Reconciling`",
                _ => "`Ready` False",
            };
            self.push(ConditionType::Ready, state, readiness.verdict, action);
        }
    }

    /// Adds conditions of a type that is only present while it is true.
    fn beside(&mut self, type_: ConditionType, action: &'static str, examples: impl IntoIterator<Item = Verdict>) {
        examples.into_iter().for_each(|verdict| self.push(type_, "True", verdict, action));
    }

    fn push(&mut self, type_: ConditionType, state: &'static str, verdict: Verdict, action: &'static str) {
        let Verdict { reason, message } = verdict;
        self.rows.push(ConditionExample {
            kind: self.kind,
            type_,
            state,
            reason,
            message: message.into_owned(),
            action,
        });
    }
}

#[cfg(test)]
mod tests;
