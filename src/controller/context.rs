//! What every pass shares, built once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use kube::runtime::reflector::{ObjectRef, Store};
use tokio::sync::{mpsc::UnboundedSender, watch};

use super::anchor::Ledgers;
use super::cluster::Cluster;
use super::events::Publisher;
use super::flights::Flights;
use super::gates::Gates;
use super::lists::Lists;
use super::memory::Memory;
use super::open_receipts::{OpenReceipts, ReceiptKey};
use super::reports;
use super::sources::Named;
use super::tracked::{AudienceKey, Tracked};
use super::workspace::Seen;
use crate::api::{PropensityReport, PropensityWorkspace, SuppressionList};
use crate::audience::Kind;
use crate::clock::{Clock, Moment};
use crate::ledger::DayBudget;
use crate::propensity::{BaseUrl, Client, ReportClient};
use crate::sources::{Secrets, remote::SourceClient, secrets::Scope, versions::Versions};
use crate::telemetry::metrics::Metrics;

/// A workspace by namespace and name.
pub type WorkspaceKey = ObjectRef<PropensityWorkspace>;

/// What every pass shares.
pub struct Context {
    /// The API server.
    pub cluster: Cluster,
    /// The Propensity API, or why no key may be sent to it.
    pub api: Result<Api, String>,
    /// Time and randomness.
    pub clock: Clock,
    /// What the operator was told.
    pub switches: Switches,
    /// The workspaces.
    pub workspaces: Store<PropensityWorkspace>,
    /// The contact audiences.
    pub contacts: Store<Tracked>,
    /// The account audiences.
    pub accounts: Store<Tracked>,
    /// The suppression lists, without their entries.
    pub suppression_lists: Store<SuppressionList>,
    /// The reports.
    pub preports: Store<PropensityReport>,
    /// The open receipts.
    pub receipts: OpenReceipts,
    /// The keys.
    pub secrets: Secrets,
    /// Secrets to watch beside the operator's own names, since a workspace names them.
    pub named_secrets: UnboundedSender<Scope>,
    /// Versions of the objects that lists are read from.
    pub versions: Versions,
    /// What to watch by its name, since a list is read from it.
    pub named_sources: UnboundedSender<Named>,
    /// Fetches lists that live elsewhere.
    pub remote: SourceClient,
    /// What is remembered of lists that live elsewhere.
    pub lists: Lists,
    /// Fetches reports.
    pub report_client: ReportClient,
    /// What is remembered of reports between passes.
    pub reports: reports::State,
    /// The gates of the keys.
    pub gates: Gates,
    /// The ledgers of the workspaces.
    pub ledgers: Ledgers,
    /// The creates of the day.
    pub budgets: Budgets,
    /// How many kinds of objects have been listed whole.
    pub feeds: watch::Sender<usize>,
    /// What is remembered of audiences between passes.
    pub memory: Memory,
    /// What is remembered of workspaces between passes.
    pub seen: Seen,
    /// The attempts of this process.
    pub flights: Flights,
    /// Who to look at next.
    pub wake: Wake,
    /// Events.
    pub events: Publisher,
    /// Metrics.
    pub metrics: Metrics,
    /// Whether this process may claim: it leads and isn't ending.
    pub claims: AtomicBool,
    /// A wall time and the moment at which it was read, so that a moment is always shown as the same time.
    pub epoch: (Timestamp, Moment),
}

/// The Propensity API.
pub struct Api {
    /// Its address.
    pub base: BaseUrl,
    /// The client.
    pub client: Client,
}

/// What the operator was told.
pub struct Switches {
    /// Send nothing.
    pub suspend: bool,
    /// How long a claim may wait for its request.
    pub send_by: Duration,
    /// This process's name.
    pub identity: String,
    /// Where audiences are; everywhere if empty.
    pub namespaces: Vec<String>,
}

impl Context {
    /// The audiences of a kind.
    #[must_use]
    pub fn audiences(&self, kind: Kind) -> &Store<Tracked> {
        match kind {
            Kind::Contacts => &self.contacts,
            Kind::Accounts => &self.accounts,
        }
    }

    /// The workspace that an audience names.
    #[must_use]
    pub fn workspace_of(&self, audience: &Tracked) -> Option<std::sync::Arc<PropensityWorkspace>> {
        let key = ObjectRef::new(&audience.options.workspace_ref.name).within(audience.namespace());
        self.workspaces.get(&key)
    }

    /// A suppression list, without its entries.
    #[must_use]
    pub fn suppression_list(&self, namespace: &str, name: &str) -> Option<std::sync::Arc<SuppressionList>> {
        self.suppression_lists.get(&ObjectRef::new(name).within(namespace))
    }

    /// Host of the API, as it stands in identities.
    ///
    /// # Errors
    /// Why no key may be sent there.
    pub fn host(&self) -> Result<&str, String> {
        self.api.as_ref().map(|api| api.base.host()).map_err(Clone::clone)
    }

