//! Where lists live that don't stand in the audience itself.

use std::collections::BTreeMap;

use kube::KubeSchema;
use kube::core::Duration;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::schema;

/// A list that lives elsewhere. Exactly one of `configMap`, `configMaps`, `secret`, `fluxSource` and `http` says where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.configMap), has(self.configMaps), has(self.secret), has(self.fluxSource), has(self.http)].filter(x, x).size() == 1").message("give exactly one of configMap, configMaps, secret, fluxSource and http; use one entry of from for each"))]
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
    /// A file in an artifact of a Flux source of this namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flux_source: Option<FluxFile>,
    /// A file behind an HTTPS URL. Off until whoever runs the operator allows the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpFile>,
    /// The layout. Absent: by the ending of the key, the path, or the URL's path (`.csv`, `.tsv`, `.json`, `.ndjson`, `.jsonl`, `.yaml`, `.yml`, each also with `.gz`).
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

/// A file in the artifact of a Flux source: what source-controller last fetched and stored. Its digest is verified.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.path.split('/').all(p, !(p in ['', '.', '..']))").message("path must name a file from the root of the artifact, without a leading slash, empty parts, . and .."))]
pub struct FluxFile {
    /// The kind of source.
    pub kind: FluxKind,
    /// Its name, in this namespace.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// The file's path in the artifact, such as `lists/accounts.csv`. What begins like gzip is unpacked.
    #[schemars(length(min = 1, max = 512))]
    pub path: String,
}

/// The kinds of Flux sources that have artifacts, of `source.toolkit.fluxcd.io/v1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
pub enum FluxKind {
    /// A git repository.
    GitRepository,
    /// An OCI artifact.
    #[serde(rename = "OCIRepository")]
    OciRepository,
    /// A bucket of an object store.
    Bucket,
    /// An artifact that something other than source-controller makes.
    ExternalArtifact,
}

impl FluxKind {
    /// The kind as Kubernetes names it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GitRepository => "GitRepository",
            Self::OciRepository => "OCIRepository",
            Self::Bucket => "Bucket",
            Self::ExternalArtifact => "ExternalArtifact",
        }
    }
}

/// A file behind an HTTPS URL.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.url) != has(self.urlFrom)").message("give either url or urlFrom"))]
#[x_kube(validation = Rule::new(schema::duration_rule!("interval", "1m", "168h")).message("interval must be a duration such as 1h, from 1m to 168h"))]
pub struct HttpFile {
    /// The URL, which must begin with `https://`. Redirects aren't followed. One with a token in it belongs into a Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    pub url: Option<String>,
    /// An entry of a Secret that holds the URL. The operator's ServiceAccount needs get, list and watch on this Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url_from: Option<EntryRef>,
    /// The file's SHA-256 in hexadecimal. With it, another file is refused, and the URL isn't asked for news.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 64, max = 64))]
    pub sha256: Option<String>,
    /// How often to ask whether the file changed, from 1m to 168h.
    #[serde(default = "default_interval")]
    #[schemars(default = "default_interval", length(max = 32))]
    pub interval: Duration,
}

fn default_interval() -> Duration {
    schema::duration_of_secs(60 * 60)
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
