//! Lists that are stored outside of the audience object.

use std::collections::BTreeMap;

use kube::KubeSchema;
use kube::core::Duration;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::schema;

/// A list that is stored elsewhere. Set exactly one of `configMap`, `configMaps`, `secret`, `fluxSource` and `http`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.configMap), has(self.configMaps), has(self.secret), has(self.fluxSource), \
    has(self.http)].filter(x, x).size() == 1")
    .message("give exactly one of configMap, configMaps, secret, fluxSource and http; use one entry of from for each"))]
pub struct ListSource {
    /// An entry of a ConfigMap. Everyone who may read ConfigMaps can read it: store contacts in Secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map: Option<EntryRef>,
    /// An entry of each ConfigMap with certain labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_maps: Option<SelectedEntries>,
    /// An entry of a Secret. The operator's ServiceAccount needs get, list and watch on this Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<EntryRef>,
    /// A file in the artifact of a Flux source in this namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flux_source: Option<FluxFile>,
    /// A file at an HTTPS URL. Disabled unless the operator's settings allow the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpFile>,
    /// The file format. Default: by the extension of the key, the path, or the URL's path (`.csv`, `.tsv`, `.json`,
    /// `.ndjson`, `.jsonl`, `.yaml`, `.yml`, each also with `.gz`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<ListFormat>,
    /// Column headings or field names of this list, if they differ from the known ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<ColumnNames>,
}

/// An entry of an object in this namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EntryRef {
    /// Name of the object.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Key of the entry. Gzip-compressed content is decompressed.
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}

/// The same entry of several objects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SelectedEntries {
    /// Labels that an object must have. All of them must match.
    #[schemars(schema_with = "labels")]
    pub match_labels: BTreeMap<String, String>,
    /// The expected number of objects. With more or fewer, nothing is sent: a list with a missing file would look
    /// complete.
    #[schemars(range(min = 1, max = 200))]
    pub count: u32,
    /// Key of the entry in each object.
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}

/// A file in the artifact of a Flux source, as last stored by source-controller. The artifact's digest is verified.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.path.split('/').all(p, !(p in ['', '.', '..']))")
    .message("path must name a file from the root of the artifact, without a leading slash, empty parts, . and .."))]
pub struct FluxFile {
    /// Kind of the Flux source.
    pub kind: FluxKind,
    /// Name of the Flux source in this namespace.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Path of the file in the artifact, such as `lists/accounts.csv`. Gzip-compressed content is decompressed.
    #[schemars(length(min = 1, max = 512))]
    pub path: String,
}

/// The kinds of Flux sources with artifacts, in `source.toolkit.fluxcd.io/v1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
pub enum FluxKind {
    /// A git repository.
    GitRepository,
    /// An OCI artifact.
    #[serde(rename = "OCIRepository")]
    OciRepository,
    /// A bucket of an object store.
    Bucket,
    /// An artifact that another controller produces.
    ExternalArtifact,
}

impl FluxKind {
    /// The kind as spelled by Kubernetes.
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

/// A file at an HTTPS URL.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.url) != has(self.urlFrom)").message("give either url or urlFrom"))]
#[x_kube(validation = Rule::new(schema::duration_rule!("interval", "1m", "168h"))
    .message("interval must be a duration such as 1h, from 1m to 168h"))]
pub struct HttpFile {
    /// The URL. It must begin with `https://`. Redirects aren't followed. Use `urlFrom` if the URL contains a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    pub url: Option<String>,
    /// An entry of a Secret that contains the URL. The operator's ServiceAccount needs get, list and watch on this
    /// Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url_from: Option<EntryRef>,
    /// The expected SHA-256 of the file, in hexadecimal. If set, any other file is rejected and the URL isn't polled
    /// for changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 64, max = 64))]
    pub sha256: Option<String>,
    /// How often to check whether the file changed, from 1m to 168h. Default: 1h.
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

/// The format of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum ListFormat {
    /// Values separated by commas, semicolons or tabs. The first row has the headings.
    #[serde(rename = "CSV")]
    Csv,
    /// An array of objects, or a request body of the Propensity API.
    #[serde(rename = "JSON")]
    Json,
    /// One JSON object per line.
    #[serde(rename = "NDJSON")]
    Ndjson,
    /// The same as JSON, in YAML.
    #[serde(rename = "YAML")]
    Yaml,
}

/// Column headings, by field. Case, spaces, `_`, `-` and `.` are ignored. A field that is listed here is read from
/// this column only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ColumnNames {
    /// Heading of the first name column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub first_name: Option<String>,
    /// Heading of the last name column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub last_name: Option<String>,
    /// Heading of the company name column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub company_name: Option<String>,
    /// Heading of the company website column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub website: Option<String>,
    /// Heading of the email address column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub email: Option<String>,
    /// Heading of the LinkedIn profile URL column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub linkedin_url: Option<String>,
}

/// What to do with rows that can't be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum InvalidMembers {
    /// Send nothing while the list has such a row.
    #[default]
    Fail,
    /// Leave them out, up to `maxInvalidPercent`.
    Skip,
}
