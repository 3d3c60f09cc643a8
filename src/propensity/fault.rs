//! Which errors prove that no byte of the request was sent.
//!
//! The proof depends on three facts of the layers below, verified in their source code (reqwest 0.13.5, hyper-util
//! 0.1.21). First: reqwest's `is_connect` is true only for hyper-util's error kind `Connect`. Second: for a client
//! without idle connections, that kind has one origin, the connector's own error. Third: a request is passed to a
//! connection only after the connector has returned it, that is after DNS, TCP, a proxy's CONNECT and the TLS
//! handshake; TLS early data is disabled. `connect_timeout` covers this whole phase and has the same error kind. With
//! `pool_max_idle_per_host(0)` no connection is reused, so no request is sent again.
//!
//! Every other error counts as sent, even if nothing was.

use std::error::Error;
use std::io;

use super::answer::{AnswerClass, ConnectFault};

/// The class of a request that ended without a response.
pub(super) fn class_of(error: &reqwest::Error) -> AnswerClass {
    if !error.is_connect() {
        return AnswerClass::ConnectionLost;
    }
    let fault = if error.is_dns() {
        ConnectFault::Dns
    } else if error.is_timeout() {
        ConnectFault::Timeout
    } else {
        cause_of(error)
    };
    AnswerClass::NoConnection(fault)
}

/// Searches the chain of errors. `io::Error` hides the error that it wraps from `source`, so it needs `get_ref`.
fn cause_of(error: &(dyn Error + 'static)) -> ConnectFault {
    let mut layer = Some(error);
    while let Some(error) = layer {
        if error.is::<rustls::Error>() {
            return ConnectFault::Tls;
        }
        layer = match error.downcast_ref::<io::Error>() {
            Some(error) if error.kind() == io::ErrorKind::ConnectionRefused => return ConnectFault::Refused,
            Some(error) => error.get_ref().map(|inner| inner as &(dyn Error + 'static)),
            None => error.source(),
        };
    }
    ConnectFault::Other
}
