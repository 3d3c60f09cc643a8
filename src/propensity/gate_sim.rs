//! A small world around a gate, for its tests: askers, requests in flight and a clock that jumps from event to event.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::gate::Gate;
use super::pace::{Effect, Grant, Limits, Permit};
use crate::clock::Moment;

pub(super) const FAST: Limits = Limits { requests_per_minute: 6000, burst: 100, concurrent: 3 };
pub(super) const UNCLEAR: Effect = Effect::Unclear { retry_after: None };
pub(super) const NOBODY: [u32; 0] = [];

pub(super) fn fast() -> Gate<u32> {
    let mut gate = Gate::new();
    gate.set_limits("w", FAST);
    gate
}

pub(super) fn settle(gate: &mut Gate<u32>, now: Moment, permit: Permit, effect: Effect) {
    let _ = gate.settled(now, permit, effect, 1.0);
}

pub(super) fn at(seconds: u64) -> Moment {
    Moment::from_zero(Duration::from_secs(seconds))
}

/// Asks for a permit that must be there.
pub(super) fn take(gate: &mut Gate<u32>, now: Moment, who: u32) -> Permit {
    match gate.ask(now, who) {
        Grant::Permit(permit) => permit,
        wait @ Grant::Wait { .. } => panic!("expected a permit for {who}, got {wait:?}"),
    }
}

/// What becomes of a request: how long it takes, and what comes of it.
pub(super) type Fate = (Duration, Effect);

#[derive(Default)]
pub(super) struct World {
    pub(super) gate: Gate<u32>,
    pub(super) now: Moment,
    /// Whether waiters are woken by the gate, or only ask when they were told to.
    wakes: bool,
    /// How late askers are, one after the other and then from the start again; empty if all are on time.
    pub(super) late: Vec<Duration>,
    late_next: usize,
    /// When each asker asks next; the number is its turn in the order of joining the queue.
    due: BTreeSet<(Moment, u64, u32)>,
    turns: BTreeMap<u32, u64>,
    next_turn: u64,
    flights: Vec<(Moment, u32, Permit, Effect)>,
    pub(super) grants: Vec<(Moment, u64, u32)>,
    pub(super) done: BTreeSet<u32>,
    pub(super) last_done: Moment,
    pub(super) unclear: Vec<Moment>,
    pub(super) most_in_flight: usize,
    /// Grants made while another request was in flight and the breaker was half-open.
    pub(super) crowded_half_open: usize,
}

impl World {
    pub(super) fn new(wakes: bool) -> Self {
        Self { wakes, ..Self::default() }
    }

    pub(super) fn join(&mut self, who: u32) {
        let turn = self.next_turn;
        self.next_turn += 1;
        self.turns.insert(who, turn);
        let comes = self.comes(self.now);
        self.due.insert((comes, turn, who));
    }

    /// When an asker really asks that should ask at `due`.
    fn comes(&mut self, due: Moment) -> Moment {
        self.late_next += 1;
        due + self.late.get(self.late_next % self.late.len().max(1)).copied().unwrap_or_default()
    }

    /// Runs until the clock shows `end` or nothing is left to do.
    pub(super) fn run(&mut self, end: Moment, mut fate: impl FnMut(Moment, u32) -> Fate) {
        loop {
            self.flights.sort_by_key(|(lands, ..)| *lands);
            let lands = self.flights.first().map(|(lands, ..)| *lands);
            let asks = self.due.first().map(|(due, ..)| *due);
            let changes = if self.wakes { self.gate.next_change(self.now) } else { None };
            let Some(next) = [lands, asks, changes].into_iter().flatten().min().filter(|next| *next <= end) else {
                self.now = end;
                return;
            };
            self.now = self.now.max(next);
            if lands == Some(next) {
                let (_, who, permit, effect) = self.flights.remove(0);
                self.land(who, permit, effect);
            } else if changes == Some(next) {
                let ready = self.gate.ready(self.now);
                self.wake(&ready);
                self.ask_all_due(&mut fate);
            } else {
                self.ask_all_due(&mut fate);
            }
        }
    }

    fn ask_all_due(&mut self, fate: &mut impl FnMut(Moment, u32) -> Fate) {
        let now = self.now;
        let mut due: Vec<_> = self.due.iter().copied().take_while(|(due, ..)| *due <= now).collect();
        due.sort_by_key(|(_, turn, _)| *turn);
        for entry in due {
            self.due.remove(&entry);
            self.ask(entry.2, fate);
        }
    }

    fn ask(&mut self, who: u32, fate: &mut impl FnMut(Moment, u32) -> Fate) {
        let turn = self.turns[&who];
        let half_open = self.gate.view(self.now).breaker.is_some();
        match self.gate.ask(self.now, who) {
            Grant::Wait { until, .. } => {
                assert!(until > self.now, "a waiter is never told to come back at once");
                let comes = self.comes(until);
                self.due.insert((comes, turn, who));
            }
            Grant::Permit(permit) => {
                self.crowded_half_open += usize::from(half_open && !self.flights.is_empty());
                self.grants.push((self.now, turn, who));
                let (takes, effect) = fate(self.now, who);
                self.flights.push((self.now + takes, who, permit, effect));
                self.most_in_flight = self.most_in_flight.max(self.flights.len());
            }
        }
    }

    fn land(&mut self, who: u32, permit: Permit, effect: Effect) {
        let woken = self.gate.settled(self.now, permit, effect, 0.5);
        match effect {
            Effect::Definite => {
                self.done.insert(who);
                self.last_done = self.now;
            }
            Effect::Unclear { .. } => self.unclear.push(self.now),
            _ => self.join(who),
        }
        self.wake(&woken);
    }

    fn wake(&mut self, who: &[u32]) {
        if !self.wakes {
            return;
        }
        let woken: Vec<_> = self.due.iter().copied().filter(|(_, _, waiter)| who.contains(waiter)).collect();
        for (due, turn, waiter) in woken {
            self.due.remove(&(due, turn, waiter));
            let comes = self.comes(self.now).min(due);
            self.due.insert((comes, turn, waiter));
        }
    }
}
