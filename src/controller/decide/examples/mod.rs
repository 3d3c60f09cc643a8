//! An example of every condition with its message, for `docs/conditions.md`: made by the functions that make the
//! messages of real objects, from fixed inputs.

mod audiences;
mod reports;
mod suppression_lists;
mod table;
mod workspaces;

use table::Examples;

pub use table::ConditionExample;

/// An example of every condition, by kind of object.
#[must_use]
pub fn condition_examples() -> Vec<ConditionExample> {
    let mut all = Examples::new();
    audiences::add(all.of("Audiences"));
    workspaces::add(all.of("Workspaces"));
    suppression_lists::add(all.of("Suppression lists"));
    reports::add(all.of("Reports"));
    all.into_rows()
}

#[cfg(test)]
mod tests;
