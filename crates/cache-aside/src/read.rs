//! A read: takes the steps that the table of `protocol::read_machine` names.
//!
//! Their order keeps one load per key: first the flight of the key in this process, then a place
//! behind the bulkhead, then the lease in Redis, which is also the last look before the load. No
//! read keeps a place while it waits for another.

#[cfg(test)]
#[cfg(feature = "json")]
mod ahead;
mod background_refresh;
mod load;
mod look;
mod many;
#[cfg(test)]
mod one_load;
#[cfg(test)]
#[cfg(feature = "json")]
mod stale;
#[cfg(test)]
#[cfg(all(feature = "json", feature = "msgpack", feature = "postcard"))]
mod values;
mod waiting;

pub(crate) use self::background_refresh::{DueRefresh, RefreshThreads};
pub(crate) use self::many::ManyReading;
use self::waiting::Waiting;
use super::breaker::Permit;
use super::bulkhead::Place;
use super::call::{CallOptions, Loaded, Times};
use super::codec::Codec;
use super::core::{Core, Retry};
use super::key::Key;
use super::observer::Observer;
use super::protocol::read_machine::{self, Action, Fill};
use super::session::Session;
use super::single_flight::Leader;
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
        retry: Retry,
        mut command: impl FnMut(&mut Session, &mut O) -> Result<R, WireError>,
    ) -> Result<R, WireError> {
        let Self { core, key, permit, observer, .. } = self;
        let outcome = core.ask(key, *permit, retry, |session| {
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
        background_refresh: Option<&dyn Fn(DueRefresh)>,
    ) -> Result<Option<T>, E> {
        let mut action = self.first_step();
        loop {
            let outcome = match action {
                Action::Get => self.get(),
                Action::GetOrLease => self.get_or_lease(),
                Action::Discard(head) => self.discard(head),
                Action::Acquire => self.acquire(),
                Action::Wait(obstacle) => self.wait(obstacle),
                Action::Join => self.join(),
                Action::Beside(_) | Action::Overdue(_) => self.beside(),
                Action::Return => return Ok(self.into_answer()),
                Action::Load(fill) => match (fill, background_refresh) {
                    (Fill::Refresh(head), Some(background_refresh)) => {
                        background_refresh(DueRefresh::new(head, self.permit, self.flight.take()));
                        return Ok(self.into_answer());
                    }
                    _ => return self.load(fill, load),
                },
            };
            action = read_machine::next(action, outcome);
        }
    }

    #[inline]
    fn first_step(&self) -> Action {
        if self.permit == Permit::Refused {
            Action::Load(Fill::No)
        } else if self.expects_miss.unwrap_or_else(|| self.core.expectations.expects_miss(self.key)) {
            Action::GetOrLease
        } else {
            Action::Get
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
}
