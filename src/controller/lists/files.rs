//! The bytes of sources, read live, and their rows.

use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::Api;
use kube::api::ListParams;
use kube::core::DynamicObject;
use reqwest::header::HeaderValue;
use serde_json::Value;
use url::Url;

use super::access::ListAccess;
use super::error::ReadError;
use crate::api::{ColumnNames, EntryRef, FluxFile, HttpFile, ListFormat, ListSource, SelectedEntries};
use crate::audience::{Kind, Member};
use crate::controller::decide::engagement::column_names;
use crate::controller::decide::list_messages::{self as messages, Owner};
use crate::controller::kube::cluster::{CallError, Lane};
use crate::controller::kube::resources::flux_resource;
use crate::controller::model::readiness::Blocked;
use crate::controller::model::source::Address;
use crate::sources::archive::{ArchiveError, is_valid_path};
use crate::sources::remote::{FetchError, Fetched};
use crate::sources::table::{self, Columns, FileError, FileSummary, Format, MAX_FILE_BYTES};
use crate::sources::versions::SourceKind;

/// The bytes of a source and how to read them.
pub struct File {
    /// As problems and conditions name it.
    pub name: String,
    bytes: Vec<u8>,
    format: Format,
    columns: Columns,
}

/// How many bytes the files of a list may still have, all together: each takes memory while the list is read.
pub struct Room(usize);

impl Default for Room {
    fn default() -> Self {
        Self(MAX_FILE_BYTES)
    }
}

impl Room {
    fn take(&mut self, bytes: usize) -> Result<(), FileError> {
        self.0 = self.0.checked_sub(bytes).ok_or(FileError::TotalTooLarge)?;
        Ok(())
    }
}

impl File {
    /// Calls `row` with each row of the file; numbers about the file.
    pub fn read(
        self,
        kind: Kind,
        room: &mut Room,
        row: impl FnMut(u64, &mut Member),
    ) -> Result<FileSummary, FileError> {
        let bytes = table::unpack(&self.bytes)?;
        room.take(bytes.len())?;
        table::read(&bytes, kind, self.format, &self.columns, row)
    }
}

/// An entry of an object.
struct SourceEntry {
    name: String,
    key: String,
    bytes: Vec<u8>,
}

/// The bytes of all sources, in order.
pub async fn files(
    lists: &ListAccess,
    namespace: &str,
    owner: Owner<'_>,
    sources: &[ListSource],
    room: &mut Room,
) -> Result<Vec<File>, ReadError> {
    let mut files = vec![];
    for source in sources {
        let found = match source {
            ListSource { config_map: Some(entry), .. } => vec![config_map(lists, namespace, owner, entry).await?],
            ListSource { secret: Some(entry), .. } => vec![secret(lists, namespace, owner, entry).await?],
            ListSource { config_maps: Some(selected), .. } => config_maps(lists, namespace, owner, selected).await?,
            ListSource { flux_source: Some(file), .. } => vec![artifact(lists, namespace, owner, file).await?],
            ListSource { http: Some(file), .. } => vec![behind_url(lists, namespace, file).await?],
            ListSource { .. } => return Err(messages::unknown_source(owner).into()),
        };
        for SourceEntry { name, key, bytes } in found {
            let Some(format) = source.format.map(format_of).or_else(|| Format::of_name(&key)) else {
                return Err(messages::no_format(&name, owner).into());
            };
            room.take(bytes.len()).map_err(|why| messages::unreadable(&name, why))?;
            let columns = source.columns.as_ref().map(columns_of).unwrap_or_default();
            files.push(File { name, bytes, format, columns });
        }
    }
    Ok(files)
}

async fn config_map(
    lists: &ListAccess,
    namespace: &str,
    owner: Owner<'_>,
    entry: &EntryRef,
) -> Result<SourceEntry, ReadError> {
    let api = lists.cluster.api::<ConfigMap>(namespace);
    let Some(map) = lists.cluster.call_in(Lane::Attempt, api.get_opt(&entry.name)).await? else {
        return Err(not_found(SourceKind::ConfigMap, entry, namespace, owner));
    };
    of_config_map(map, entry, owner)
}

