//! The bytes of sources, read live, and their rows.

use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::Api;
use kube::api::ListParams;
use kube::core::DynamicObject;
use reqwest::header::HeaderValue;
use serde_json::Value;
use url::Url;

use super::super::cluster::{CallError, Lane};
use super::super::context::Context;
use super::super::live;
use super::super::sources::{Address, flux_resource};
use super::super::verdicts::Said;
use super::needs::Suppressor;
use super::words::{self, Owner};
use crate::api::suppression::SuppressionListSpec;
use crate::api::{ColumnNames, EntryRef, FluxFile, HttpFile, ListFormat, ListSource, SelectedEntries};
use crate::audience::{BadEntry, Entry, Field, Kind, Member, Suppression};
use crate::sources::archive::{ArchiveError, is_valid_path};
use crate::sources::remote::{FetchError, Fetched};
use crate::sources::table::{self, Columns, FileError, FileSummary, Format, MAX_FILE_BYTES};
use crate::sources::versions::SourceKind;

/// Why a list isn't read.
pub enum Stop {
    /// There is something to tell a person.
    Told(Said),
    /// The same, and it may pass without anything changing in the cluster: the next look comes after this time.
    Passing(Said, Duration),
    /// The API server doesn't answer.
    Call(CallError),
}

impl From<Said> for Stop {
    fn from(said: Said) -> Self {
        Self::Told(said)
    }
}

