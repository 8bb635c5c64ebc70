//! Leases of this process whose fate is unknown: the command that put one, or would have replaced
//! it, got no answer. Such a lease would keep its key uncached until it expires, and every reader
//! waiting. It is removed, by compare-and-delete, as soon as Redis answers again, and wherever this
//! process meets it: a command that is late can put it after that.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::key::Key;
use super::protocol::key_state::Head;

/// Older ones are forgotten: their leases expire.
const MOST: usize = 1024;
/// The time for which a lease is remembered, so that it is recognised if its command was very late.
const REMEMBERED: Duration = Duration::from_secs(300);
/// A command that is late by less is caught by a second removal.
const SECOND: Duration = Duration::from_secs(1);
/// Those that could not be removed when they were due are looked at again after this time.
const LATER: Duration = Duration::from_millis(20);
/// No time of the clock of a list.
const NEVER: u64 = u64::MAX;

pub(crate) struct Orphans {
    began: Instant,
    count: AtomicUsize,
    /// When one is due, or is to be looked at again: in milliseconds since the list began.
    next_ms: AtomicU64,
    leases: Mutex<VecDeque<Orphan>>,
}

struct Orphan {
    key: Key,
    lease: Head,
    since: Instant,
    /// When it is to be removed next.
    due: Option<Instant>,
}

impl Default for Orphans {
    fn default() -> Self {
        let (count, next_ms) = (AtomicUsize::new(0), AtomicU64::new(NEVER));
        Self { began: Instant::now(), count, next_ms, leases: Mutex::default() }
    }
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
        self.next_ms.fetch_min(self.ms(now), Ordering::AcqRel);
    }

    pub(crate) fn contains(&self, lease: Head) -> bool {
        if self.count.load(Ordering::Acquire) == 0 {
            return false;
        }
        let mut leases = self.lock();
        self.forget(&mut leases, Instant::now());
        leases.iter().any(|orphan| orphan.lease == lease)
    }

    /// Whether it is time to remove some. Costs a look at a number while there are none.
    #[inline]
    pub(crate) fn are_due(&self) -> bool {
        let next_ms = self.next_ms.load(Ordering::Acquire);
        next_ms != NEVER && next_ms <= self.ms(Instant::now())
    }

    /// Those that are to be removed now. A key that may not be asked for is left for later.
    pub(crate) fn take_due(
        &self,
        now: Instant,
        most: usize,
        may_ask: impl Fn(&Key) -> bool,
    ) -> Vec<(Key, Head)> {
        let mut leases = self.lock();
        self.forget(&mut leases, now);
        let (mut taken, mut next) = (Vec::new(), None::<Instant>);
        for orphan in leases.iter_mut() {
            let mut wanted = orphan.due;
            if orphan.due.is_some_and(|due| due <= now) {
                wanted = Some(now + LATER);
                if taken.len() < most && may_ask(&orphan.key) {
                    let again = orphan.since + SECOND;
                    orphan.due = (again > now).then_some(again);
                    wanted = orphan.due;
                    taken.push((orphan.key.clone(), orphan.lease));
                }
            }
            next = [next, wanted].into_iter().flatten().min();
        }
        self.next_ms.store(next.map_or(NEVER, |next| self.ms(next)), Ordering::Release);
        taken
    }

    /// These were not removed, because their server did not answer.
    pub(crate) fn put_back(&self, failed: &[Head], now: Instant) {
        let mut leases = self.lock();
        for orphan in leases.iter_mut().filter(|orphan| failed.contains(&orphan.lease)) {
            orphan.due = Some(now);
        }
        self.next_ms.fetch_min(self.ms(now + LATER), Ordering::AcqRel);
    }

    /// Drops those that are too old. They are in the order of their age.
    fn forget(&self, leases: &mut VecDeque<Orphan>, now: Instant) {
        let is_old = |orphan: &Orphan| now.saturating_duration_since(orphan.since) >= REMEMBERED;
        while leases.front().is_some_and(is_old) {
            leases.pop_front();
        }
        self.count.store(leases.len(), Ordering::Release);
    }

    fn ms(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.began).as_millis()).unwrap_or(NEVER)
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Orphan>> {
        // No thread panics while it holds it, so a poisoned lock guards a whole list.
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::key_state::lease;

    #[test]
    fn an_orphan_is_removed_twice_and_recognised_for_longer() {
        let (orphans, now) = (Orphans::default(), Instant::now());
        let (key, head) = (Key::new("thing", 1, 1).unwrap(), Head::of(&lease([1; 16])));
        let due = |now| orphans.take_due(now, 9, |_| true);
        assert!(due(now).is_empty() && !orphans.contains(head) && !orphans.are_due());
        orphans.add(&key, head, now);
        assert!(orphans.are_due());
        assert_eq!(due(now), [(key.clone(), head)]);
        assert_eq!(due(now), []);
        assert_eq!(due(now + SECOND), [(key.clone(), head)]);
        assert_eq!(due(now + 2 * SECOND), []);
        assert!(orphans.contains(head));
        orphans.add(&key, Head::of(&lease([2; 16])), now + REMEMBERED);
        assert!(!orphans.contains(head));
    }

    /// Every command that succeeds asks.
    #[test]
    fn what_was_removed_costs_no_look_and_what_cannot_be_is_looked_at_rarely() {
        let (orphans, now) = (Orphans::default(), Instant::now());
        let (key, head) = (Key::new("thing", 1, 1).unwrap(), Head::of(&lease([1; 16])));
        let next = || orphans.next_ms.load(Ordering::Acquire);
        orphans.add(&key, head, now);
        assert_eq!(orphans.take_due(now, 9, |_| false), [], "its server does not answer");
        assert_eq!(next(), orphans.ms(now + LATER));
        assert_eq!(orphans.take_due(now + LATER, 9, |_| true).len(), 1, "it was not forgotten");
        assert_eq!(next(), orphans.ms(now + SECOND));
        orphans.put_back(&[head], now + LATER);
        assert_eq!(next(), orphans.ms(now + 2 * LATER));
        assert_eq!(orphans.take_due(now + 2 * LATER, 9, |_| true).len(), 1);
        assert_eq!(orphans.take_due(now + SECOND, 9, |_| true).len(), 1);
        assert_eq!((next(), orphans.are_due()), (NEVER, false));
        assert!(orphans.contains(head));
        // Without another orphan, and without a command that fails.
        assert_eq!(orphans.take_due(now + REMEMBERED, 9, |_| true), []);
        assert!(!orphans.contains(head));
        assert_eq!(orphans.count.load(Ordering::Acquire), 0);
    }

    #[test]
    fn a_batch_leaves_the_rest_for_the_next() {
        let (orphans, now) = (Orphans::default(), Instant::now());
        (0..5).for_each(|number| orphans.add(&key_of(number), Head::of(&lease([number; 16])), now));
        let odd = |key: &Key| [1, 3].map(key_of).contains(key);
        assert_eq!(orphans.take_due(now, 9, odd).len(), 2);
        assert_eq!(orphans.take_due(now, 2, |_| true).len(), 2);
        assert_eq!(orphans.take_due(now, 2, |_| true).len(), 1);
        assert_eq!(orphans.take_due(now, 2, |_| true).len(), 0);
    }

    fn key_of(number: u8) -> Key {
        Key::new("thing", 1, number).unwrap()
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
