//! Lists that live in other objects: whether what was read is still the present one, and how it is read whole.
//!
//! A list is read once after a change, for its hash and its counts, and once more live before a claim. Between the two nothing of it stays in memory.

mod files;
mod needs;
mod words;

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use self::files::{File, Room, Stop, Unread};
pub use self::files::{named, news as fetch};
use self::needs::{Needs, Suppressor, suppressors};
use self::words::Owner;
use super::cluster::CallError;
use super::context::Context;
use super::live;
use super::scene::Phase;
use super::tracked::{AudienceKey, Digest, Parts, Tracked, Whole};
use super::verdicts::Said;
use crate::api::condition::{self, ConditionType, Reason, Verdict};
use crate::api::{ListSource, PropensityWorkspace, SuppressionList};
use crate::audience::Suppression;
use crate::clock::Moment;
use crate::sources::versions::NamespacedName;

/// Lists that are read at once: each may be large.
const READ_AT_ONCE: usize = 2;

/// Files that are fetched at once.
const FETCHED_AT_ONCE: usize = 4;

/// What is remembered of lists that live elsewhere.
pub struct Lists {
    inner: Mutex<Inner>,
    reading: Semaphore,
    /// Lists with a file that must be fetched, so that a slow server holds up no others.
    slow: Semaphore,
    fetching: Semaphore,
    /// Questions for news, which may take no place of a list that shall be sent.
    asking: Semaphore,
}

#[derive(Default)]
struct Inner {
    read: HashMap<AudienceKey, Read>,
    /// Audiences that depend on other objects, by namespace.
    dependent: HashMap<String, HashSet<AudienceKey>>,
    /// At which versions suppression lists were read.
    suppressions: HashMap<NamespacedName, Vec<String>>,
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
        Self {
            inner: Mutex::default(),
            reading: Semaphore::new(READ_AT_ONCE),
            slow: Semaphore::new(READ_AT_ONCE),
            fetching: Semaphore::new(FETCHED_AT_ONCE),
            asking: Semaphore::new(FETCHED_AT_ONCE),
        }
    }
}

impl Lists {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that an audience depends on other objects.
    fn note(&self, key: AudienceKey) {
        self.lock().dependent.entry(key.namespace.clone().unwrap_or_default()).or_default().insert(key);
    }

    /// Forgets an audience that is gone, or depends on nothing.
    pub fn forget(&self, key: &AudienceKey) {
        let mut inner = self.lock();
        inner.read.remove(key);
        if let Some(here) = inner.dependent.get_mut(key.namespace.as_deref().unwrap_or_default()) {
            here.remove(key);
        }
    }

    /// The audiences of a namespace that depend on other objects.
    #[must_use]
    pub fn dependent(&self, namespace: &str) -> Vec<AudienceKey> {
        self.lock().dependent.get(namespace).into_iter().flatten().cloned().collect()
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

    /// Notes at which versions a suppression list is read; whether that is new.
    fn reads_suppression(&self, place: NamespacedName, versions: &[String]) -> bool {
        self.lock().suppressions.insert(place, versions.to_owned()).is_none_or(|old| old != versions)
    }

    /// Forgets a suppression list that is gone, or was read to no end.
    pub fn forget_suppression(&self, place: &NamespacedName) {
        self.lock().suppressions.remove(place);
    }

    /// Forgets what a list came to, so that it is read anew.
    pub fn forget_digest(&self, key: &AudienceKey) {
        self.lock().read.remove(key);
    }

    async fn turn(&self, is_slow: bool) -> Result<SemaphorePermit<'_>, CallError> {
        let turns = if is_slow { &self.slow } else { &self.reading };
        turns.acquire().await.map_err(|_| CallError::Unclear)
    }

    async fn question(&self) -> Result<SemaphorePermit<'_>, CallError> {
        self.asking.acquire().await.map_err(|_| CallError::Unclear)
    }

    async fn download(&self) -> Result<SemaphorePermit<'_>, CallError> {
        self.fetching.acquire().await.map_err(|_| CallError::Unclear)
    }
}

