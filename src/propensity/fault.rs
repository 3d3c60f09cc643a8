//! Which failures prove that no byte of the request left.
//!
//! The proof rests on three facts of the layers below, checked in their sources (reqwest 0.13.5, hyper-util 0.1.21):
//! reqwest's `is_connect` is true only for hyper-util's error kind `Connect`; that kind is made in one place for a client
//! without an idle pool, from the connector's own error; and a request is handed to a connection only after the
//! connector has returned it, which is after DNS, TCP, a proxy's CONNECT and the TLS handshake. TLS early data is off.
//! `connect_timeout` covers that whole phase and ends in the same kind of error. With `pool_max_idle_per_host(0)` no
//! connection is ever used twice, so nothing is replayed.
//!
//! Every other failure is taken as sent, also where it wasn't.

use std::error::Error;
use std::io;

use super::answer::{AnswerClass, ConnectFault};

/// The class of a request that ended without a status line.
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

/// Looks through the layers. An `io::Error` hides the error that it wraps from `source`, so it is opened by hand.
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
