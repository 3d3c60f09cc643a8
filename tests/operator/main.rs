//! The whole operator: the real binary, installed by the real chart, against a real API server and the simulator.
//!
//! `cargo test --test operator -- --test-threads=8` (they mostly wait). A failed test prints what the cluster, the operator and
//! the simulator had to say.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test may fail, and it lives on the true clock"
)]

mod support;

mod rules;
mod schema;
