//! A read: walks by the table of `protocol::reading`, and does what each step says.

mod behind;
mod load;

pub(crate) use self::behind::{Due, Helpers};

use std::time::{Duration, Instant};

use super::breaker::Permit;
use super::codec::Codec;
use super::core::{Core, Twice};
use super::flights::{Boarding, Landing, Leader};
use super::key::Key;
use super::protocol::reading::{self, Fill, Obstacle, Saw, Step};
use super::protocol::standing::Head;
use super::protocol::timing;
use super::session::Sight;
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
    flight: Option<Leader>,
    waiting: Waiting,
}

/// Whether somebody else in this process was at the same key.
enum Company {
    None,
    /// It is done, and it is worth looking into Redis again.
    Left,
    /// It takes too long, or cannot be kept.
    InVain,
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

    /// What is due for an early refresh goes to `behind`, if there is one; else this read loads it itself.
    pub(crate) fn run<E>(
        mut self,
        load: impl FnOnce() -> Result<Option<T>, E>,
        behind: Option<&dyn Fn(Due)>,
    ) -> Result<Option<T>, E> {
        let mut step = if self.permit == Permit::Refused { Step::Load(Fill::No) } else { Step::Get };
        loop {
            let saw = match step {
                Step::Get => self.get(),
                Step::Discard(head) => self.discard(head),
                Step::Acquire => self.acquire(),
                Step::Wait(obstacle) => self.wait(obstacle),
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
        match self.follow() {
            Company::None => {}
            Company::Left => return Saw::Landed,
            Company::InVain => return Saw::OutOfTime,
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

    /// Somebody else in this process may be at this key already: waits for the end of that. Where nobody is, this read
    /// becomes the one that others wait for.
    fn follow(&mut self) -> Company {
        if self.flight.is_some() {
            return Company::None;
        }
        match self.core.flights.board(self.key.as_bytes()) {
            Boarding::Lead(leader) => {
                self.flight = Some(leader);
                Company::None
            }
            Boarding::Follow(flight) => match flight.wait(self.waiting.left(Obstacle::Lease, self.core)) {
                Some(Landing::Over) => Company::Left,
                Some(Landing::Unkept) | None => Company::InVain,
            },
        }
    }

    fn wait(&mut self, obstacle: Obstacle) -> Saw {
        if obstacle == Obstacle::Lease {
            // One thread looks into Redis for all that wait for the same lease.
            match self.follow() {
                Company::None => {}
                Company::Left => return Saw::Done,
                Company::InVain => return Saw::OutOfTime,
            }
        }
        let left = self.waiting.left(obstacle, self.core);
        if left.is_zero() {
            return Saw::OutOfTime;
        }
        std::thread::sleep(timing::pause(obstacle, self.waiting.looks, rand::random()).min(left));
        self.waiting.looks += 1;
        Saw::Done
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
