//! Lists that live in other objects: whether what was read is still the present list, and how it is read whole.
//!
//! A list is read once after a change, for its hash and its counts, and once more live before a claim. Between the two nothing of it stays in memory.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::ListParams;
use tokio::sync::Semaphore;

use super::cluster::{CallError, Lane};
use super::context::Context;
use super::live;
use super::scene::Phase;
use super::tracked::{AudienceKey, Digest, Parts, Tracked, Whole, kind_name};
use super::verdicts::Said;
use crate::api::condition::{Reason, Verdict};
use crate::api::{ColumnNames, EntryRef, ListFormat, ListSource};
use crate::audience::{Field, Member, Normaliser, Row};
use crate::clock::Moment;
use crate::sources::table::{self, Columns, Format, Unreadable};
use crate::sources::versions::{Holder, Place, Version};

/// Lists that are read at once: each may be large.
const READ_AT_ONCE: usize = 2;

/// What is remembered of lists that live elsewhere.
pub struct Lists {
    inner: Mutex<Inner>,
    reading: Semaphore,
}

#[derive(Default)]
struct Inner {
    read: HashMap<AudienceKey, Read>,
    /// Audiences with sources, by namespace.
    with_sources: HashMap<String, HashSet<AudienceKey>>,
}

/// A list that was read.
struct Read {
    uid: String,
    generation: Option<i64>,
    versions: Vec<String>,
    /// What it comes to, or why that isn't known.
    digest: Result<Digest, Said>,
}

impl Default for Lists {
    fn default() -> Self {
        Self { inner: Mutex::default(), reading: Semaphore::new(READ_AT_ONCE) }
    }
}

impl Lists {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that an audience has sources, or none.
    pub fn note(&self, audience: &Tracked) {
        if audience.options.from.is_empty() {
            return self.forget(&audience.key());
        }
        let mut inner = self.lock();
        inner.with_sources.entry(audience.namespace().to_owned()).or_default().insert(audience.key());
    }

    /// Forgets an audience that is gone.
    pub fn forget(&self, key: &AudienceKey) {
        let mut inner = self.lock();
        inner.read.remove(key);
        if let Some(here) = inner.with_sources.get_mut(key.namespace.as_deref().unwrap_or_default()) {
            here.remove(key);
        }
    }

    /// The audiences of a namespace that have sources.
    #[must_use]
    pub fn with_sources(&self, namespace: &str) -> Vec<AudienceKey> {
        self.lock().with_sources.get(namespace).into_iter().flatten().cloned().collect()
    }

    fn known(&self, audience: &Tracked, versions: &[String]) -> Option<Result<Digest, Said>> {
        let inner = self.lock();
        let read = inner.read.get(&audience.key())?;
        let current = read.uid == audience.uid() && read.generation == audience.meta.generation;
        (current && read.versions == versions).then(|| read.digest.clone())
    }

    fn remember(&self, audience: &Tracked, versions: Vec<String>, digest: Result<Digest, Said>) {
        let read = Read { uid: audience.uid().to_owned(), generation: audience.meta.generation, versions, digest };
        self.lock().read.insert(audience.key(), read);
    }
}

/// Puts into an audience what its sources come to now, or why that isn't known; reads them only where something changed. Tells how long to wait, where waiting
/// helps.
///
/// # Errors
/// When the API server doesn't answer.
pub async fn read(ctx: &Context, audience: &mut Tracked) -> Result<Option<Duration>, CallError> {
    if audience.options.from.is_empty() {
        return Ok(None);
    }
    let mut wait = None;
    let digest = match versions(ctx, audience) {
        Err(obstacle) => Err(obstacle),
        Ok((versions, changed)) => match ctx.lists.known(audience, &versions) {
            Some(digest) => digest,
            None => match settling(ctx, audience, changed) {
                Some((left, verdict)) => {
                    wait = Some(left);
                    Err((verdict, Phase::Reconciling))
                }
                None => {
                    let digest = digest(ctx, audience).await?;
                    ctx.lists.remember(audience, versions, digest.clone());
                    digest
                }
            },
        },
    };
    match digest {
        Ok(digest) => (audience.digest, audience.unread) = (digest, None),
        Err(obstacle) => audience.unread = Some(obstacle),
    }
    Ok(wait)
}

