//! A read of many keys in a few round trips: one for the look, one for the leases of what is
//! missing, one load, and one for the fills.
//!
//! Each key walks by the same table as a single read (`protocol::read_machine`); what is special
//! here is that the keys take each step together. A key at which another thread, another process or
//! a write is, is waited for after the load, when this read holds nothing that others could wait
//! for.

mod fill;
mod leases;
#[cfg(test)]
#[cfg(feature = "json")]
mod tests;
mod waiting;

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::time::Instant;

use self::leases::Leases;
use super::{Reading, Waiting};
use crate::call::{CallOptions, Loaded, Times};
use crate::codec::Codec;
use crate::core::{Asker, Core, Retry};
use crate::key::{Key, KeyError};
use crate::protocol::draw_nonce;
use crate::protocol::key_state::{self, Head};
use crate::protocol::read_machine::{self, Action, Fill, Obstacle, Outcome};
use crate::session::Observation;
use crate::single_flight::Leader;

/// The loader of the values of several ids.
pub(crate) type LoadMany<'a, A, T, E> = dyn FnMut(&[A]) -> Result<HashMap<A, T>, E> + 'a;

/// A read of many keys at work.
pub(crate) struct ManyReading<'a, A, T> {
    core: &'a Core,
    codec: &'a dyn Codec<T>,
    call: &'a CallOptions,
    times: Times,
    waiting: Waiting,
    /// An exchange with Redis failed: no more is looked for there.
    has_failed: bool,
    items: Vec<Item<'a, A, T>>,
}

/// The result of one read: one id.
struct Item<'a, A, T> {
    id: &'a A,
    /// None where the id makes none.
    key: Option<Key>,
    state: State<T>,
    /// A value past its time to live, which serves if the load fails.
    expired: Option<Option<T>>,
}

enum State<T> {
    /// To be looked for.
    Open,
    /// Nothing is stored there, and no other thread is at it.
    Missing(Leader),
    /// To be loaded. The leader is there if others may wait for it.
    Load(Fill, Option<Leader>),
    Blocked(Blocked),
    Answered(Option<T>),
}

/// The reason why a key is not read together with the others.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Blocked {
    /// Another thread of this process is at it.
    Thread,
    /// A load of another process, or a write.
    By(Obstacle),
    /// It must be removed first, or stay beside a new one; or its id has the same key as one
    /// before.
    Alone,
}

