//! Which reads each round makes: a pure function of what was asked for and the number of the round.

use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use super::core_rotation::CoreRotation;
use super::keys::Keys;
use crate::model::ReadPath;
use crate::model::series::{BlockKind, Series};
use crate::paths::query::Workload;
use crate::permutation::{Permutation, below, mix};
use crate::units::whole;
use crate::users::DataSet;

/// Fewer rounds than this would tell little about the spread.
const WANTED_ROUNDS: u64 = 30;
/// Bare round trips of each server over the whole measurement: enough for a p99.
const CONTROL_READS: u64 = 1_000;
/// And in each round: what a round's reads are compared with has to be steadier than they are.
const CONTROL_READS_A_ROUND: u64 = 10;
/// A client that has one key repeats short reads until a block of them lasts this long, so that all
/// clients are at work for most of it.
const SHORT_BLOCK_NS: f64 = 1e6;
const MOST_REPEATS: u64 = 100;
/// One of several clients makes so many reads in a block, if they take no longer than this: waiting
/// for the last client of a block costs one read.
const REPEATS_OF_SEVERAL: f64 = 10.0;
const BLOCK_OF_SEVERAL_NS: f64 = 20e6;

/// The amount of a workload that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Amount {
    /// So many reads by each path.
    Reads(u64),
    /// The number of rounds that fit into this time.
    Time(Duration),
}

/// A client's share of one block: the reads whose entries it arranges, and which it makes itself
/// unless clients take them from [one queue](Queues::One).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) kind: BlockKind,
    /// In the order in which they are read.
    pub(crate) items: Vec<u32>,
    /// The number of times that each of them is read; 1 unless a read is too short to be a block by
    /// itself.
    pub(crate) repeats: u64,
    /// The cores to read on, one for each of as many equal slices of the items; empty: wherever
    /// the system likes.
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
    /// Each its own share: each has an entry of its own, or is to read for the same time on each
    /// core.
    OneAClient,
}

/// The division of the reads into rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// A known number of reads, spread evenly over a known number of rounds.
    Fixed { reads: u64, rounds: u64 },
    /// Rounds of this many reads, all clients together, until the time is up.
    Open { block: u64 },
}

/// The shape of one workload's measurement. Every path makes the same reads in the same order; a
/// client that has only one key may repeat short reads.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    keys: Keys,
    shape: Shape,
    clients: u64,
    order: Permutation,
    core_rotation: Option<CoreRotation>,
    /// The number of times that each read of a block is made, for the kinds whose reads are short.
    repeats: Vec<(BlockKind, u64)>,
    rng_seed: u64,
}

impl Plan {
    /// `clients` is at least 1 and no more than [`keys::most_clients`](super::keys::most_clients).
    /// They are moved over the cores if there are some to deal.
    pub(crate) fn new(
        workload: Workload,
        amount: Amount,
        clients: u64,
        data: DataSet,
        core_rotation: Option<CoreRotation>,
        rng_seed: u64,
    ) -> Self {
        Self::over(
            Keys::of(workload, data, core_rotation.is_some()),
            amount,
            clients,
            core_rotation,
            rng_seed,
        )
    }

    /// The same, over these keys.
    pub(crate) fn over(
        keys: Keys,
        amount: Amount,
        clients: u64,
        core_rotation: Option<CoreRotation>,
        rng_seed: u64,
    ) -> Self {
        let shape = match amount {
            Amount::Reads(reads) => Shape::Fixed { reads, rounds: rounds_for(keys, reads, clients) },
            Amount::Time(_) => Shape::Open { block: clients },
        };
        let size = match keys {
            Keys::OneAClient => 1,
            Keys::Numbered { keys, .. } => keys,
        };
        let order = Permutation::new(size, rng_seed ^ 0x6b65_7973);
        Self { keys, shape, clients, order, core_rotation, repeats: Vec::new(), rng_seed }
    }

    pub(crate) fn clients(&self) -> u64 {
        self.clients
    }

    /// Rounds that count; none if the time decides.
    pub(crate) fn rounds(&self) -> Option<u64> {
        match self.shape {
            Shape::Fixed { rounds, .. } => Some(rounds),
            Shape::Open { .. } => None,
        }
    }

    /// Rounds before those, which do not count: connections, caches and allocators settle.
    pub(crate) fn warm_up_rounds(&self) -> u64 {
        match self.keys {
            Keys::OneAClient => 3,
            // No more of them than rounds that count, beyond a few.
            Keys::Numbered { block, .. } => {
                let most = self.rounds().map_or(10, |rounds| rounds.clamp(3, 10));
                block.div_ceil(self.block()).min(most)
            }
        }
    }

    /// Makes blocks twice as long as they are; false if they are as long as they should be.
    pub(super) fn lengthen(&mut self) -> bool {
        let Shape::Open { block } = self.shape else { return false };
        let longest = longest_block(self.keys, self.clients);
        self.shape = Shape::Open { block: (block * 2).min(longest) };
        block < longest
    }

