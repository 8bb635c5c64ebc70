//! The recent hit ratio of each kind of key, for the choice of the first look.

use std::array;
use std::sync::atomic::{AtomicU32, Ordering};

use super::key::Key;
use super::protocol::expectation::HitShare;

/// Kinds beyond that many share an entry of the table, which costs them a few microseconds at most.
const KINDS: usize = 64;

pub(crate) struct Expectations([AtomicU32; KINDS]);

impl Default for Expectations {
    fn default() -> Self {
        Self(array::from_fn(|_| AtomicU32::new(HitShare::START.to_bits())))
    }
}

impl Expectations {
    /// Whether a read of this key is likely to miss.
    #[inline]
    pub(crate) fn expects_miss(&self, key: &Key) -> bool {
        HitShare::from_bits(self.of(key).load(Ordering::Relaxed)).expects_misses()
    }

    /// A read of this key has looked. Two threads at the same time may count as one.
    #[inline]
    pub(crate) fn note(&self, key: &Key, is_hit: bool) {
        let share = self.of(key);
        let before = share.load(Ordering::Relaxed);
        let after = HitShare::from_bits(before).after(is_hit).to_bits();
        // While nothing changes, threads do not take the memory from each other.
        if after != before {
            share.store(after, Ordering::Relaxed);
        }
    }

    #[inline]
    fn of(&self, key: &Key) -> &AtomicU32 {
        // FNV-1a: short, and good enough for a few kinds.
        let hash = key.kind().iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let index = usize::try_from(hash % KINDS as u64).unwrap_or_default();
        &self.0[index]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_apart_and_ids_are_not() {
        let expectations = Expectations::default();
        let key = |kind, id: u32| Key::new(kind, 1, id).unwrap();
        (0..100).for_each(|id| expectations.note(&key("user", id), true));
        assert!(!expectations.expects_miss(&key("user", 7_000)));
        assert!(expectations.expects_miss(&key("order", 7)));
        (0..3).for_each(|id| expectations.note(&key("user", id), false));
        assert!(expectations.expects_miss(&key("user", 7_000)));
    }
}
