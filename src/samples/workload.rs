//! Everything that measuring one workload gave, with one codec or several.

use std::time::Duration;

use super::disk::DiskSamples;
use super::ended::Ended;
use super::latencies::Latencies;
use super::path::{MixedSamples, PathSamples};
use super::request_counts::RequestCounts;
use super::round_series::{RoundSeries, RoundSums};
use super::written::Written;
use crate::model::Codec;
use crate::model::series::BlockKind;

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

/// The yardsticks of a round's reads: the cheapest exchanges with the same servers, in the same
/// round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ControlKind {
    /// The shortest exchange with Redis.
    Ping,
    /// The shortest exchange with MySQL.
    SelectOne,
    /// A large entry of this codec, received and not looked at.
    Fetch(Codec),
}

/// The course of the rounds of one workload.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Course {
    /// The time that they took, untimed parts included; without the first warm-up and without
    /// connecting.
    pub(crate) elapsed: Duration,
    /// The same with the first warm-up.
    pub(crate) with_warm_up: Duration,
    /// The number of times that every client opened connections.
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
    /// One for each codec, if a hit ratio was to be verified.
    pub(crate) mixed: Vec<MixedSamples>,
    pub(crate) controls: ControlSamples,
    /// The entries that were written, warm-up included, codec by codec.
    pub(crate) written: Vec<(Codec, Written)>,
    /// The requests to both servers, warm-up, preparation and controls included.
    pub(crate) requests: RequestCounts,
    /// The rounds that counted: what each path took in each of them. Behind the paths stand two
    /// more columns for each hit ratio that was to be verified: the hits and the misses of its
    /// blocks. Behind those, one for each of the controls.
    pub(crate) rounds: RoundSeries,
    /// In the order of their columns.
    pub(crate) control_kinds: Vec<ControlKind>,
    /// The course of the rounds: their time, their groups, and why they ended.
    pub(crate) course: Course,
    /// The time for which clients waited for MySQL, all together, warm-up and preparation included,
    /// ns.
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
                BlockKind::Series(series) => paths.push(PathSamples::new(series)),
                BlockKind::AtHitRatio { percent, codec } => mixed.push(MixedSamples::new(percent, codec)),
            }
        }
        let control_kinds = control_kinds(&paths);
        let rounds = RoundSeries::new(paths.len() + 2 * mixed.len() + control_kinds.len());
        Self {
            control_kinds,
            paths,
            mixed,
            controls: ControlSamples::new(),
            written: Vec::new(),
            requests: RequestCounts::default(),
            rounds,
            course: Course::default(),
            database_ns: 0,
            disk: None,
            first_error: None,
        }
    }

    /// The samples of one codec and those of MySQL alone, which all codecs share: the same rounds
    /// for all of them.
    pub(crate) fn of_codec(&self, codec: Codec) -> Self {
        let paths = (0..self.paths.len()).filter(|index| self.paths[*index].series().belongs_to(codec));
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
            requests: self.requests,
            rounds: self.rounds.select(&columns),
            course: self.course,
            database_ns: self.database_ns,
            disk: self.disk.clone(),
            first_error: self.first_error.clone(),
        }
    }

    /// Which of the verified hit ratios a block is about; none for a block of one series.
    pub(crate) fn mixed_index(&self, kind: BlockKind) -> Option<usize> {
        let is_it = |mixed: &MixedSamples| {
            kind == BlockKind::AtHitRatio { percent: mixed.percent, codec: mixed.codec }
        };
        self.mixed.iter().position(is_it)
    }

    /// The column of the hits or the misses of a verified hit ratio in the log of rounds.
    pub(crate) fn mixed_column(&self, index: usize, miss: bool) -> usize {
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
    pub(crate) fn control_column(&self, kind: ControlKind) -> Option<usize> {
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

    pub(crate) fn merge(&mut self, other: &Self) {
        for (total, part) in self.paths.iter_mut().zip(&other.paths) {
            total.merge(part);
        }
        for (total, part) in self.mixed.iter_mut().zip(&other.mixed) {
            total.merge(part);
        }
        self.controls.merge(&other.controls);
        self.requests.add(other.requests);
        self.database_ns = self.database_ns.saturating_add(other.database_ns);
        for (codec, written) in &other.written {
            match self.written.iter_mut().find(|(own, _)| own == codec) {
                Some((_, total)) => total.add(*written),
                None => self.written.push((*codec, *written)),
            }
        }
    }
}

/// Both servers' bare round trips, and for each codec that is read the bare transfer of its
/// entries.
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
    use crate::model::ReadPath;
    use crate::model::series::{BlockKind, Series};

    /// Rounds in which every column is known by its number.
    fn samples(codecs: &[Codec], paths: &[ReadPath], rounds: u64) -> WorkloadSamples {
        let all_series = Series::all(paths, codecs).into_iter().map(BlockKind::Series);
        let mixed = codecs.iter().map(|codec| BlockKind::AtHitRatio { percent: 80, codec: *codec });
        let kinds: Vec<BlockKind> = all_series.chain(mixed).collect();
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
                    (0..all.paths.len()).filter(|index| all.paths[*index].series().belongs_to(codec)).collect();
                prop_assert_eq!(own.paths.len(), expected.len());
                for (index, before) in expected.into_iter().enumerate() {
                    prop_assert_eq!(own.paths[index].series(), all.paths[before].series());
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
