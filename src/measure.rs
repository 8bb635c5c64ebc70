//! The rounds, the workers, and the one clock around a read.

pub(crate) mod affinity;
pub(crate) mod awake;
pub(crate) mod clock;
pub(crate) mod dealing;
pub(crate) mod disk;
pub(crate) mod keys;
mod pace;
pub(crate) mod plan;
mod queue;
pub(crate) mod rounds;
pub(crate) mod schedule;
mod start_line;
pub(crate) mod timer;
mod worker;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::cli::{Codec, ReadPath};
use crate::parts::PartSums;
use crate::paths::issued::{Exchanges, Issued};
use crate::paths::lane::Lane;
use crate::paths::reader::Written;
use crate::rounds_log::{RoundSums, RoundsLog};
use crate::sample::Latencies;
use disk::DiskSamples;
use plan::BlockKind;
use schedule::Ended;

/// What was seen of one path.
#[derive(Clone, Debug)]
pub(crate) struct PathSamples {
    pub(crate) path: ReadPath,
    /// Of the entries; none where no cache is asked.
    pub(crate) codec: Option<Codec>,
    /// Reads that took this path and answered rightly, whichever block they were in.
    pub(crate) latencies: Latencies,
    /// Where the time of the same reads went.
    pub(crate) parts: PartSums,
    /// The time until their entries were stored.
    pub(crate) stored: Stored,
    /// The round trips of the same reads.
    pub(crate) exchanges: Exchanges,
    /// What the cache did in this path's blocks.
    pub(crate) hits: u64,
    pub(crate) misses: u64,
    /// Reads of this path's blocks that failed or answered wrongly, by kind.
    pub(crate) errors: Errors,
    /// Reads that this path's blocks answered, and how long the blocks ran.
    pub(crate) answered: u64,
    pub(crate) busy_ns: u64,
    /// How long clients were reading in these blocks, all clients together.
    pub(crate) reading_ns: u64,
    /// Processor time that rcache itself took for them, all clients together.
    pub(crate) processor_ns: u64,
}

impl PathSamples {
    fn new(lane: Lane) -> Self {
        Self {
            path: lane.path,
            codec: lane.codec,
            latencies: Latencies::new(),
            parts: PartSums::default(),
            stored: Stored::default(),
            exchanges: Exchanges::default(),
            hits: 0,
            misses: 0,
            errors: BTreeMap::new(),
            answered: 0,
            busy_ns: 0,
            reading_ns: 0,
            processor_ns: 0,
        }
    }

    pub(crate) fn lane(&self) -> Lane {
        Lane { path: self.path, codec: self.codec }
    }

    fn merge(&mut self, other: &Self) {
        self.latencies.merge(&other.latencies);
        self.parts.merge(&other.parts);
        self.stored.merge(other.stored);
        self.exchanges.add(other.exchanges);
        self.hits += other.hits;
        self.misses += other.misses;
        merge_errors(&mut self.errors, &other.errors);
        self.answered += other.answered;
        self.busy_ns += other.busy_ns;
        self.reading_ns += other.reading_ns;
        self.processor_ns += other.processor_ns;
    }
}

/// From the beginning of misses until Redis had answered for their entries.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stored {
    misses: u64,
    sum_ns: u128,
}

impl Stored {
    pub(crate) fn extend(&mut self, ns: Option<u64>) {
        if let Some(ns) = ns {
            self.misses += 1;
            self.sum_ns += u128::from(ns);
        }
    }

    fn merge(&mut self, other: Self) {
        self.misses += other.misses;
        self.sum_ns += other.sum_ns;
    }

    /// The mean, ns; none without misses.
    pub(crate) fn mean_ns(self) -> Option<f64> {
        (self.misses > 0).then(|| self.sum_ns as f64 / self.misses as f64)
    }
}

