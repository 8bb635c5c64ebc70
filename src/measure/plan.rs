//! How many rounds, and which reads in each: a pure function of what was asked for.

use std::fmt;
use std::ops::Range;

use super::dealing::Dealing;
use super::keys::Keys;
use crate::cli::{Codec, Workload};
use crate::paths::lane::Lane;
use crate::permutation::{Permutation, below, mix};
use crate::users::DataSet;

/// Fewer rounds than this would tell little about the spread.
const WANTED_ROUNDS: u64 = 30;
/// Bare round trips of each server over the whole measurement: enough for a p99.
const CONTROL_READS: u64 = 1_000;
/// And in each round: what a round's reads are compared with has to be steadier than they are.
const CONTROL_READS_A_ROUND: u64 = 10;

/// What a block's reads find in the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BlockKind {
    /// All of them by one lane.
    Lane(Lane),
    /// So many percent of them an entry, the others none.
    AtHitRatio { percent: u8, codec: Codec },
}

impl fmt::Display for BlockKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lane(Lane { path, codec: None }) => write!(f, "path {}", path.name()),
            Self::Lane(Lane { path, codec: Some(codec) }) => {
                write!(f, "path {} with {}", path.name(), codec.name())
            }
            Self::AtHitRatio { percent, codec } => {
                write!(f, "the cache at {percent} % hits with {}", codec.name())
            }
        }
    }
}

/// A client's share of one block: the reads whose entries it arranges, and which it makes itself unless clients take them
/// from [one queue](Queues::One).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) kind: BlockKind,
    /// In the order in which they are read.
    pub(crate) items: Vec<u32>,
    /// The cores to read on, one for each of as many equal stretches of the items; empty: wherever the system likes.
    pub(crate) cores: Vec<u32>,
    /// For [`BlockKind::AtHitRatio`]: those whose entries must be there, and those whose must not.
    pub(crate) present: Vec<u32>,
    pub(crate) absent: Vec<u32>,
}

/// From where the clients take the reads of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Queues {
    /// All from the same: none waits long for the last of the others.
    One,
    /// Each its own share: each has an entry of its own, or is to read for the same time on each core.
    OneAClient,
}

/// The shape of one workload's measurement. Every path makes the same reads in the same order.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    keys: Keys,
    iterations: u64,
    clients: u64,
    rounds: u64,
    order: Permutation,
    dealing: Option<Dealing>,
    rng_seed: u64,
}

impl Plan {
    /// `clients` is at least 1 and no more than [`keys::most_clients`](super::keys::most_clients). They are moved over
    /// the cores if there are some to deal.
    pub(crate) fn new(
        workload: Workload,
        iterations: u64,
        clients: u64,
        data: DataSet,
        dealing: Option<Dealing>,
        rng_seed: u64,
    ) -> Self {
        let each = iterations.div_ceil(clients);
        let keys = Keys::of(workload, data, dealing.is_some());
        let (rounds, size) = match keys {
            Keys::OneAClient => (each, 1),
            Keys::Numbered { keys, block } => {
                let by_block = iterations.div_ceil(block * clients);
                // No key twice in a round: the second cold read of it would be a hit.
                let by_keys = iterations.div_ceil(u64::from(keys.max(1)));
                (by_block.max(by_keys).max(each.min(WANTED_ROUNDS)), keys)
            }
        };
        let order = Permutation::new(size, rng_seed ^ 0x6b65_7973);
        Self { keys, iterations, clients, rounds, order, dealing, rng_seed }
    }

    /// Rounds that count.
    pub(crate) fn rounds(&self) -> u64 {
        self.rounds
    }

    /// Rounds before those, which do not count: connections, caches and allocators settle.
    pub(crate) fn warm_up_rounds(&self) -> u64 {
        match self.keys {
            Keys::OneAClient => 3,
            Keys::Numbered { block, .. } => block.div_ceil(self.block()).min(10),
        }
    }

    /// Reads of one path in a full round, all clients together.
    pub(crate) fn block(&self) -> u64 {
        self.iterations.div_ceil(self.rounds)
    }

    /// Distinct cache keys that the workload can touch.
    pub(crate) fn keys(&self) -> u64 {
        match self.keys {
            Keys::OneAClient => self.clients,
            Keys::Numbered { keys, .. } => u64::from(keys).min(self.iterations),
        }
    }

    /// How the shares of a block are read.
    pub(crate) fn queues(&self) -> Queues {
        match (self.keys, &self.dealing) {
            (Keys::Numbered { .. }, None) => Queues::One,
            (Keys::OneAClient, _) | (Keys::Numbered { .. }, Some(_)) => Queues::OneAClient,
        }
    }

    /// Bare round trips in one round.
    pub(crate) fn control_reads(&self) -> u64 {
        CONTROL_READS.div_ceil(self.rounds).max(CONTROL_READS_A_ROUND)
    }

