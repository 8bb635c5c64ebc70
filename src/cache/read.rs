//! A read: walks by the table of `protocol::reading`, and does what each step says.

use std::time::{Duration, Instant};

use super::breaker::Permit;
use super::codec::Codec;
use super::core::{Core, Twice};
use super::flights::{Boarding, Leader};
use super::key::Key;
use super::protocol::reading::{self, Close, Fill, Loaded, Obstacle, Saw, Step};
use super::protocol::standing::Head;
use super::protocol::timing;
use super::session::{Session, Sight};
use super::store::{Acquired, Found};
use super::wire::WireError;

/// A read at work.
pub(crate) struct Reading<'a, T> {
    core: &'a Core,
    key: &'a Key,
    codec: &'a dyn Codec<T>,
    permit: Permit,
    /// Of a good entry that was seen.
    answer: Option<Option<T>>,
    /// Held while this read is the one in this process that misses on the key.
    flight: Option<Leader<'a>>,
    waiting: Waiting,
}

/// How long this read has waited, and how long it may.
#[derive(Default)]
struct Waiting {
    looks: u32,
    lease_until: Option<Instant>,
    marker_until: Option<Instant>,
}

impl<'a, T> Reading<'a, T> {
    pub(crate) fn new(core: &'a Core, key: &'a Key, codec: &'a dyn Codec<T>) -> Self {
        let permit = core.breaker.permit();
        Self { core, key, codec, permit, answer: None, flight: None, waiting: Waiting::default() }
    }

    pub(crate) fn run<E>(mut self, load: impl FnOnce() -> Result<Option<T>, E>) -> Result<Option<T>, E> {
        let mut step = if self.permit == Permit::Refused { Step::Load(Fill::No) } else { Step::Get };
        loop {
            let saw = match step {
                Step::Get => self.get(),
                Step::Discard(head) => self.discard(head),
                Step::Acquire => self.acquire(),
                Step::Wait(obstacle) => self.wait(obstacle),
                Step::Return => return Ok(self.into_answer()),
                Step::Load(fill) => return self.load(fill, load),
            };
            step = reading::next(step, saw);
        }
    }

    fn into_answer(self) -> Option<T> {
        let answer = self.answer.flatten();
        let counts = &self.core.counts;
        if answer.is_some() {
            counts.hits.add()
        } else {
            counts.negative.add()
        }
        answer
    }

    fn get(&mut self) -> Saw {
        let (codec, beta) = (self.codec, self.core.options.early_refresh);
        let sight = self.core.ask(self.key, self.permit, Twice::Harmless, |session| {
            let found = session.get()?;
            Ok(session.read(found, codec, beta))
        });
        let saw = self.take(sight);
        if saw == Saw::Nothing && !self.waiting.has_begun() {
            self.core.counts.misses.add();
        }
        self.only_one_refreshes(saw)
    }

    fn take(&mut self, sight: Result<Sight<T>, WireError>) -> Saw {
        let Ok(sight) = sight else { return Saw::Failed };
        if matches!(sight.saw, Saw::Unreadable(_)) {
            self.core.counts.corrupt.add();
        }
        self.answer = sight.answer;
        sight.saw
    }

    /// An entry that is due is refreshed by one read in this process; for the others it is as good as ever.
    fn only_one_refreshes(&mut self, saw: Saw) -> Saw {
        if !matches!(saw, Saw::Due(_)) || self.flight.is_some() {
            return saw;
        }
        match self.core.flights.board(self.key.as_bytes()) {
            Boarding::Lead(leader) => self.flight = Some(leader),
            Boarding::Follow(_) => return Saw::Entry,
        }
        saw
    }

    fn discard(&mut self, head: Head) -> Saw {
        let removed = self.core.ask(self.key, self.permit, Twice::Harmless, |session| session.remove(head));
        removed.map_or(Saw::Failed, |_| Saw::Done)
    }

    fn acquire(&mut self) -> Saw {
        if self.flight.is_none() {
            match self.core.flights.board(self.key.as_bytes()) {
                Boarding::Lead(leader) => self.flight = Some(leader),
                Boarding::Follow(flight) => {
                    let left = self.waiting.left(Obstacle::Lease, self.core);
                    return if flight.wait(left) { Saw::Landed } else { Saw::OutOfTime };
                }
            }
        }
        let (codec, beta, lives) = (self.codec, self.core.options.early_refresh, self.core.options.lease);
        let mut held = None;
        let sight =
            self.core.ask(self.key, self.permit, Twice::Never, |session| match session.acquire(lives)? {
                (Acquired::Held, head) => {
                    held = Some(head);
                    Ok(session.read(Found::Nothing, codec, beta))
                }
                (Acquired::Found(found), _) => Ok(session.read(found, codec, beta)),
            });
        match (self.take(sight), held) {
            (Saw::Nothing, Some(head)) => Saw::Held(head),
            (saw, _) => saw,
        }
    }

