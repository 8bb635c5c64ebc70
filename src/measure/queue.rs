//! The queues from which clients take the reads of a block: all from one queue, or each from its
//! own, by the same code.
//!
//! With shares that are fixed beforehand, a client that is done early idles until the last one is,
//! and the throughput of the block pays for it. Out of one queue all are at work until nothing is
//! left.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::core_rotation::slices;
use super::plan::{Block, Queues};

/// Items in the order in which they are begun, each handed out once.
pub(super) struct Queue {
    slots: Vec<Slot>,
    next: AtomicUsize,
}

struct Slot {
    item: u32,
    is_cancelled: AtomicBool,
}

/// A part of a block that a client reads without moving: from the queue until it is empty.
pub(super) struct Slice {
    /// None: wherever the thread is.
    pub(super) core: Option<u32>,
    pub(super) queue: Arc<Queue>,
}

impl Queue {
    fn new<'a>(items: impl IntoIterator<Item = &'a u32>) -> Arc<Self> {
        let slot = |item: &u32| Slot { item: *item, is_cancelled: AtomicBool::new(false) };
        Arc::new(Self { slots: items.into_iter().map(slot).collect(), next: AtomicUsize::new(0) })
    }

    /// The next item, if there is one left.
    #[inline]
    pub(super) fn take(&self) -> Option<u32> {
        // The barrier orders everything else; of the counter it matters only that no client sees a
        // number twice.
        loop {
            let slot = self.slots.get(self.next.fetch_add(1, Ordering::Relaxed))?;
            if !slot.is_cancelled.load(Ordering::Relaxed) {
                return Some(slot.item);
            }
        }
    }

    /// Takes these out: before the barrier, by a client that could not arrange their
    /// entries.
    pub(super) fn cancel(&self, items: &[u32]) {
        let items: HashSet<u32> = items.iter().copied().collect();
        let those = self.slots.iter().filter(|slot| items.contains(&slot.item));
        those.for_each(|slot| slot.is_cancelled.store(true, Ordering::Relaxed));
    }
}

/// The slices of each client, in the order of its blocks.
pub(super) fn assign(blocks: &[Block], queues: Queues) -> Vec<Vec<Slice>> {
    match queues {
        Queues::One => {
            let queue = Queue::new(blocks.iter().flat_map(|block| &block.items));
            blocks.iter().map(|_| vec![Slice { core: None, queue: Arc::clone(&queue) }]).collect()
        }
        Queues::OneAClient => blocks.iter().map(own_stretches).collect(),
    }
}

fn own_stretches(block: &Block) -> Vec<Slice> {
    let slice = |(core, items)| Slice { core, queue: Queue::new(items) };
    slices(&block.items, &block.cores).map(slice).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use proptest::prelude::*;

    use super::*;
    use crate::model::series::BlockKind;
    use crate::model::series::Series;

    fn block(items: &[u32], cores: &[u32]) -> Block {
        Block {
            kind: BlockKind::Series(Series::MYSQL),
            items: items.to_vec(),
            repeats: 1,
            cores: cores.to_vec(),
            present: Vec::new(),
            absent: Vec::new(),
        }
    }

    fn rest(slices: &[Slice]) -> Vec<(Option<u32>, Vec<u32>)> {
        let rest = |slice: &Slice| std::iter::from_fn(|| slice.queue.take()).collect();
        slices.iter().map(|slice| (slice.core, rest(slice))).collect()
    }

    #[test]
    fn one_queue_is_emptied_by_whoever_comes_first() {
        let handed = assign(&[block(&[5, 3], &[]), block(&[4], &[])], Queues::One);
        assert_eq!(handed[1][0].queue.take(), Some(5));
        assert_eq!(handed[0][0].queue.take(), Some(3));
        assert_eq!(rest(&handed[1]), [(None, vec![4])]);
        assert_eq!(rest(&handed[0]), [(None, vec![])]);
    }

    #[test]
    fn with_queues_of_their_own_clients_read_their_own_on_their_cores() {
        let handed = assign(&[block(&[5, 3], &[7, 6]), block(&[4, 2], &[])], Queues::OneAClient);
        assert_eq!(rest(&handed[1]), [(None, vec![4, 2])]);
        assert_eq!(rest(&handed[0]), [(Some(7), vec![5]), (Some(6), vec![3])]);
    }

    #[test]
    fn cancelled_items_are_not_read() {
        let handed = assign(&[block(&[5, 3], &[]), block(&[4], &[]), block(&[9, 8], &[])], Queues::One);
        handed[0][0].queue.cancel(&[5, 3]);
        handed[2][0].queue.cancel(&[9, 8]);
        assert_eq!(rest(&handed[2]), [(None, vec![4])]);
        assert_eq!(handed[1][0].queue.take(), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn each_item_is_taken_once_and_in_order(
            shares in prop::collection::vec(0u32..200, 1..9), cancelled in 0usize..9
        ) {
            let mut first = 0;
            let share = |length: &u32| {
                first += length;
                block(&(first - length..first).collect::<Vec<_>>(), &[])
            };
            let blocks: Vec<Block> = shares.iter().map(share).collect();
            let handed = assign(&blocks, Queues::One);
            let out = blocks.get(cancelled).map_or(&[][..], |block| &block.items);
            handed[0][0].queue.cancel(out);
            let line = Barrier::new(handed.len());
            let taken: Vec<Vec<u32>> = std::thread::scope(|scope| {
                let take_all = |slices| {
                    let line = &line;
                    scope.spawn(move || {
                        line.wait();
                        rest(slices).remove(0).1
                    })
                };
                let clients: Vec<_> = handed.iter().map(|slices| take_all(slices)).collect();
                clients.into_iter().map(|client| client.join().unwrap()).collect()
            });
            prop_assert!(taken.iter().all(|items| items.is_sorted()), "{taken:?}");
            let mut all = taken.concat();
            all.sort_unstable();
            let expected: Vec<u32> = (0..first).filter(|item| !out.contains(item)).collect();
            prop_assert_eq!(all, expected);
        }
    }
}
