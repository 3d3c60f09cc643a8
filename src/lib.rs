//! Propensity audiences as code: the operator's library, and the map of its house.
//!
//! The Propensity API can only create audiences. It has no id, no read-back and no idempotency key, so a repeated
//! request costs money that nobody can get back. Everything here serves one promise: every create attempt is recorded
//! before its request is sent, and is sent at most once, by the process that recorded it. What can't be known becomes
//! a visible *Unknown* for a person to settle.
//!
//! | module | what it is | talks to |
//! | --- | --- | --- |
//! | [`api`] | the custom resources: types, schemas, rules, condition reasons | nothing |
//! | [`audience`] | contacts and accounts: normalising, deduplication, the canonical form and its hash | nothing |
//! | [`ledger`] | the create protocol as a state machine over receipts | nothing |
//! | [`report`] | reports as numbers: rows in, a summary out | nothing |
//! | [`propensity`] | the API's client: requests, what each answer means, pace and breaker for each key | the API |
//! | [`sources`] | where keys and lists are read from | the API server |
//! | [`controller`] | gather, decide, execute, record, and the watches that feed it | the API server |
//! | [`telemetry`] | logs, metrics and health endpoints | whoever asks |
//!
//! `audience`, `ledger` and `report` know nothing of Kubernetes clients, HTTP, tokio or the clock: time and randomness come in
//! as arguments. A test holds them to it.

pub mod api;
pub mod audience;
pub mod clock;
pub mod controller;
pub mod ledger;
pub mod propensity;
pub mod report;
pub mod settings;
pub mod sources;
pub mod telemetry;

#[cfg(test)]
mod nearly;
#[cfg(test)]
mod purity;
