//! Schema rules that schemars can't express.

use kube::core::Duration;

/// A CEL rule: the field is a duration (`60s`, `1h30m`) between the two bounds.
///
/// A macro, because the rule must be a literal when the schema is derived.
macro_rules! duration_rule {
    ($field:literal, $min:literal, $max:literal) => {
        concat!(
            "!has(self.",
            $field,
            ") || (self.",
            $field,
            ".matches('^([0-9]+(ms|s|m|h))+$') && duration(self.",
            $field,
            ") >= duration('",
            $min,
            "') && duration(self.",
            $field,
            ") <= duration('",
            $max,
            "'))"
        )
    };
}
pub(crate) use duration_rule;

/// A Kubernetes duration of this many seconds.
#[must_use]
pub fn duration_of_secs(secs: u64) -> Duration {
    Duration::from(std::time::Duration::from_secs(secs))
}