    /// Whether this process may claim now.
    #[must_use]
    pub fn may_claim(&self) -> bool {
        self.claims.load(Ordering::SeqCst)
    }

    /// The same time for the same moment, whenever it is asked for.
    #[must_use]
    pub fn wall_at(&self, moment: Moment) -> Timestamp {
        let (wall, then) = self.epoch;
        let ahead = self.clock.real(moment.since(then));
        wall.checked_add(ahead).unwrap_or(wall)
    }
}

/// Who to look at next. Before a process leads nobody listens, and when it does, everything is looked at.
#[derive(Default)]
pub struct Wake {
    queues: Mutex<Queues>,
}

#[derive(Default)]
struct Queues {
    contacts: Option<UnboundedSender<ObjectRef<Tracked>>>,
    accounts: Option<UnboundedSender<ObjectRef<Tracked>>>,
    workspaces: Option<UnboundedSender<WorkspaceKey>>,
    suppression_lists: Option<UnboundedSender<ObjectRef<SuppressionList>>>,
    reports: Option<UnboundedSender<ObjectRef<PropensityReport>>>,
    receipts: Option<UnboundedSender<ReceiptKey>>,
}

impl Wake {
    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Listens from now on.
    pub fn open(
        &self,
        contacts: UnboundedSender<ObjectRef<Tracked>>,
        accounts: UnboundedSender<ObjectRef<Tracked>>,
        workspaces: UnboundedSender<WorkspaceKey>,
        suppression_lists: UnboundedSender<ObjectRef<SuppressionList>>,
        reports: UnboundedSender<ObjectRef<PropensityReport>>,
        receipts: UnboundedSender<ReceiptKey>,
    ) {
        *self.lock() = Queues {
            contacts: Some(contacts),
            accounts: Some(accounts),
            workspaces: Some(workspaces),
            suppression_lists: Some(suppression_lists),
            reports: Some(reports),
            receipts: Some(receipts),
        };
    }

    /// Listens no more; what runs comes to its end.
    pub fn close(&self) {
        *self.lock() = Queues::default();
    }

    /// An audience shall be looked at.
    pub fn audience(&self, key: AudienceKey) {
        let queues = self.lock();
        let queue = if key.dyntype == Kind::Contacts { &queues.contacts } else { &queues.accounts };
        if let Some(queue) = queue {
            // Whoever listened may be ending; then nothing needs looking at.
            let _ = queue.send(key);
        }
    }

    /// Audiences shall be looked at.
    pub fn audiences(&self, keys: impl IntoIterator<Item = AudienceKey>) {
        keys.into_iter().for_each(|key| self.audience(key));
    }

    /// A workspace shall be looked at.
    pub fn workspace(&self, key: WorkspaceKey) {
        if let Some(queue) = &self.lock().workspaces {
            let _ = queue.send(key);
        }
    }

    /// A suppression list shall be looked at.
    pub fn suppression_list(&self, key: ObjectRef<SuppressionList>) {
        if let Some(queue) = &self.lock().suppression_lists {
            let _ = queue.send(key);
        }
    }

    /// A report shall be looked at.
    pub fn report(&self, key: ObjectRef<PropensityReport>) {
        if let Some(queue) = &self.lock().reports {
            let _ = queue.send(key);
        }
    }

    /// A receipt shall be looked at.
    pub fn receipt(&self, key: ReceiptKey) {
        if let Some(queue) = &self.lock().receipts {
            let _ = queue.send(key);
        }
    }
}

/// The creates of the day, by `workspaceID`.
#[derive(Default)]
pub struct Budgets {
    days: Mutex<HashMap<String, DayBudget>>,
}

impl Budgets {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, DayBudget>> {
        self.days.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many creates a day has used.
    #[must_use]
    pub fn used(&self, workspace_id: &str, now: Timestamp) -> u32 {
        self.lock().get(workspace_id).map_or(0, |day| day.used(now))
    }

    /// Counts an attempt, if there is room for it.
    #[must_use]
    pub fn try_spend(&self, workspace_id: &str, limit: u32, now: Timestamp, attempt: &str) -> bool {
        let mut days = self.lock();
        let day = days.entry(workspace_id.to_owned()).or_default();
        if day.used(now) >= limit {
            return false;
        }
        day.spend(now, attempt);
        true
    }

    /// Gives back an attempt that sent nothing.
    pub fn refund(&self, workspace_id: &str, attempt: &str) {
        if let Some(day) = self.lock().get_mut(workspace_id) {
            day.refund(attempt);
        }
    }

    /// Counts what a receipt says about the day.
    pub fn count(&self, now: Timestamp, receipt: &crate::ledger::Receipt) {
        let mut days = self.lock();
        days.entry(receipt.identity.workspace_id.clone()).or_default().count(now, &receipt.record);
    }
}

#[cfg(test)]
mod tests;