async fn config_maps(
    lists: &ListAccess,
    namespace: &str,
    owner: Owner<'_>,
    selected: &SelectedEntries,
) -> Result<Vec<SourceEntry>, ReadError> {
    let labels: Vec<_> = selected.match_labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let params = ListParams::default().labels(&labels.join(","));
    let api = lists.cluster.api::<ConfigMap>(namespace);
    let mut maps = lists.cluster.call_in(Lane::Attempt, async { api.list(&params).await }).await?.items;
    if maps.len() != selected.count as usize {
        return Err(messages::wrong_count(maps.len(), selected.count, owner).into());
    }
    maps.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
    let found = |map: ConfigMap| {
        let name = map.metadata.name.clone().unwrap_or_default();
        of_config_map(map, &EntryRef { name, key: selected.key.clone() }, owner)
    };
    maps.into_iter().map(found).collect()
}

fn of_config_map(map: ConfigMap, entry: &EntryRef, owner: Owner<'_>) -> Result<SourceEntry, ReadError> {
    let EntryRef { name, key } = entry;
    let text = map.data.and_then(|mut data| data.remove(key)).map(String::into_bytes);
    let bytes = text.or_else(|| map.binary_data.and_then(|mut data| data.remove(key)).map(|bytes| bytes.0));
    let found = |bytes| SourceEntry { name: format!("configMap {name}/{key}"), key: key.clone(), bytes };
    Ok(bytes.map(found).ok_or_else(|| messages::no_entry(SourceKind::ConfigMap, entry, owner))?)
}

async fn secret(
    lists: &ListAccess,
    namespace: &str,
    owner: Owner<'_>,
    entry: &EntryRef,
) -> Result<SourceEntry, ReadError> {
    let EntryRef { name, key } = entry;
    let api = lists.cluster.api::<Secret>(namespace);
    let secret = match lists.cluster.call_in(Lane::Attempt, api.get_opt(name)).await {
        Ok(Some(secret)) => secret,
        Ok(None) => return Err(not_found(SourceKind::Secret, entry, namespace, owner)),
        Err(CallError::Forbidden) => return Err(messages::denied(SourceKind::Secret, name, namespace).into()),
        Err(error) => return Err(error.into()),
    };
    let bytes = secret.data.and_then(|mut data| data.remove(key)).map(|bytes| bytes.0);
    let found = |bytes| SourceEntry { name: format!("secret {name}/{key}"), key: key.clone(), bytes };
    Ok(bytes.map(found).ok_or_else(|| messages::no_entry(SourceKind::Secret, entry, owner))?)
}

/// When to try again to fetch a file: after a failure of a server or a network, and after any other.
const SOON: Duration = Duration::from_secs(15);
const LATER: Duration = Duration::from_secs(300);

fn unfetched(name: &str, why: &FetchError) -> ReadError {
    match why {
        // Only a new artifact can fix this.
        FetchError::Archive(_) => messages::unfetched(name, why).into(),
        _ => Blocked {
            readiness: messages::unfetched(name, why),
            retry_after: Some(if why.is_transient() { SOON } else { LATER }),
        }
        .into(),
    }
}