/// What was seen of reads at a hit ratio that was enforced.
#[derive(Clone, Debug)]
pub(crate) struct MixedSamples {
    pub(crate) percent: u8,
    pub(crate) codec: Codec,
    /// Reads that answered rightly, hits and misses together.
    pub(crate) latencies: Latencies,
    /// What the cache did for them.
    pub(crate) hits: u64,
    pub(crate) misses: u64,
    /// Reads that failed or answered wrongly, by kind.
    pub(crate) errors: Errors,
}

impl MixedSamples {
    fn new(percent: u8, codec: Codec) -> Self {
        Self { percent, codec, latencies: Latencies::new(), hits: 0, misses: 0, errors: BTreeMap::new() }
    }

    fn merge(&mut self, other: &Self) {
        self.latencies.merge(&other.latencies);
        self.hits += other.hits;
        self.misses += other.misses;
        merge_errors(&mut self.errors, &other.errors);
    }
}

/// Reads that failed or answered wrongly, by kind.
type Errors = BTreeMap<&'static str, u64>;

fn count_error(errors: &mut Errors, kind: &'static str, count: u64) {
    *errors.entry(kind).or_default() += count;
}

fn merge_errors(total: &mut Errors, part: &Errors) {
    part.iter().for_each(|(kind, count)| count_error(total, kind, *count));
}

/// The bare round trips to both servers.
#[derive(Clone, Debug)]
pub(crate) struct ControlSamples {
    pub(crate) mysql: Latencies,
    pub(crate) redis: Latencies,
}

impl ControlSamples {
    pub(crate) fn new() -> Self {
        Self { mysql: Latencies::new(), redis: Latencies::new() }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.mysql.merge(&other.mysql);
        self.redis.merge(&other.redis);
    }
}

/// What a round's reads are compared with: the cheapest exchanges with the same servers, in the same round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ControlKind {
    /// The shortest exchange with Redis.
    Ping,
    /// The shortest exchange with MySQL.
    SelectOne,
    /// A large entry of this codec, received and not looked at.
    Fetch(Codec),
}

/// How the rounds of one workload went.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Course {
    /// How long they took, untimed parts included; without the first warm-up and without connecting.
    pub(crate) elapsed: Duration,
    /// How often every client opened connections.
    pub(crate) groups: u32,
    /// Reads of each path in a full round, all clients together, not counting repeated ones.
    pub(crate) block: u64,
    /// None until they are over.
    pub(crate) ended: Option<Ended>,
}

/// Everything that measuring one workload gave, with one codec or several.
#[derive(Clone, Debug)]
pub(crate) struct WorkloadSamples {
    pub(crate) paths: Vec<PathSamples>,
    /// Where a hit ratio was to be verified: one for each codec.
    pub(crate) mixed: Vec<MixedSamples>,
    pub(crate) controls: ControlSamples,
    /// What was written, warm-up included, codec by codec.
    pub(crate) written: Vec<(Codec, Written)>,
    /// What was asked of both servers, warm-up, preparation and controls included.
    pub(crate) issued: Issued,
    /// The rounds that counted: what each path took in each of them. Behind the paths stand two more columns for each
    /// hit ratio that was to be verified: the hits and the misses of its blocks. Behind those, one for each of the controls.
    pub(crate) rounds: RoundsLog,
    /// In the order of their columns.
    pub(crate) control_kinds: Vec<ControlKind>,
    /// How the rounds went: their time, their groups, and why they ended.
    pub(crate) course: Course,
    /// How long clients waited for MySQL, all together, warm-up and preparation included, ns.
    pub(crate) database_ns: u64,
    /// Reads from disk, after all rounds.
    pub(crate) disk: Option<DiskSamples>,
    /// The first failure, in words, where there was one.
    pub(crate) first_error: Option<String>,
}

