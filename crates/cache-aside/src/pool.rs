//! The connections to one server.
//!
//! A thread has one for a round trip, not for the length of a load, so there are never more than
//! threads that speak to Redis at once. Idle ones are kept as long as they were needed lately; one
//! that may be lost, or lead to the wrong server, is found out before it is used.

mod decay;
mod lent;
mod open;
mod shared;
#[cfg(test)]
#[cfg(feature = "json")]
mod tests;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub(crate) use self::lent::Lent;
use self::open::is_full;
use self::shared::Shared;
use super::ledger::Ledger;
use super::options::Options;
use super::session::Session;
use super::store::Store;
use super::store::server::Server;
use super::wire::{Connection, Limits, WireError};
use crate::endpoint::RedisEndpoint;

/// So many connections are opened at the same time: enough for a quick start, few enough that a
/// server, or a machine with many threads, can open them within their timeout.
const MOST_OPENING: usize = 8;
/// A buffer that one large value left behind is not kept with an idle connection.
const MAX_KEPT_BYTES: usize = 8 << 20;
/// The time for which it is believed that a connection leads to the primary, and is alive, before
/// it is asked again.
const VERIFIED_FOR: Duration = Duration::from_secs(1);
/// The time for which a server that cannot say its role is not asked for it.
const UNASKED_FOR: Duration = Duration::from_secs(60);
/// A time that is as good as never.
const FOR_EVER: Duration = Duration::from_secs(100 * 365 * 86_400);
/// After a server, or this machine, had no room for another connection, one more is tried after
/// this time.
const FULL_FOR: Duration = Duration::from_secs(1);

pub(crate) struct Pool {
    endpoint: RedisEndpoint,
    limits: Limits,
    most: usize,
    idle_timeout: Duration,
    ledger: Ledger,
    /// See [`Store::sharing`].
    server: Arc<Server>,
    shared: Mutex<Shared>,
    freed: Condvar,
    opened: AtomicU64,
}

struct Idle {
    session: Session,
    generation: u64,
    verified_at: Instant,
    used_at: Instant,
}

/// The way to a connection.
enum Found {
    Idle(Box<Idle>),
    /// A place to open one; the caller must.
    Place {
        generation: u64,
        asks: bool,
    },
}

impl Pool {
    /// Opens nothing yet.
    pub(crate) fn new(endpoint: RedisEndpoint, options: &Options, ledger: Ledger) -> Self {
        Self {
            endpoint,
            limits: options.limits(),
            most: options.max_connections,
            idle_timeout: options.idle_timeout,
            ledger,
            server: Arc::default(),
            shared: Mutex::new(Shared::new()),
            freed: Condvar::new(),
            opened: AtomicU64::new(0),
        }
    }

