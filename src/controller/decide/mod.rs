//! Decisions, without IO and without the clock: from what is known to what happens next, to the next status of each object,
//! and to the messages that people read.

pub mod assess;
pub mod conditions;
pub mod engagement;
pub mod events;
pub mod freshness;
pub mod guards;
pub mod list_messages;
pub mod messages;
pub mod progress;
pub mod report;
pub mod report_plan;
pub mod split;
pub mod status;
pub mod workspace;
