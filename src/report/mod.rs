//! Reports as numbers: rows in, a summary out, nothing of a row kept.
//!
//! What the columns of Propensity's reports are is documented nowhere, so nothing is guessed: which columns there are and what kinds of values they hold is always told, and
//! what a user wants to see is declared. Text is a number or a date only where its form is declared, and what doesn't have that form is counted.
//!
//! Everything here is pure: no Kubernetes, no network, no clock.

mod engagement;
mod heading;
mod plan;
mod summary;
mod tally;
mod value;

pub use self::{
    engagement::{Columns, Engaged, MOST_MEMBERS, Matching},
    heading::is_value,
    plan::{Binding, Filter, Group, MOST_VALUES, Meaning, Metric, Operation, Plan, PlanError, Ratio},
    summary::{Column, Kinds, MOST_COLUMNS, Row, Summariser, Summary},
    tally::{Reading, Value, Values},
    value::{Cell, DateFormat, NumberFormat},
};
