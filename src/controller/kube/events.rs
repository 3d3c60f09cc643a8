//! Events: what `kubectl describe` shows below an object.
//!
//! Best effort, with one request for each event: the status and the receipts have the truth, so a lost event is logged
//! and fails nothing. The same event about the same object isn't repeated within some minutes. (kube's own `Recorder`
//! sends the old note with a repeated event, and loses notes that are longer than the API server takes.)

use std::borrow::Cow;
use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{Api, ObjectMeta, PostParams};

use crate::api::{GROUP, VERSION};
use crate::clock::{Clock, Moment};
use crate::controller::model::event::NewEvent;
use crate::telemetry::metrics::kube_category;

/// Who reports, on every event.
pub const CONTROLLER: &str = "propensity-operator";

/// The whole time that an event may take, its second try included.
const PATIENCE: Duration = Duration::from_secs(5);
const SECOND_TRY_AFTER: Duration = Duration::from_millis(500);
const QUIET: Duration = Duration::from_secs(600);
const REMEMBERED: usize = 1_024;
// The API server takes 1,024 bytes.
const NOTE_BYTES: usize = 1_000;
const WORD_BYTES: usize = 128;
const NAME_BYTES: usize = 253;

/// Publishes events. Clones share what they remember.
#[derive(Clone)]
pub struct Publisher {
    client: kube::Client,
    identity: Arc<str>,
    clock: Clock,
    published: Arc<Mutex<VecDeque<Published>>>,
}

/// An event that was published, and when.
struct Published {
    content: u64,
    at: Moment,
}

impl Publisher {
    /// Publishes as this process. The client must not retry on its own.
    pub fn new(client: kube::Client, identity: &str, clock: Clock) -> Self {
        Self { client, identity: Arc::from(&*cut(identity, WORD_BYTES)), clock, published: Arc::default() }
    }

    /// Publishes an event about an object, unless the same was published within the last minutes. Returns when it is
    /// published or given up, after some seconds at most.
    pub async fn publish(&self, regarding: &ObjectReference, event: NewEvent) {
        let content =
            hash(&(regarding.uid.as_deref(), regarding.name.as_deref(), event.type_, event.reason, &event.note));
        if !self.is_new(content) {
            return;
        }
        let reason = event.reason;
        let event = self.event(regarding, &event);
        let publishing = self.publish_or_explain(&event);
        let published = tokio::time::timeout(PATIENCE, publishing).await.unwrap_or(Err("timeout"));
        if let Err(category) = published {
            self.forget(content);
            tracing::warn!(
                category,
                reason,
                kind = regarding.kind,
                namespace = regarding.namespace,
                name = regarding.name,
                "an event couldn't be published"
            );
        }
    }

    fn event(&self, regarding: &ObjectReference, event: &NewEvent) -> Event {
        let name = event_name(regarding.name.as_deref().unwrap_or_default(), &self.clock.random_id());
        // Events about objects without a namespace live in the default one.
        let namespace = regarding.namespace.clone().unwrap_or_else(|| "default".to_owned());
        Event {
            metadata: ObjectMeta { name: Some(name), namespace: Some(namespace), ..ObjectMeta::default() },
            event_time: Some(MicroTime(self.clock.wall())),
            type_: Some(event.type_.as_str().to_owned()),
            reason: Some(cut(event.reason, WORD_BYTES).into_owned()),
            action: Some(cut(event.action, WORD_BYTES).into_owned()),
            note: Some(cut(&event.note, NOTE_BYTES).into_owned()),
            regarding: Some(regarding.clone()),
            reporting_controller: Some(CONTROLLER.to_owned()),
            reporting_instance: Some(self.identity.to_string()),
            ..Event::default()
        }
    }

    /// One request, and a second where the first failed in a way that passes.
    async fn publish_or_explain(&self, event: &Event) -> Result<(), &'static str> {
        let namespace = event.metadata.namespace.as_deref().unwrap_or_default();
        let api: Api<Event> = Api::namespaced(self.client.clone(), namespace);
        let category = match api.create(&PostParams::default(), event).await {
            Ok(_) => return Ok(()),
            Err(error) => kube_category(&error),
        };
        if !matches!(category, "connection" | "server" | "timeout" | "throttled") {
            return Err(category);
        }
        tokio::time::sleep(self.clock.jittered(SECOND_TRY_AFTER, 1.0)).await;
        match api.create(&PostParams::default(), event).await {
            Ok(_) => Ok(()),
            // The name is ours alone: the first try came through after all.
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
            Err(error) => Err(kube_category(&error)),
        }
    }

    /// Whether this wasn't published lately; from now on it was.
    fn is_new(&self, content: u64) -> bool {
        let now = self.clock.boottime();
        let mut published = self.published();
        while published.front().is_some_and(|old| now.since(old.at) >= QUIET) {
            published.pop_front();
        }
        if published.iter().any(|old| old.content == content) {
            return false;
        }
        if published.len() >= REMEMBERED {
            published.pop_front();
        }
        published.push_back(Published { content, at: now });
        true
    }

    fn forget(&self, content: u64) {
        self.published().retain(|old| old.content != content);
    }

    fn published(&self) -> MutexGuard<'_, VecDeque<Published>> {
        self.published.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A reference to an object of the operator's own API group.
#[must_use]
pub fn reference(kind: &str, namespace: &str, name: &str, uid: &str) -> ObjectReference {
    ObjectReference {
        api_version: Some(format!("{GROUP}/{VERSION}")),
        kind: Some(kind.to_owned()),
        namespace: Some(namespace.to_owned()),
        name: Some(name.to_owned()),
        uid: Some(uid.to_owned()),
        ..ObjectReference::default()
    }
}

/// The object's name, cut so that a dot and the suffix fit behind it.
fn event_name(object: &str, suffix: &str) -> String {
    let mut end = object.len().min(NAME_BYTES - 1 - suffix.len());
    while !object.is_char_boundary(end) {
        end -= 1;
    }
    // What stands before a dot must be a letter or a digit.
    let stem = object[..end].trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
    if stem.is_empty() { suffix.to_owned() } else { format!("{stem}.{suffix}") }
}

/// The text itself, or as much of it as fits with an ellipsis.
fn cut(text: &str, bytes: usize) -> Cow<'_, str> {
    const ELLIPSIS: char = '…';
    if text.len() <= bytes {
        return Cow::Borrowed(text);
    }
    let mut end = bytes - ELLIPSIS.len_utf8();
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    Cow::Owned(format!("{}{ELLIPSIS}", &text[..end]))
}

fn hash(words: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    words.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests;
