//! The gate of one key: who may send a create now, and who waits until when and why.
//!
//! Pure: time comes in as a [`Moment`], jitter as a number. The key's owner asks before each create and reports every
//! end; nothing here sends or sleeps. Askers wait in one queue in the order in which they first asked. The n-th of
//! them may go when n places are free: of pace (GCRA), and of requests in flight. While the breaker is half-open, the
//! host can't be reached or the key is in caution, they go one at a time.
//!
//! A free place is kept for the asker whose turn it is, but only for a moment. If it doesn't ask by then, it is late:
//! the place goes to the next one. An asker that was late keeps its order, so it is first in line when it asks again.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::hash::Hash;
use std::time::Duration;

use super::hold::{BREAKER, BreakerCause, CAUTION, Hold, PAUSE, UNREACHABLE};
use super::pace::{BreakerView, Effect, GateView, Grant, Limits, Permit, WaitReason};
use crate::clock::Moment;

/// How long a free place is kept for an asker after it was due. Short, since no other asker can use the place
/// meanwhile.
const GRACE: Duration = Duration::from_secs(2);
/// How long an asker that is late keeps its order. One that stays away for longer starts again at the end of the queue.
const LATE_FOR: Duration = Duration::from_secs(3600);
/// When to ask again where no time can be known: something in flight has to end first. [`Gate::give_back`] returns whom
/// to enqueue earlier.
const RECHECK: Duration = Duration::from_secs(30);

/// When to ask again behind creates that may go now.
const BEHIND: Duration = Duration::from_secs(2);
/// A pause whose length the API didn't specify.
const DEFAULT_PAUSE: Duration = Duration::from_secs(15);

#[derive(Debug)]
struct Waiter<T> {
    ticket: u64,
    who: T,
    /// When it was to ask again, or was returned to be enqueued.
    due: Moment,
}

impl<T> Waiter<T> {
    /// From when on no place is kept for it.
    fn late_from(&self) -> Moment {
        self.due + GRACE
    }
}

/// Pace, breaker, pause, back-off and caution of one key. `T` names an asker.
#[derive(Debug)]
pub struct Gate<T> {
    limits: BTreeMap<String, Limits>,
    /// GCRA: the moment from which the bucket would be full again.
    full_at: Moment,
    /// Those who are expected to ask when they are due.
    queue: VecDeque<Waiter<T>>,
    tickets: HashMap<T, u64>,
    /// Those who didn't ask in time: nothing is kept for them but their order.
    late: HashMap<T, Waiter<T>>,
    next_ticket: u64,
    /// No waiter of the queue is late before this.
    none_late_before: Moment,
    next_permit: u64,
    in_flight: BTreeSet<u64>,
    breaker: Option<(BreakerCause, Hold)>,
    pause: Option<Hold>,
    unreachable: Option<Hold>,
    caution: Option<Hold>,
}

impl<T: Clone + Eq + Hash> Default for Gate<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Clone + Eq + Hash> Gate<T> {
    /// A gate that lets through at the default pace until limits are set.
    pub fn new() -> Self {
        Self {
            limits: BTreeMap::new(),
            full_at: Moment::default(),
            queue: VecDeque::new(),
            tickets: HashMap::new(),
            late: HashMap::new(),
            next_ticket: 0,
            none_late_before: Moment::default(),
            next_permit: 0,
            in_flight: BTreeSet::new(),
            breaker: None,
            pause: None,
            unreachable: None,
            caution: None,
        }
    }

    /// Sets what one workspace allows. Where several use the key, the lower of each counts.
    pub fn set_limits(&mut self, workspace: &str, limits: Limits) {
        self.limits.insert(workspace.to_owned(), limits);
    }

    /// Drops what a workspace allowed; it is gone, or uses another key now.
    pub fn remove_limits(&mut self, workspace: &str) {
        self.limits.remove(workspace);
    }

