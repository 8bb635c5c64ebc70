//! Leases of this process whose fate is unknown: the command that put one, or would have replaced
//! it, got no answer. Such a lease would keep its key uncached until it expires, and every reader
//! waiting. It is removed, by compare-and-delete, as soon as Redis answers again, and wherever this
//! process meets it: a command that is late can put it after that.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::key::Key;
use super::protocol::standing::Head;

/// Older ones are forgotten: their leases expire.
const MOST: usize = 1024;
/// The time for which a lease is remembered, so that it is recognised if its command was very late.
const REMEMBERED: Duration = Duration::from_secs(300);
/// A command that is late by less is caught by a second removal.
const SECOND: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(crate) struct Orphans {
    count: AtomicUsize,
    leases: Mutex<VecDeque<Orphan>>,
}

struct Orphan {
    key: Key,
    lease: Head,
    since: Instant,
    /// When it is to be removed next.
    due: Option<Instant>,
}

impl Orphans {
    pub(crate) fn add(&self, key: &Key, lease: Head, now: Instant) {
        let mut leases = self.lock();
        leases.retain(|orphan| {
            orphan.lease != lease && now.saturating_duration_since(orphan.since) < REMEMBERED
        });
        if leases.len() >= MOST {
            leases.pop_front();
        }
        leases.push_back(Orphan { key: key.clone(), lease, since: now, due: Some(now) });
        self.count.store(leases.len(), Ordering::Release);
    }

    pub(crate) fn contains(&self, lease: Head) -> bool {
        !self.is_empty() && self.lock().iter().any(|orphan| orphan.lease == lease)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count.load(Ordering::Acquire) == 0
    }

    /// One that is to be removed now.
    pub(crate) fn next_due(&self, now: Instant) -> Option<(Key, Head)> {
        let mut leases = self.lock();
        let orphan = leases.iter_mut().find(|orphan| orphan.due.is_some_and(|due| due <= now))?;
        let again = orphan.since + SECOND;
        orphan.due = (again > now).then_some(again);
        Some((orphan.key.clone(), orphan.lease))
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Orphan>> {
        // No thread panics while it holds it, so a poisoned lock guards a whole list.
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::standing::lease;

    #[test]
    fn an_orphan_is_removed_twice_and_recognised_for_longer() {
        let (orphans, now) = (Orphans::default(), Instant::now());
        let (key, head) = (Key::new("thing", 1, 1).unwrap(), Head::of(&lease([1; 16])));
        assert!(orphans.next_due(now).is_none() && !orphans.contains(head));
        orphans.add(&key, head, now);
        assert_eq!(orphans.next_due(now), Some((key.clone(), head)));
        assert_eq!(orphans.next_due(now), None);
        assert_eq!(orphans.next_due(now + SECOND), Some((key.clone(), head)));
        assert_eq!(orphans.next_due(now + 2 * SECOND), None);
        assert!(orphans.contains(head));
        orphans.add(&key, Head::of(&lease([2; 16])), now + REMEMBERED);
        assert!(!orphans.contains(head));
    }

    #[test]
    fn there_are_never_more_than_can_be_looked_through() {
        let (orphans, now) = (Orphans::default(), Instant::now());
        let key = Key::new("thing", 1, 1).unwrap();
        for number in 0..2 * MOST {
            let mut nonce = [0; 16];
            nonce[..8].copy_from_slice(&number.to_le_bytes());
            orphans.add(&key, Head::of(&lease(nonce)), now);
        }
        assert_eq!(orphans.lock().len(), MOST);
    }
}