/// How long the sources must still be quiet.
fn settling(ctx: &Context, audience: &Tracked, changed: Moment) -> Option<(Duration, Verdict)> {
    let settle = Duration::from(audience.options.settle);
    let quiet = ctx.clock.boottime().since(changed);
    let left = settle.checked_sub(quiet).filter(|left| !left.is_zero() && changed != Moment::default())?;
    let message =
        format!("a source of the list changed: it is read when all are quiet for {} s (spec.settle)", settle.as_secs());
    Some((left, Verdict::new(Reason::Settling, message)))
}

/// Versions of all the sources, and when the last of them changed.
fn versions(ctx: &Context, audience: &Tracked) -> Result<(Vec<String>, Moment), Said> {
    let namespace = audience.namespace();
    let mut versions = vec![];
    let mut changed = Moment::default();
    let mut add = |holder: Holder, name: &str| {
        let place: Place = (namespace.to_owned(), name.to_owned());
        changed = changed.max(ctx.versions.changed(holder, &place));
        match ctx.versions.of(holder, &place) {
            Version::Present(version) => versions.push(format!("{holder:?} {name} {version}")),
            Version::Absent => return Err(not_found(holder, name, namespace, kind_name(audience.kind))),
            Version::Denied => return Err(denied(name, namespace)),
            Version::Unknown => {
                if holder == Holder::Secret && !ctx.versions.is_watched(&place) {
                    // Whoever listens may be ending; then nothing needs watching.
                    let _ = ctx.list_secrets.send(place);
                }
                return Err(looked_up(holder, name));
            }
        }
        Ok(())
    };
    for source in &audience.options.from {
        match source {
            ListSource { config_map: Some(entry), .. } => add(Holder::ConfigMap, &entry.name)?,
            ListSource { secret: Some(entry), .. } => add(Holder::Secret, &entry.name)?,
            ListSource { config_maps: Some(selected), .. } => {
                let names = ctx.versions.selected(namespace, &selected.match_labels);
                if names.len() != selected.count as usize {
                    return Err(wrong_count(names.len(), selected.count));
                }
                for name in names {
                    add(Holder::ConfigMap, &name)?;
                }
            }
            ListSource { .. } => {}
        }
    }
    Ok((versions, changed))
}

async fn digest(ctx: &Context, audience: &Tracked) -> Result<Result<Digest, Said>, CallError> {
    // The members that stand in the object are let go when it is digested; without any, it needn't be read.
    let parts = if audience.inline == 0 {
        let Tracked { meta, kind, options, status, .. } = audience.clone();
        Parts { meta, kind, options, status, members: vec![] }
    } else {
        match live::audience(ctx, audience.kind, audience.namespace(), audience.name()).await? {
            Some(parts) if parts.meta.uid == audience.meta.uid => parts,
            _ => {
                let gone = Verdict::new(Reason::Starting, "the audience is being looked up");
                return Ok(Err((gone, Phase::Reconciling)));
            }
        }
    };
    Ok(whole(ctx, parts).await?.map(|whole| whole.tracked.digest))
}

/// An audience with its whole list, its sources read live.
///
/// # Errors
/// When the API server doesn't answer.
pub async fn whole(ctx: &Context, parts: Parts) -> Result<Result<Whole, Said>, CallError> {
    if parts.options.from.is_empty() {
        return Ok(Ok(parts.inline()));
    }
    let _turn = ctx.lists.reading.acquire().await.map_err(|_| CallError::Unclear)?;
    let files = match files(ctx, &parts).await? {
        Ok(files) => files,
        Err(obstacle) => return Ok(Err(obstacle)),
    };
    // Seconds of work for a large list.
    let read = tokio::task::spawn_blocking(move || assemble(parts, files)).await;
    Ok(read.unwrap_or_else(|_| {
        Err((
            Verdict::new(Reason::SourceUnreadable, "the sources can't be read: this is a bug of the operator"),
            Phase::Stalled,
        ))
    }))
}

