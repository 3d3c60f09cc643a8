//! Propensity audiences as code: the operator's library, and an overview of its modules.
//!
//! The Propensity API can only create audiences. It has no ID, no read-back and no idempotency key, so a repeated
//! request costs money that can't be recovered. Therefore the operator guarantees: every create attempt is recorded
//! before its request is sent, and the request is sent at most once, by the process that recorded it. If the outcome
//! can't be known, the status reports it as *unknown* and a person resolves it.
//!
//! | module | content | connects to |
//! | --- | --- | --- |
//! | [`api`] | the custom resources: types, schemas, rules, condition reasons | nothing |
//! | [`audience`] | contacts and accounts: normalisation, deduplication, the canonical form and its hash | nothing |
//! | [`ledger`] | the create protocol as a state machine over receipts | nothing |
//! | [`report`] | reports: metrics computed from rows | nothing |
//! | [`propensity`] | the API client: requests, classes of answers, pacing and circuit breaker for each key | the API |
//! | [`sources`] | the sources of API keys and lists | the API server |
//! | [`controller`] | the reconcilers: gather, decide, execute, record; and their watches | the API server |
//! | [`telemetry`] | logs, metrics and health endpoints | HTTP clients |
//!
//! `audience`, `ledger`, `report` and `controller/decide` don't use Kubernetes clients, HTTP, tokio or the clock: time
//! and randomness are arguments (`purity.rs` checks that). No file imports itself through others (`layers.rs`).
//! `ARCHITECTURE.md` explains how the modules work together.

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
mod fuzz_input;
#[cfg(test)]
mod layers;
#[cfg(test)]
mod purity;