impl WorkloadSamples {
    pub(crate) fn new(kinds: &[BlockKind]) -> Self {
        let (mut paths, mut mixed) = (Vec::new(), Vec::new());
        for kind in kinds {
            match *kind {
                BlockKind::Lane(lane) => paths.push(PathSamples::new(lane)),
                BlockKind::AtHitRatio { percent, codec } => mixed.push(MixedSamples::new(percent, codec)),
            }
        }
        let control_kinds = control_kinds(&paths);
        let rounds = RoundsLog::new(paths.len() + 2 * mixed.len() + control_kinds.len());
        Self {
            control_kinds,
            paths,
            mixed,
            controls: ControlSamples::new(),
            written: Vec::new(),
            issued: Issued::default(),
            rounds,
            course: Course::default(),
            database_ns: 0,
            disk: None,
            first_error: None,
        }
    }

    /// The samples of one codec and those of MySQL alone, which all codecs share: the same rounds for all of them.
    pub(crate) fn of_codec(&self, codec: Codec) -> Self {
        let paths = (0..self.paths.len()).filter(|index| self.paths[*index].lane().belongs_to(codec));
        let mixed = (0..self.mixed.len()).filter(|index| self.mixed[*index].codec == codec);
        let columns: Vec<usize> = paths
            .clone()
            .chain(mixed.clone().flat_map(|index| [false, true].map(|miss| self.mixed_column(index, miss))))
            .chain(self.controls_of(codec).filter_map(|kind| self.control_column(kind)))
            .collect();
        Self {
            control_kinds: self.controls_of(codec).collect(),
            paths: paths.map(|index| self.paths[index].clone()).collect(),
            mixed: mixed.map(|index| self.mixed[index].clone()).collect(),
            controls: self.controls.clone(),
            written: self.written.iter().copied().filter(|(own, _)| *own == codec).collect(),
            issued: self.issued,
            rounds: self.rounds.select(&columns),
            course: self.course,
            database_ns: self.database_ns,
            disk: self.disk.clone(),
            first_error: self.first_error.clone(),
        }
    }

    /// Which of the verified hit ratios a block is about; none for a block of one lane.
    fn mixed_index(&self, kind: BlockKind) -> Option<usize> {
        let is_it = |mixed: &MixedSamples| {
            kind == BlockKind::AtHitRatio { percent: mixed.percent, codec: mixed.codec }
        };
        self.mixed.iter().position(is_it)
    }

    /// Where the hits or the misses of a verified hit ratio stand in the log of rounds.
    fn mixed_column(&self, index: usize, miss: bool) -> usize {
        self.paths.len() + 2 * index + usize::from(miss)
    }

    /// The rounds of the hits and of the misses at the first hit ratio that was to be verified.
    pub(crate) fn mixed_columns(&self) -> (&[RoundSums], &[RoundSums]) {
        let [hits, misses] = [false, true].map(|miss| self.rounds.column(self.mixed_column(0, miss)));
        (hits, misses)
    }

    /// The controls that the reads of one codec are compared with.
    fn controls_of(&self, codec: Codec) -> impl Iterator<Item = ControlKind> {
        let of_another = move |kind: &ControlKind| matches!(kind, ControlKind::Fetch(own) if *own != codec);
        self.control_kinds.iter().copied().filter(move |kind| !of_another(kind))
    }

    /// The place of a control in the log of rounds.
    fn control_column(&self, kind: ControlKind) -> Option<usize> {
        let index = self.control_kinds.iter().position(|own| *own == kind)?;
        Some(self.paths.len() + 2 * self.mixed.len() + index)
    }

    /// The rounds of a control; empty for one that was not made.
    pub(crate) fn control_rounds(&self, kind: ControlKind) -> &[RoundSums] {
        self.control_column(kind).map_or(&[], |column| self.rounds.column(column))
    }

    /// Reads that failed or answered wrongly, warm-up included.
    pub(crate) fn failed_reads(&self) -> u64 {
        let mixed = self.mixed.iter().flat_map(|mixed| mixed.errors.values());
        let disk = self.disk.iter().flat_map(|disk| disk.path.errors.values());
        self.paths.iter().flat_map(|path| path.errors.values()).chain(mixed).chain(disk).sum()
    }

