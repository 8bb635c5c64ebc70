//! Which core a client reads on: dealt evenly, so that no path owes its times to where the system
//! happened to put it.
//!
//! On one machine a round trip between two processes takes several times as long from core to core
//! as on one core, where neither has to be woken elsewhere; and a scheduler's choice lasts for
//! hundreds of reads. Left to it, the ratio of two paths would be drawn once a block, from a few
//! values that lie far apart. So the core is a factor that every block holds evenly, and chance
//! decides only the order ("block what you can, randomize what you cannot": Box, Hunter and Hunter,
//! "Statistics for Experimenters").

use crate::permutation::{Permutation, mix};

/// More moves than this in one block cost more than they even out.
const MOST_STRETCHES: u64 = 4;

/// The cores, and how clients go over them: a pure function of `rng_seed`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CoreRotation {
    cores: Vec<u32>,
    clients: u64,
    rng_seed: u64,
}

impl CoreRotation {
    /// None where there is nothing to deal: on a single core, and where clients take more than half
    /// of the cores. Those and their servers keep all cores busy, and the scheduler moves them all
    /// the time.
    pub(crate) fn new(cores: &[u32], clients: u64, rng_seed: u64) -> Option<Self> {
        let enough = cores.len() >= 2 && clients.max(1) <= cores.len() as u64 / 2;
        enough.then(|| Self { cores: cores.to_vec(), clients: clients.max(1), rng_seed })
    }

    /// The cores of a client's block, one for each slice of its reads (as many as it `usually`
    /// has); slices are equally long. Blocks of one round have the same, whatever they read.
    /// Over many rounds each core comes up equally often.
    pub(super) fn cores(&self, round: u64, client: u64, usually: u64) -> Vec<u32> {
        let length = self.cores.len() as u64;
        let slices = length.min(MOST_STRETCHES).min(usually);
        // Clients stand apart by a fixed distance, so that no two meet on a core.
        let apart = client * (length / self.clients);
        let core = |slice: u64| {
            let number = round * slices + slice;
            let order = self.order(number / length);
            let index = u64::from(order.at(u32::try_from(number % length).unwrap_or(0)));
            usize::try_from((index + apart) % length).ok().and_then(|index| self.cores.get(index)).copied()
        };
        (0..slices).filter_map(core).collect()
    }

    /// All cores once, in an order of its own each time.
    fn order(&self, cycle: u64) -> Permutation {
        let length = u32::try_from(self.cores.len()).unwrap_or(u32::MAX);
        Permutation::new(length, mix(self.rng_seed ^ 0x636f_7265) ^ cycle)
    }
}

/// Equal shares of the items, one for each core; without cores all of them, wherever the thread is.
pub(super) fn slices<'a, T>(
    items: &'a [T],
    cores: &'a [u32],
) -> impl Iterator<Item = (Option<u32>, &'a [T])> {
    let everywhere = cores.is_empty().then_some((None, items));
    let end = |part: usize| items.len() * part / cores.len();
    let on_cores = cores.iter().enumerate().map(move |(part, core)| {
        let share = items.get(end(part)..end(part + 1)).unwrap_or_default();
        (Some(*core), share)
    });
    everywhere.into_iter().chain(on_cores)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashSet};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_core_too_few_is_nothing_to_deal() {
        assert_eq!(CoreRotation::new(&[], 1, 1), None);
        assert_eq!(CoreRotation::new(&[0], 1, 1), None);
        assert!(CoreRotation::new(&[0, 1], 1, 1).is_some());
        assert_eq!(CoreRotation::new(&[0, 1, 2], 2, 1), None);
        assert!(CoreRotation::new(&[0, 1, 2, 3], 2, 1).is_some());
    }

    #[test]
    fn two_cores_share_every_block_in_either_order() {
        let core_rotation = CoreRotation::new(&[3, 7], 1, 42).unwrap();
        let blocks: HashSet<Vec<u32>> = (0..50).map(|round| core_rotation.cores(round, 0, 50)).collect();
        assert_eq!(blocks, HashSet::from([vec![3, 7], vec![7, 3]]));
    }

    #[test]
    fn stretches_are_equal_and_leave_nothing_out() {
        let shares = |items: &[u32], cores: &[u32]| -> Vec<(Option<u32>, Vec<u32>)> {
            slices(items, cores).map(|(core, share)| (core, share.to_vec())).collect()
        };
        assert_eq!(shares(&[1, 2, 3], &[]), [(None, vec![1, 2, 3])]);
        assert_eq!(shares(&[1, 2, 3, 4], &[7, 5]), [(Some(7), vec![1, 2]), (Some(5), vec![3, 4])]);
        assert_eq!(shares(&[1, 2, 3], &[7, 5]), [(Some(7), vec![1]), (Some(5), vec![2, 3])]);
        assert_eq!(shares(&[1], &[7, 5]), [(Some(7), vec![]), (Some(5), vec![1])]);
        assert_eq!(shares(&[], &[7]), [(Some(7), vec![])]);
    }

    proptest! {
        #[test]
        fn each_core_comes_up_equally_often_and_no_two_clients_meet(
            count in 2u32..40, clients in 1u64..10, usually in 1u64..60, rng_seed: u64
        ) {
            let cores: Vec<u32> = (0..count).map(|core| core * 2).collect();
            prop_assume!(clients <= u64::from(count) / 2);
            let core_rotation = CoreRotation::new(&cores, clients, rng_seed).unwrap();
            let mut seen: BTreeMap<u32, u64> = BTreeMap::new();
            // As many rounds as end together with an order of all cores.
            let rounds = u64::from(count) * 12;
            for round in 0..rounds {
                let blocks: Vec<Vec<u32>> =
                    (0..clients).map(|client| core_rotation.cores(round, client, usually)).collect();
                for slice in 0..blocks[0].len() {
                    let here: HashSet<u32> = blocks.iter().map(|block| block[slice]).collect();
                    prop_assert_eq!(here.len() as u64, clients);
                }
                blocks.iter().flatten().for_each(|core| *seen.entry(*core).or_default() += 1);
            }
            prop_assert!(seen.keys().all(|core| cores.contains(core)));
            let counts: HashSet<u64> = seen.values().copied().collect();
            prop_assert_eq!((seen.len(), counts.len()), (cores.len(), 1), "{:?}", seen);
        }
    }
}
