//! What every test of the whole operator stands on.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `programs.rs` | the development programs, built once a run, and children that never outlive this process |
//! | `cluster.rs` | one real control plane for all tests, with the chart installed by Helm |
//! | `objects.rs` | objects of a cluster as JSON: apply, read, list, patch, delete |
//! | `world.rs` | what one test has for itself: a namespace, a simulator, operators, and words for what a user does |
//! | `operator.rs` | the real binary, as a process with the chart's ServiceAccount |
//! | `simulator.rs` | the Propensity API with faults, as a process |
//! | `call.rs` | what the operator asks for, told from outside |
//! | `proxy.rs` | a man in the middle for one operator process, which can make the world stand still |
//! | `stale.rs` | a second API server that can be made to tell what is old |
//! | `weather.rs` | troubles between the operator and the API server, by a seed |
//! | `files.rs` | a server of files, with or without TLS; a bundle of Flux's CRDs |
//! | `http.rs` | a request to one of these |
//! | `audit.rs` | what the operator asked of the API server |
//! | `wait.rs` | waiting for conditions |
#![allow(dead_code, reason = "each test binary uses a part of it")]

pub mod audit;
pub mod call;
pub mod cluster;
pub mod files;
pub mod http;
pub mod objects;
pub mod operator;
pub mod programs;
pub mod proxy;
pub mod simulator;
pub mod stale;
pub mod wait;
pub mod weather;
pub mod world;

pub use objects::Kind;
pub use operator::Operator;
pub use world::World;
