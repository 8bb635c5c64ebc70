//! The state that all clones of a cache share, and the one way in which it asks Redis.

mod batches;
mod exchange;

pub(crate) use self::batches::{Asker, BATCH, Each, Outcome};
pub(crate) use self::exchange::Retry;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::breaker::Permit;
use super::bulkhead::Bulkhead;
use super::connections::{Connections, Node};
use super::error::RedisError;
use super::events::{Event, Events};
use super::expectations::Expectations;
use super::key::{Key, KeyError, prefix_of};
use super::ledger::Ledger;
use super::options::Options;
use super::orphans::Orphans;
use super::protocol::key_state::Head;
use super::read::RefreshThreads;
use super::renewals::{Renewal, Renewals};
use super::session::Session;
use super::single_flight::SingleFlight;
use super::stats::{Counts, Stats};
use super::store::Change;
use super::wire::WireError;
use crate::endpoint::RedisEndpoint;

pub(crate) struct Core {
    pub(crate) options: Options,
    pub(crate) bulkhead: Bulkhead,
    pub(crate) single_flight: SingleFlight,
    pub(crate) counts: Arc<Counts>,
    pub(crate) expectations: Expectations,
    pub(crate) connections: Connections,
    pub(crate) events: Events,
    pub(crate) orphans: Arc<Orphans>,
    pub(crate) refresh_threads: RefreshThreads,
    /// The entries that this cache wrote, or may be about to write.
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

impl Core {
    /// Opens no connection yet. The options are checked.
    pub(crate) fn new(endpoint: RedisEndpoint, options: Options) -> Arc<Self> {
        let ledger = Ledger::default();
        Arc::new_cyclic(|me| Self {
            me: Weak::clone(me),
            renewals: Renewals::default(),
            bulkhead: Bulkhead::new(options.max_loads),
            single_flight: SingleFlight::default(),
            counts: Arc::clone(&ledger.counts),
            expectations: Expectations::default(),
            connections: Connections::new(endpoint, &options, ledger.clone()),
            orphans: ledger.orphans,
            events: Events::new(options.on_error.clone()),
            refresh_threads: RefreshThreads::default(),
            longest_ttl: LongestTtl::default(),
            prefix: prefix_of(&options.namespace),
            options,
        })
    }

    /// Whether the server that keeps this key may be asked.
    #[inline]
    pub(crate) fn permit(&self, key: &Key) -> Permit {
        self.connections.for_key(key).breaker.permit()
    }

    /// Takes the replies to entries that were sent on connections which were not used since then.
    pub(crate) fn take_replies(&self, since: Instant) {
        for node in self.connections.all() {
            while let Some(mut lent) = node.pool.take_unread(since) {
                let Some(session) = lent.session() else { continue };
                let outcome = session.store.connection().read_ahead();
                if let Some(refused) = session.settle_sent() {
                    self.note_refused(&node, refused);
                }
                let outcome = match outcome {
                    Ok(()) => {
                        lent.give_back();
                        Ok(())
                    }
                    Err(error) => {
                        node.pool.retire_idle(lent.used_at());
                        Err(error)
                    }
                };
                let _ = self.note(&node, outcome, Permit::Free);
            }
        }
    }

    /// Whether this lease is there is unknown: it is removed as soon as Redis answers.
    pub(crate) fn orphan(&self, key: &Key, lease: Head) {
        self.orphans.add(key, lease, Instant::now());
    }

    /// The beginning of all keys.
    pub(crate) fn name_prefix(&self) -> &str {
        &self.prefix
    }

    /// The key as Redis knows it.
    pub(crate) fn name(&self, key: &Key) -> Vec<u8> {
        let mut name = Vec::new();
        self.write_key(key, &mut name);
        name
    }

    /// The error of the server of a key.
    pub(crate) fn error(&self, key: &Key, cause: WireError) -> RedisError {
        RedisError::new(self.connections.for_key(key).pool.endpoint(), cause)
    }

    /// Redis refused one of many commands.
    pub(crate) fn refused(&self, node: &Node, cause: WireError) -> RedisError {
        let error = RedisError::new(node.pool.endpoint(), cause);
        self.counts.redis_errors.add();
        self.events.emit(&Event::Redis(&error));
        if error.lacks_replicas() {
            node.pool.leave_if_isolated();
        }
        error
    }

    /// Bounds how long a lease or a marker stands under the key, if Redis' clock was set back.
    /// Nothing depends on it.
    pub(crate) fn settle(&self, key: &Key, permit: Permit) {
        let lease = self.options.lease;
        let _ = self.ask(key, permit, Retry::Harmless, |session| session.store.settle(&session.key, lease));
    }

