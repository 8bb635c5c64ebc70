//! The state that all clones of a cache share, and the one way in which it asks Redis.

mod batches;

pub(crate) use self::batches::{Asker, BATCH, Each, Outcome};

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::breaker::Permit;
use super::bulkhead::Bulkhead;
use super::connections::{Connections, Node, NodeRef};
use super::events::{Event, Events};
use super::expectations::Expectations;
use super::flights::Flights;
use super::key::{Key, KeyError, prefix_of};
use super::ledger::Ledger;
use super::options::Options;
use super::orphans::Orphans;
use super::pool::Lent;
use super::protocol::standing::Head;
use super::read::Helpers;
use super::renewals::{Renewal, Renewals};
use super::session::Session;
use super::stats::{Counts, Stats};
use super::store::Change;
use super::trouble::RedisError;
use super::wire::WireError;
use crate::endpoint::RedisEndpoint;

pub(crate) struct Core {
    pub(crate) options: Options,
    pub(crate) bulkhead: Bulkhead,
    pub(crate) flights: Flights,
    pub(crate) counts: Arc<Counts>,
    pub(crate) expectations: Expectations,
    pub(crate) connections: Connections,
    pub(crate) events: Events,
    pub(crate) orphans: Arc<Orphans>,
    pub(crate) helpers: Helpers,
    /// The entries that this cache wrote, or may be about to write.
    pub(crate) longest_ttl: LongestTtl,
    renewals: Renewals,
    /// Itself, for the thread that renews leases.
    me: Weak<Self>,
    prefix: String,
}

/// The number of times in a row that another server is asked instead. A cluster at rest needs one;
/// while slots move or a node is replaced, the second may name a third.
const MOST_REDIRECTS: usize = 4;

