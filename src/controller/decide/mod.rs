//! Decisions, without IO and without the clock: from what is known to what happens next, to the next status of each
//! object, and to the messages that people read.

pub mod assess;
pub mod audience_messages;
pub mod conditions;
pub mod engagement;
pub mod events;
pub mod examples;
pub mod fault_meaning;
pub mod freshness;
pub mod guards;
pub mod list_messages;
pub mod messages;
pub mod progress;
pub mod report;
pub mod report_messages;
pub mod report_plan;
pub mod sentences;
pub mod split;
pub mod status;
pub mod workspace;
pub mod workspace_messages;
