//! What the operator asks for, told from outside; and in which order it did.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use hyper::Method;
use serde_json::Value;

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Call {
    /// A list, or the list that starts a watch.
    List,
    Watch,
    /// Any request on the Lease.
    Lease,
    /// A Secret, listed or watched by its name.
    Secret,
    /// An audience or a workspace, read live.
    Live,
    /// A receipt, read live.
    Receipt,
    /// The ledger's own receipt is made.
    Anchor,
    Claim,
    /// The request to the Propensity API.
    Post,
    Outcome,
    /// A person's resolution is recorded.
    Resolution,
    Status,
    Event,
    /// One that this list doesn't know.
    Other,
}

impl Call {
    /// A request to the API server.
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

    /// A write of a receipt: the whole of its record is in the body, be it a create or a patch.
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

/// What all the processes of one case did, in the order in which it passed their proxies.
#[derive(Clone, Default)]
pub struct Journal(Arc<Mutex<Vec<Passed>>>);

/// A step of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passed {
    /// It goes on to the server.
    Forwarded(Call),
    /// The server answered.
    Answered(Call, u16),
    /// A trap was set, or would be.
    Armed,
}

impl Journal {
    pub fn add(&self, step: Passed) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(step);
    }

    pub fn steps(&self) -> Vec<Passed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many requests of each kind went on to a server since the last trap was set.
    pub fn calls(&self) -> BTreeMap<Call, u32> {
        let steps = self.steps();
        let since = steps.iter().rposition(|step| *step == Passed::Armed).unwrap_or_default();
        let mut calls = BTreeMap::new();
        for step in &steps[since..] {
            if let Passed::Forwarded(call) = step {
                *calls.entry(*call).or_default() += 1;
            }
        }
        calls
    }
}
