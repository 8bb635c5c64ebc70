//! A read: takes the steps that the table of `protocol::reading` names.
//!
//! Their order keeps one load per key: first the flight of the key in this process, then a place
//! behind the bulkhead, then the lease in Redis, which is also the last look before the load. No
//! read keeps a place while it waits for another.

#[cfg(test)]
#[cfg(feature = "json")]
mod ahead;
mod behind;
mod load;
mod many;
#[cfg(test)]
mod one_load;
#[cfg(test)]
#[cfg(feature = "json")]
mod stale;
#[cfg(test)]
#[cfg(all(feature = "json", feature = "msgpack", feature = "postcard"))]
mod values;

pub(crate) use self::behind::{Due, Helpers};
pub(crate) use self::many::ManyReading;

use std::time::{Duration, Instant};

use super::breaker::Permit;
use super::bulkhead::Place;
use super::call::{CallOptions, Loaded, Times};
use super::codec::Codec;
use super::core::{Core, Twice};
use super::entry;
use super::flights::{Boarding, Handed, Leader, Until};
use super::key::Key;
use super::observer::{Observer, Phase};
use super::options::Foreign;
use super::protocol::reading::{self, Fill, Obstacle, Saw, Step};
use super::protocol::standing::Head;
use super::protocol::timing;
use super::session::{Session, Sight};
use super::store::{Acquired, Found};
use super::wire::WireError;

/// A read at work.
pub(crate) struct Reading<'a, T, O> {
    core: &'a Core,
    key: &'a Key,
    codec: &'a dyn Codec<T>,
    times: Times,
    permit: Permit,
    /// The value of a good entry that was seen.
    answer: Option<Option<T>>,
    /// It is past its time to live, and serves only where a load fails.
    is_expired: bool,
    /// The entries of other types that were seen.
    others: Vec<u8>,
    /// Held while this read is the one in this process that is at the key.
    flight: Option<Leader>,
    /// Behind the bulkhead; held from just before the lease is asked for until the load is over.
    place: Option<Place<'a>>,
    waiting: Waiting,
    expects_miss: Option<bool>,
    observer: O,
}

/// The deadlines of this read. Each kind of waiting has one, which runs from the first time on.
#[derive(Clone, Copy, Default)]
struct Waiting {
    looks: u32,
    /// This read was counted as a miss.
    has_missed: bool,
    flight_until: Option<Until>,
    lease_until: Option<Instant>,
    marker_until: Option<Instant>,
    place_until: Option<Instant>,
}

impl<'a, T, O: Observer> Reading<'a, T, O> {
    pub(crate) fn new(
        core: &'a Core,
        key: &'a Key,
        codec: &'a dyn Codec<T>,
        call: &CallOptions,
        observer: O,
    ) -> Self {
        Self::with_permit(core, key, codec, call, core.permit(key), observer)
    }

    fn with_permit(
        core: &'a Core,
        key: &'a Key,
        codec: &'a dyn Codec<T>,
        call: &CallOptions,
        permit: Permit,
        observer: O,
    ) -> Self {
        let times = call.over(&core.options);
        let waiting = Waiting::default();
        Self {
            core,
            key,
            codec,
            times,
            permit,
            answer: None,
            is_expired: false,
            others: Vec::new(),
            flight: None,
            place: None,
            waiting,
            expects_miss: call.expects_miss,
            observer,
        }
    }

    /// Does something on a connection, under the eyes of the observer.
    #[inline]
    fn ask<R>(
        &mut self,
        twice: Twice,
        mut command: impl FnMut(&mut Session, &mut O) -> Result<R, WireError>,
    ) -> Result<R, WireError> {
        let Self { core, key, permit, observer, .. } = self;
        let outcome = core.ask(key, *permit, twice, |session| {
            let before = session.exchanges();
            let outcome = command(session, observer);
            observer.exchanged(session.exchanges() - before);
            outcome
        });
        if let Err(error) = &outcome {
            observer.failed(&core.error(key, error.copy()));
        }
        outcome
    }

    /// Runs the read. An entry that is due for an early refresh goes to `behind`, if there is one;
    /// else this read loads it itself.
    pub(crate) fn run<E>(
        mut self,
        load: impl FnOnce() -> Result<Loaded<T>, E>,
        behind: Option<&dyn Fn(Due)>,
    ) -> Result<Option<T>, E> {
        let mut step = self.first_step();
        loop {
            let saw = match step {
                Step::Get => self.get(),
                Step::GetOrLease => self.get_or_lease(),
                Step::Discard(head) => self.discard(head),
                Step::Acquire => self.acquire(),
                Step::Wait(obstacle) => self.wait(obstacle),
                Step::Join => self.join(),
                Step::Beside(_) => self.beside(),
                Step::Overdue(_) => self.overdue(),
                Step::Return => return Ok(self.into_answer()),
                Step::Load(fill) => match (fill, behind) {
                    (Fill::Refresh(head), Some(behind)) => {
                        behind(Due::new(head, self.permit, self.flight.take()));
                        return Ok(self.into_answer());
                    }
                    _ => return self.load(fill, load),
                },
            };
            step = reading::next(step, saw);
        }
    }

