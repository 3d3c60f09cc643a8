//! The CRDs as they are installed. `crds/` and the chart's templates are generated from here.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use serde_json::Value;

use super::{
    AccountAudience, AudienceReceipt, ContactAudience, PropensityReport, PropensityWorkspace, SuppressionList,
};

/// All CRDs with their file names, in the order of installation.
#[must_use]
pub fn crds() -> Vec<(String, CustomResourceDefinition)> {
    [
        PropensityWorkspace::crd(),
        SuppressionList::crd(),
        ContactAudience::crd(),
        AccountAudience::crd(),
        PropensityReport::crd(),
        AudienceReceipt::crd(),
    ]
    .into_iter()
    .map(|crd| (format!("{}.yaml", crd.metadata.name.clone().unwrap_or_default()), tidied(crd)))
    .collect()
}

/// Replaces unsigned formats, which Kubernetes doesn't know and warns about, by a minimum; and joins the lines of
/// each paragraph, since `kubectl explain` wraps lines itself.
fn tidied(crd: CustomResourceDefinition) -> CustomResourceDefinition {
    fn walk(value: &mut Value) {
        match value {
            Value::Object(map) => {
                if map.get("format").and_then(Value::as_str).is_some_and(|f| f.starts_with("uint")) {
                    map.insert("format".into(), "int64".into());
                    map.entry("minimum").or_insert(0.into());
                }
                if let Some(Value::String(text)) = map.get_mut("description") {
                    *text = text
                        .split("\n\n")
                        .map(|paragraph| paragraph.replace('\n', " "))
                        .collect::<Vec<_>>()
                        .join("\n\n");
                }
                map.values_mut().for_each(walk);
            }
            Value::Array(items) => items.iter_mut().for_each(walk),
            _ => {}
        }
    }
    let mut json = serde_json::to_value(crd).expect("a CRD is plain JSON");
    walk(&mut json);
    serde_json::from_value(json).expect("still a CRD")
}