/// The bytes of a source and how to read them.
struct File {
    /// As problems and conditions name it.
    name: String,
    bytes: Vec<u8>,
    format: Format,
    columns: Columns,
}

fn assemble(parts: Parts, files: Vec<File>) -> Result<Whole, Said> {
    parts.with(|normaliser| {
        let mut ignored = 0;
        for file in files {
            let name = file.name.clone();
            ignored += rows(normaliser, file).map_err(|why| unreadable(&name, &why))?;
        }
        Ok(ignored)
    })
}

/// Adds the rows of a file, and tells how many columns it ignored.
fn rows(normaliser: &mut Normaliser<fn(&Member) -> bool>, file: File) -> Result<u64, Unreadable> {
    let File { name, bytes, format, columns } = file;
    let bytes = table::unpack(&bytes)?;
    let kind = normaliser.kind();
    let push = |number, member| normaliser.push(Row { source: &name, number, member });
    table::read(&bytes, kind, format, &columns, push).map(|tally| tally.ignored_columns)
}

/// The bytes of all sources, read live and in order.
async fn files(ctx: &Context, parts: &Parts) -> Result<Result<Vec<File>, Said>, CallError> {
    let namespace = parts.meta.namespace.as_deref().unwrap_or_default();
    let mut files = vec![];
    for source in &parts.options.from {
        let found = match source {
            ListSource { config_map: Some(entry), .. } => config_map(ctx, namespace, parts, entry).await?,
            ListSource { secret: Some(entry), .. } => secret(ctx, namespace, parts, entry).await?,
            ListSource { config_maps: Some(selected), .. } => {
                let labels: Vec<_> =
                    selected.match_labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
                let params = ListParams::default().labels(&labels.join(","));
                let api = ctx.cluster.api::<ConfigMap>(namespace);
                let mut maps = ctx.cluster.call_in(Lane::Flight, async { api.list(&params).await }).await?.items;
                if maps.len() != selected.count as usize {
                    return Ok(Err(wrong_count(maps.len(), selected.count)));
                }
                maps.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
                let entry = |map: ConfigMap| {
                    let name = map.metadata.name.clone().unwrap_or_default();
                    of_config_map(map, &EntryRef { name, key: selected.key.clone() })
                };
                maps.into_iter().map(entry).collect::<Result<Vec<_>, _>>()
            }
            ListSource { .. } => Ok(vec![]),
        };
        let entries = match found {
            Ok(entries) => entries,
            Err(obstacle) => return Ok(Err(obstacle)),
        };
        for (name, key, bytes) in entries {
            let Some(format) = source.format.map(format_of).or_else(|| Format::of_name(&key)) else {
                return Ok(Err(no_format(&name)));
            };
            let columns = source.columns.as_ref().map(columns_of).unwrap_or_default();
            files.push(File { name, bytes, format, columns });
        }
    }
    Ok(Ok(files))
}

/// Entries by the name that they are reported under, their key and their bytes.
type Entries = Result<Vec<(String, String, Vec<u8>)>, Said>;

async fn config_map(ctx: &Context, namespace: &str, parts: &Parts, entry: &EntryRef) -> Result<Entries, CallError> {
    let api = ctx.cluster.api::<ConfigMap>(namespace);
    let Some(map) = ctx.cluster.call_in(Lane::Flight, api.get_opt(&entry.name)).await? else {
        return Ok(Err(not_found(Holder::ConfigMap, &entry.name, namespace, kind_name(parts.kind))));
    };
    Ok(of_config_map(map, entry).map(|found| vec![found]))
}