/// Puts into an audience what its list comes to now, or why that isn't known; reads what it depends on only where something of that changed. Tells how long to wait,
/// where waiting helps.
///
/// # Errors
/// When the API server doesn't answer.
pub async fn read(
    ctx: &Context,
    audience: &mut Tracked,
    workspace: Option<&PropensityWorkspace>,
) -> Result<Option<Duration>, CallError> {
    let suppressors = suppressors(&audience.options, audience.kind, workspace);
    if audience.options.from.is_empty() && suppressors.is_empty() {
        ctx.lists.forget(&audience.key());
        return Ok(None);
    }
    ctx.lists.note(audience.key());
    let mut wait = None;
    let namespace = audience.namespace().to_owned();
    let mut needs = Needs::new(ctx, &namespace);
    let mut known = needs.add_sources(&audience.options.from, Owner::Audience(audience.kind));
    let mut changed = needs.changed;
    known = known.and_then(|()| needs.add_suppressors(&suppressors));
    // Of an audience that is created, another suppression alone sends nothing, so nothing has to settle.
    let ready = condition::find(&audience.status.conditions, ConditionType::Ready).is_some_and(|c| c.status == "True");
    if !ready || audience.options.resend_on_suppression {
        changed = needs.changed;
    }
    let versions = needs.versions;
    let digest = match known {
        Err(obstacle) => Err(obstacle),
        Ok(()) => match ctx.lists.known(audience, &versions) {
            Some(digest) => digest,
            None => match settling(ctx, audience, changed) {
                Some((left, verdict)) => {
                    wait = Some(left);
                    Err((verdict, Phase::Reconciling))
                }
                None => match digest(ctx, audience, workspace).await? {
                    Err(Obstacle { said, again: Some(left) }) => {
                        wait = Some(left);
                        Err(said)
                    }
                    digest => {
                        let digest = digest.map_err(|obstacle| obstacle.said);
                        ctx.lists.remember(audience, versions, digest.clone());
                        digest
                    }
                },
            },
        },
    };
    match digest {
        Ok(digest) => (audience.digest, audience.unread) = (digest, None),
        Err(obstacle) => audience.unread = Some(obstacle),
    }
    Ok(wait)
}

/// The versions of all that a list depends on, as the watches know them; `None` where one isn't known.
#[must_use]
pub fn versions(ctx: &Context, audience: &Tracked, workspace: Option<&PropensityWorkspace>) -> Option<Vec<String>> {
    let suppressors = suppressors(&audience.options, audience.kind, workspace);
    let mut needs = Needs::new(ctx, audience.namespace());
    needs.add_sources(&audience.options.from, Owner::Audience(audience.kind)).ok()?;
    needs.add_suppressors(&suppressors).ok()?;
    Some(needs.versions)
}

/// Whether the suppression lists that hold for an audience are live what the watches know of them.
///
/// # Errors
/// When the API server doesn't answer.
pub async fn same_suppression(
    ctx: &Context,
    audience: &Tracked,
    workspace: Option<&PropensityWorkspace>,
) -> Result<bool, CallError> {
    for Suppressor { name, .. } in suppressors(&audience.options, audience.kind, workspace) {
        let known = ctx.suppression_list(audience.namespace(), &name);
        let now = live::suppression_list(ctx, audience.namespace(), &name).await?;
        let meta = |list: &SuppressionList| (list.metadata.uid.clone(), list.metadata.generation);
        if known.map(|known| meta(&known)) != now.map(|now| meta(&now)) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// How long what the list depends on must still be quiet.
fn settling(ctx: &Context, audience: &Tracked, changed: Moment) -> Option<(Duration, Verdict)> {
    let window = Duration::from(audience.options.stabilization_window);
    let quiet = ctx.clock.boottime().since(changed);
    let left = window.checked_sub(quiet).filter(|left| !left.is_zero() && changed != Moment::default())?;
    let message = format!(
        "a source of the list changed: it is read when all are quiet for {} s (spec.stabilizationWindow)",
        window.as_secs()
    );
    Some((left, Verdict::new(Reason::SourcesChanging, message)))
}

async fn digest(
    ctx: &Context,
    audience: &Tracked,
    workspace: Option<&PropensityWorkspace>,
) -> Result<Result<Digest, Obstacle>, CallError> {
    // The members that stand in the object are let go when it is digested; without any, it needn't be read.
    let parts = if audience.inline == 0 {
        let Tracked { meta, kind, options, status, .. } = audience.clone();
        Parts { meta, kind, options, status, members: vec![] }
    } else {
        match live::audience(ctx, audience.kind, audience.namespace(), audience.name()).await? {
            Some(parts) if parts.meta.uid == audience.meta.uid => parts,
            _ => {
                let gone = Verdict::new(Reason::Pending, "the audience is being looked up");
                return Ok(Err((gone, Phase::Reconciling).into()));
            }
        }
    };
    Ok(whole(ctx, parts, workspace).await?.map(|whole| whole.tracked.digest))
}

/// An audience with its whole list, all that it depends on read live.
///
/// # Errors
/// When the API server doesn't answer.
pub async fn whole(
    ctx: &Context,
    parts: Parts,
    workspace: Option<&PropensityWorkspace>,
) -> Result<Result<Whole, Obstacle>, CallError> {
    let suppressors = suppressors(&parts.options, parts.kind, workspace);
    if parts.options.from.is_empty() && suppressors.is_empty() {
        return Ok(Ok(parts.inline()));
    }
    let namespace = parts.meta.namespace.as_deref().unwrap_or_default();
    let _turn = ctx.lists.turn(is_slow(ctx, namespace, &parts.options.from, &suppressors)).await?;
    let read = async {
        let mut room = Room::default();
        let files = files::files(ctx, namespace, Owner::Audience(parts.kind), &parts.options.from, &mut room).await?;
        Ok((files, files::suppressions(ctx, namespace, &suppressors, &mut room).await?))
    };
    let read: Result<_, Stop> = read.await;
    match read {
        Ok((files, suppressions)) => {
            Ok(busy(move || assemble(parts, files, suppressions)).await.map_err(Obstacle::from))
        }
        Err(stop) => stop.obstacle().map(Err),
    }
}

/// Whether a list has a file that must be fetched.
fn is_slow(ctx: &Context, namespace: &str, from: &[ListSource], suppressors: &[Suppressor]) -> bool {
    let slow = |from: &[ListSource]| from.iter().any(|source| source.http.is_some() || source.flux_source.is_some());
    let lists = suppressors.iter().filter_map(|s| ctx.suppression_list(namespace, &s.name));
    slow(from) || lists.into_iter().any(|list| slow(&list.spec.from))
}

/// Why a list isn't known.
pub struct Obstacle {
    /// What a person reads.
    pub said: Said,
    /// When to look again, where it may pass without anything changing in the cluster.
    pub again: Option<Duration>,
}

impl From<Said> for Obstacle {
    fn from(said: Said) -> Self {
        Self { said, again: None }
    }
}

impl Stop {
    fn obstacle(self) -> Result<Obstacle, CallError> {
        match self {
            Self::Told(said) => Ok(said.into()),
            Self::Passing(said, again) => Ok(Obstacle { said, again: Some(again) }),
            Self::Call(error) => Err(error),
        }
    }
}

/// Seconds of work for a large list, where they hold nobody up.
async fn busy<T: Send + 'static>(work: impl FnOnce() -> Result<T, Said> + Send + 'static) -> Result<T, Said> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(words::bug()))
}