/// A server that did not do what it was asked.
struct Failed<'a> {
    node: NodeRef<'a>,
    error: WireError,
    permit: Permit,
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
        let ledger = Ledger::default();
        Arc::new_cyclic(|me| Self {
            me: Weak::clone(me),
            renewals: Renewals::default(),
            bulkhead: Bulkhead::new(options.max_loads),
            flights: Flights::default(),
            counts: Arc::clone(&ledger.counts),
            expectations: Expectations::default(),
            connections: Connections::new(endpoint, &options, ledger.clone()),
            orphans: ledger.orphans,
            events: Events::new(options.on_error.clone()),
            helpers: Helpers::default(),
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

    /// Does something on a connection. One that failed is dropped; the breaker hears of it.
    #[inline]
    pub(crate) fn ask<R>(
        &self,
        key: &Key,
        permit: Permit,
        twice: Twice,
        mut command: impl FnMut(&mut Session) -> Result<R, WireError>,
    ) -> Result<R, WireError> {
        let node = self.connections.for_key(key);
        let mut command = |session: &mut Session| self.on(session, key, &mut command);
        match self.attempt(&node, twice, &mut command) {
            Err(error) if self.connections.may_reroute(&error) => {
                let failed = Failed { node, error, permit };
                self.follow(self.connections.slot(key), failed, twice, &mut command)
            }
            outcome => self.note(&node, outcome, permit),
        }
    }

    /// Like [`ask`](Self::ask) for a writer, by the slot of a key: tried even while the breaker is
    /// open.
    pub(crate) fn tell_slot<R>(
        &self,
        slot: u16,
        mut command: impl FnMut(&mut Session) -> Result<R, WireError>,
    ) -> Result<R, WireError> {
        let node = self.connections.for_slot(slot);
        match self.attempt(&node, Twice::Harmless, &mut command) {
            Err(error) if self.connections.may_reroute(&error) => {
                let failed = Failed { node, error, permit: Permit::Free };
                self.follow(slot, failed, Twice::Harmless, &mut command)
            }
            outcome => self.note(&node, outcome, Permit::Free),
        }
    }

    /// Like [`ask`](Self::ask), for a command that names its keys itself.
    pub(crate) fn ask_server<R>(
        &self,
        node: &Node,
        permit: Permit,
        twice: Twice,
        mut command: impl FnMut(&mut Session) -> Result<R, WireError>,
    ) -> Result<R, WireError> {
        let outcome = self.attempt(node, twice, &mut command);
        self.note(node, outcome, permit)
    }

    /// Like [`ask_server`](Self::ask_server), for a writer: tried even while the breaker is open.
    pub(crate) fn tell<R>(
        &self,
        node: &Node,
        command: impl FnMut(&mut Session) -> Result<R, WireError>,
    ) -> Result<R, WireError> {
        self.ask_server(node, Permit::Free, Twice::Harmless, command)
    }

    /// Asks the server that is to be asked instead, as often as one names another, within bounds.
    #[cold]
    fn follow<R>(
        &self,
        slot: u16,
        failed: Failed<'_>,
        twice: Twice,
        command: &mut impl FnMut(&mut Session) -> Result<R, WireError>,
    ) -> Result<R, WireError> {
        let Failed { mut node, mut error, mut permit } = failed;
        for _ in 0..MOST_REDIRECTS {
            let is_redirect = error.is_redirect();
            if !is_redirect {
                // Before another one is looked for: this one is not asked for it.
                error = self.note_failure(&node, error, permit);
            }
            let Some(route) = self.connections.reroute(slot, &node, &error, twice) else {
                return Err(if is_redirect { self.note_failure(&node, error, permit) } else { error });
            };
            if is_redirect {
                let _ = self.note(&node, Ok(()), permit);
            }
            (node, permit) = (route.node, Permit::Free);
            match self.attempt(&node, twice, &mut asking(route.is_asking, command)) {
                Err(again) if self.connections.may_reroute(&again) => error = again,
                outcome => return self.note(&node, outcome, permit),
            }
        }
        Err(self.note_failure(&node, error, permit))
    }

    #[inline]
    pub(super) fn attempt<R>(
        &self,
        node: &Node,
        twice: Twice,
        command: &mut impl FnMut(&mut Session) -> Result<R, WireError>,
    ) -> Result<R, WireError> {
        let mut lent = node.pool.take()?;
        let Some(session) = lent.session() else { return Err(lost()) };
        let outcome = command(session);
        if let Some(refused) = session.settle_sent() {
            self.note_refused(node, refused);
        }
        match outcome {
            Ok(result) => {
                lent.give_back();
                Ok(result)
            }
            Err(error) => self.attempt_again(node, lent, error, twice, command),
        }
    }

    /// After a failure on one connection: once more on a new one, if that can help and does no
    /// harm.
    #[cold]
    fn attempt_again<R>(
        &self,
        node: &Node,
        mut lent: Lent<'_>,
        error: WireError,
        twice: Twice,
        command: &mut impl FnMut(&mut Session) -> Result<R, WireError>,
    ) -> Result<R, WireError> {
        let pool = &node.pool;
        let may_help = match &error {
            WireError::Server(_) if !error.is_unfit() => {
                lent.give_back();
                return Err(error);
            }
            // The command was refused, and so nothing was done.
            WireError::Server(_) => {
                pool.retire_all();
                true
            }
            WireError::Io(_) | WireError::Protocol(_) => {
                // What was lost with this one is lost with those that were idle meanwhile.
                pool.retire_idle(lent.used_at());
                twice == Twice::Harmless && (error.is_hang_up() || matches!(error, WireError::Protocol(_)))
            }
        };
        let was_new = lent.is_new;
        drop(lent);
        if was_new || !may_help {
            return Err(error);
        }
        let mut lent = pool.take_fresh()?;
        let Some(session) = lent.session() else { return Err(error) };
        let outcome = command(session);
        if let Some(refused) = session.settle_sent() {
            self.note_refused(node, refused);
        }
        match &outcome {
            Err(WireError::Io(_) | WireError::Protocol(_)) => {}
            Err(error) if error.is_unfit() => pool.retire_all(),
            Ok(_) | Err(WireError::Server(_)) => lent.give_back(),
        }
        outcome
    }

    /// Redis refused an entry whose reply was not waited for.
    #[cold]
    fn note_refused(&self, node: &Node, error: WireError) {
        if error.is_unfit() {
            node.pool.retire_all();
        }
        self.connections.heed(node, &error);
        self.refused(node, error);
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

    /// Does it under the key. A lease that the command leaves in the dark becomes an orphan.
    #[inline]
    fn on<R>(
        &self,
        session: &mut Session,
        key: &Key,
        command: &mut impl FnMut(&mut Session) -> Result<R, WireError>,
    ) -> Result<R, WireError> {
        session.key.clear();
        self.write_key(key, &mut session.key);
        let outcome = command(session);
        if matches!(outcome, Err(WireError::Io(_) | WireError::Protocol(_)))
            && let Some(lease) = session.unsettled_lease()
        {
            self.orphan(key, lease);
        }
        outcome
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
        error
    }

    /// Bounds how long a lease or a marker stands under the key, if Redis' clock was set back.
    /// Nothing depends on it.
    pub(crate) fn settle(&self, key: &Key, permit: Permit) {
        let lease = self.options.lease;
        let _ = self.ask(key, permit, Twice::Harmless, |session| session.store.settle(&session.key, lease));
    }

    /// Appends the key as Redis knows it.
    pub(crate) fn write_key(&self, key: &Key, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(self.prefix.as_bytes());
        bytes.extend_from_slice(key.as_bytes());
    }

    #[inline]
    pub(super) fn note<R>(
        &self,
        node: &Node,
        outcome: Result<R, WireError>,
        permit: Permit,
    ) -> Result<R, WireError> {
        match outcome {
            Ok(result) => {
                if node.breaker.succeeded() {
                    self.events.emit(&Event::BreakerClosed);
                }
                if !self.orphans.is_empty() {
                    self.remove_orphans();
                }
                Ok(result)
            }
            Err(error) => Err(self.note_failure(node, error, permit)),
        }
    }

    #[cold]
    fn note_failure(&self, node: &Node, error: WireError, permit: Permit) -> WireError {
        self.counts.redis_errors.add();
        self.events.emit(&Event::Redis(&RedisError::new(node.pool.endpoint(), error.copy())));
        match &error {
            // Full, forbidden, of another type: an answer all the same, and a fast one.
            WireError::Server(_) if !error.is_unfit() => {
                if node.breaker.succeeded() {
                    self.events.emit(&Event::BreakerClosed);
                }
            }
            _ if error.is_busy() => self.counts.connections_missing.add(),
            // Also if it is the login that fails: every read would try it again.
            _ => {
                if node.breaker.failed(permit) {
                    self.events.emit(&Event::BreakerOpened);
                }
                self.connections.failed();
            }
        }
        error
    }

    /// Removes leases whose fate is unknown, a batch at a time.
    #[cold]
    fn remove_orphans(&self) {
        let now = Instant::now();
        let due: Vec<(Key, Head)> = std::iter::from_fn(|| self.orphans.next_due(now)).take(BATCH).collect();
        let keys: Vec<&Key> = due.iter().map(|(key, _)| key).collect();
        for (route, numbers) in self.connections.by_server(&keys) {
            let due: Vec<&(Key, Head)> = numbers.iter().filter_map(|number| due.get(*number)).collect();
            let names: Vec<Vec<u8>> = due.iter().map(|(key, _)| self.name(key)).collect();
            let changes: Vec<Change<'_>> = due.iter().map(|(_, lease)| Change::removal(*lease)).collect();
            let mut remove = |session: &mut Session| session.store.replace_all(&names, &changes);
            let Ok(removed) = self.attempt(&route.node, Twice::Harmless, &mut remove) else { continue };
            removed.iter().filter(|removed| matches!(removed, Ok(true))).for_each(|_| {
                self.counts.orphans_removed.add();
            });
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

/// The command, for a slot that may still be on its way.
fn asking<R>(
    is_asking: bool,
    command: &mut impl FnMut(&mut Session) -> Result<R, WireError>,
) -> impl FnMut(&mut Session) -> Result<R, WireError> {
    move |session| {
        session.store.connection().set_asking(is_asking);
        let outcome = command(session);
        session.store.connection().set_asking(false);
        outcome
    }
}

fn lost() -> WireError {
    io::Error::new(io::ErrorKind::NotConnected, "the connection was lost").into()
}
