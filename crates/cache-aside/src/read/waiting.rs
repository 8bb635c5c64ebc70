//! The waiting of a read: for other threads, for a place behind the bulkhead, for the lease of
//! another process or the marker of a writer.

use std::time::{Duration, Instant};

use super::Reading;
use crate::bulkhead::Place;
use crate::core::Core;
use crate::observer::Observer;
use crate::protocol::read_machine::{Obstacle, Outcome};
use crate::protocol::timing;
use crate::single_flight::{Handed, Join, Until};

/// The deadlines of this read. Each kind of waiting has one, which runs from the first time on.
#[derive(Clone, Copy, Default)]
pub(super) struct Waiting {
    pub(super) looks: u32,
    /// This read was counted as a miss.
    pub(super) has_missed: bool,
    flight_until: Option<Until>,
    lease_until: Option<Instant>,
    marker_until: Option<Instant>,
    pub(super) place_until: Option<Instant>,
}

impl<'a, T, O: Observer> Reading<'a, T, O> {
    /// Waits for the read in this process that is at this key already. None: there is none, and
    /// this read is now the one for whom others wait.
    pub(super) fn follow(&mut self) -> Option<Outcome> {
        if self.flight.is_some() {
            return None;
        }
        // To wait for another thread with a place in hand could be to wait for each other.
        self.place = None;
        let (core, waiting) = (self.core, &mut self.waiting);
        let is_expired = self.is_expired;
        let until = || {
            let until = waiting.until_flight(core);
            // With a value in hand that may serve, one failure is enough.
            if is_expired { Until { failing: Instant::now(), ..until } } else { until }
        };
        match core.single_flight.join(self.key.as_bytes(), until) {
            Join::Lead(leader) => {
                self.flight = Some(leader);
                None
            }
            Join::Look => Some(Outcome::Landed),
            Join::Take(handed) => Some(self.take_handed(&handed)),
            Join::Failed if is_expired => Some(Outcome::Stale),
            Join::Alone | Join::Failed => Some(Outcome::Alone),
        }
    }

    fn take_handed(&mut self, handed: &Handed) -> Outcome {
        match handed.decode(self.codec) {
            Some(answer) => {
                self.core.counts.joined.add();
                (self.answer, self.is_expired) = (Some(answer), false);
                Outcome::Joined
            }
            None => Outcome::Alone,
        }
    }

    /// Takes a place behind the bulkhead, unless this read has one.
    pub(super) fn enter(&mut self) -> &mut Place<'a> {
        let (core, until) = (self.core, &mut self.waiting.place_until);
        let until = || *until.get_or_insert_with(|| Instant::now() + core.options.load_wait);
        self.place.get_or_insert_with(|| core.bulkhead.enter(until))
    }

    /// One thread looks into Redis for all that wait for the same obstacle.
    pub(super) fn wait(&mut self, obstacle: Obstacle) -> Outcome {
        if let Some(outcome) = self.follow() {
            return outcome;
        }
        let left = self.waiting.left(obstacle, self.core);
        if left.is_zero() {
            self.core.settle(self.key, self.permit);
            return Outcome::OutOfTime;
        }
        // A load that could run meanwhile has the place.
        self.place = None;
        std::thread::sleep(timing::pause(obstacle, self.waiting.looks, rand::random()).min(left));
        self.waiting.looks += 1;
        Outcome::Done
    }

    pub(super) fn beside(&mut self) -> Outcome {
        let has_led = self.flight.is_some();
        if let Some(outcome) = self.follow() {
            return outcome;
        }
        // What this read saw may be from before another one here was done.
        if !has_led || self.enter().has_just_waited() { Outcome::Landed } else { Outcome::Leads }
    }

    pub(super) fn join(&mut self) -> Outcome {
        if let Some(outcome) = self.follow() {
            return outcome;
        }
        // Where that took time, the obstacle may be gone.
        if self.enter().has_just_waited() { Outcome::Landed } else { Outcome::Leads }
    }
}

impl Waiting {
    pub(super) fn has_begun(&self) -> bool {
        self.flight_until.is_some() || self.lease_until.is_some() || self.marker_until.is_some()
    }

    /// All deadlines run from now on, unless they run already.
    pub(super) fn begin_all(&mut self, core: &Core) {
        self.until_flight(core);
        self.left(Obstacle::Lease, core);
        self.left(Obstacle::Marker, core);
        self.place_until.get_or_insert(Instant::now() + core.options.load_wait);
    }

    fn begin(&self, core: &Core) {
        if !self.has_begun() {
            core.counts.waits.add();
        }
    }

    /// Until when this read waits for other threads of this process.
    pub(super) fn until_flight(&mut self, core: &Core) -> Until {
        self.begin(core);
        let options = &core.options;
        // In a loader, the other thread's loader may in turn wait for this one.
        let is_nested = core.bulkhead.is_held_here();
        let longest = if is_nested { options.lease_wait } else { options.longest_load };
        let now = Instant::now();
        *self.flight_until.get_or_insert(Until { longest: now + longest, failing: now + options.lease_wait })
    }

    /// The time for which this read may still wait for that.
    pub(super) fn left(&mut self, obstacle: Obstacle, core: &Core) -> Duration {
        self.begin(core);
        let now = Instant::now();
        let (until, longest) = match obstacle {
            Obstacle::Lease => (&mut self.lease_until, core.options.lease_wait),
            Obstacle::Marker => (&mut self.marker_until, core.options.marker_wait),
        };
        until.get_or_insert(now + longest).saturating_duration_since(now)
    }
}