    /// The workspaces that use the key.
    pub fn workspaces(&self) -> impl Iterator<Item = &str> {
        self.limits.keys().map(String::as_str)
    }

    /// The limits in force.
    pub fn limits(&self) -> Limits {
        self.limits.values().copied().reduce(Limits::lower).unwrap_or_default()
    }

    /// Whether no workspace uses the key any more and nothing is on its way, so that the gate may be dropped.
    pub fn is_idle(&self) -> bool {
        self.limits.is_empty() && self.in_flight.is_empty()
    }

    /// Asks for a permit to send one create. An asker that waits keeps its place by asking again at the returned time.
    pub fn ask(&mut self, now: Moment, who: T) -> Grant {
        self.skip_late(now);
        let place = self.enter(now, who);
        if let Some(Obstacle { until, why, known }) = self.obstacle(now, place) {
            let waiter = &mut self.queue[place];
            waiter.due = until;
            self.none_late_before = self.none_late_before.min(waiter.late_from());
            return Grant::Wait { until, why, known };
        }
        self.leave(place);
        self.full_at = self.full_at.max(now) + self.limits().interval();
        let permit = self.next_permit;
        self.next_permit += 1;
        self.in_flight.insert(permit);
        Grant::Permit(Permit(permit))
    }

    /// Asks for leave to fetch something at the pace of creates, and behind them: while one could go, and while half a
    /// burst isn't left for those to come, it waits. What holds back creates alone (a breaker, caution) doesn't hold
    /// it. When to ask again, if it may not go.
    ///
    /// # Errors
    /// When it may not go yet.
    pub fn ask_behind(&mut self, now: Moment) -> Result<(), Moment> {
        self.skip_late(now);
        if let Some(pause) = self.pause.filter(|pause| pause.until > now) {
            return Err(pause.until);
        }
        let head = (!self.queue.is_empty()).then(|| self.obstacle(now, 0).map(|obstacle| obstacle.why));
        if let Some(None | Some(WaitReason::Pacing)) = head {
            return Err(now + BEHIND);
        }
        let slot = self.slot(now, self.limits().burst as usize / 2);
        if slot > now {
            return Err(slot);
        }
        self.full_at = self.full_at.max(now) + self.limits().interval();
        Ok(())
    }

    /// The API asked for a pause in answer to something that had no permit.
    pub fn must_pause(&mut self, now: Moment, retry_after: Option<Duration>) {
        let next = self.next_permit;
        self.pause.get_or_insert(Hold::open(now, next)).at_least(now, next, retry_after.unwrap_or(DEFAULT_PAUSE));
    }

    /// Takes an asker out of the queue: it is gone, or has nothing to send any more. Returns whom to enqueue.
    #[must_use = "enqueue them"]
    pub fn forget(&mut self, now: Moment, who: &T) -> Vec<T> {
        self.late.remove(who);
        if let Some(ticket) = self.tickets.get(who).copied() {
            self.leave(self.queue.partition_point(|waiter| waiter.ticket < ticket));
        }
        self.ready(now)
    }

    /// Takes back a permit with what came of it. `jitter` (0 to 1) spreads the tries of an API that can't be reached.
    /// Returns whom to enqueue.
    #[must_use = "enqueue them"]
    pub fn give_back(&mut self, now: Moment, permit: Permit, effect: Effect, jitter: f64) -> Vec<T> {
        let number = permit.0;
        self.in_flight.remove(&number);
        let next = self.next_permit;
        if !matches!(effect, Effect::Unused | Effect::Unreachable) {
            lift(&mut self.unreachable, number);
        }
        match effect {
            Effect::Definite => {
                lift(&mut self.pause, number);
                lift(&mut self.caution, number);
                self.breaker.take_if(|(_, hold)| hold.judges(number));
            }
            Effect::Busy { retry_after } => self.pause_for(now, number, retry_after),
            Effect::OpenBreaker(cause) => {
                let (shown, hold) = self.breaker.get_or_insert((cause, Hold::open(now, next)));
                if hold.judges(number) {
                    *shown = cause;
                }
                hold.grow(now, number, next, BREAKER, 1.0);
            }
            Effect::Unreachable => {
                let scale = 0.5 + jitter.clamp(0.0, 1.0) / 2.0;
                let hold = self.unreachable.get_or_insert(Hold::open(now, next));
                hold.grow(now, number, next, UNREACHABLE, scale);
            }
            Effect::Unclear { retry_after } => {
                self.caution.get_or_insert(Hold::open(now, next)).grow(now, number, next, CAUTION, 1.0);
                if retry_after.is_some() {
                    self.pause_for(now, number, retry_after);
                }
            }
            Effect::Unused => {}
        }
        self.ready(now)
    }

