//! Follows a read through the cache: its phases, its requests, and what went wrong.

use std::cell::RefCell;

use super::ReadError;
use crate::cache::{Observer, Phase as CachePhase, RedisError};
use crate::model::phase::Phase;
use crate::samples::request_counts::RequestCounts;
use crate::samples::written::Written;

/// An event in a read through the cache, beside its answer.
#[derive(Debug)]
pub(super) enum Trouble {
    Redis(RedisError),
    ForeignKey,
}

/// Follows a read through the cache.
pub(super) struct Watch<'a, F> {
    pub(super) end: &'a mut F,
    pub(super) requests: &'a mut RequestCounts,
    pub(super) redis_exchanges: &'a mut u64,
    pub(super) written: &'a mut Written,
    /// Also seen by the loader, which then does not load.
    pub(super) trouble: &'a RefCell<Option<Trouble>>,
}

impl From<Trouble> for ReadError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Redis(error) => Self::Cache(error),
            Trouble::ForeignKey => Self::ForeignKey,
        }
    }
}

impl<F: FnMut(Phase)> Observer for Watch<'_, F> {
    #[inline]
    fn ended(&mut self, phase: CachePhase) {
        let part = match phase {
            CachePhase::Get => Phase::Get,
            CachePhase::Decode => Phase::Decode,
            CachePhase::Load => Phase::Query,
            CachePhase::Encode => Phase::Encode,
            CachePhase::Send => Phase::Set,
            // And whatever a later version of the library puts before the load.
            _ => Phase::Lease,
        };
        (self.end)(part);
    }

    #[inline]
    fn exchanged(&mut self, round_trips: u64) {
        // Each looks at one key.
        self.requests.look_ups += 1;
        *self.redis_exchanges += round_trips;
    }

    fn sent(&mut self, entry_bytes: usize, is_refused: bool) {
        if !is_refused {
            self.written.add(Written { entries: 1, bytes: entry_bytes as u64 });
        }
    }

    fn failed(&mut self, error: &RedisError) {
        self.trouble.replace(Some(Trouble::Redis(error.clone())));
    }

    fn refused(&mut self) {
        self.trouble.replace(Some(Trouble::ForeignKey));
    }
}