    /// A client's share of a round: the same items in the same order in blocks of every kind. The shares of all clients,
    /// one after the other, are the order in which one queue is read.
    pub(crate) fn block_of(&self, kind: BlockKind, round: u64, client: u64) -> Block {
        let operations = self.operations(round, client);
        let items: Vec<u32> = operations.clone().map(|operation| self.item(operation, client)).collect();
        let (mut present, mut absent) = (Vec::new(), Vec::new());
        if let BlockKind::AtHitRatio { percent, .. } = kind {
            for (operation, item) in operations.zip(&items) {
                if self.is_hit(operation, percent) { present.push(*item) } else { absent.push(*item) }
            }
        }
        let cores = self.cores(round, client, self.block().div_ceil(self.clients));
        Block { kind, items, cores, present, absent }
    }

    /// Where the bare round trips of a round are made.
    pub(crate) fn control_cores(&self, round: u64) -> Vec<u32> {
        self.cores(round, 0, self.control_reads())
    }

    fn cores(&self, round: u64, client: u64, reads: u64) -> Vec<u32> {
        self.dealing.as_ref().map_or_else(Vec::new, |dealing| dealing.cores(round, client, reads))
    }

    /// The items of the first reads, alone.
    pub(crate) fn first_items(&self, reads: u64) -> Vec<u32> {
        (0..self.iterations.min(reads)).map(|operation| self.item(operation, 0)).collect()
    }

    fn operations(&self, round: u64, client: u64) -> Range<u64> {
        let of_round = share(0..self.iterations, round % self.rounds, self.rounds);
        share(of_round, client, self.clients)
    }

    fn item(&self, operation: u64, client: u64) -> u32 {
        match self.keys {
            Keys::OneAClient => u32::try_from(client).unwrap_or(u32::MAX),
            Keys::Numbered { .. } => self.key_number(operation),
        }
    }

    /// Which reads find an entry where only `percent` of them do: exactly so many of every hundred, in an order
    /// shuffled anew for each, so that no client and no part of a block has all the misses.
    fn is_hit(&self, operation: u64, percent: u8) -> bool {
        let (hundred, place) = (operation / 100, operation % 100);
        let order = Permutation::new(100, mix(self.rng_seed ^ 0x6869_7473) ^ hundred);
        u32::try_from(place).is_ok_and(|place| order.at(place) < u32::from(percent))
    }

    fn key_number(&self, operation: u64) -> u32 {
        let size = u64::from(self.order.size());
        let index = u32::try_from(operation % size).unwrap_or(0); // below `size`, which is a u32
        self.order.at(index) + 1
    }

    /// The blocks in the order of this round, shuffled anew each time (Fisher and Yates).
    pub(crate) fn order(&self, round: u64, kinds: &[BlockKind]) -> Vec<BlockKind> {
        let mut order = kinds.to_vec();
        for last in (1..order.len()).rev() {
            let random = mix(mix(self.rng_seed ^ 0x7061_7468) ^ (round << 8) ^ last as u64);
            let limit = u32::try_from(last + 1).unwrap_or(u32::MAX);
            order.swap(last, below(random, limit) as usize);
        }
        order
    }
}