    #[inline]
    fn first_step(&self) -> Step {
        if self.permit == Permit::Refused {
            Step::Load(Fill::No)
        } else if self.expects_miss.unwrap_or_else(|| self.core.expectations.expects_miss(self.key)) {
            Step::GetOrLease
        } else {
            Step::Get
        }
    }

    fn into_answer(self) -> Option<T> {
        let answer = self.answer.flatten();
        let counts = &self.core.counts;
        if self.is_expired {
            counts.stale_served.add()
        } else if answer.is_some() {
            counts.hits.add()
        } else {
            counts.negative.add()
        }
        answer
    }

    fn get(&mut self) -> Saw {
        let (codec, options) = (self.codec, &self.core.options);
        let (beta, most) = (self.times.early_refresh, options.max_value_bytes);
        let keeps_longer = self.times.keeps_longer();
        let sight = self.ask(Twice::Harmless, |session, observer| {
            let found = session.get()?;
            observer.ended(Phase::Get);
            Ok(look(session, found, codec, (beta, keeps_longer), most))
        });
        let saw = self.take(sight);
        if saw != Saw::Nothing {
            self.observer.ended(Phase::Decode);
        }
        self.note_look(saw);
        self.only_one_refreshes(saw)
    }

    /// Looks, and takes the lease if nothing is there. Only if no other read of this process is at
    /// the key, which would bring the value sooner, and if the load could begin immediately.
    fn get_or_lease(&mut self) -> Saw {
        self.flight = self.core.flights.try_lead(self.key.as_bytes());
        if self.flight.is_some() {
            self.place = self.core.bulkhead.try_enter();
        }
        if self.place.is_none() {
            self.flight = None;
            return self.get();
        }
        let (codec, options) = (self.codec, &self.core.options);
        let (beta, lives, most) = (self.times.early_refresh, options.lease, options.max_value_bytes);
        let keeps_longer = self.times.keeps_longer();
        let (mut held, mut is_first) = (None, true);
        let sight = self.ask(Twice::Harmless, |session, observer| {
            // The same lease is never requested twice: the second time, after a lost connection, is
            // a plain look.
            let acquired = if std::mem::take(&mut is_first) {
                session.get_or_lease(lives)?
            } else {
                (Acquired::Found(session.get()?), Head::NONE)
            };
            observer.ended(Phase::Get);
            Ok(match acquired {
                (Acquired::Held, head) => {
                    held = Some(head);
                    look(session, Found::Nothing, codec, (beta, keeps_longer), most)
                }
                (Acquired::Found(found), _) => look(session, found, codec, (beta, keeps_longer), most),
            })
        });
        let saw = self.take(sight);
        if saw != Saw::Nothing {
            self.observer.ended(Phase::Decode);
        }
        self.note_look(saw);
        match (saw, held) {
            (Saw::Nothing, Some(head)) => Saw::Held(head),
            (saw, _) => saw,
        }
    }

    /// Counts what a look found.
    #[inline]
    fn note_look(&mut self, saw: Saw) {
        if self.waiting.has_begun() || self.waiting.has_missed {
            return;
        }
        match saw {
            Saw::Entry | Saw::Due(_) => return self.core.expectations.note(self.key, true),
            Saw::Nothing => self.core.expectations.note(self.key, false),
            // A lease could not be put in its place.
            Saw::Expired(_) => {}
            _ => return,
        }
        self.waiting.has_missed = true;
        self.core.counts.misses.add();
    }

    fn take(&mut self, sight: Result<(Sight<T>, Vec<u8>), WireError>) -> Saw {
        let Ok((sight, others)) = sight else { return Saw::Failed };
        if matches!(sight.saw, Saw::Others(_)) {
            self.core.counts.other_types.add();
        }
        self.others = others;
        if let Saw::Unreadable(head) = sight.saw {
            self.core.counts.corrupt.add();
            if self.core.options.foreign == Foreign::Refuse && !entry::has_magic(head.as_bytes()) {
                self.observer.refused();
                return Saw::Alone;
            }
        }
        self.answer = sight.answer;
        self.is_expired = matches!(sight.saw, Saw::Expired(_));
        sight.saw
    }

    /// An entry that is due is refreshed by one read in this process; for the others it is as good
    /// as ever.
    fn only_one_refreshes(&mut self, saw: Saw) -> Saw {
        if !matches!(saw, Saw::Due(_)) || self.flight.is_some() {
            return saw;
        }
        self.flight = self.core.flights.try_lead(self.key.as_bytes());
        if self.flight.is_some() { saw } else { Saw::Entry }
    }

    fn discard(&mut self, head: Head) -> Saw {
        let removed = self.ask(Twice::Harmless, |session, _| session.remove(head));
        self.observer.ended(Phase::Lease);
        removed.map_or(Saw::Failed, |_| Saw::Done)
    }

