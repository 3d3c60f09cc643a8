//! Where lists live that don't stand in the audience itself.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A list that lives elsewhere in the namespace. Exactly one of `configMap`, `configMaps` and `secret` says where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.configMap), has(self.configMaps), has(self.secret)].filter(x, x).size() == 1").message("give exactly one of configMap, configMaps and secret; use one entry of from for each"))]
pub struct ListSource {
    /// An entry of a ConfigMap. Anyone who may read ConfigMaps can read it: keep contacts in Secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map: Option<EntryRef>,
    /// An entry of each ConfigMap with these labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_maps: Option<SelectedEntries>,
    /// An entry of a Secret. The operator's ServiceAccount needs get, list and watch on this Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<EntryRef>,
    /// The layout. Absent: by the ending of the key (`.csv`, `.tsv`, `.json`, `.ndjson`, `.jsonl`, `.yaml`, `.yml`, each also with `.gz`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<ListFormat>,
    /// Headings of columns, or names of fields, where they are none of the known ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<ColumnNames>,
}

/// An entry of an object of this namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EntryRef {
    /// The object's name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// The entry's key. What begins like gzip is unpacked.
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}

/// The same entry of several objects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SelectedEntries {
    /// Labels that an object must have, all of them.
    #[schemars(schema_with = "labels")]
    pub match_labels: BTreeMap<String, String>,
    /// How many objects there must be. With more or fewer nothing is sent, since four of five files look complete.
    #[schemars(range(min = 1, max = 200))]
    pub count: u32,
    /// The key of the entry in each.
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}

/// Schema of labels to match.
fn labels(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "minProperties": 1,
        "maxProperties": 16,
        "additionalProperties": {"type": "string", "maxLength": 63}
    })
}

/// How a list is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum ListFormat {
    /// Cells between commas, semicolons or tabs, under a row of headings.
    #[serde(rename = "CSV")]
    Csv,
    /// An array of objects, or the API's own body.
    #[serde(rename = "JSON")]
    Json,
    /// An object on each line.
    #[serde(rename = "NDJSON")]
    Ndjson,
    /// The same as JSON, in YAML.
    #[serde(rename = "YAML")]
    Yaml,
}

/// Headings of columns by the field that they are. Case, spaces, `_`, `-` and `.` don't matter. A field that is named here is read from no
/// other column.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ColumnNames {
    /// Of the first name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub first_name: Option<String>,
    /// Of the last name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub last_name: Option<String>,
    /// Of the company's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub company_name: Option<String>,
    /// Of the company's website.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub website: Option<String>,
    /// Of the email address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub email: Option<String>,
    /// Of the LinkedIn profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub linkedin_url: Option<String>,
}

/// What to do with rows that can't be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum InvalidMembers {
    /// Send nothing while there is one.
    #[default]
    Fail,
    /// Leave them out, up to `maxInvalidPercent`.
    Skip,
}
