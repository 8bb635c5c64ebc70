//! The end of a read that was no hit: the load, and what becomes of what it brought.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Reading;
use crate::breaker::Permit;
use crate::call::Loaded;
use crate::codec::Codec;
use crate::core::{Core, Retry};
use crate::key::Key;
use crate::observer::{Observer, Phase};
use crate::protocol::key_state::Head;
use crate::protocol::read_machine::{self, Fill, Finish, Loaded as Outcome};
use crate::protocol::timing;
use crate::renewals::Renewal;
use crate::session::Session;
use crate::single_flight::{FlightEnd, Handed, Leader};
use crate::wire::WireError;

impl<T, O: Observer> Reading<'_, T, O> {
    /// Asks the database; the entry is written only over what was seen before that.
    pub(super) fn load<E>(
        mut self,
        fill: Fill,
        load: impl FnOnce() -> Result<Loaded<T>, E>,
    ) -> Result<Option<T>, E> {
        let counts = &self.core.counts;
        if fill == Fill::No {
            // No other read shall wait for a load that fills nothing and is not shared.
            self.flight = None;
        }
        if self.place.is_none() && matches!(fill, Fill::Refresh(_)) && self.answer.is_some() {
            // A refresh can wait for a quieter moment.
            self.place = self.core.bulkhead.try_enter();
            if self.place.is_none() {
                return Ok(self.into_answer());
            }
        }
        if self.enter().is_beside() {
            counts.loads_beside.add();
        }
        let place = self.place.take();
        let lease = HeldLease::new(&self, fill);
        match fill {
            Fill::No | Fill::Share => counts.bypasses.add(),
            Fill::Lease(_) | Fill::Beside(_) | Fill::Overdue(_) => {}
            Fill::Refresh(_) => counts.early_refreshes.add(),
        }
        counts.loads.add();
        if !matches!(fill, Fill::No | Fill::Share) {
            // Before the load: the writer who bounds stale reads may come while it is under way.
            self.core.longest_ttl.raise(self.times.longest_ttl());
        }
        if let Some(leader) = &mut self.flight {
            leader.begins_load();
        }
        self.observer.ended(Phase::Lease);
        let started = Instant::now();
        let outcome = load();
        let took = started.elapsed();
        self.observer.ended(Phase::Load);
        drop(place);
        match outcome {
            Ok(loaded) => {
                let kept = self.keep(fill, &loaded, took);
                lease.ends(kept.is_settled());
                self.land(kept, loaded.value.as_ref());
                Ok(loaded.value)
            }
            Err(error) => {
                drop(lease);
                match (fill, self.answer.is_some()) {
                    // It has not expired: a read a moment earlier got it too.
                    (Fill::Refresh(_) | Fill::Overdue(_), true) => Ok(self.into_answer()),
                    _ => Err(error),
                }
            }
        }
    }

    /// Tells those who wait what became of the load.
    fn land(&mut self, kept: Kept, value: Option<&T>) {
        let codec = self.codec;
        let Some(leader) = &mut self.flight else { return };
        let handed = || Handed::new(value, codec).map(Arc::new);
        leader.lands(match kept {
            Kept::Filled => FlightEnd::Look,
            _ if !leader.is_awaited() => FlightEnd::Look,
            Kept::Never => FlightEnd::Unkept(handed()),
            Kept::Not | Kept::Gone => handed().map_or(FlightEnd::Unkept(None), FlightEnd::Hand),
        });
    }

    fn keep(&mut self, fill: Fill, answer: &Loaded<T>, took: Duration) -> Kept {
        let (value, ttl) = (answer.value.as_ref(), self.times.ttl_of(answer));
        let (loaded, ttl) = match ttl {
            _ if took > self.core.options.longest_load => (Outcome::TooLate, Duration::ZERO),
            Some(ttl) => (Outcome::Answer, timing::shortened(ttl, rand::random())),
            None => (Outcome::Unstorable, Duration::ZERO),
        };
        let counts = &self.core.counts;
        let Finish::Replace(head) = read_machine::after_load(fill, loaded) else {
            if !matches!(fill, Fill::No | Fill::Share) && loaded == Outcome::TooLate {
                counts.fills_skipped.add();
            }
            return if loaded == Outcome::Unstorable && fill != Fill::Share {
                Kept::Never
            } else {
                Kept::Not
            };
        };
        let kept = self.times.kept(ttl, value.is_some());
        self.core.longest_ttl.raise(kept);
        let load_us = u32::try_from(took.as_micros()).unwrap_or(u32::MAX).max(1);
        let (core, codec, others) = (self.core, self.codec, std::mem::take(&mut self.others));
        // Those who wait for this read look for the entry when it ends.
        let is_awaited = self.flight.as_ref().is_some_and(Leader::is_awaited);
        let ahead = matches!(fill, Fill::Lease(_)) && !is_awaited;
        let new =
            New { core, key: self.key, codec, others: &others, fill, head, value, ttl, kept, load_us, ahead };
        let replaced = self.ask(Retry::Harmless, |session, observer| new.write(session, observer));
        self.observer.ended(Phase::Send);
        match replaced {
            Ok(Some(Written::Stored)) => counts.fills.add(),
            Ok(Some(Written::Refused)) => counts.fills_refused.add(),
            // Counted when its reply is taken.
            Ok(Some(Written::Sent)) => {}
            Ok(None) | Err(_) => counts.fills_skipped.add(),
        }
        match replaced {
            Ok(Some(Written::Stored | Written::Sent)) => Kept::Filled,
            Ok(None) => Kept::Never,
            Err(WireError::Server(_) | WireError::NotOpened(_)) => Kept::Not,
            Ok(Some(Written::Refused)) | Err(WireError::Io(_) | WireError::Protocol(_)) => Kept::Gone,
        }
    }
}