    fn acquire(&mut self) -> Saw {
        if let Some(saw) = self.follow() {
            return saw;
        }
        self.enter();
        let (codec, options) = (self.codec, &self.core.options);
        let (beta, lives, most) = (self.times.early_refresh, options.lease, options.max_value_bytes);
        let (keeps_longer, mut held) = (self.times.keeps_longer(), None);
        let sight = self.ask(Twice::Never, |session, _| match session.acquire(lives)? {
            (Acquired::Held, head) => {
                held = Some(head);
                Ok(look(session, Found::Nothing, codec, (beta, keeps_longer), most))
            }
            (Acquired::Found(found), _) => Ok(look(session, found, codec, (beta, keeps_longer), most)),
        });
        self.observer.ended(Phase::Lease);
        match (self.take(sight), held) {
            (Saw::Nothing, Some(head)) => Saw::Held(head),
            (saw, _) => saw,
        }
    }

    /// Waits for the read in this process that is at this key already. None: there is none, and
    /// this read is now the one for whom others wait.
    fn follow(&mut self) -> Option<Saw> {
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
        match core.flights.board(self.key.as_bytes(), until) {
            Boarding::Lead(leader) => {
                self.flight = Some(leader);
                None
            }
            Boarding::Look => Some(Saw::Landed),
            Boarding::Take(handed) => Some(self.take_handed(&handed)),
            Boarding::Failed if is_expired => Some(Saw::Stale),
            Boarding::Alone | Boarding::Failed => Some(Saw::Alone),
        }
    }

    fn take_handed(&mut self, handed: &Handed) -> Saw {
        match handed.decode(self.codec) {
            Some(answer) => {
                self.core.counts.joined.add();
                (self.answer, self.is_expired) = (Some(answer), false);
                Saw::Joined
            }
            None => Saw::Alone,
        }
    }

    /// Takes a place behind the bulkhead, unless this read has one.
    fn enter(&mut self) -> &mut Place<'a> {
        let (core, until) = (self.core, &mut self.waiting.place_until);
        let until = || *until.get_or_insert_with(|| Instant::now() + core.options.load_wait);
        self.place.get_or_insert_with(|| core.bulkhead.enter(until))
    }

    /// One thread looks into Redis for all that wait for the same obstacle.
    fn wait(&mut self, obstacle: Obstacle) -> Saw {
        if let Some(saw) = self.follow() {
            return saw;
        }
        let left = self.waiting.left(obstacle, self.core);
        if left.is_zero() {
            self.core.settle(self.key, self.permit);
            return Saw::OutOfTime;
        }
        // A load that could run meanwhile has the place.
        self.place = None;
        std::thread::sleep(timing::pause(obstacle, self.waiting.looks, rand::random()).min(left));
        self.waiting.looks += 1;
        Saw::Done
    }

    fn beside(&mut self) -> Saw {
        let has_led = self.flight.is_some();
        if let Some(saw) = self.follow() {
            return saw;
        }
        // What this read saw may be from before another one here was done.
        if !has_led || self.enter().has_just_waited() { Saw::Landed } else { Saw::Leads }
    }

    /// Like [`beside`](Self::beside): the state that was seen may be from before another read here
    /// was done.
    fn overdue(&mut self) -> Saw {
        self.beside()
    }

    fn join(&mut self) -> Saw {
        if let Some(saw) = self.follow() {
            return saw;
        }
        // Where that took time, the obstacle may be gone.
        if self.enter().has_just_waited() { Saw::Landed } else { Saw::Leads }
    }
}

/// Understands what was found; takes the entries of other types along.
fn look<T>(
    session: &mut Session,
    found: Found,
    codec: &dyn Codec<T>,
    (beta, keeps_longer): (f64, bool),
    most: usize,
) -> (Sight<T>, Vec<u8>) {
    let sight = session.read_timely(found, codec, beta, keeps_longer);
    let others = if let Saw::Others(_) = sight.saw { session.other_entries(most) } else { Vec::new() };
    (sight, others)
}

impl Waiting {
    fn has_begun(&self) -> bool {
        self.flight_until.is_some() || self.lease_until.is_some() || self.marker_until.is_some()
    }

    /// All deadlines run from now on, unless they run already.
    fn begin_all(&mut self, core: &Core) {
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
    fn until_flight(&mut self, core: &Core) -> Until {
        self.begin(core);
        let options = &core.options;
        // In a loader, the other thread's loader may in turn wait for this one.
        let is_nested = core.bulkhead.is_held_here();
        let longest = if is_nested { options.lease_wait } else { options.longest_load };
        let now = Instant::now();
        *self.flight_until.get_or_insert(Until { longest: now + longest, failing: now + options.lease_wait })
    }

    /// The time for which this read may still wait for that.
    fn left(&mut self, obstacle: Obstacle, core: &Core) -> Duration {
        self.begin(core);
        let now = Instant::now();
        let (until, longest) = match obstacle {
            Obstacle::Lease => (&mut self.lease_until, core.options.lease_wait),
            Obstacle::Marker => (&mut self.marker_until, core.options.marker_wait),
        };
        until.get_or_insert(now + longest).saturating_duration_since(now)
    }
}
