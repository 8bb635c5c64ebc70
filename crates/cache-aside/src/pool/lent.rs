//! A connection in the hands of a thread.

use std::time::Instant;

use super::{Idle, Pool, UNASKED_FOR, VERIFIED_FOR};
use crate::session::Session;
use crate::wire::{Role, WireError};

/// A connection that a thread has for now. One that is not given back is closed.
pub(crate) struct Lent<'a> {
    pub(super) pool: &'a Pool,
    pub(super) generation: u64,
    pub(super) verified_at: Instant,
    pub(super) session: Option<Session>,
    /// It has not been used before.
    pub(crate) is_new: bool,
}

impl Lent<'_> {
    #[inline]
    pub(crate) fn session(&mut self) -> Option<&mut Session> {
        self.session.as_mut()
    }

    pub(super) fn is_verified(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.verified_at) < VERIFIED_FOR
    }

    /// When its last command was begun.
    pub(crate) fn used_at(&mut self) -> Instant {
        self.session.as_mut().map_or_else(Instant::now, |session| session.store.connection().used_at())
    }

    /// Gives a connection back that is in order.
    #[inline]
    pub(crate) fn give_back(mut self) {
        let used_at = self.used_at();
        if let Some(session) = self.session.take() {
            let (generation, verified_at) = (self.generation, self.verified_at);
            self.pool.give_back(Idle { session, generation, verified_at, used_at });
        }
    }

    /// Asks whether it still leads to a primary. False if a new connection may do better.
    pub(super) fn verify(&mut self, now: Instant) -> Result<bool, WireError> {
        let asks = self.pool.lock().unasked_until.is_none_or(|until| until <= now);
        let Some(session) = &mut self.session else { return Ok(false) };
        let connection = session.store.connection();
        let outcome = if asks { connection.role() } else { connection.is_alive().map(|()| Role::Unknown) };
        match outcome {
            Ok(Role::Primary) => {}
            Ok(Role::Unknown) => {
                self.pool.lock().unasked_until.get_or_insert(now + UNASKED_FOR);
            }
            Ok(Role::Replica | Role::Sentinel) => {
                self.pool.retire_all();
                return Ok(false);
            }
            Err(error @ (WireError::Server(_) | WireError::NotOpened(_))) if error.is_unfit() => {
                self.pool.retire_all();
                return Ok(false);
            }
            // An answer, for example that a script is running: it is alive, and what it was is not
            // known to have changed.
            Err(WireError::Server(_) | WireError::NotOpened(_)) => {}
            Err(WireError::Io(_) | WireError::Protocol(_)) => {
                self.pool.retire_idle(now);
                return Ok(false);
            }
        }
        self.verified_at = now;
        Ok(true)
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if self.session.take().is_some() {
            self.pool.closed(1);
        }
    }
}