    /// Mean size of this codec's entries; none where none was written.
    pub(crate) fn entry_bytes(&self, codec: Codec) -> Option<u64> {
        self.written.iter().find(|(own, _)| *own == codec)?.1.entry_bytes()
    }

    fn merge(&mut self, other: &Self) {
        for (total, part) in self.paths.iter_mut().zip(&other.paths) {
            total.merge(part);
        }
        for (total, part) in self.mixed.iter_mut().zip(&other.mixed) {
            total.merge(part);
        }
        self.controls.merge(&other.controls);
        self.issued.add(other.issued);
        self.database_ns = self.database_ns.saturating_add(other.database_ns);
        for (codec, written) in &other.written {
            match self.written.iter_mut().find(|(own, _)| own == codec) {
                Some((_, total)) => total.add(*written),
                None => self.written.push((*codec, *written)),
            }
        }
    }
}

/// Both servers' bare round trips, and for each codec that is read the bare transfer of its entries.
fn control_kinds(paths: &[PathSamples]) -> Vec<ControlKind> {
    let mut kinds = vec![ControlKind::Ping, ControlKind::SelectOne];
    for fetch in paths.iter().filter_map(|path| path.codec).map(ControlKind::Fetch) {
        if !kinds.contains(&fetch) {
            kinds.push(fetch);
        }
    }
    kinds
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Rounds in which every column is known by its number.
    fn samples(codecs: &[Codec], paths: &[ReadPath], rounds: u64) -> WorkloadSamples {
        let lanes = Lane::all(paths, codecs).into_iter().map(BlockKind::Lane);
        let mixed = codecs.iter().map(|codec| BlockKind::AtHitRatio { percent: 80, codec: *codec });
        let kinds: Vec<BlockKind> = lanes.chain(mixed).collect();
        let mut samples = WorkloadSamples::new(&kinds);
        let columns = samples.rounds.columns() as u64;
        let sums: Vec<RoundSums> = (0..columns).map(|column| RoundSums::alike(1, column)).collect();
        (0..rounds).for_each(|_| samples.rounds.push(&sums));
        samples
    }

    /// The number by which a column is known.
    fn number(column: &[RoundSums]) -> u64 {
        column[0].sum_ns
    }

    proptest! {
        #[test]
        fn a_codec_has_its_own_columns_and_those_of_mysql(
            codecs in prop::sample::subsequence(vec![Codec::Arrow, Codec::Postcard, Codec::Msgpack, Codec::Json], 1..=4),
            paths in prop::sample::subsequence(vec![ReadPath::Mysql, ReadPath::Cold, ReadPath::Warm, ReadPath::Disk], 0..=4),
            rounds in 1u64..5,
        ) {
            let all = samples(&codecs, &paths, rounds);
            for codec in codecs {
                let own = all.of_codec(codec);
                prop_assert_eq!(own.rounds.rounds(), rounds);
                prop_assert_eq!(own.rounds.columns(), own.paths.len() + 2 + own.control_kinds.len());
                let expected: Vec<usize> =
                    (0..all.paths.len()).filter(|index| all.paths[*index].lane().belongs_to(codec)).collect();
                prop_assert_eq!(own.paths.len(), expected.len());
                for (index, before) in expected.into_iter().enumerate() {
                    prop_assert_eq!(own.paths[index].lane(), all.paths[before].lane());
                    prop_assert_eq!(number(own.rounds.column(index)), before as u64);
                }
                let mixed = all.mixed.iter().position(|mixed| mixed.codec == codec).unwrap();
                let (hits, misses) = own.mixed_columns();
                let first = (all.paths.len() + 2 * mixed) as u64;
                prop_assert_eq!((number(hits), number(misses)), (first, first + 1));
                for kind in [ControlKind::Ping, ControlKind::SelectOne, ControlKind::Fetch(codec)] {
                    let of_all = all.control_rounds(kind);
                    prop_assert_eq!(own.control_rounds(kind), of_all);
                    prop_assert_eq!(of_all.is_empty(), !all.control_kinds.contains(&kind));
                }
            }
        }
    }
}