    /// Sets how often reads of this kind are repeated, from how long one of them takes. Only
    /// clients that have one key each repeat, and no misses: the second read would be a hit.
    pub(super) fn repeat(&mut self, kind: BlockKind, read_ns: f64) {
        let can_repeat = self.keys == Keys::OneAClient
            && matches!(self.shape, Shape::Open { .. })
            && matches!(kind, BlockKind::Series(Series { path: ReadPath::Mysql | ReadPath::Warm, .. }));
        self.repeats.retain(|(own, _)| *own != kind);
        if can_repeat && read_ns > 0.0 {
            let of_one = (SHORT_BLOCK_NS / read_ns).ceil();
            let of_several = (BLOCK_OF_SEVERAL_NS / read_ns).floor().min(REPEATS_OF_SEVERAL);
            let times = if self.clients > 1 { of_one.max(of_several) } else { of_one };
            self.repeats.push((kind, whole(times).clamp(1, MOST_REPEATS)));
        }
    }

    fn repeats_of(&self, kind: BlockKind) -> u64 {
        self.repeats.iter().find(|(own, _)| *own == kind).map_or(1, |(_, times)| *times)
    }

    /// Reads of one path in a full round, all clients together, not counting repeated ones.
    pub(crate) fn block(&self) -> u64 {
        match self.shape {
            Shape::Fixed { reads, rounds } => reads.div_ceil(rounds),
            Shape::Open { block } => block,
        }
    }

    /// Distinct cache keys that the workload can touch.
    pub(crate) fn keys(&self) -> u64 {
        match (self.keys, self.shape) {
            (Keys::OneAClient, _) => self.clients,
            (Keys::Numbered { keys, .. }, Shape::Fixed { reads, .. }) => u64::from(keys).min(reads),
            (Keys::Numbered { keys, .. }, Shape::Open { .. }) => u64::from(keys),
        }
    }

    /// Every item that may be read.
    pub(crate) fn items(&self) -> RangeInclusive<u32> {
        self.keys.items(self.clients)
    }

    /// The queues of the shares of a block.
    pub(crate) fn queues(&self) -> Queues {
        match (self.keys, &self.core_rotation) {
            (Keys::Numbered { .. }, None) => Queues::One,
            (Keys::OneAClient, _) | (Keys::Numbered { .. }, Some(_)) => Queues::OneAClient,
        }
    }

    /// Bare round trips in one round: a few for each read, so that a short run stays short, and
    /// controls do not take most of the time if the servers are far away. A client with one key
    /// reads so much at once that they cost nothing.
    pub(crate) fn control_reads(&self) -> u64 {
        match (self.shape, self.keys) {
            (Shape::Fixed { rounds, .. }, _) => {
                let most = CONTROL_READS_A_ROUND * self.block();
                CONTROL_READS.div_ceil(rounds).min(most).max(CONTROL_READS_A_ROUND)
            }
            (Shape::Open { .. }, Keys::OneAClient) => CONTROL_READS_A_ROUND,
            (Shape::Open { block }, Keys::Numbered { .. }) => {
                (2 * block.div_ceil(self.clients)).min(CONTROL_READS_A_ROUND)
            }
        }
    }

    /// A client's share of a round: the same items in the same order in blocks of every kind. The
    /// shares of all clients, one after the other, are the order in which one queue is read.
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
        Block { kind, items, repeats: self.repeats_of(kind), cores, present, absent }
    }

    /// The cores of the bare round trips of a round.
    pub(crate) fn control_cores(&self, round: u64, client: u64) -> Vec<u32> {
        self.cores(round, client, self.control_reads())
    }

    fn cores(&self, round: u64, client: u64, reads: u64) -> Vec<u32> {
        self.core_rotation
            .as_ref()
            .map_or_else(Vec::new, |core_rotation| core_rotation.cores(round, client, reads))
    }

    /// The items of the first reads, alone.
    pub(crate) fn first_items(&self, reads: u64) -> Vec<u32> {
        let planned = match self.shape {
            Shape::Fixed { reads, .. } => reads,
            Shape::Open { .. } => u64::MAX,
        };
        (0..planned.min(reads)).map(|operation| self.item(operation, 0)).collect()
    }

    fn operations(&self, round: u64, client: u64) -> Range<u64> {
        let of_round = match self.shape {
            Shape::Fixed { reads, rounds } => share(0..reads, round % rounds, rounds),
            Shape::Open { block } => {
                let first = round.saturating_mul(block);
                first..first.saturating_add(block)
            }
        };
        share(of_round, client, self.clients)
    }

    fn item(&self, operation: u64, client: u64) -> u32 {
        match self.keys {
            Keys::OneAClient => u32::try_from(client).unwrap_or(u32::MAX),
            Keys::Numbered { .. } => self.key_number(operation),
        }
    }

    /// Which reads find an entry where only `percent` of them do: exactly so many of every hundred,
    /// in an order shuffled anew for each, so that no client and no part of a block has all the
    /// misses.
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

/// Into how many rounds a known number of reads is divided.
fn rounds_for(keys: Keys, reads: u64, clients: u64) -> u64 {
    let each = reads.div_ceil(clients);
    match keys {
        Keys::OneAClient => each,
        Keys::Numbered { keys, block } => {
            let by_block = reads.div_ceil(block * clients);
            // No key twice in a round: the second cold read of it would be a hit.
            let by_keys = reads.div_ceil(u64::from(keys.max(1)));
            by_block.max(by_keys).max(each.min(WANTED_ROUNDS))
        }
    }
}

/// The longest round, all clients together: no key twice in it.
fn longest_block(keys: Keys, clients: u64) -> u64 {
    match keys {
        Keys::OneAClient => clients,
        Keys::Numbered { keys, block } => (block * clients).min(u64::from(keys.max(1))),
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
mod tests;
