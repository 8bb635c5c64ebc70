//! One exchange with one server: on another connection if the first was lost, with another server
//! if this one names it, and noted in the counts and the breaker.

use std::io;

use super::{Asker, Core};
use crate::breaker::Permit;
use crate::connections::{Node, NodeRef, Waits, is_replica};
use crate::error::RedisError;
use crate::events::Event;
use crate::key::Key;
use crate::pool::Lent;
use crate::session::Session;
use crate::wire::WireError;

/// The number of times in a row that another server is asked instead. A cluster at rest needs one;
/// while slots move or a node is replaced, the second may name a third.
pub(super) const MOST_REDIRECTS: usize = 4;

/// A server that did not do what it was asked.
struct Failed<'a> {
    node: NodeRef<'a>,
    error: WireError,
    permit: Permit,
    asker: Asker,
}

/// Whether a command may reach Redis twice.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retry {
    /// It changes nothing, or nothing more the second time, however late that comes.
    Harmless,
    /// A second time could undo what happened in between.
    Never,
}

impl Core {
    /// Does something on a connection. One that failed is dropped; the breaker hears of it.
    #[inline]
    pub(crate) fn ask<R>(
        &self,
        key: &Key,
        permit: Permit,
        retry: Retry,
        mut command: impl FnMut(&mut Session) -> Result<R, WireError>,
    ) -> Result<R, WireError> {
        let node = self.connections.for_key(key);
        let mut command = |session: &mut Session| self.on(session, key, &mut command);
        match self.attempt(&node, retry, &mut command) {
            Err(error) if self.connections.may_reroute(&error) => {
                let failed = Failed { node, error, permit, asker: Asker::Reader };
                self.follow(self.connections.slot(key), failed, retry, &mut command)
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
        match self.attempt(&node, Retry::Harmless, &mut command) {
            Err(error) if self.connections.may_reroute(&error) => {
                let failed = Failed { node, error, permit: Permit::Free, asker: Asker::Writer };
                self.follow(slot, failed, Retry::Harmless, &mut command)
            }
            outcome => self.note(&node, outcome, Permit::Free),
        }
    }

    /// Like [`ask`](Self::ask), for a command that names its keys itself.
    pub(crate) fn ask_server<R>(
        &self,
        node: &Node,
        permit: Permit,
        retry: Retry,
        mut command: impl FnMut(&mut Session) -> Result<R, WireError>,
    ) -> Result<R, WireError> {
        let outcome = self.attempt(node, retry, &mut command);
        self.note(node, outcome, permit)
    }

    /// Like [`ask_server`](Self::ask_server), for a writer: tried even while the breaker is open.
    pub(crate) fn tell<R>(
        &self,
        node: &Node,
        command: impl FnMut(&mut Session) -> Result<R, WireError>,
    ) -> Result<R, WireError> {
        self.ask_server(node, Permit::Free, Retry::Harmless, command)
    }

    /// Asks the server that is to be asked instead, as often as one names another, within bounds.
    #[cold]
    fn follow<R>(
        &self,
        slot: u16,
        failed: Failed<'_>,
        retry: Retry,
        command: &mut impl FnMut(&mut Session) -> Result<R, WireError>,
    ) -> Result<R, WireError> {
        let Failed { mut node, mut error, mut permit, asker } = failed;
        for _ in 0..MOST_REDIRECTS {
            // A replica that was named is in order, as a node is that names another one.
            let is_redirect = error.is_redirect() || is_replica(&error);
            if !is_redirect {
                // Before another one is looked for: this one is not asked for it.
                error = self.note_failure(&node, error, permit);
            }
            let reroute = self.connections.reroute(slot, &node, &error, retry, &mut Waits::default());
            let Some(route) = reroute else {
                return Err(if is_redirect { self.note_failure(&node, error, permit) } else { error });
            };
            if is_redirect {
                let _ = self.note(&node, Ok(()), permit);
            }
            let there = asker.permit(&route.node);
            if there == Permit::Refused {
                // What this server said was counted above, and the other one is not asked now.
                return Err(error);
            }
            (node, permit) = (route.node, there);
            match self.attempt(&node, retry, &mut asking(route.is_asking, command)) {
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
        retry: Retry,
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
            Err(error) => self.attempt_again(node, lent, error, retry, command),
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
        retry: Retry,
        command: &mut impl FnMut(&mut Session) -> Result<R, WireError>,
    ) -> Result<R, WireError> {
        let pool = &node.pool;
        let may_help = match &error {
            WireError::Server(_) if !error.is_unfit() => {
                lent.give_back();
                return Err(error);
            }
            // The command was refused, and so nothing was done.
            WireError::Server(_) | WireError::NotOpened(_) => {
                pool.retire_all();
                true
            }
            WireError::Io(_) | WireError::Protocol(_) => {
                // What was lost with this one is lost with those that were idle meanwhile.
                pool.retire_idle(lent.used_at());
                retry == Retry::Harmless && (error.is_hang_up() || matches!(error, WireError::Protocol(_)))
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
            Ok(_) | Err(WireError::Server(_) | WireError::NotOpened(_)) => lent.give_back(),
        }
        outcome
    }

    /// Redis refused an entry whose reply was not waited for.
    #[cold]
    pub(super) fn note_refused(&self, node: &Node, error: WireError) {
        if error.is_unfit() {
            node.pool.retire_all();
        }
        self.connections.heed(node, &error);
        self.refused(node, error);
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
                if self.orphans.are_due() {
                    self.remove_orphans();
                }
                Ok(result)
            }
            Err(error) => Err(self.note_failure(node, error, permit)),
        }
    }

    #[cold]
    pub(super) fn note_failure(&self, node: &Node, error: WireError, permit: Permit) -> WireError {
        self.counts.redis_errors.add();
        self.events.emit(&Event::Redis(&RedisError::new(node.pool.endpoint(), error.copy())));
        match &error {
            // Full, forbidden, of another type: an answer all the same, and a fast one.
            WireError::Server(_) if !error.is_unfit() => {
                if error.lacks_replicas() {
                    node.pool.leave_if_isolated();
                }
                if node.breaker.succeeded() {
                    self.events.emit(&Event::BreakerClosed);
                }
            }
            _ if error.is_busy() => self.counts.connections_missing.add(),
            // Also if a step of opening a connection is refused: every read would try it again.
            _ => {
                if node.breaker.failed(permit) {
                    self.events.emit(&Event::BreakerOpened);
                }
                self.connections.failed();
            }
        }
        error.into_answer()
    }
}

/// The command, for a slot that may still be on its way.
pub(super) fn asking<R>(
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
