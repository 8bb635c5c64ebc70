//! What all clones of a cache share, and the one way in which it asks Redis.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::breaker::{Breaker, Permit};
use super::bulkhead::Bulkhead;
use super::flights::Flights;
use super::key::{Key, namespace_prefix};
use super::options::Options;
use super::pool::Pool;
use super::protocol::standing::Head;
use super::read::Helpers;
use super::renewals::{Renewal, Renewals};
use super::session::Session;
use super::stats::{Counts, Stats};
use super::wire::WireError;
use crate::endpoint::RedisEndpoint;

pub(crate) struct Core {
    pub(crate) options: Options,
    pub(crate) breaker: Breaker,
    pub(crate) bulkhead: Bulkhead,
    pub(crate) flights: Flights,
    pub(crate) counts: Counts,
    pub(crate) pool: Pool,
    pub(crate) helpers: Helpers,
    /// Of the entries that this cache wrote.
    pub(crate) longest_ttl: LongestTtl,
    renewals: Renewals,
    /// Itself, for the thread that renews leases.
    me: Weak<Self>,
    prefix: String,
}

/// The longest time to live that was ever given to an entry.
#[derive(Default)]
pub(crate) struct LongestTtl(AtomicU64);

impl LongestTtl {
    pub(crate) fn raise(&self, ttl: Duration) {
        let ms = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
        if self.0.load(Ordering::Relaxed) < ms {
            self.0.fetch_max(ms, Ordering::Relaxed);
        }
    }

    pub(crate) fn get(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed))
    }
}

/// Whether a command may reach Redis twice.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Twice {
    /// It changes nothing, or nothing more the second time, however late that comes.
    Harmless,
    /// A second time could undo what happened in between.
    Never,
}

impl Core {
    /// Opens no connection yet. The options are checked.
    pub(crate) fn new(endpoint: RedisEndpoint, options: Options) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            me: Weak::clone(me),
            renewals: Renewals::default(),
            breaker: Breaker::new(),
            bulkhead: Bulkhead::new(options.max_loads),
            flights: Flights::default(),
            counts: Counts::default(),
            pool: Pool::new(endpoint, options.limits()),
            helpers: Helpers::default(),
            longest_ttl: LongestTtl::default(),
            prefix: namespace_prefix(&options.namespace),
            options,
        })
    }

    /// Does something on a connection. One that failed is dropped; the breaker hears of it.
    #[inline]
    pub(crate) fn ask<R>(
        &self,
        key: &Key,
        permit: Permit,
        twice: Twice,
        mut command: impl FnMut(&mut Session) -> Result<R, WireError>,
    ) -> Result<R, WireError> {
        if let Some(session) = self.pool.take_idle() {
            match self.on(session, key, &mut command) {
                Err(error) if error.is_hang_up() => {
                    self.pool.drop_idle();
                    // It may have been closed long ago, as by a restart; then a new one works at once.
                    if twice == Twice::Never {
                        return self.note(Err(error), permit);
                    }
                }
                outcome => return self.note(outcome, permit),
            }
        }
        match self.pool.open() {
            Ok(session) => {
                let outcome = self.on(session, key, &mut command);
                self.note(outcome, permit)
            }
            Err(error) => {
                // Also where it is the login that fails: every read would try it again.
                self.breaker.failed(permit);
                self.counts.redis_errors.add();
                Err(error)
            }
        }
    }

    fn on<R>(
        &self,
        mut session: Session,
        key: &Key,
        command: &mut impl FnMut(&mut Session) -> Result<R, WireError>,
    ) -> Result<R, WireError> {
        session.key.clear();
        session.key.extend_from_slice(self.prefix.as_bytes());
        session.key.extend_from_slice(key.as_bytes());
        let outcome = command(&mut session);
        if matches!(outcome, Ok(_) | Err(WireError::Server(_))) {
            self.pool.give_back(session);
        }
        outcome
    }

    fn note<R>(&self, outcome: Result<R, WireError>, permit: Permit) -> Result<R, WireError> {
        match &outcome {
            Ok(_) => self.breaker.succeeded(),
            // Full, loading, read-only, forbidden: an answer all the same, and a fast one.
            Err(WireError::Server(_)) => {
                self.breaker.succeeded();
                self.counts.redis_errors.add();
            }
            Err(WireError::Io(_) | WireError::Protocol(_)) => {
                self.breaker.failed(permit);
                self.counts.redis_errors.add();
            }
        }
        outcome
    }

    /// Loads what no key can name.
    pub(crate) fn load_unkeyed<R>(&self, load: impl FnOnce() -> R) -> R {
        self.counts.unkeyed.add();
        self.load_aside(load)
    }

    /// Loads without the cache, in a place behind the bulkhead.
    pub(crate) fn load_aside<R>(&self, load: impl FnOnce() -> R) -> R {
        self.counts.bypasses.add();
        let place = self.bulkhead.enter(|| Instant::now() + self.options.load_wait);
        if place.is_beside() {
            self.counts.loads_beside.add();
        }
        self.counts.loads.add();
        load()
    }

    /// Keeps a lease for as long as its load takes, within bounds.
    pub(crate) fn keep_lease(&self, key: &Key, head: Head) -> Renewal {
        let until = Instant::now() + self.options.longest_load;
        self.renewals.keep(&self.me, self.options.lease, until, key, head)
    }

    /// Extends a lease, if it is still there. False: it is not.
    pub(crate) fn renew(&self, key: &Key, head: Head) -> bool {
        let permit = self.breaker.permit();
        if permit == Permit::Refused {
            return true;
        }
        let renewed = self.ask(key, permit, Twice::Harmless, |session| {
            session.store.replace(&session.key, head, head.as_bytes(), self.options.lease)
        });
        match renewed {
            Ok(true) => self.counts.renewals.add(),
            Ok(false) => return false,
            Err(_) => {}
        }
        true
    }

    pub(crate) fn stats(&self) -> Stats {
        let counts = &self.counts;
        Stats {
            hits: counts.hits.get(),
            negative: counts.negative.get(),
            misses: counts.misses.get(),
            loads: counts.loads.get(),
            fills: counts.fills.get(),
            fills_refused: counts.fills_refused.get(),
            fills_skipped: counts.fills_skipped.get(),
            early_refreshes: counts.early_refreshes.get(),
            waits: counts.waits.get(),
            joined: counts.joined.get(),
            loads_beside: counts.loads_beside.get(),
            renewals: counts.renewals.get(),
            unkeyed: counts.unkeyed.get(),
            unfaithful: counts.unfaithful.get(),
            other_types: counts.other_types.get(),
            bypasses: counts.bypasses.get(),
            corrupt: counts.corrupt.get(),
            redis_errors: counts.redis_errors.get(),
            breaker_opened: self.breaker.opened(),
            breaker_open: self.breaker.is_open(),
        }
    }
}
