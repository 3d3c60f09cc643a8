//! Tests of the whole operator: the real binary, installed by the real chart, with a real API server and the simulator
//! of the Propensity API.
//!
//! Run them with `cargo test --test operator -- --test-threads=8`; most of the time they wait. A failed test prints the
//! objects of its namespace and the last lines of the operator's and the simulator's logs.
//!
//! | file | what it tests |
//! | --- | --- |
//! | `schema.rs`, `rules.rs` | the CRDs: documentation, limits, and validation by the API server |
//! | `create.rs`, `idempotency.rs` | what is sent, and what is never sent again |
//! | `connection.rs`, `lists.rs`, `tampering.rs`, `anchor.rs` | invalid keys, lists, receipts and ledgers |
//! | `remote.rs` | lists in Flux artifacts and at URLs |
//! | `sources.rs` | lists in ConfigMaps and Secrets |
//! | `guards.rs`, `suppression.rs`, `split.rs` | guards, suppressed members, and lists that are split into parts |
//! | `reports.rs`, `report_errors.rs` | reports: metrics, shared fetches, paging; reports that can't be read |
//! | `engagement.rs` | reports that are matched with the members of audiences |
//! | `dashboard.rs` | the chart's dashboard and alerts, with a real Prometheus |
//! | `large.rs` | large lists and many lists |
//! | `outcomes.rs`, `outage.rs` | the responses of the API |
//! | `resolving.rs`, `send_again.rs` | unknown outcomes, resolved by a person or by the `SendAgain` policy |
//! | `crashes.rs` | kills, stops and changes of the leader |
//! | `traffic.rs` | the operator's requests to the API server |
//! | `leaks.rs` | keys and members never appear in any output |
//! | `process.rs`, `chart.rs` | flags, probes, metrics, logs, permissions |
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test may panic, and it uses the real clock"
)]

mod anchor;
mod chart;
mod connection;
mod crashes;
mod create;
mod dashboard;
mod engagement;
mod guards;
mod idempotency;
mod large;
mod leaks;
mod lists;
mod outage;
mod outcomes;
mod process;
mod remote;
mod report_errors;
mod reports;
mod resolving;
mod rules;
mod schema;
mod send_again;
mod sources;
mod split;
#[path = "../support/mod.rs"]
mod support;
mod suppression;
mod tampering;
mod traffic;
