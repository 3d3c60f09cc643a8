//! The client of the Propensity API: sends requests, classifies their results, and limits the rate for each key.
//!
//! | file | contents |
//! | --- | --- |
//! | `key` | the workspace key, in a type that can't be printed, and its opaque ID |
//! | `endpoint` | the base URL and the allowed hosts |
//! | `client` | sends one create request, exactly once; every result is an [`Answer`] |
//! | `report` | requests one page of a report |
//! | `fault` | which errors prove that no byte of the request was sent |
//! | `answer` | the classes of results, and what each means for the ledger and for the gate |
//! | `read` | classifies status and body; parses `Retry-After` |
//! | `mask`, `escapes` | removes keys, addresses and values of the sent list from the API's message |
//! | `gate`, `hold`, `pace` | rate limit, breaker, pause, backoff and serialized creates of one key; pure |
//!
//! Errors are never formatted with a URL, a key or text from the server: messages are fixed sentences, selected by
//! class.

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
pub use key::{ApiKey, KeyError, KeyId};
pub use mask::Masker;
pub use pace::{BreakerView, Effect, GateView, Grant, Limits, Permit, WaitReason};
pub use report::{ReportBody, ReportClient, ReportFault, ReportUrl, UrlError, UrlId};
