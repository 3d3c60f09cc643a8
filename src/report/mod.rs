//! Reports as numbers. Input: rows. Output: a summary. No row is kept.
//!
//! The columns of Propensity's reports aren't documented, so nothing is guessed. The summary always lists the columns
//! and the types of their values, and users declare the metrics they want. A text is a number or a date only if the
//! format of its column is declared. Texts that don't match the format are counted.
//!
//! Everything here is pure: no Kubernetes, no network, no clock.

mod aggregate;
mod column_name;
mod engagement;
mod plan;
mod summary;
mod value;

pub use self::{
    aggregate::{RowView, Value, Values},
    column_name::looks_like_value,
    engagement::{AudienceMatcher, Columns, EngagementResult, MAX_MATCHED_MEMBERS},
    plan::{Binding, ColumnFormat, Filter, Group, MAX_VALUES, Metric, Operation, Plan, PlanError, Ratio},
    summary::{Column, Kinds, MAX_COLUMNS, Row, Summariser, Summary},
    value::{Cell, DateFormat, NumberFormat},
};
