//! Capabilities: what a reconciler receives, in small structs by purpose. Each reconciler has a context of its own that
//! names those it needs; none receives all.

pub mod caches;
pub mod creates;
pub mod process;
pub mod queues;
pub mod status_writer;
