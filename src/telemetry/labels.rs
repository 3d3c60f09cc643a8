//! The labels of metrics: fixed words from the source code, but for the namespace and name of a workspace.

use prometheus_client::encoding::EncodeLabelSet;

/// Defines an enum whose variants are label values.
macro_rules! label {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant),+ }

        impl $name {
            /// Every value, in order.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The label's text.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }
    };
}

label! {
    /// The kind of object that was worked on.
    Kind {
        /// A list of contacts.
        ContactAudience = "ContactAudience",
        /// A list of accounts.
        AccountAudience = "AccountAudience",
        /// A connection.
        Workspace = "PropensityWorkspace",
        /// An entry of the ledger.
        Receipt = "AudienceReceipt",
        /// A report.
        Report = "PropensityReport",
        /// Who must never be sent.
        SuppressionList = "SuppressionList",
    }
}

label! {
    /// How one pass over an object ended.
    Outcome {
        /// Nothing is left to do.
        Done = "done",
        /// It waits for time: pace, budget, a breaker, a retry.
        Waiting = "waiting",
        /// It waits for a person or for a change in the cluster.
        Stalled = "stalled",
        /// The pass failed and will be repeated.
        Error = "error",
        /// The pass was dropped before its end: the operator stops, or it panicked.
        Dropped = "dropped",
    }
}

label! {
    /// How the fetch of a report ended.
    FetchOutcome {
        /// It was read to its end, and has what was declared.
        Ok = "ok",
        /// Its URL answers as a rotated one does.
        Credentials = "credentials",
        /// The API asked for a pause.
        RateLimited = "rate_limited",
        /// No connection, or a server's own trouble.
        Unreachable = "unreachable",
        /// It isn't what was declared.
        Unreadable = "unreadable",
        /// Its URL may not be asked.
        Refused = "refused",
    }
}

label! {
    /// What became of a create request.
    CreateClass {
        /// The API said that it was stored.
        Created = "created",
        /// The API refused the list.
        Rejected = "rejected",
        /// Nothing was stored: it can be sent again.
        NotSent = "not_sent",
        /// Nobody knows.
        Unknown = "unknown",
    }
}

label! {
    /// What a request to the Propensity API was for.
    Endpoint {
        /// Creating a list of contacts.
        CreateContactAudience = "create_contact_audience",
        /// Creating a list of accounts.
        CreateAccountAudience = "create_account_audience",
        /// Fetching a report.
        Report = "report",
    }
}

/// The fixed word for a failed request to the Kubernetes API.
pub fn kube_category(error: &kube::Error) -> &'static str {
    match error {
        kube::Error::Api(status) => match status.code {
            401 => "unauthorized",
            403 => "forbidden",
            404 => "not_found",
            409 => "conflict",
            410 => "gone",
            413 => "too_large",
            422 => "invalid",
            429 => "throttled",
            504 => "timeout",
            500.. => "server",
            _ => "refused",
        },
        kube::Error::HyperError(_) | kube::Error::Service(_) | kube::Error::ReadEvents(_) => "connection",
        kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) => "undecodable",
        kube::Error::Auth(_) => "credentials",
        _ => "client",
    }
}

/// Declares a label set of fixed words.
macro_rules! labels {
    ($($name:ident { $($field:ident),+ })+) => {
        $(#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
        pub(super) struct $name { $(pub(super) $field: &'static str),+ })+
    };
}

labels! {
    KindLabel { kind }
    KindOutcome { kind, outcome }
    KindClass { kind, class }
    KindReason { kind, reason }
    EndpointLabel { endpoint }
    EndpointClass { endpoint, class }
    Category { category }
    Reason { reason }
    State { state }
    Build { version }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct WorkspaceLabel {
    namespace: String,
    workspace: String,
}

impl WorkspaceLabel {
    pub(super) fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.to_owned(), workspace: name.to_owned() }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ReportLabel {
    pub(super) namespace: String,
    pub(super) report: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ReportReason {
    pub(super) namespace: String,
    pub(super) report: String,
    pub(super) reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ReportOutcome {
    pub(super) namespace: String,
    pub(super) report: String,
    pub(super) outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ReportValue {
    pub(super) namespace: String,
    pub(super) report: String,
    pub(super) metric: String,
    pub(super) group: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct EngagedLabel {
    pub(super) namespace: String,
    pub(super) kind: &'static str,
    pub(super) audience: String,
    pub(super) report: String,
}