fn of_config_map(map: ConfigMap, entry: &EntryRef) -> Result<(String, String, Vec<u8>), Said> {
    let name = format!("configMap {}/{}", entry.name, entry.key);
    let text = map.data.and_then(|mut data| data.remove(&entry.key)).map(String::into_bytes);
    let bytes = text.or_else(|| map.binary_data.and_then(|mut data| data.remove(&entry.key)).map(|bytes| bytes.0));
    bytes.map(|bytes| (name, entry.key.clone(), bytes)).ok_or_else(|| no_entry("ConfigMap", entry))
}

async fn secret(ctx: &Context, namespace: &str, parts: &Parts, entry: &EntryRef) -> Result<Entries, CallError> {
    let api = ctx.cluster.api::<Secret>(namespace);
    let secret = match ctx.cluster.call_in(Lane::Flight, api.get_opt(&entry.name)).await {
        Ok(Some(secret)) => secret,
        Ok(None) => return Ok(Err(not_found(Holder::Secret, &entry.name, namespace, kind_name(parts.kind)))),
        Err(CallError::Forbidden) => return Ok(Err(denied(&entry.name, namespace))),
        Err(error) => return Err(error),
    };
    let name = format!("secret {}/{}", entry.name, entry.key);
    let bytes = secret.data.and_then(|mut data| data.remove(&entry.key)).map(|bytes| bytes.0);
    Ok(bytes.map(|bytes| vec![(name, entry.key.clone(), bytes)]).ok_or_else(|| no_entry("Secret", entry)))
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
    let ColumnNames { first_name, last_name, company_name, website, email, linkedin_url } = names;
    let given = [
        (Field::FirstName, first_name),
        (Field::LastName, last_name),
        (Field::CompanyName, company_name),
        (Field::Website, website),
        (Field::Email, email),
        (Field::LinkedinUrl, linkedin_url),
    ];
    Columns::new(given.into_iter().filter_map(|(field, name)| Some((field, name.clone()?))))
}

fn not_found(holder: Holder, name: &str, namespace: &str, kind: &str) -> Said {
    let message = format!(
        "nothing is sent: there is no {holder:?} {name} in namespace {namespace}. Create it, or correct spec.from of this {kind}"
    );
    (Verdict::new(Reason::SourceNotFound, message), Phase::Reconciling)
}

fn no_entry(holder: &str, entry: &EntryRef) -> Said {
    let EntryRef { name, key } = entry;
    let message =
        format!("nothing is sent: {holder} {name} has no entry {key}. Add it, or correct the key in spec.from");
    (Verdict::new(Reason::SourceNotFound, message), Phase::Reconciling)
}

fn wrong_count(found: usize, count: u32) -> Said {
    let message = format!(
        "nothing is sent: {found} ConfigMaps have the labels of configMaps in spec.from, and its count is {count}. Apply those that are missing, or correct the count"
    );
    (Verdict::new(Reason::SourceNotFound, message), Phase::Reconciling)
}

fn looked_up(holder: Holder, name: &str) -> Said {
    (Verdict::new(Reason::Starting, format!("{holder:?} {name} is being looked up")), Phase::Reconciling)
}

fn denied(name: &str, namespace: &str) -> Said {
    let message = format!(
        "nothing is sent: the operator may not read Secret {name} in namespace {namespace}. Grant its ServiceAccount get, list and watch on this Secret by a Role and RoleBinding in the namespace"
    );
    (Verdict::new(Reason::AccessDenied, message), Phase::Reconciling)
}

fn no_format(name: &str) -> Said {
    let message = format!(
        "nothing is sent: the key of {name} has no known ending, so its layout isn't known. Set format in spec.from to CSV, JSON, NDJSON or YAML"
    );
    (Verdict::new(Reason::SourceUnreadable, message), Phase::Stalled)
}

fn unreadable(name: &str, why: &Unreadable) -> Said {
    let message = format!("nothing is sent: {name} can't be read: {why}");
    (Verdict::new(Reason::SourceUnreadable, message), Phase::Stalled)
}
