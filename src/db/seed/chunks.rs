//! Which ids are sent in one go, and by how many loaders: pure.

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU32, Ordering};

/// Connections that load at once, at most. On 2 cores four were faster than two or three, with
/// MariaDB and with MySQL; from three on, MySQL's table is an extent (1 MiB in 8) larger than one
/// connection makes it.
const LOADERS: u32 = 4;
/// Chunks for each loader, so that none waits long for the last one.
const CHUNKS_A_LOADER: u32 = 4;
/// Users in one LOAD DATA: one transaction of the server. Fewer are not worth a commit; with more,
/// an interruption throws more away, and the server must be able to roll back more.
const FEWEST: u32 = 10_000;
const MOST: u32 = 100_000;

/// The ids 1 to `users`, handed out in chunks, each id once.
pub(super) struct Chunks {
    users: u32,
    chunk_users: u32,
    taken: AtomicU32,
}

impl Chunks {
    pub(super) fn of(users: u32) -> Self {
        let chunk_users = (users / (LOADERS * CHUNKS_A_LOADER)).clamp(FEWEST, MOST);
        Self { users, chunk_users, taken: AtomicU32::new(0) }
    }

    /// The number of loaders that have something to do.
    pub(super) fn loaders(&self) -> u32 {
        self.users.div_ceil(self.chunk_users).clamp(1, LOADERS)
    }

    /// The next ids that nobody has taken yet.
    pub(super) fn take(&self) -> Option<RangeInclusive<u32>> {
        let before = self.taken.fetch_add(1, Ordering::Relaxed).checked_mul(self.chunk_users)?;
        (before < self.users).then(|| before + 1..=before.saturating_add(self.chunk_users).min(self.users))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn few_users_are_one_loader_s_and_many_come_in_bounded_chunks() {
        for (users, loaders, first) in [
            (0, 1, None),
            (1, 1, Some(1..=1)),
            (10_000, 1, Some(1..=10_000)),
            (10_001, 2, Some(1..=10_000)),
            (30_000, 3, Some(1..=10_000)),
            (100_000, LOADERS, Some(1..=10_000)),
            (50_000_000, LOADERS, Some(1..=100_000)),
        ] {
            let chunks = Chunks::of(users);
            assert_eq!((chunks.loaders(), chunks.take()), (loaders, first), "{users}");
        }
    }

    proptest! {
        #[test]
        fn every_id_is_taken_once(users in prop_oneof![0..100_000_u32, 0..=u32::MAX], loaders in 1..8_usize) {
            let chunks = Chunks::of(users);
            let mut taken: Vec<_> = std::thread::scope(|scope| {
                let loaders: Vec<_> = (0..loaders)
                    .map(|_| scope.spawn(|| std::iter::from_fn(|| chunks.take()).collect::<Vec<_>>()))
                    .collect();
                loaders.into_iter().flat_map(|loader| loader.join().unwrap()).collect()
            });
            taken.sort_by_key(|ids| *ids.start());
            let mut last = 0;
            for ids in taken {
                prop_assert_eq!(*ids.start(), last + 1);
                prop_assert!(ids.end() >= ids.start() && ids.end() - ids.start() < MOST);
                last = *ids.end();
            }
            prop_assert_eq!(last, users);
            prop_assert_eq!(chunks.take(), None);
        }
    }
}
