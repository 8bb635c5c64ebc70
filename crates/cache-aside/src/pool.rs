//! Connections that are idle, the last used on top. There are never more open than threads that were in the cache at
//! once; a thread takes one for a round trip, not for the length of a load.

use std::sync::{Mutex, PoisonError};

use super::session::Session;
use super::store::Store;
use super::wire::{Connection, Limits, WireError};
use crate::endpoint::RedisEndpoint;

/// More idle connections than this are closed.
const MAX_IDLE: usize = 64;
/// A buffer that one large value left behind is not kept with an idle connection.
const MAX_KEPT_BYTES: usize = 8 << 20;

pub(crate) struct Pool {
    endpoint: RedisEndpoint,
    limits: Limits,
    idle: Mutex<Vec<Session>>,
}

impl Pool {
    /// Opens nothing yet.
    pub(crate) fn new(endpoint: RedisEndpoint, limits: Limits) -> Self {
        Self { endpoint, limits, idle: Mutex::new(Vec::new()) }
    }

    pub(crate) fn take_idle(&self) -> Option<Session> {
        self.idle().pop()
    }

    pub(crate) fn open(&self) -> Result<Session, WireError> {
        Ok(Session::new(Store::new(Connection::open(&self.endpoint, self.limits)?)))
    }

    /// Gives a connection back that is in order.
    pub(crate) fn give_back(&self, mut session: Session) {
        session.shrink(MAX_KEPT_BYTES);
        let mut idle = self.idle();
        if idle.len() < MAX_IDLE {
            idle.push(session);
        }
    }

    /// Redis has closed one of them: it has most likely closed them all.
    pub(crate) fn drop_idle(&self) {
        // Closed outside the lock.
        let _closed = std::mem::take(&mut *self.idle());
    }

    /// Where Redis is, for messages.
    pub(crate) fn endpoint(&self) -> &RedisEndpoint {
        &self.endpoint
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Session>> {
        // Pushing and popping leave a whole list whatever happens.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