impl<'a, A: Clone + Eq + Hash, T> ManyReading<'a, A, T> {
    pub(crate) fn new(
        core: &'a Core,
        codec: &'a dyn Codec<T>,
        call: &'a CallOptions,
        ids: &'a [A],
        key: impl Fn(&A) -> Result<Key, KeyError>,
    ) -> Self {
        let (mut known, mut keys) = (HashSet::new(), HashSet::new());
        let item = |id: &'a A| {
            if !known.insert(id) {
                return None;
            }
            let key = match key(id) {
                Ok(key) => key,
                Err(error) => {
                    core.unkeyed(&error);
                    let state = State::Load(Fill::No, None);
                    return Some(Item { id, key: None, state, expired: None });
                }
            };
            let state = if keys.insert(key.clone()) { State::Open } else { State::Blocked(Blocked::Alone) };
            Some(Item { id, key: Some(key), state, expired: None })
        };
        let items = ids.iter().filter_map(item).collect();
        let times = call.over(&core.options);
        Self { core, codec, call, times, waiting: Waiting::default(), has_failed: false, items }
    }

    /// The values of the ids that have one.
    pub(crate) fn run<E>(mut self, load: &mut LoadMany<'_, A, T, E>) -> Result<HashMap<A, T>, E> {
        loop {
            self.look();
            self.load(load)?;
            if !self.items.iter().any(|item| matches!(item.state, State::Blocked(_))) {
                break;
            }
            self.read_alone(load)?;
            self.wait();
        }
        let answer = |item: Item<'_, A, T>| match item.state {
            State::Answered(Some(value)) => Some((item.id.clone(), value)),
            _ => None,
        };
        Ok(self.items.into_iter().filter_map(answer).collect())
    }

    /// The numbers of the items in such a state.
    fn numbers(&self, is_wanted: impl Fn(&State<T>) -> bool) -> Vec<usize> {
        let numbered = self.items.iter().enumerate();
        numbered.filter(|(_, item)| is_wanted(&item.state)).map(|(number, _)| number).collect()
    }

    /// The keys of items that have one.
    fn keys(&self, numbers: &[usize]) -> Vec<&Key> {
        numbers.iter().filter_map(|number| self.items.get(*number)?.key.as_ref()).collect()
    }

    fn set(&mut self, number: usize, state: State<T>) {
        if let Some(item) = self.items.get_mut(number) {
            item.state = state;
        }
    }

    /// The state as it was; open from now on.
    fn take(&mut self, number: usize) -> State<T> {
        let item = self.items.get_mut(number);
        item.map_or(State::Open, |item| std::mem::replace(&mut item.state, State::Open))
    }

    fn look(&mut self) {
        let numbers = self.numbers(|state| matches!(state, State::Open));
        if numbers.is_empty() {
            return;
        }
        if self.has_failed {
            return numbers.into_iter().for_each(|number| self.set(number, State::Load(Fill::No, None)));
        }
        let (codec, keeps_longer) = (self.codec, self.times.keeps_longer());
        let sights =
            self.core.each(Asker::Reader, Retry::Harmless, &self.keys(&numbers), |session, _, names| {
                session.look_at_all(names, codec, keeps_longer)
            });
        let is_first = !self.waiting.has_begun();
        for (number, observation) in numbers.into_iter().zip(sights) {
            let (observation, has_failed) = observation.answer();
            self.note_failed(has_failed);
            let observation = observation.unwrap_or_else(|| Observation::of(Outcome::Failed));
            if is_first && matches!(observation.outcome, Outcome::Nothing | Outcome::Expired(_)) {
                self.core.counts.misses.add();
            }
            self.outcome(number, Action::Get, observation, None);
        }
    }

    /// A server failed. Of a cluster, the others are asked all the same.
    fn note_failed(&mut self, has_failed: bool) {
        self.has_failed |= has_failed && !self.core.connections.is_cluster();
    }

    /// The next step for one key, by the table.
    fn outcome(
        &mut self,
        number: usize,
        action: Action,
        observation: Observation<T>,
        leader: Option<Leader>,
    ) {
        let next = read_machine::next(action, observation.outcome);
        if let (Action::Overdue(head), true) = (next, observation.answer.is_some()) {
            return self.overdue(number, head, observation);
        }
        let state = match (next, observation.answer) {
            (Action::Return, Some(answer)) => {
                let counts = &self.core.counts;
                if answer.is_some() {
                    counts.hits.add();
                } else {
                    counts.negative.add();
                }
                State::Answered(answer)
            }
            (Action::Acquire, _) => self.lead(number),
            (Action::Load(Fill::Lease(head)), _) => State::Load(Fill::Lease(head), leader),
            (Action::Load(_), _) => State::Load(Fill::No, None),
            (Action::Wait(obstacle), _) => State::Blocked(Blocked::By(obstacle)),
            _ => State::Blocked(Blocked::Alone),
        };
        self.set(number, state);
    }

    /// It is loaded with the others, unless another thread is at it.
    fn overdue(&mut self, number: usize, head: Head, observation: Observation<T>) {
        let state = match self.try_lead(number) {
            Some(leader) => State::Load(Fill::Overdue(head), Some(leader)),
            None => State::Blocked(Blocked::Thread),
        };
        if let Some(item) = self.items.get_mut(number) {
            (item.state, item.expired) = (state, observation.answer);
        }
    }

    /// Takes the flight of a key that is missing, if no other thread has it.
    fn lead(&self, number: usize) -> State<T> {
        match self.try_lead(number) {
            Some(leader) => State::Missing(leader),
            None => State::Blocked(Blocked::Thread),
        }
    }

    fn try_lead(&self, number: usize) -> Option<Leader> {
        let key = self.items.get(number)?.key.as_ref()?;
        self.core.single_flight.try_lead(key.as_bytes())
    }

    /// Loads what is missing, in one call.
    fn load<E>(&mut self, load: &mut LoadMany<'_, A, T, E>) -> Result<(), E> {
        if self.numbers(|state| matches!(state, State::Missing(_) | State::Load(..))).is_empty() {
            return Ok(());
        }
        let (core, until) = (self.core, &mut self.waiting.place_until);
        let until = || *until.get_or_insert_with(|| Instant::now() + core.options.load_wait);
        let place = core.bulkhead.enter(until);
        if place.is_beside() {
            core.counts.loads_beside.add();
        }
        self.acquire();
        let numbers = self.numbers(|state| matches!(state, State::Load(..)));
        if numbers.is_empty() {
            return Ok(());
        }
        let mut leases = Leases::keep(core, self.leases(&numbers));
        for number in &numbers {
            if let Some(Item { state: State::Load(fill, leader), .. }) = self.items.get_mut(*number) {
                if !matches!(fill, Fill::Lease(_) | Fill::Overdue(_)) {
                    core.counts.bypasses.add();
                }
                if let Some(leader) = leader {
                    leader.begins_load();
                }
            }
        }
        core.counts.loads.add();
        if self.fills(&numbers) {
            // Before the load, as a single read does.
            core.longest_ttl.raise(self.times.longest_ttl());
        }
        let ids: Vec<A> =
            numbers.iter().filter_map(|number| Some(self.items.get(*number)?.id.clone())).collect();
        let started = Instant::now();
        let loaded = match load(&ids) {
            Ok(loaded) => loaded,
            Err(error) => return self.serve_expired(&numbers).then_some(()).ok_or(error),
        };
        let took = started.elapsed();
        drop(place);
        self.keep(numbers, loaded, took, &mut leases);
        Ok(())
    }

    /// Whether any of these is to be written.
    fn fills(&self, numbers: &[usize]) -> bool {
        let state = |number: &usize| Some(&self.items.get(*number)?.state);
        let mut states = numbers.iter().filter_map(state);
        states.any(|state| !matches!(state, State::Load(Fill::No | Fill::Share, _)))
    }

    /// The load failed. True if a value past its time to live serves for each of these.
    fn serve_expired(&mut self, numbers: &[usize]) -> bool {
        let has_one = |number: &usize| self.items.get(*number).is_some_and(|item| item.expired.is_some());
        if !numbers.iter().all(has_one) {
            return false;
        }
        for number in numbers {
            if let Some(answer) = self.items.get_mut(*number).and_then(|item| item.expired.take()) {
                self.core.counts.stale_served.add();
                self.set(*number, State::Answered(answer));
            }
        }
        true
    }

    /// Puts a lease under each key that is missing.
    fn acquire(&mut self) {
        let numbers = self.numbers(|state| matches!(state, State::Missing(_)));
        if numbers.is_empty() {
            return;
        }
        let (core, codec, lives) = (self.core, self.codec, self.core.options.lease);
        let keys = self.keys(&numbers);
        let sights = core.each(Asker::Reader, Retry::Never, &keys, |session, batch, names| {
            let nonces: Result<Vec<_>, _> = batch.iter().map(|_| draw_nonce()).collect();
            let leases: Vec<_> = nonces?.into_iter().map(key_state::lease).collect();
            let sights = session.acquire_all(names, &leases, lives, codec);
            if sights.is_err() {
                // Those that are there although no answer came would keep their keys uncached.
                for (number, lease) in batch.iter().zip(&leases) {
                    if let Some(key) = keys.get(*number) {
                        core.orphan(key, Head::of(lease));
                    }
                }
            }
            sights
        });
        for (number, observation) in numbers.into_iter().zip(sights) {
            let (observation, has_failed) = observation.answer();
            self.note_failed(has_failed);
            let observation = observation.unwrap_or_else(|| Observation::of(Outcome::Failed));
            let leader = match self.take(number) {
                State::Missing(leader) => Some(leader),
                _ => None,
            };
            self.outcome(number, Action::Acquire, observation, leader);
        }
    }

    fn leases(&self, numbers: &[usize]) -> Vec<(Key, Head)> {
        let lease = |number: &usize| match self.items.get(*number)? {
            Item { key: Some(key), state: State::Load(Fill::Lease(head), _), .. } => {
                Some((key.clone(), *head))
            }
            _ => None,
        };
        numbers.iter().filter_map(lease).collect()
    }

    /// Reads each key by itself that cannot be read with the others.
    fn read_alone<E>(&mut self, load: &mut LoadMany<'_, A, T, E>) -> Result<(), E> {
        for number in self.numbers(|state| matches!(state, State::Blocked(Blocked::Alone))) {
            let Some(Item { id, key: Some(key), state, .. }) = self.items.get_mut(number) else { continue };
            // From now on, so that many of them wait no longer than one.
            self.waiting.begin_all(self.core);
            let mut reading = Reading::new(self.core, key, self.codec, self.call, ());
            reading.waiting = self.waiting;
            let load = || load(std::slice::from_ref(id)).map(|mut loaded| Loaded::from(loaded.remove(id)));
            *state = State::Answered(reading.run(load, None)?);
        }
        Ok(())
    }
}