/// A file out of the artifact that a Flux source has now.
async fn artifact(
    lists: &ListAccess,
    namespace: &str,
    owner: Owner<'_>,
    file: &FluxFile,
) -> Result<SourceEntry, ReadError> {
    let FluxFile { kind, name, path } = file;
    let holder = SourceKind::Flux(*kind);
    let api = Api::namespaced_with(lists.cluster.client().clone(), namespace, &flux_resource(*kind));
    let found: Option<DynamicObject> = match lists.cluster.call_in(Lane::Attempt, api.get_opt(name)).await {
        Err(CallError::Forbidden) => return Err(messages::denied(holder, name, namespace).into()),
        found => found?,
    };
    let Some(object) = found else {
        let readiness = messages::not_found(holder, name, namespace, &format!("spec.from of {owner}"));
        return Err(Blocked { readiness, retry_after: Some(SOON) }.into());
    };
    let text = |pointer| object.data.pointer(pointer).and_then(Value::as_str);
    let (Some(url), Some(digest)) = (text("/status/artifact/url"), text("/status/artifact/digest")) else {
        return Err(messages::no_artifact(holder, name).into());
    };
    let place = format!("{holder} {name}/{path}");
    let fetched = if is_valid_path(path) {
        let _turn = lists.turns.download().await?;
        lists.remote.fetch_from_artifact(url, digest, path).await
    } else {
        Err(ArchiveError::FileNotFound.into())
    };
    let bytes = fetched.map_err(|why| unfetched(&place, &why))?;
    Ok(SourceEntry { name: place, key: path.clone(), bytes })
}

/// A file behind a URL, as its server has it now.
async fn behind_url(lists: &ListAccess, namespace: &str, file: &HttpFile) -> Result<SourceEntry, ReadError> {
    let name = messages::file_name(file);
    let url = url(lists, namespace, &Address::of(file)).await;
    let fetched = match &url {
        Ok(url) => {
            let _turn = lists.turns.download().await?;
            lists.remote.fetch_file(url).await
        }
        Err(why) => Err(why.clone()),
    };
    let wanted = file.sha256.as_ref().map(|sha256| sha256.to_ascii_lowercase());
    let fetched = fetched.and_then(|fetched| match wanted {
        Some(wanted) if wanted != fetched.sha256 => Err(FetchError::DigestMismatch),
        _ => Ok(fetched),
    });
    let Fetched { bytes, .. } = fetched.map_err(|why| unfetched(&name, &why))?;
    let path = url.ok().and_then(|url| Url::parse(url.trim()).ok()).map(|url| url.path().to_owned());
    Ok(SourceEntry { name, key: path.unwrap_or_default(), bytes })
}

/// A URL from the spec or from a Secret.
async fn url(lists: &ListAccess, namespace: &str, address: &Address) -> Result<String, FetchError> {
    let (name, key) = match address {
        Address::Plain(url) => return Ok(url.clone()),
        Address::Secret(name, key) => (name, key),
    };
    let api = lists.cluster.api::<Secret>(namespace);
    let secret = lists.cluster.call_in(Lane::Attempt, api.get_opt(name)).await.ok().flatten();
    let entry = secret.and_then(|secret| secret.data).and_then(|mut data| data.remove(key));
    entry.and_then(|bytes| String::from_utf8(bytes.0).ok()).ok_or(FetchError::UrlMissing)
}

/// The file behind a URL with its hash; `None` where its server answers that the file with this `ETag` is current.
pub async fn poll(
    lists: &ListAccess,
    namespace: &str,
    address: &Address,
    etag: Option<&HeaderValue>,
) -> Result<Option<Fetched>, FetchError> {
    let url = url(lists, namespace, address).await?;
    let _turn = lists.turns.poll().await.map_err(|_| FetchError::ConnectionLost)?;
    lists.remote.fetch_if_changed(&url, etag).await
}

fn not_found(holder: SourceKind, entry: &EntryRef, namespace: &str, owner: Owner<'_>) -> ReadError {
    messages::not_found(holder, &entry.name, namespace, &format!("spec.from of {owner}")).into()
}

fn format_of(format: ListFormat) -> Format {
    match format {
        ListFormat::Csv => Format::Csv,
        ListFormat::Json => Format::Json,
        ListFormat::Ndjson => Format::Ndjson,
        ListFormat::Yaml => Format::Yaml,
    }
}

fn columns_of(names: &ColumnNames) -> Columns {
    Columns::new(column_names(names))
}