/// The `index`-th of `parts` shares of a range; shares differ in length by at most one.
fn share(range: Range<u64>, index: u64, parts: u64) -> Range<u64> {
    let length = u128::from(range.end - range.start);
    let cut = |index: u64| {
        let offset = length * u128::from(index) / u128::from(parts);
        range.start + u64::try_from(offset).unwrap_or(u64::MAX)
    };
    cut(index)..cut(index + 1)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use clap::ValueEnum;
    use proptest::prelude::*;

    use super::super::keys::most_clients;
    use super::*;
    use crate::cli::ReadPath;

    const KINDS: [BlockKind; 3] = [
        BlockKind::Lane(Lane::MYSQL),
        BlockKind::Lane(Lane { path: ReadPath::Cold, codec: Some(Codec::Json) }),
        BlockKind::Lane(Lane { path: ReadPath::Warm, codec: Some(Codec::Json) }),
    ];

    fn data(users: u32) -> DataSet {
        DataSet { users, rng_seed: 1 }
    }

    #[test]
    fn the_usual_shapes() {
        let shape = |workload, iterations, clients| {
            let plan = Plan::new(workload, iterations, clients, data(100_000), None, 42);
            (plan.rounds(), plan.block())
        };
        assert_eq!(shape(Workload::All, 100, 1), (100, 1));
        assert_eq!(shape(Workload::All, 100, 8), (13, 8));
        assert_eq!(shape(Workload::Point, 100, 1), (30, 4));
        assert_eq!(shape(Workload::Point, 10_000, 1), (30, 334));
        assert_eq!(shape(Workload::Point, 100_000, 1), (100, 1_000));
        assert_eq!(shape(Workload::Point, 1, 1), (1, 1));
        assert_eq!(shape(Workload::Aggregate, 100, 8), (13, 8));
        assert_eq!(shape(Workload::Page, 50_000, 1), (100, 500));
        assert_eq!(shape(Workload::Page, 10_000, 8), (30, 334));
        // 2,000 pages: 50 clients with blocks of 500 would read pages twice.
        assert_eq!(shape(Workload::Page, 100_000, 50), (50, 2_000));
        let few = Plan::new(Workload::Page, 200, 2, data(70), None, 42);
        assert_eq!((few.first_items(20).len(), few.first_items(500).len()), (20, 200));
        assert_eq!((few.rounds(), few.block(), few.keys()), (100, 2, 2));
        assert_eq!(most_clients(Workload::Page, data(70)), Some(2));
        assert_eq!(most_clients(Workload::Aggregate, data(70)), None);
    }

    #[test]
    fn clients_share_a_queue_where_any_of_them_may_read_any_key() {
        let queues = |workload| Plan::new(workload, 100, 8, data(100_000), None, 42).queues();
        assert_eq!([Workload::Point, Workload::Page].map(queues), [Queues::One; 2]);
        assert_eq!([Workload::All, Workload::Aggregate].map(queues), [Queues::OneAClient; 2]);
    }

    #[test]
    fn dealt_reads_come_in_shorter_blocks_on_both_cores() {
        let plan = |workload: Workload, iterations: u64| {
            let dealing = Dealing::new(&[0, 1], 1, 42);
            Plan::new(workload, iterations, 1, data(100_000), dealing, 42)
        };
        let shape = |workload: Workload, iterations: u64| {
            let plan = plan(workload, iterations);
            (plan.rounds(), plan.block())
        };
        assert_eq!(shape(Workload::All, 100), (100, 1));
        assert_eq!(shape(Workload::Point, 100), (30, 4));
        assert_eq!(shape(Workload::Point, 10_000), (200, 50));
        assert_eq!(shape(Workload::Page, 10_000), (200, 50));
        let (point, all) = (plan(Workload::Point, 10_000), plan(Workload::All, 100));
        assert_eq!((point.queues(), all.queues()), (Queues::OneAClient, Queues::OneAClient));
        for round in 0..10 {
            let mut cores = point.block_of(KINDS[0], round, 0).cores;
            assert_eq!(cores, point.block_of(KINDS[1], round, 0).cores, "every path on the same cores");
            cores.sort_unstable();
            assert_eq!(cores, [0, 1]);
            assert_eq!(all.block_of(KINDS[0], round, 0).cores.len(), 1);
            assert_eq!(point.control_cores(round).len(), 2);
        }
    }

    proptest! {
        #[test]
        fn every_path_reads_exactly_the_iterations(
            workload in prop::sample::select(Workload::value_variants()),
            iterations in 1u64..5_000, clients in 1u64..20, users in 1u32..3_000, rng_seed: u64
        ) {
            let most = most_clients(workload, data(users)).map(u64::from);
            let clients = clients.min(most.unwrap_or(clients));
            let plan = Plan::new(workload, iterations, clients, data(users), None, rng_seed);
            let mut reads = 0;
            for round in 0..plan.rounds() {
                let mut seen = HashSet::new();
                for client in 0..clients {
                    for item in plan.block_of(KINDS[0], round, client).items {
                        reads += 1;
                        prop_assert!(seen.insert(item), "a key twice in a round");
                        prop_assert!(most.is_none_or(|most| (1..=most).contains(&u64::from(item))));
                    }
                }
                prop_assert!(seen.len() as u64 <= plan.block());
            }
            prop_assert_eq!(reads, iterations);
        }

        #[test]
        fn a_block_at_a_hit_ratio_reads_the_same_with_so_many_entries_there(
            workload in prop::sample::select(Workload::value_variants()),
            hundreds in 1u64..20, clients in 1u64..20, percent in 0u8..=100, rng_seed: u64
        ) {
            let plan = Plan::new(workload, hundreds * 100, clients, data(3_000), None, rng_seed);
            let mut hits = 0;
            for (round, client) in (0..plan.rounds()).flat_map(|round| (0..clients).map(move |client| (round, client))) {
                let mixed = plan.block_of(BlockKind::AtHitRatio { percent, codec: Codec::Json }, round, client);
                prop_assert_eq!(&mixed.items, &plan.block_of(KINDS[0], round, client).items);
                let mut arranged = [&mixed.present[..], &mixed.absent].concat();
                let mut items = mixed.items.clone();
                arranged.sort_unstable();
                items.sort_unstable();
                prop_assert_eq!(arranged, items);
                hits += mixed.present.len() as u64;
            }
            prop_assert_eq!(hits, hundreds * u64::from(percent));
        }

        #[test]
        fn every_order_of_paths_comes_up(rng_seed: u64) {
            let plan = Plan::new(Workload::All, 100, 1, data(100), None, rng_seed);
            let orders: Vec<Vec<BlockKind>> = (0..100).map(|round| plan.order(round, &KINDS)).collect();
            let distinct = orders.iter().enumerate().filter(|(at, order)| !orders[..*at].contains(order)).count();
            prop_assert_eq!(distinct, 6);
        }
    }
}