    /// Starts caution without an answer of its own: the process found an unknown attempt, or a claim that isn't its
    /// own. The first create may go at once, but alone.
    pub fn enter_caution(&mut self, now: Moment) {
        let next = self.next_permit;
        self.caution.get_or_insert(Hold::open(now, next));
    }

    /// A person asked to try again: an open breaker half-opens, an unreachable API is tried. Returns whom to enqueue.
    #[must_use = "enqueue them"]
    pub fn retry_now(&mut self, now: Moment) -> Vec<T> {
        if let Some((_, hold)) = &mut self.breaker {
            hold.hurry(now);
        }
        if let Some(hold) = &mut self.unreachable {
            hold.hurry(now);
        }
        self.ready(now)
    }

    /// Who may go now and doesn't know it yet, in order. Whoever is named here should ask at once, else its place is
    /// given on: call this also as time goes by.
    #[must_use = "enqueue them"]
    pub fn ready(&mut self, now: Moment) -> Vec<T> {
        self.skip_late(now);
        let count = (0..self.queue.len()).take_while(|place| self.obstacle(now, *place).is_none()).count();
        let mut named = vec![];
        // Those who are due already come by themselves, or were named before.
        for waiter in self.queue.iter_mut().take(count).filter(|waiter| waiter.due > now) {
            waiter.due = now;
            self.none_late_before = self.none_late_before.min(waiter.late_from());
            named.push(waiter.who.clone());
        }
        named
    }

    /// When time alone next changes something: call [`Gate::ready`] then.
    pub fn next_change(&self, now: Moment) -> Option<Moment> {
        let holds = self.holds().map(|(until, _)| until);
        let slot = (!self.queue.is_empty()).then(|| self.slot(now, 0));
        let late = self.queue.iter().map(Waiter::late_from).min();
        holds.chain(slot).chain(late).filter(|moment| *moment > now).min()
    }

    /// The state for conditions and metrics.
    pub fn view(&self, now: Moment) -> GateView {
        GateView {
            breaker: self.breaker.map(|(cause, hold)| BreakerView {
                cause,
                since: hold.since,
                half_open_at: hold.until,
            }),
            paused_until: self.pause.map(|hold| hold.until).filter(|until| *until > now),
            caution: self.caution.map(|hold| hold.until),
            unreachable: self.unreachable.map(|hold| hold.until),
            waiting: self.queue.len() + self.late.len(),
            in_flight: self.in_flight.len(),
        }
    }

    /// What keeps the asker at this place (0 is the head) from going now.
    fn obstacle(&self, now: Moment, place: usize) -> Option<Obstacle> {
        let limits = self.limits();
        let behind = limits.interval().saturating_mul(u32::try_from(place).unwrap_or(u32::MAX));
        let held = self.holds().filter(|(until, _)| *until > now).max_by_key(|(until, _)| *until);
        if let Some((until, why)) = held {
            return Some(Obstacle { until: until + behind, why, known: true });
        }
        let slot = self.slot(now, place);
        if let Some(why) = self.one_at_a_time()
            && (place > 0 || !self.in_flight.is_empty())
        {
            return Some(Obstacle { until: slot.max(now + RECHECK + behind), why, known: false });
        }
        if slot > now {
            return Some(Obstacle { until: slot, why: WaitReason::Pacing, known: true });
        }
        let full = self.in_flight.len() + place >= limits.concurrent.max(1) as usize;
        full.then(|| Obstacle { until: now + RECHECK + behind, why: WaitReason::Pacing, known: false })
    }