    /// A connection that is alive and leads to a primary, as far as was known within
    /// [`VERIFIED_FOR`].
    #[inline]
    pub(crate) fn take(&self) -> Result<Lent<'_>, WireError> {
        let now = Instant::now();
        match self.pop(now) {
            Some(idle) => {
                let mut lent = self.lend(idle);
                if lent.is_verified(now) || lent.verify(now)? {
                    return Ok(lent);
                }
                // Its place is free for the new one, and asking it took time.
                drop(lent);
                self.take_new(Instant::now(), false)
            }
            None => self.take_new(now, true),
        }
    }

    /// A new connection as soon as there is a place for it, or one that is given back meanwhile.
    /// One read asks at most one connection whether it is alive, which `may_verify` allows.
    #[cold]
    fn take_new(&self, now: Instant, mut may_verify: bool) -> Result<Lent<'_>, WireError> {
        let mut give_up_at = now + self.limits.connect;
        loop {
            let (generation, asks) = match self.wait(give_up_at, may_verify)? {
                Found::Idle(idle) => {
                    let (mut lent, now) = (self.lend(*idle), Instant::now());
                    if lent.is_verified(now) || lent.verify(now)? {
                        return Ok(lent);
                    }
                    (may_verify, give_up_at) = (false, Instant::now() + self.limits.connect);
                    continue;
                }
                Found::Place { generation, asks } => (generation, asks),
            };
            let outcome = self.open(asks);
            let mut shared = self.lock();
            shared.opening -= 1;
            match outcome {
                Ok(session) => {
                    drop(shared);
                    self.freed.notify_one();
                    self.opened.fetch_add(1, Ordering::Relaxed);
                    let verified_at = Instant::now();
                    return Ok(Lent {
                        pool: self,
                        generation,
                        verified_at,
                        session: Some(session),
                        is_new: true,
                    });
                }
                Err(error) => {
                    shared.open -= 1;
                    if is_full(&error) && shared.open > 0 {
                        shared.full = Some((shared.open, Instant::now()));
                        continue;
                    }
                    drop(shared);
                    self.freed.notify_one();
                    return Err(error);
                }
            }
        }
    }

    /// A new connection, whatever is idle.
    pub(crate) fn take_fresh(&self) -> Result<Lent<'_>, WireError> {
        self.retire_idle(Instant::now());
        self.take_new(Instant::now(), false)
    }

    /// An idle connection that is not too old and, by its socket, in order.
    #[inline]
    fn pop(&self, now: Instant) -> Option<Idle> {
        loop {
            let idle = self.lock().pop(now, self.idle_timeout)?;
            if idle.session.store.is_fit() {
                return Some(idle);
            }
            drop(idle);
            self.closed(1);
        }
    }

    fn wait(&self, give_up_at: Instant, may_verify: bool) -> Result<Found, WireError> {
        let mut shared = self.lock();
        loop {
            let now = Instant::now();
            while let Some(idle) = shared.pop(now, self.idle_timeout) {
                let is_verified = now.saturating_duration_since(idle.verified_at) < VERIFIED_FOR;
                if idle.session.store.is_fit() && (is_verified || may_verify) {
                    return Ok(Found::Idle(Box::new(idle)));
                }
                shared.open -= 1;
            }
            if shared.open < shared.most(self.most, now) && shared.opening < MOST_OPENING {
                shared.open += 1;
                shared.opening += 1;
                let asks = shared.unasked_until.is_none_or(|until| until <= now);
                return Ok(Found::Place { generation: shared.generation, asks });
            }
            let left = give_up_at.saturating_duration_since(now);
            if left.is_zero() {
                return Err(std::io::Error::new(
                    std::io::ErrorKind::ResourceBusy,
                    "all connections to Redis are in use",
                )
                .into());
            }
            shared.waiting += 1;
            // Looks up from time to time: a server that was full may have room again.
            let waited = self.freed.wait_timeout(shared, left.min(FULL_FOR));
            shared = waited.unwrap_or_else(PoisonError::into_inner).0;
            shared.waiting -= 1;
        }
    }

    fn session(&self, connection: Connection) -> Session {
        let store = Store::new(connection).sharing(Arc::clone(&self.server));
        Session::new(store).recording(self.ledger.clone())
    }

    fn lend(&self, idle: Idle) -> Lent<'_> {
        let Idle { session, generation, verified_at, .. } = idle;
        Lent { pool: self, generation, verified_at, session: Some(session), is_new: false }
    }

    /// An idle connection on which replies are still to be read, not used since then.
    pub(crate) fn take_unread(&self, since: Instant) -> Option<Lent<'_>> {
        let mut shared = self.lock();
        let at =
            shared.idle.iter_mut().position(|idle| idle.used_at <= since && idle.session.has_unread())?;
        let idle = shared.idle.remove(at);
        drop(shared);
        Some(self.lend(idle))
    }

    /// Closes idle connections that were not used since then: what was lost with one of them is
    /// lost with all.
    pub(crate) fn retire_idle(&self, since: Instant) {
        let mut shared = self.lock();
        let (lost, kept) =
            std::mem::take(&mut shared.idle).into_iter().partition(|idle| idle.used_at < since);
        shared.idle = kept;
        let lost: Vec<Idle> = lost;
        shared.open -= lost.len();
        drop(shared);
        self.freed.notify_all();
        // Closed outside the lock.
        drop(lost);
    }

    /// Closes all connections, those that are lent when they come back: they lead to a server that
    /// is not the right one.
    pub(crate) fn retire_all(&self) {
        self.lock().generation += 1;
        self.retire_idle(Instant::now() + Duration::from_secs(1));
    }

    /// The server refuses writes because it lacks replicas. It may be an old primary that is cut
    /// off, and its name may lead to another one by now: new connections find out. Mostly a replica
    /// restarts, so this is done once in a while, and not for each refusal.
    pub(crate) fn leave_if_isolated(&self) {
        let now = Instant::now();
        let mut shared = self.lock();
        if shared.left_at.is_some_and(|left| now.saturating_duration_since(left) < VERIFIED_FOR) {
            return;
        }
        shared.left_at = Some(now);
        drop(shared);
        self.retire_all();
    }

    /// The server is a node of a cluster. Whether it is a primary need not be asked: as a replica
    /// it names the primary in answer to any command.
    pub(crate) fn stop_asking_role(&self) {
        self.lock().unasked_until = Some(Instant::now() + FOR_EVER);
    }

    /// The knowledge about the server.
    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    /// The server's address, for messages.
    pub(crate) fn endpoint(&self) -> &RedisEndpoint {
        &self.endpoint
    }

    pub(crate) fn opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }

    fn give_back(&self, mut idle: Idle) {
        idle.session.shrink(MAX_KEPT_BYTES);
        let now = idle.used_at;
        // The thread that took it gives it back, so this is still the same process.
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.generation != shared.generation || idle.session.store.is_broken() {
            shared.open = shared.open.saturating_sub(1);
            let is_awaited = shared.waiting > 0;
            drop(shared);
            if is_awaited {
                self.freed.notify_one();
            }
            return;
        }
        // The last used on top: one whose replies were only read now was used before others.
        let at = shared.idle.iter().rposition(|there| there.used_at <= now).map_or(0, |below| below + 1);
        shared.idle.insert(at, idle);
        let idle_now = shared.idle.len();
        let unneeded = shared.decay.unneeded(now, idle_now);
        let closed: Vec<Idle> = shared.idle.drain(..unneeded.min(idle_now)).collect();
        shared.open -= closed.len();
        let is_awaited = shared.waiting > 0;
        drop(shared);
        if is_awaited {
            self.freed.notify_one();
        }
        drop(closed);
    }

    fn closed(&self, connections: usize) {
        let mut shared = self.lock();
        shared.open = shared.open.saturating_sub(connections);
        let is_awaited = shared.waiting > 0;
        drop(shared);
        if is_awaited {
            self.freed.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        // No thread panics while it holds it, so a poisoned lock guards a whole state.
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.check_process();
        shared
    }
}