/// An answer that is about to become an entry.
struct New<'a, T> {
    core: &'a Core,
    key: &'a Key,
    codec: &'a dyn Codec<T>,
    /// Entries of other types that stay behind it.
    others: &'a [u8],
    fill: Fill,
    /// Must still be stored there.
    head: Head,
    value: Option<&'a T>,
    ttl: Duration,
    /// The time for which it stays in Redis.
    kept: Duration,
    load_us: u32,
    /// Whether the reply may be left for later.
    ahead: bool,
}

/// The fate of an entry.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Written {
    Stored,
    /// Something else was there than before the load.
    Refused,
    /// It was sent; the reply is taken later.
    Sent,
}

impl<T> New<'_, T> {
    /// None if the value cannot be an entry.
    fn write(
        &self,
        session: &mut Session,
        observer: &mut impl Observer,
    ) -> Result<Option<Written>, WireError> {
        let is_entry = session.encode(self.value, self.codec, self.ttl, self.load_us).is_ok()
            && session.payload_bytes() <= self.core.options.max_value_bytes;
        if !is_entry {
            return Ok(None);
        }
        if self.value.is_some_and(|value| !self.codec.is_faithful(value, session.payload())) {
            self.core.unfaithful(self.key);
            return Ok(None);
        }
        observer.ended(Phase::Encode);
        if self.ahead && session.send_replace(self.key, self.head, self.kept)? {
            observer.sent(session.entry_bytes(), false);
            return Ok(Some(Written::Sent));
        }
        let is_written = match (self.fill, self.value) {
            // The others say that there is such a row.
            (Fill::Beside(_), None) => return Ok(None),
            (Fill::Beside(_), Some(_)) => session.put_before(self.head, self.others)?,
            _ => session.replace(self.head, self.kept)?,
        };
        observer.sent(session.entry_bytes(), !is_written);
        Ok(Some(if is_written { Written::Stored } else { Written::Refused }))
    }
}

/// The fate of the value and of the one that it was to replace.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kept {
    /// It is in Redis, or on its way there.
    Filled,
    /// The old value is gone, or with Redis out of reach nothing more can be done about it.
    Gone,
    /// It was not written.
    Not,
    /// It was not written, and neither will the next one be.
    Never,
}

impl Kept {
    /// Whether no lease is left.
    fn is_settled(self) -> bool {
        matches!(self, Self::Filled | Self::Gone)
    }
}

fn lease_of(fill: Fill) -> Option<Head> {
    match read_machine::after_load(fill, Outcome::Failed) {
        Finish::Release(head) => Some(head),
        Finish::Replace(_) | Finish::Nothing => None,
    }
}

/// A lease that is renewed while its load runs, and given up when this is dropped, also by a panic
/// of the loader: no read waits for it then.
struct HeldLease<'a> {
    core: &'a Core,
    key: &'a Key,
    permit: Permit,
    head: Option<Head>,
    renewal: Option<Renewal>,
}

impl<'a> HeldLease<'a> {
    fn new<T, O>(reading: &Reading<'a, T, O>, fill: Fill) -> Self {
        let (core, key, head) = (reading.core, reading.key, lease_of(fill));
        let renewal = head.map(|head| core.keep_leases(&[(key.clone(), head)]));
        Self { core, key, permit: reading.permit, head, renewal }
    }

    /// The load is over. Where the lease is not settled, it is taken away.
    fn ends(mut self, is_settled: bool) {
        if is_settled {
            self.head = None;
        }
    }
}

impl Drop for HeldLease<'_> {
    fn drop(&mut self) {
        self.renewal = None;
        if let Some(head) = self.head {
            // Where this fails, the lease expires.
            let _ = self.core.ask(self.key, self.permit, Retry::Harmless, |session| session.remove(head));
        }
    }
}