    /// Everything that stops the whole key, in the order in which it matters least to most.
    fn holds(&self) -> impl Iterator<Item = (Moment, WaitReason)> {
        let caution = self.caution.map(|hold| (hold.until, WaitReason::Caution));
        let unreachable = self.unreachable.map(|hold| (hold.until, WaitReason::Unreachable));
        let pause = self.pause.map(|hold| (hold.until, WaitReason::Paused));
        let breaker = self.breaker.map(|(cause, hold)| (hold.until, WaitReason::Breaker(cause)));
        caution.into_iter().chain(unreachable).chain(pause).chain(breaker)
    }

    /// Whether creates go one at a time now, and why.
    fn one_at_a_time(&self) -> Option<WaitReason> {
        self.holds().map(|(_, why)| why).filter(|why| *why != WaitReason::Paused).last()
    }

    /// When the pace lets the asker at this place go.
    fn slot(&self, now: Moment, place: usize) -> Moment {
        let limits = self.limits();
        let interval = limits.interval();
        let ahead = interval.saturating_mul(u32::try_from(place).unwrap_or(u32::MAX));
        let rest = interval.saturating_mul(limits.burst.max(1) - 1);
        (self.full_at.max(now) + ahead).earlier_by(rest)
    }

    fn pause_for(&mut self, now: Moment, permit: u64, retry_after: Option<Duration>) {
        let next = self.next_permit;
        let hold = self.pause.get_or_insert(Hold::open(now, next));
        match retry_after {
            Some(wait) => hold.at_least(now, next, wait.max(Duration::from_secs(1))),
            None => hold.grow(now, permit, next, PAUSE, 1.0),
        }
    }

    /// Puts an asker into the queue if it isn't there; its place.
    fn enter(&mut self, now: Moment, who: T) -> usize {
        let known = self.tickets.get(&who).copied();
        let ticket = known.or_else(|| self.late.remove(&who).map(|waiter| waiter.ticket)).unwrap_or_else(|| {
            self.next_ticket += 1;
            self.next_ticket
        });
        let place = self.queue.partition_point(|waiter| waiter.ticket < ticket);
        if known.is_none() {
            self.tickets.insert(who.clone(), ticket);
            self.queue.insert(place, Waiter { ticket, who, due: now });
        }
        place
    }

    fn leave(&mut self, place: usize) {
        if let Some(waiter) = self.queue.remove(place) {
            self.tickets.remove(&waiter.who);
        }
    }

    /// Takes those out of the queue who didn't ask in time, so that the ones behind them move up.
    fn skip_late(&mut self, now: Moment) {
        if now < self.none_late_before {
            return;
        }
        let (late, expected): (VecDeque<_>, VecDeque<_>) =
            self.queue.drain(..).partition(|waiter| waiter.late_from() <= now);
        self.queue = expected;
        self.none_late_before = self.queue.iter().map(Waiter::late_from).min().unwrap_or(now);
        if late.is_empty() {
            return;
        }
        self.late.retain(|_, waiter| waiter.due + LATE_FOR > now);
        for waiter in late {
            self.tickets.remove(&waiter.who);
            self.late.insert(waiter.who.clone(), waiter);
        }
    }
}

/// What keeps an asker from going.
struct Obstacle {
    /// When to ask again.
    until: Moment,
    why: WaitReason,
    /// Whether its turn comes then, as far as is known.
    known: bool,
}

/// Ends a hold, if this permit was granted under it.
fn lift(hold: &mut Option<Hold>, permit: u64) {
    hold.take_if(|hold| hold.judges(permit));
}
