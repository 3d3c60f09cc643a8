//! Reports as numbers: rows in, a summary out, nothing of a row kept.
//!
//! What the columns of Propensity's reports are is documented nowhere, so nothing is guessed: which columns there are and what kinds of values they hold is always told, and
//! what a user wants to see is declared. Text is a number or a date only where its form is declared, and what doesn't have that form is counted.
//!
//! Everything here is pure: no Kubernetes, no network, no clock.

mod summary;
mod value;

pub use self::{
    summary::{
        Column, Filter, Group, Kinds, Meaning, Metric, Operation, Plan, PlanError, Ratio, Summariser, Summary, Value,
    },
    value::{Cell, DateFormat, NumberFormat},
};
