//! Facts about one server that its connections share.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::wire::WireError;

/// A server that does not know the command, or does not allow it, is asked again after this time.
const UNABLE_FOR: Duration = Duration::from_secs(60);
/// A server that refused a write (full, read-only) is asked again after this time.
const REFUSING_FOR: Duration = Duration::from_secs(1);

/// After a node of a cluster named another one, entries are awaited for this time: more slots may
/// be on their way.
const REDIRECTING_FOR: Duration = Duration::from_secs(1);

/// Shared by all connections of a pool, so that each thing is found out once for a server.
#[derive(Default)]
pub(crate) struct Server {
    /// The server, or this account on it, cannot do transactions: large entries are replaced by the
    /// script.
    pub(super) without_transactions: AtomicBool,
    /// It closed the connection so many times in a row when a transaction began.
    transaction_hang_ups: AtomicU32,
    /// It has run the script that replaces entries, and so it can be named by its hash.
    knows_replace: AtomicBool,
    is_refusing: AtomicBool,
    refusing_until: Mutex<Option<Instant>>,
    is_redirecting: AtomicBool,
    redirecting_until: Mutex<Option<Instant>>,
}

impl Server {
    /// Whether a look may put a lease in the same command.
    pub(super) fn takes_leases(&self) -> bool {
        if !self.is_refusing.load(Ordering::Acquire) {
            return true;
        }
        let mut until = self.refusing_until.lock().unwrap_or_else(PoisonError::into_inner);
        if until.is_some_and(|until| Instant::now() < until) {
            return false;
        }
        *until = None;
        self.is_refusing.store(false, Ordering::Release);
        true
    }

    /// The server refused that command; a plain GET may work.
    pub(super) fn refuses_leases(&self, error: &WireError) {
        let is_unable = matches!(error.server_code(), Some("ERR" | "NOPERM"));
        let rest = if is_unable { UNABLE_FOR } else { REFUSING_FOR };
        *self.refusing_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + rest);
        self.is_refusing.store(true, Ordering::Release);
    }

    /// Notes the outcome of the commands that begin a transaction. A proxy may hang up on commands
    /// that it does not know, and a server that restarts hangs up once.
    pub(super) fn began_transaction(&self, error: Option<&WireError>) {
        if !error.is_some_and(WireError::is_hang_up) {
            self.transaction_hang_ups.store(0, Ordering::Relaxed);
        } else if self.transaction_hang_ups.fetch_add(1, Ordering::Relaxed) > 0 {
            self.without_transactions.store(true, Ordering::Relaxed);
        }
    }

    /// Whether an entry may be sent without waiting for the reply: no refusal is expected.
    pub(super) fn takes_entries_unseen(&self) -> bool {
        self.knows_replace.load(Ordering::Relaxed)
            && !self.is_refusing.load(Ordering::Relaxed)
            && !(self.is_redirecting.load(Ordering::Relaxed) && self.redirects_still())
    }

    #[cold]
    fn redirects_still(&self) -> bool {
        let until = self.redirecting_until.lock().unwrap_or_else(PoisonError::into_inner);
        let is_so = until.is_some_and(|until| Instant::now() < until);
        self.is_redirecting.store(is_so, Ordering::Relaxed);
        is_so
    }

    /// It has named another node for a slot.
    pub(crate) fn redirects(&self) {
        let mut until = self.redirecting_until.lock().unwrap_or_else(PoisonError::into_inner);
        *until = Some(Instant::now() + REDIRECTING_FOR);
        self.is_redirecting.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_run_replace(&self) {
        if !self.knows_replace.load(Ordering::Relaxed) {
            self.knows_replace.store(true, Ordering::Relaxed);
        }
    }

    /// An entry that was sent was refused, or its connection was lost: the next one is waited for.
    pub(crate) fn may_have_forgotten(&self) {
        self.knows_replace.store(false, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_hangs_up_on_transactions_is_spared_them() {
        let gone = WireError::Io(std::io::ErrorKind::UnexpectedEof.into());
        let server = Server::default();
        let is_spared = || server.without_transactions.load(Ordering::Relaxed);
        server.began_transaction(Some(&gone));
        server.began_transaction(None);
        server.began_transaction(Some(&gone));
        assert!(!is_spared(), "it may have restarted");
        server.began_transaction(Some(&gone));
        assert!(is_spared());
    }

    #[test]
    fn a_refusal_is_remembered_for_the_server_and_not_for_ever() {
        let server = Server::default();
        assert!(server.takes_leases() && !server.takes_entries_unseen());
        server.has_run_replace();
        assert!(server.takes_entries_unseen());
        server.refuses_leases(&WireError::Server("OOM command not allowed".to_owned()));
        assert!(!server.takes_leases() && !server.takes_entries_unseen());
        *server.refusing_until.lock().unwrap() = Some(Instant::now());
        assert!(server.takes_leases() && server.takes_entries_unseen());
        server.may_have_forgotten();
        assert!(!server.takes_entries_unseen());
        server.has_run_replace();
        server.redirects();
        assert!(server.takes_leases() && !server.takes_entries_unseen());
        *server.redirecting_until.lock().unwrap() = Some(Instant::now());
        assert!(server.takes_entries_unseen());
    }

    #[test]
    fn an_old_server_is_asked_once_a_minute_and_a_full_one_once_a_second() {
        for (words, rest) in [
            ("ERR syntax error", UNABLE_FOR),
            ("NOPERM this user has no permissions to run the 'set' command", UNABLE_FOR),
            ("OOM command not allowed when used memory > 'maxmemory'.", REFUSING_FOR),
            ("READONLY You can't write against a read only replica.", REFUSING_FOR),
            ("NOREPLICAS Not enough good replicas to write.", REFUSING_FOR),
            ("MISCONF Redis is configured to save RDB snapshots", REFUSING_FOR),
        ] {
            let server = Server::default();
            let before = Instant::now();
            server.refuses_leases(&WireError::Server(words.to_owned()));
            let until = server.refusing_until.lock().unwrap().unwrap();
            assert!((before + rest..=Instant::now() + rest).contains(&until), "{words}");
        }
    }
}
