//! Why a list can't be read.

use crate::controller::kube::cluster::CallError;
use crate::controller::model::readiness::{Blocked, Readiness};

/// Why a list can't be read.
#[derive(Debug)]
pub enum ReadError {
    /// Something of it prevents that; the condition reports what.
    Blocked(Blocked),
    /// The API server doesn't answer.
    Api(CallError),
}

impl From<Readiness> for ReadError {
    fn from(readiness: Readiness) -> Self {
        Self::Blocked(readiness.into())
    }
}

impl From<Blocked> for ReadError {
    fn from(blocked: Blocked) -> Self {
        Self::Blocked(blocked)
    }
}

impl From<CallError> for ReadError {
    fn from(error: CallError) -> Self {
        Self::Api(error)
    }
}
