//! The custom resources: spec, status, and the CRD schemas generated from them.
//!
//! | file | contents |
//! | --- | --- |
//! | `audience.rs` | `ContactAudience`, `AccountAudience` and their common spec fields |
//! | `member.rs` | one contact and one account as written in a spec |
//! | `audience_status.rs` | the status of both kinds of audience |
//! | `source.rs` | lists that are stored outside of the audience object |
//! | `suppression.rs` | `SuppressionList` |
//! | `workspace.rs` | `PropensityWorkspace` |
//! | `report.rs` | `PropensityReport` |
//! | `receipt.rs` | `AudienceReceipt`, one entry of the ledger |
//! | `condition.rs` | all condition types and reasons, and how conditions are updated |
//! | `schema.rs` | schema rules that schemars can't express |
//! | `generate.rs` | the CRDs as YAML |

pub mod audience;
pub mod audience_status;
pub mod condition;
pub mod generate;
pub mod member;
pub mod receipt;
pub mod report;
pub mod schema;
pub mod source;
pub mod suppression;
pub mod workspace;

pub use audience::{
    AccountAudience, AudienceOptions, ContactAudience, Engagement, Split, UnknownOutcome, UnknownPolicy,
};
pub use audience_status::AudienceStatus;
pub use condition::{ConditionType, Reason};
pub use member::{Account, Contact};
pub use receipt::AudienceReceipt;
pub use report::PropensityReport;
pub use source::{
    ColumnNames, EntryRef, FluxFile, FluxKind, HttpFile, InvalidMembers, ListFormat, ListSource, SelectedEntries,
};
pub use suppression::SuppressionList;
pub use workspace::PropensityWorkspace;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// The API group of every resource. The derive macros need a literal, so a test compares them with this constant.
pub const GROUP: &str = "abm.propensity.com";

/// The served and stored version.
pub const VERSION: &str = "v1alpha1";

/// On a receipt: `<attempt-id>=created|send-again|dismiss` resolves an attempt whose outcome is unknown or rejected.
pub const RESOLVE_ANNOTATION: &str = "abm.propensity.com/resolve";

/// On a workspace: a new value makes the operator retry at once while a breaker is open. On a report: a new value
/// makes it fetch the report at once.
pub const REQUESTED_AT_ANNOTATION: &str = "abm.propensity.com/requestedAt";

/// The maximum length of that annotation in characters, as in the status. The rest is ignored.
const MAX_REQUESTED_AT: usize = 256;

/// The value of [`REQUESTED_AT_ANNOTATION`], shortened to the length that the status allows.
#[must_use]
pub fn requested_at(meta: &ObjectMeta) -> Option<String> {
    let annotation = meta.annotations.as_ref()?.get(REQUESTED_AT_ANNOTATION)?;
    Some(annotation.chars().take(MAX_REQUESTED_AT).collect())
}

/// On a receipt: the UTC day of its last claim. The daily budget is counted by this label.
pub const DAY_LABEL: &str = "abm.propensity.com/day";

/// A reference to an object in the same namespace.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct LocalRef {
    /// Name of the object in this namespace.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

#[cfg(test)]
mod tests;