impl From<CallError> for Stop {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

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
    /// Gives each row of the file, and tells what it holds beside.
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
struct Found {
    name: String,
    key: String,
    bytes: Vec<u8>,
}

/// The bytes of all sources, in order.
pub async fn files(
    ctx: &Context,
    namespace: &str,
    owner: Owner<'_>,
    sources: &[ListSource],
    room: &mut Room,
) -> Result<Vec<File>, Stop> {
    let mut files = vec![];
    for source in sources {
        let found = match source {
            ListSource { config_map: Some(entry), .. } => vec![config_map(ctx, namespace, owner, entry).await?],
            ListSource { secret: Some(entry), .. } => vec![secret(ctx, namespace, owner, entry).await?],
            ListSource { config_maps: Some(selected), .. } => config_maps(ctx, namespace, owner, selected).await?,
            ListSource { flux_source: Some(file), .. } => vec![artifact(ctx, namespace, owner, file).await?],
            ListSource { http: Some(file), .. } => vec![behind_url(ctx, namespace, file).await?],
            ListSource { .. } => vec![],
        };
        for Found { name, key, bytes } in found {
            let Some(format) = source.format.map(format_of).or_else(|| Format::of_name(&key)) else {
                return Err(words::no_format(&name, owner).into());
            };
            room.take(bytes.len()).map_err(|why| words::unreadable(&name, why))?;
            let columns = source.columns.as_ref().map(columns_of).unwrap_or_default();
            files.push(File { name, bytes, format, columns });
        }
    }
    Ok(files)
}

async fn config_map(ctx: &Context, namespace: &str, owner: Owner<'_>, entry: &EntryRef) -> Result<Found, Stop> {
    let api = ctx.cluster.api::<ConfigMap>(namespace);
    let Some(map) = ctx.cluster.call_in(Lane::Flight, api.get_opt(&entry.name)).await? else {
        return Err(not_found(SourceKind::ConfigMap, entry, namespace, owner));
    };
    of_config_map(map, entry, owner)
}

async fn config_maps(
    ctx: &Context,
    namespace: &str,
    owner: Owner<'_>,
    selected: &SelectedEntries,
) -> Result<Vec<Found>, Stop> {
    let labels: Vec<_> = selected.match_labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let params = ListParams::default().labels(&labels.join(","));
    let api = ctx.cluster.api::<ConfigMap>(namespace);
    let mut maps = ctx.cluster.call_in(Lane::Flight, async { api.list(&params).await }).await?.items;
    if maps.len() != selected.count as usize {
        return Err(words::wrong_count(maps.len(), selected.count, owner).into());
    }
    maps.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
    let found = |map: ConfigMap| {
        let name = map.metadata.name.clone().unwrap_or_default();
        of_config_map(map, &EntryRef { name, key: selected.key.clone() }, owner)
    };
    maps.into_iter().map(found).collect()
}

fn of_config_map(map: ConfigMap, entry: &EntryRef, owner: Owner<'_>) -> Result<Found, Stop> {
    let EntryRef { name, key } = entry;
    let text = map.data.and_then(|mut data| data.remove(key)).map(String::into_bytes);
    let bytes = text.or_else(|| map.binary_data.and_then(|mut data| data.remove(key)).map(|bytes| bytes.0));
    let found = |bytes| Found { name: format!("configMap {name}/{key}"), key: key.clone(), bytes };
    Ok(bytes.map(found).ok_or_else(|| words::no_entry(SourceKind::ConfigMap, entry, owner))?)
}

async fn secret(ctx: &Context, namespace: &str, owner: Owner<'_>, entry: &EntryRef) -> Result<Found, Stop> {
    let EntryRef { name, key } = entry;
    let api = ctx.cluster.api::<Secret>(namespace);
    let secret = match ctx.cluster.call_in(Lane::Flight, api.get_opt(name)).await {
        Ok(Some(secret)) => secret,
        Ok(None) => return Err(not_found(SourceKind::Secret, entry, namespace, owner)),
        Err(CallError::Forbidden) => return Err(words::denied(SourceKind::Secret, name, namespace).into()),
        Err(error) => return Err(error.into()),
    };
    let bytes = secret.data.and_then(|mut data| data.remove(key)).map(|bytes| bytes.0);
    let found = |bytes| Found { name: format!("secret {name}/{key}"), key: key.clone(), bytes };
    Ok(bytes.map(found).ok_or_else(|| words::no_entry(SourceKind::Secret, entry, owner))?)
}

/// How soon to look again for what can't be fetched, where a server or a network is to blame, and where it is something else.
const SOON: Duration = Duration::from_secs(15);
const LATER: Duration = Duration::from_secs(300);

fn unfetched(name: &str, why: &FetchError) -> Stop {
    match why {
        // Only another artifact mends it.
        FetchError::Archive(_) => words::unfetched(name, why).into(),
        _ => Stop::Passing(words::unfetched(name, why), if why.is_transient() { SOON } else { LATER }),
    }
}

/// A file out of the artifact that a Flux source has now.
async fn artifact(ctx: &Context, namespace: &str, owner: Owner<'_>, file: &FluxFile) -> Result<Found, Stop> {
    let FluxFile { kind, name, path } = file;
    let holder = SourceKind::Flux(*kind);
    let api = Api::namespaced_with(ctx.cluster.client().clone(), namespace, &flux_resource(*kind));
    let found: Option<DynamicObject> = match ctx.cluster.call_in(Lane::Flight, api.get_opt(name)).await {
        Err(CallError::Forbidden) => return Err(words::denied(holder, name, namespace).into()),
        found => found?,
    };
    let Some(object) = found else {
        let said = words::not_found(holder, name, namespace, &format!("spec.from of {owner}"));
        return Err(Stop::Passing(said, SOON));
    };
    let text = |pointer| object.data.pointer(pointer).and_then(Value::as_str);
    let (Some(url), Some(digest)) = (text("/status/artifact/url"), text("/status/artifact/digest")) else {
        return Err(words::no_artifact(holder, name).into());
    };
    let place = format!("{holder} {name}/{path}");
    let fetched = if is_valid_path(path) {
        let _turn = ctx.lists.download().await?;
        ctx.remote.fetch_from_artifact(url, digest, path).await
    } else {
        Err(ArchiveError::FileNotFound.into())
    };
    let bytes = fetched.map_err(|why| unfetched(&place, &why))?;
    Ok(Found { name: place, key: path.clone(), bytes })
}

/// A file behind a URL, as its server has it now.
async fn behind_url(ctx: &Context, namespace: &str, file: &HttpFile) -> Result<Found, Stop> {
    let name = words::file_name(file);
    let url = url(ctx, namespace, &Address::of(file)).await;
    let fetched = match &url {
        Ok(url) => {
            let _turn = ctx.lists.download().await?;
            ctx.remote.fetch_file(url).await
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
    Ok(Found { name, key: path.unwrap_or_default(), bytes })
}

/// A URL that stands in the spec or in a Secret.
async fn url(ctx: &Context, namespace: &str, address: &Address) -> Result<String, FetchError> {
    let (name, key) = match address {
        Address::Plain(url) => return Ok(url.clone()),
        Address::Secret(name, key) => (name, key),
    };
    let api = ctx.cluster.api::<Secret>(namespace);
    let secret = ctx.cluster.call_in(Lane::Flight, api.get_opt(name)).await.ok().flatten();
    let entry = secret.and_then(|secret| secret.data).and_then(|mut data| data.remove(key));
    entry.and_then(|bytes| String::from_utf8(bytes.0).ok()).ok_or(FetchError::UrlMissing)
}

/// What a file behind a URL hashes to now; `None` where its server says that it is still the one with this `ETag`.
pub async fn news(
    ctx: &Context,
    namespace: &str,
    address: &Address,
    etag: Option<&HeaderValue>,
) -> Result<Option<Fetched>, FetchError> {
    let url = url(ctx, namespace, address).await?;
    let _turn = ctx.lists.question().await.map_err(|_| FetchError::ConnectionLost)?;
    ctx.remote.fetch_if_changed(&url, etag).await
}

fn not_found(holder: SourceKind, entry: &EntryRef, namespace: &str, owner: Owner<'_>) -> Stop {
    words::not_found(holder, &entry.name, namespace, &format!("spec.from of {owner}")).into()
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
    Columns::new(named(names))
}

/// The fields that are given names of columns.
pub fn named(names: &ColumnNames) -> impl Iterator<Item = (Field, String)> {
    let ColumnNames { first_name, last_name, company_name, website, email, linkedin_url } = names;
    [
        (Field::FirstName, first_name),
        (Field::LastName, last_name),
        (Field::CompanyName, company_name),
        (Field::Website, website),
        (Field::Email, email),
        (Field::LinkedinUrl, linkedin_url),
    ]
    .into_iter()
    .filter_map(|(field, name)| Some((field, name.clone()?)))
}

/// A suppression list with the bytes of its sources, not yet read.
pub struct Unread {
    name: String,
    spec: SuppressionListSpec,
    files: Vec<File>,
}

/// Suppression lists, read live.
pub async fn suppressions(
    ctx: &Context,
    namespace: &str,
    suppressors: &[Suppressor],
    room: &mut Room,
) -> Result<Vec<Unread>, Stop> {
    let mut lists = vec![];
    for Suppressor { name, named_in } in suppressors {
        let Some(list) = live::suppression_list(ctx, namespace, name).await? else {
            return Err(words::not_found(SourceKind::SuppressionList, name, namespace, named_in).into());
        };
        let files = files(ctx, namespace, Owner::Suppression(name), &list.spec.from, room).await?;
        lists.push(Unread { name: name.clone(), spec: list.spec, files });
    }
    Ok(lists)
}

/// All entries of suppression lists. One that means nothing stops it all: it may be a person who must not be sent.
pub fn entries(lists: Vec<Unread>, room: &mut Room) -> Result<Suppression, Said> {
    let mut suppression = Suppression::default();
    for Unread { name, spec, files } in lists {
        let inline = [
            ("spec.domains", Entry::Domain, spec.domains),
            ("spec.emails", Entry::Email, spec.emails),
            ("spec.linkedinUrls", Entry::Profile, spec.linkedin_urls),
        ];
        for (field, entry, texts) in inline {
            for (number, text) in (1..).zip(texts) {
                let place = || format!("SuppressionList {name}");
                let bad =
                    |why| words::unreadable(&place(), format_args!("entry {number} of {field} {why}: correct it"));
                suppression.add(entry, &text).map_err(bad)?;
            }
        }
        for file in files {
            let place = file.name.clone();
            let mut wrong = None;
            let tally = file.read(Kind::Contacts, room, |row, member| {
                if wrong.is_none() {
                    wrong = add_row(&mut suppression, member).err().map(|why| (row, why));
                }
            });
            tally.map_err(|why| words::unreadable(&place, why))?;
            if let Some((row, why)) = wrong {
                return Err(words::unreadable(&place, format_args!("row {row} {why}: correct it")));
            }
        }
    }
    Ok(suppression)
}

/// Why a row of a suppression list means nothing.
#[derive(Debug, thiserror::Error)]
enum BadRow {
    /// One of its cells does.
    #[error("has something that {0}")]
    Entry(BadEntry),
    /// None of its cells says anything.
    #[error("has no domain, email or LinkedIn profile")]
    Nothing,
}

fn add_row(suppression: &mut Suppression, member: &Member) -> Result<(), BadRow> {
    let Member { website, email, linkedin_url, .. } = member;
    let cells = [(Entry::Domain, website), (Entry::Email, email), (Entry::Profile, linkedin_url)];
    let mut any = false;
    for (entry, text) in cells {
        if let Some(text) = text.as_deref().filter(|text| !text.trim().is_empty()) {
            suppression.add(entry, text).map_err(BadRow::Entry)?;
            any = true;
        }
    }
    if any { Ok(()) } else { Err(BadRow::Nothing) }
}