    /// Appends the key as Redis knows it.
    pub(crate) fn write_key(&self, key: &Key, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(self.prefix.as_bytes());
        bytes.extend_from_slice(key.as_bytes());
    }

    /// Removes leases whose fate is unknown, a batch at a time.
    #[cold]
    fn remove_orphans(&self) {
        let now = Instant::now();
        // A server that does not answer would keep this read waiting.
        let may_ask = |key: &Key| self.connections.for_key(key).breaker.is_calm();
        let due: Vec<(Key, Head)> = self.orphans.take_due(now, BATCH, may_ask);
        let keys: Vec<&Key> = due.iter().map(|(key, _)| key).collect();
        for (route, numbers) in self.connections.by_server(&keys) {
            let due: Vec<&(Key, Head)> = numbers.iter().filter_map(|number| due.get(*number)).collect();
            let names: Vec<Vec<u8>> = due.iter().map(|(key, _)| self.name(key)).collect();
            let changes: Vec<Change<'_>> = due.iter().map(|(_, lease)| Change::removal(*lease)).collect();
            let mut remove = |session: &mut Session| session.store.replace_all(&names, &changes);
            match self.attempt(&route.node, Retry::Harmless, &mut remove) {
                Ok(removed) => {
                    let done = removed.iter().filter(|removed| matches!(removed, Ok(true)));
                    done.for_each(|_| self.counts.orphans_removed.add());
                }
                Err(error @ WireError::Server(_)) if !error.is_unfit() => {}
                Err(error) => {
                    self.note_failure(&route.node, error, Permit::Free);
                    let leases: Vec<Head> = due.iter().map(|(_, lease)| *lease).collect();
                    self.orphans.put_back(&leases, now);
                }
            }
        }
    }

    /// An argument makes no key.
    pub(crate) fn unkeyed(&self, error: &KeyError) {
        self.counts.unkeyed.add();
        self.events.emit(&Event::Unkeyed(error));
    }

    /// A value would come back from its codec as another one.
    pub(crate) fn unfaithful(&self, key: &Key) {
        self.counts.unfaithful.add();
        self.events.emit(&Event::Unfaithful(key));
    }

    /// Loads what no key can name.
    pub(crate) fn load_unkeyed<R>(&self, error: &KeyError, load: impl FnOnce() -> R) -> R {
        self.unkeyed(error);
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

    /// Keeps leases for as long as their load takes, within bounds.
    pub(crate) fn keep_leases(&self, leases: &[(Key, Head)]) -> Renewal {
        let until = Instant::now() + self.options.longest_load;
        self.renewals.keep(&self.me, self.options.lease, until, leases)
    }

    /// Extends leases that are still there. False for each that is not.
    pub(crate) fn renew(&self, leases: &[(Key, Head)]) -> Vec<bool> {
        let lives = self.options.lease;
        let changes: Vec<Change<'_>> = leases
            .iter()
            .map(|(_, head)| Change { expected: *head, value: head.as_bytes(), ttl: lives })
            .collect();
        let keys: Vec<&Key> = leases.iter().map(|(key, _)| key).collect();
        let renewed = self.replace_all(&keys, &changes);
        let stands = |renewed| {
            if renewed == Outcome::Answer(true) {
                self.counts.renewals.add();
            }
            renewed != Outcome::Answer(false)
        };
        renewed.into_iter().map(stands).collect()
    }

    pub(crate) fn stats(&self) -> Stats {
        self.take_replies(Instant::now());
        let counts = &self.counts;
        let (connections_opened, breaker_opened) = self.connections.totals();
        Stats {
            hits: counts.hits.get(),
            negative: counts.negative.get(),
            misses: counts.misses.get(),
            loads: counts.loads.get(),
            fills: counts.fills.get(),
            fills_refused: counts.fills_refused.get(),
            fills_skipped: counts.fills_skipped.get(),
            stale_served: counts.stale_served.get(),
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
            orphans_removed: counts.orphans_removed.get(),
            markers_lost: counts.markers_lost.get(),
            redirects: self.connections.redirects(),
            unreplicated: counts.unreplicated.get(),
            connections_opened,
            connections_missing: counts.connections_missing.get(),
            breaker_opened,
            breaker_open: self.connections.primaries().iter().any(|node| node.breaker.is_open()),
        }
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        self.take_replies(Instant::now());
    }
}