    fn wait(&mut self, obstacle: Obstacle) -> Saw {
        let left = self.waiting.left(obstacle, self.core);
        if left.is_zero() {
            return Saw::OutOfTime;
        }
        std::thread::sleep(timing::pause(obstacle, self.waiting.looks, rand::random()).min(left));
        self.waiting.looks += 1;
        Saw::Done
    }

    /// Asks the database; the entry is written only over what was seen before that.
    fn load<E>(mut self, fill: Fill, load: impl FnOnce() -> Result<Option<T>, E>) -> Result<Option<T>, E> {
        let counts = &self.core.counts;
        match fill {
            Fill::No => {
                // Nobody shall wait for a load that fills nothing.
                self.flight = None;
                counts.bypasses.add();
            }
            Fill::Lease(_) => {}
            Fill::Refresh(_) => counts.early_refreshes.add(),
        }
        let mut lease = HeldLease { reading: &self, head: lease_of(fill) };
        let (outcome, took) = self.core.bulkhead.run(|| {
            counts.loads.add();
            let started = Instant::now();
            (load(), started.elapsed())
        });
        match outcome {
            Ok(value) => {
                if self.keep(fill, value.as_ref(), took) == Kept::Settled {
                    lease.head = None;
                }
                drop(lease);
                Ok(value)
            }
            Err(error) => {
                drop(lease);
                match (fill, self.answer.is_some()) {
                    // It has not expired: who came a moment earlier got it too.
                    (Fill::Refresh(_), true) => Ok(self.into_answer()),
                    _ => Err(error),
                }
            }
        }
    }

    fn keep(&self, fill: Fill, value: Option<&T>, took: Duration) -> Kept {
        let options = &self.core.options;
        let ttl = if value.is_some() { Some(options.ttl) } else { options.negative_ttl };
        let (loaded, ttl) = match ttl {
            _ if took > options.lease => (Loaded::TooLate, Duration::ZERO),
            Some(ttl) => (Loaded::Answer, timing::shortened(ttl, rand::random())),
            None => (Loaded::Unstorable, Duration::ZERO),
        };
        let counts = &self.core.counts;
        let Close::Replace(head) = reading::after_load(fill, loaded) else {
            if fill != Fill::No && loaded == Loaded::TooLate {
                counts.fills_skipped.add();
            }
            return Kept::Not;
        };
        let load_us = u32::try_from(took.as_micros()).unwrap_or(u32::MAX).max(1);
        let replaced = self.core.ask(self.key, self.permit, Twice::Harmless, |session| {
            self.write(session, head, value, ttl, load_us)
        });
        match replaced {
            Ok(Some(true)) => counts.fills.add(),
            Ok(Some(false)) => counts.fills_refused.add(),
            Ok(None) | Err(_) => counts.fills_skipped.add(),
        }
        match replaced {
            Ok(None) | Err(WireError::Server(_)) => Kept::Not,
            Ok(Some(_)) | Err(WireError::Io(_) | WireError::Protocol(_)) => Kept::Settled,
        }
    }

    /// None where the value cannot be an entry.
    fn write(
        &self,
        session: &mut Session,
        head: Head,
        value: Option<&T>,
        ttl: Duration,
        load_us: u32,
    ) -> Result<Option<bool>, WireError> {
        let is_entry = session.encode(value, self.codec, ttl, load_us).is_ok()
            && session.payload_bytes() <= self.core.options.max_value_bytes;
        is_entry.then(|| session.replace(head, ttl)).transpose()
    }
}

/// What became of what was to be replaced.
#[derive(PartialEq, Eq)]
enum Kept {
    /// It is gone, or with Redis out of reach nothing more can be done about it.
    Settled,
    /// It stands there still.
    Not,
}

fn lease_of(fill: Fill) -> Option<Head> {
    match reading::after_load(fill, Loaded::Failed) {
        Close::Release(head) => Some(head),
        Close::Replace(_) | Close::Nothing => None,
    }
}

/// A lease that is given up when this is dropped, also by a panic of the loader, so that nobody waits for it.
struct HeldLease<'a, 'b, T> {
    reading: &'a Reading<'b, T>,
    head: Option<Head>,
}

impl<T> Drop for HeldLease<'_, '_, T> {
    fn drop(&mut self) {
        if let Some(head) = self.head {
            let Reading { core, key, permit, .. } = self.reading;
            // Where this fails, the lease expires.
            let _ = core.ask(key, *permit, Twice::Harmless, |session| session.remove(head));
        }
    }
}

impl Waiting {
    fn has_begun(&self) -> bool {
        self.lease_until.is_some() || self.marker_until.is_some()
    }

    /// How long this read may still wait for that; the time runs from the first time on.
    fn left(&mut self, obstacle: Obstacle, core: &Core) -> Duration {
        if !self.has_begun() {
            core.counts.waits.add();
        }
        let now = Instant::now();
        let (until, longest) = match obstacle {
            Obstacle::Lease => (&mut self.lease_until, core.options.lease_wait),
            Obstacle::Marker => (&mut self.marker_until, core.options.marker_wait),
        };
        until.get_or_insert(now + longest).saturating_duration_since(now)
    }
}