fn assemble(parts: Parts, files: Vec<File>, suppressions: Vec<Unread>) -> Result<Whole, Said> {
    let mut room = Room::default();
    let suppression = files::entries(suppressions, &mut room)?;
    parts.with(suppression, |normaliser| {
        let (mut ignored, kind) = (0, normaliser.kind());
        for file in files {
            let name = file.name.clone();
            let tally = file.read(kind, &mut room, |number, member| normaliser.push_in(&name, number, member));
            ignored += tally.map_err(|why| words::unreadable(&name, why))?.ignored_columns;
        }
        Ok(ignored)
    })
}

/// What a suppression list comes to, read anew where something of it changed; `None` where nothing did.
///
/// # Errors
/// When the API server doesn't answer.
pub async fn suppression(
    ctx: &Context,
    list: &SuppressionList,
) -> Result<Option<Result<Suppression, Obstacle>>, CallError> {
    let namespace = list.metadata.namespace.clone().unwrap_or_default();
    let name = list.metadata.name.clone().unwrap_or_default();
    let this = Suppressor { name: name.clone(), named_in: String::new() };
    let mut needs = Needs::new(ctx, &namespace);
    if let Err(obstacle) = needs.add_suppressors(std::slice::from_ref(&this)) {
        ctx.lists.forget_suppression(&(namespace, name));
        return Ok(Some(Err(obstacle.into())));
    }
    if !ctx.lists.reads_suppression((namespace.clone(), name.clone()), &needs.versions) {
        return Ok(None);
    }
    let is_slow = is_slow(ctx, &namespace, &[], std::slice::from_ref(&this));
    let read = async {
        let _turn = ctx.lists.turn(is_slow).await?;
        let unread = files::suppressions(ctx, &namespace, &[this], &mut Room::default()).await?;
        Ok(busy(move || files::entries(unread, &mut Room::default())).await?)
    };
    let read: Result<_, Stop> = read.await;
    let read = read.map_err(Stop::obstacle);
    if matches!(&read, Err(Err(_) | Ok(Obstacle { again: Some(_), .. }))) {
        ctx.lists.forget_suppression(&(namespace, name));
    }
    match read {
        Ok(suppression) => Ok(Some(Ok(suppression))),
        Err(obstacle) => Ok(Some(Err(obstacle?))),
    }
}
