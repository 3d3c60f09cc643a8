//! The kinds of requests that the operator sends, recognised from the request itself, and a journal of their order.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use hyper::Method;
use serde_json::Value;

/// The purpose of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Call {
    /// A list request, or the initial list of a watch.
    List,
    Watch,
    /// Any request on the Lease.
    Lease,
    /// A Secret, listed or watched by its name.
    Secret,
    /// A GET of one audience or workspace, not from the cache.
    Live,
    /// A GET of one receipt, not from the cache.
    Receipt,
    /// Creates the anchor, the receipt that identifies the ledger.
    Anchor,
    /// Writes a claim into a receipt, before the request to the Propensity API.
    Claim,
    /// The request to the Propensity API.
    Post,
    /// Writes the result of an attempt into a receipt.
    Outcome,
    /// Writes a person's resolution into a receipt.
    Resolution,
    Status,
    Event,
    /// Any other request.
    Other,
}

impl Call {
    /// Classifies a request to the API server.
    pub fn of_kubernetes(method: &Method, path: &str, query: &str, body: &[u8]) -> Self {
        let parts: Vec<_> = path.split('/').skip_while(|part| *part != "namespaces").skip(2).collect();
        match (parts.as_slice(), method) {
            (["leases", ..], _) => Self::Lease,
            (["secrets", ..], _) => Self::Secret,
            (["events", ..], _) => Self::Event,
            ([_, _, "status"], _) => Self::Status,
            ([_], &Method::GET) if query.contains("watch=true") => Self::Watch,
            ([_], &Method::GET) => Self::List,
            (["audiencereceipts", _], &Method::GET) => Self::Receipt,
            (["audiencereceipts", ..], _) => Self::of_receipt(body),
            ([_, _], &Method::GET) => Self::Live,
            _ => Self::Other,
        }
    }

    /// Classifies a write of a receipt. Creates and patches both have the complete record in the body.
    fn of_receipt(body: &[u8]) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        if body["identity"]["kind"] == "Anchor" {
            return Self::Anchor;
        }
        let operations = body.as_array().map(Vec::as_slice).unwrap_or_default();
        let patched = operations.iter().find(|operation| operation["path"] == "/record");
        let record = patched.map_or(&body["record"], |operation| &operation["value"]);
        let mut attempts = record["attempts"].as_array().into_iter().flatten();
        if operations.iter().any(|operation| operation["op"] == "remove") {
            Self::Resolution
        } else if attempts.any(|attempt| attempt["outcome"].is_null()) {
            Self::Claim
        } else {
            Self::Outcome
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format!("{self:?}").to_lowercase())
    }
}

/// The steps of all processes of one case, in the order in which their proxies saw them.
#[derive(Clone, Default)]
pub struct Journal(Arc<Mutex<Vec<Step>>>);

/// A step of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The proxy sent it to the server.
    Forwarded(Call),
    /// The server answered.
    Answered(Call, u16),
    /// A trap was set, or in a case without a trap: the point where it would have been set.
    Armed,
}

impl Journal {
    pub fn add(&self, step: Step) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(step);
    }

    pub fn steps(&self) -> Vec<Step> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many requests of each kind were sent to a server since the last trap was set.
    pub fn calls(&self) -> BTreeMap<Call, u32> {
        let steps = self.steps();
        let since = steps.iter().rposition(|step| *step == Step::Armed).unwrap_or_default();
        let mut calls = BTreeMap::new();
        for step in &steps[since..] {
            if let Step::Forwarded(call) = step {
                *calls.entry(*call).or_default() += 1;
            }
        }
        calls
    }
}
