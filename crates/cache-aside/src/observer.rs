//! An observer of one read: the ends of its phases, its round trips, and what went wrong on the
//! way.

use super::error::RedisError;

/// A phase of a read. A read goes through its phases in this order; a hit ends with the decoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Redis was asked, and its whole reply received.
    Get,
    /// The value was checked and decoded.
    Decode,
    /// The lease was requested, and everything else that precedes the load was done.
    Lease,
    /// The loader ran.
    Load,
    /// The value was encoded, and compared with what it decodes to.
    Encode,
    /// The entry was sent to Redis. A reply that is awaited is part of this phase.
    Send,
}

/// Follows one read; see [`Cache::get_observed`](crate::Cache::get_observed). Every method does
/// nothing by default.
///
/// Phases share their borders: one begins where the one before it ended.
pub trait Observer {
    /// A phase has just ended.
    fn ended(&mut self, _phase: Phase) {}

    /// Commands were sent to Redis and their replies awaited, this many times.
    fn exchanged(&mut self, _round_trips: u64) {}

    /// An entry of this length was sent to Redis. If Redis refused it, `is_refused` is true.
    fn sent(&mut self, _entry_bytes: usize, _is_refused: bool) {}

    /// Redis did not do what it was asked. The read goes on without it.
    fn failed(&mut self, _error: &RedisError) {}

    /// The key holds a value that no cache of this library made, and
    /// [`Foreign::Refuse`](crate::Foreign::Refuse) says to leave it there.
    fn refused(&mut self) {}
}

/// Observes nothing.
impl Observer for () {}

impl<O: Observer + ?Sized> Observer for &mut O {
    #[inline]
    fn ended(&mut self, phase: Phase) {
        (**self).ended(phase);
    }

    #[inline]
    fn exchanged(&mut self, round_trips: u64) {
        (**self).exchanged(round_trips);
    }

    #[inline]
    fn sent(&mut self, entry_bytes: usize, is_refused: bool) {
        (**self).sent(entry_bytes, is_refused);
    }

    fn failed(&mut self, error: &RedisError) {
        (**self).failed(error);
    }

    fn refused(&mut self) {
        (**self).refused();
    }
}
