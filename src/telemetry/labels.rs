//! The labels of metrics: fixed words of the source code, and names of resources.

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
    /// The kind of object that was reconciled.
    Kind {
        /// A list of contacts.
        ContactAudience = "ContactAudience",
        /// A list of accounts.
        AccountAudience = "AccountAudience",
        /// A connection to a workspace.
        Workspace = "PropensityWorkspace",
        /// An entry of the ledger.
        Receipt = "AudienceReceipt",
        /// A report.
        Report = "PropensityReport",
        /// Members that must never be sent.
        SuppressionList = "SuppressionList",
    }
}

label! {
    /// The outcome of a reconciliation.
    Outcome {
        /// Nothing to do.
        Done = "done",
        /// Waits for time: rate limit, budget, breaker or retry.
        Waiting = "waiting",
        /// Waits for a person or for a change in the cluster.
        Stalled = "stalled",
        /// Failed; it will be retried.
        Error = "error",
        /// Dropped before its end: the operator is shutting down, or it panicked.
        Dropped = "dropped",
    }
}

label! {
    /// The outcome of fetching a report.
    FetchOutcome {
        /// It was read completely and has the declared form.
        Ok = "ok",
        /// Its URL was rejected; it may have been rotated.
        Credentials = "credentials",
        /// The API asked for a pause.
        RateLimited = "rate_limited",
        /// No connection, or a server error.
        Unreachable = "unreachable",
        /// It doesn't have the declared form.
        Unreadable = "unreadable",
        /// Its URL isn't allowed.
        Refused = "refused",
    }
}

label! {
    /// The outcome of a create request.
    CreateClass {
        /// The API reported that it was created.
        Created = "created",
        /// The API rejected the list.
        Rejected = "rejected",
        /// Nothing was stored; it can be sent again.
        NotSent = "not_sent",
        /// The audience may or may not have been created.
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

/// The category of a failed request to the Kubernetes API.
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

/// Declares label sets of fixed words.
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
