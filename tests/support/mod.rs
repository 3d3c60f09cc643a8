//! Shared code for the tests of the whole operator.
//!
//! | file | content |
//! | --- | --- |
//! | `programs.rs` | the development programs, built once per run, and child processes that end with this process |
//! | `cluster.rs` | one real control plane for all tests, with the chart installed by Helm |
//! | `objects.rs` | Kubernetes objects as JSON: apply, read, list, patch, delete |
//! | `world.rs` | the environment of one test: namespace, simulator, operators, and helpers for what a user does |
//! | `operator.rs` | the real binary, as a process with the chart's ServiceAccount |
//! | `simulator.rs` | the Propensity API with faults, as a process |
//! | `call.rs` | the kinds of requests that the operator sends, and a journal of them |
//! | `proxy.rs` | the proxies between one operator process and its servers |
//! | `intercept.rs` | what a proxy does with a request: forward, pause, lose, or inject a fault |
//! | `stale.rs` | a second API server that can be made to return old data |
//! | `random_faults.rs` | random faults between the operator and the API server, by a seed |
//! | `files.rs` | a file server, with or without TLS; parts of Flux's CRDs |
//! | `http.rs` | one HTTP request on the loopback interface |
//! | `audit.rs` | the operator's requests, from the API server's audit log |
//! | `wait.rs` | waiting for conditions |
#![allow(dead_code, reason = "each test binary uses only a part of it")]

pub mod audit;
pub mod call;
pub mod cluster;
pub mod files;
pub mod http;
pub mod intercept;
pub mod objects;
pub mod operator;
pub mod programs;
pub mod proxy;
pub mod random_faults;
pub mod simulator;
pub mod stale;
pub mod wait;
pub mod world;

pub use objects::Kind;
pub use operator::Operator;
pub use world::World;
