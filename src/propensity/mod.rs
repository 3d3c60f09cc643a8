//! The client of the Propensity API: one request, what its answer proves, and the pace of each key.
//!
//! | file | what it is |
//! | --- | --- |
//! | `key` | the workspace key, in a type that can't be printed, and its opaque id |
//! | `endpoint` | the base URL and the hosts that may be talked to |
//! | `client` | sends one create, once; every end is an [`Answer`] |
//! | `report` | asks for one page of a report, once |
//! | `fault` | which ends prove that no byte of the request left |
//! | `answer` | the classes of ends, and what each says to the ledger and to the gate |
//! | `read` | status and body to a class; `Retry-After` |
//! | `mask`, `escapes` | the API's message without any key, address or value of the sent list |
//! | `gate`, `hold`, `pace` | pace, breaker, pause, back-off and caution of one key; pure |
//!
//! No error is ever formatted with a URL, a key or text of the peer: what is shown are fixed sentences, chosen by class.

mod answer;
mod client;
mod endpoint;
mod escapes;
mod fault;
mod gate;
mod hold;
mod key;
mod mask;
mod pace;
mod read;
mod report;

#[cfg(test)]
mod answer_fuzz;
#[cfg(test)]
mod client_cases;
#[cfg(test)]
mod client_server;
#[cfg(test)]
mod client_wire;
#[cfg(test)]
mod gate_late;
#[cfg(test)]
mod gate_properties;
#[cfg(test)]
mod gate_scenarios;
#[cfg(test)]
mod gate_sim;
#[cfg(test)]
mod mask_cases;

pub use answer::{Answer, AnswerClass, ConnectFault};
pub(crate) use client::plain_builder;
pub use client::{Client, ClientError, ClientSettings, Create};
pub use endpoint::{AllowedHosts, BaseUrl, EndpointError};
pub use gate::Gate;
pub use hold::BreakerCause;
pub use key::{KeyError, KeyId, WorkspaceKey};
pub use mask::Masker;
pub use pace::{BreakerView, Effect, GateView, Grant, Limits, Permit, WaitReason};
pub use report::{Pieces, ReportFault, ReportUrl, Reports, UrlError, UrlId};
