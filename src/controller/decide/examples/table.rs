//! The table of examples: what its rows have, and the names in them.

use crate::api::condition::{ConditionType, Reason, Verdict};
use crate::controller::decide::conditions;
use crate::controller::model::readiness::Readiness;

/// The namespace of the examples.
pub const NAMESPACE: &str = "marketing";
/// Their workspace.
pub const WORKSPACE: &str = "default";
/// Its Secret.
pub const SECRET: &str = "propensity";
/// Its ledger.
pub const LEDGER: &str = "k3vq7xw2m5tz";
/// The short hash of a list.
pub const SHORT_HASH: &str = "9f2c41d07ab8";

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

/// The examples of one kind of object after the other.
pub struct Examples {
    kind: &'static str,
    rows: Vec<ConditionExample>,
}

impl Examples {
    /// No examples yet.
    pub fn new() -> Self {
        Self { kind: "", rows: vec![] }
    }

    /// The next examples are those of this kind.
    pub fn of(&mut self, kind: &'static str) -> &mut Self {
        self.kind = kind;
        self
    }

    /// All examples.
    pub fn into_rows(self) -> Vec<ConditionExample> {
        self.rows
    }

    /// Adds states with what to do about each of them.
    pub fn ready(&mut self, action: &'static str, examples: impl IntoIterator<Item = Readiness>) {
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
    pub fn beside(&mut self, type_: ConditionType, action: &'static str, examples: impl IntoIterator<Item = Verdict>) {
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
