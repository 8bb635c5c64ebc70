//! The waiting of a read of many keys, for threads, processes and writes that are at some of them.

use std::hash::Hash;
use std::time::{Duration, Instant};

use super::{Blocked, Item, ManyReading, State};
use crate::breaker::Permit;
use crate::protocol::read_machine::{Fill, Obstacle};
use crate::protocol::timing;
use crate::single_flight::{Join, Until};

/// Leases and markers that are looked after in one read, in case that Redis' clock was set back.
const MOST_SETTLED: usize = 16;

impl<A: Clone + Eq + Hash, T> ManyReading<'_, A, T> {
    /// Waits for other threads, and then a little for other processes and for writes. What takes
    /// too long is loaded without them.
    pub(super) fn wait(&mut self) {
        for number in self.numbers(|state| matches!(state, State::Blocked(Blocked::Thread))) {
            let state = self.wait_for_thread(number);
            self.set(number, state);
        }
        let numbers = self.numbers(|state| matches!(state, State::Blocked(Blocked::By(_))));
        let mut pause = None::<Duration>;
        for obstacle in [Obstacle::Lease, Obstacle::Marker] {
            let is_this =
                |state: &State<T>| matches!(state, State::Blocked(Blocked::By(by)) if *by == obstacle);
            let blocked = self.numbers(is_this);
            if blocked.is_empty() {
                continue;
            }
            let left = self.waiting.left(obstacle, self.core);
            if left.is_zero() {
                self.give_up(&blocked);
            } else {
                let this = timing::pause(obstacle, self.waiting.looks, rand::random()).min(left);
                pause = Some(pause.map_or(this, |pause| pause.min(this)));
            }
        }
        // With a flight in hand there is no pause: others may wait for this read.
        let is_awaited = !self.numbers(|state| matches!(state, State::Load(..))).is_empty();
        if let (Some(pause), false) = (pause, is_awaited) {
            std::thread::sleep(pause);
            self.waiting.looks += 1;
        }
        for number in numbers {
            if matches!(self.items.get(number), Some(Item { state: State::Blocked(Blocked::By(_)), .. })) {
                self.set(number, State::Open);
            }
        }
    }

    fn wait_for_thread(&mut self, number: usize) -> State<T> {
        let (core, waiting) = (self.core, &mut self.waiting);
        let Some(key) = self.items.get(number).and_then(|item| item.key.as_ref()) else {
            return State::Open;
        };
        let is_expired = self.items.get(number).is_some_and(|item| item.expired.is_some());
        let until = || {
            let until = waiting.until_flight(core);
            if is_expired { Until { failing: Instant::now(), ..until } } else { until }
        };
        match core.single_flight.join(key.as_bytes(), until) {
            Join::Lead(_) | Join::Look => State::Open,
            Join::Take(handed) => match handed.decode(self.codec) {
                Some(answer) => {
                    core.counts.joined.add();
                    State::Answered(answer)
                }
                None => State::Load(Fill::No, None),
            },
            Join::Failed if is_expired => {
                core.counts.stale_served.add();
                let expired = self.items.get_mut(number).and_then(|item| item.expired.take());
                State::Answered(expired.flatten())
            }
            Join::Alone | Join::Failed => State::Load(Fill::No, None),
        }
    }

    /// The time to wait for these is over: they are loaded without filling, and shared with those
    /// who wait.
    fn give_up(&mut self, numbers: &[usize]) {
        for key in self.keys(numbers).into_iter().take(MOST_SETTLED) {
            match self.core.permit(key) {
                Permit::Refused => {}
                permit => self.core.settle(key, permit),
            }
        }
        for number in numbers {
            let state = match self.try_lead(*number) {
                Some(leader) => State::Load(Fill::Share, Some(leader)),
                None => State::Blocked(Blocked::Thread),
            };
            self.set(*number, state);
        }
    }
}
