//! The fate of leases and fills whose reply came late, or never.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::key::Key;
use super::orphans::Orphans;
use super::protocol::key_state::Head;
use super::stats::Counts;

/// Shared by a cache and its connections.
#[derive(Clone, Default)]
pub(crate) struct Ledger {
    pub(crate) counts: Arc<Counts>,
    pub(crate) orphans: Arc<Orphans>,
}

/// An entry that was sent in the place of a lease; its reply has not been taken.
pub(crate) struct SentFill {
    key: Key,
    pub(crate) lease: Head,
    /// The key as Redis knows it.
    pub(crate) name: Vec<u8>,
    pub(crate) ttl: Duration,
    /// The number of the entry among those of its connection.
    pub(crate) number: u64,
    /// The process that sent it: after a fork, the reply is not the child's.
    process: u32,
}

impl SentFill {
    pub(crate) fn new(key: &Key, name: &[u8], lease: Head, ttl: Duration, number: u64) -> Self {
        Self { key: key.clone(), lease, name: name.to_vec(), ttl, number, process: std::process::id() }
    }
}

impl Ledger {
    /// The reply came: whether the entry is stored.
    pub(crate) fn answered(&self, is_stored: bool) {
        if is_stored { self.counts.fills.add() } else { self.counts.fills_refused.add() }
    }

    /// Redis refused, or no reply will come: the lease may still be there.
    pub(crate) fn failed(&self, sent: &SentFill) {
        if sent.process != std::process::id() {
            return;
        }
        self.counts.fills_skipped.add();
        if sent.lease.is_lease() {
            self.orphans.add(&sent.key, sent.lease, Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::key_state::lease;

    #[test]
    fn a_child_leaves_what_its_parent_sent() {
        let (key, ledger) = (Key::new("thing", 1, 1).unwrap(), Ledger::default());
        let lease = Head::of(&lease([1; 16]));
        let sent = |lease| SentFill::new(&key, b"cache:thing:1:1", lease, Duration::from_secs(1), 1);
        ledger.failed(&SentFill { process: 0, ..sent(lease) });
        assert!(!ledger.orphans.contains(lease) && ledger.counts.fills_skipped.get() == 0);
        ledger.failed(&sent(lease));
        assert!(ledger.orphans.contains(lease) && ledger.counts.fills_skipped.get() == 1);
        // An entry that was to be replaced is as good as it was.
        ledger.failed(&sent(Head::of(b"entry")));
        assert!(!ledger.orphans.contains(Head::of(b"entry")));
    }
}
