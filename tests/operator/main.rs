//! The whole operator: the real binary, installed by the real chart, against a real API server and the simulator.
//!
//! `cargo test --test operator -- --test-threads=8` (they mostly wait). A failed test prints what the cluster, the operator and
//! the simulator had to say.
//!
//! | file | what it shows |
//! | --- | --- |
//! | `schema.rs`, `rules.rs` | the CRDs: documented, bounded, and what the API server refuses |
//! | `create.rs`, `sameness.rs` | what is sent, and what is never sent again |
//! | `connection.rs`, `lists.rs`, `forged.rs`, `anchor.rs` | bad input of every kind |
//! | `remote.rs` | lists in artifacts of Flux and behind URLs |
//! | `sources.rs`, `guards.rs`, `suppression.rs`, `split.rs` | lists that live in other objects, what holds them back, who is left out, and lists in parts |
//! | `reports.rs` | reports: in numbers, shared, matched with audiences, rotated, unreadable |
//! | `dashboard.rs` | the chart's dashboard and alerts, on a real Prometheus that scrapes the operator |
//! | `large.rs` | large lists and many of them |
//! | `outcomes.rs`, `resolving.rs`, `again.rs`, `outage.rs` | what the API answers, and how a person or a policy settles it |
//! | `crashes.rs` | kills, stops and take-overs |
//! | `traffic.rs` | what is asked of the API server |
//! | `leaks.rs` | planted keys and members |
//! | `process.rs`, `chart.rs` | flags, probes, metrics, logs, rights |
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test may fail, and it lives on the true clock"
)]

mod again;
mod anchor;
mod chart;
mod connection;
mod crashes;
mod create;
mod dashboard;
mod forged;
mod guards;
mod large;
mod leaks;
mod lists;
mod outage;
mod outcomes;
mod process;
mod remote;
mod reports;
mod resolving;
mod rules;
mod sameness;
mod schema;
mod sources;
mod split;
#[path = "../support/mod.rs"]
mod support;
mod suppression;
mod traffic;
