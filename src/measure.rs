//! The rounds, the workers, and the one clock around a read.

pub(crate) mod clock;
pub(crate) mod keys;
pub(crate) mod plan;
pub(crate) mod rounds;
#[cfg(feature = "slow-warm")]
mod slowdown;
mod start_line;
mod worker;

use std::collections::BTreeMap;

use crate::cli::ReadPath;
use crate::parts::PartSums;
use crate::paths::issued::Issued;
use crate::rounds_log::{RoundSums, RoundsLog};
use crate::sample::Latencies;
use plan::BlockKind;

/// What was seen of one path.
#[derive(Clone, Debug)]
pub(crate) struct PathSamples {
    pub(crate) path: ReadPath,
    /// Reads that took this path and answered rightly, whichever block they were in.
    pub(crate) latencies: Latencies,
    /// Where the time of the same reads went.
    pub(crate) parts: PartSums,
    /// What the cache did in this path's blocks.
    pub(crate) hits: u64,
    pub(crate) misses: u64,
    /// Reads of this path's blocks that failed or answered wrongly, by kind.
    pub(crate) errors: BTreeMap<&'static str, u64>,
    /// Reads that this path's blocks answered, and how long the blocks ran.
    pub(crate) answered: u64,
    pub(crate) busy_ns: u64,
}

impl PathSamples {
    fn new(path: ReadPath) -> Self {
        Self {
            path,
            latencies: Latencies::new(),
            parts: PartSums::default(),
            hits: 0,
            misses: 0,
            errors: BTreeMap::new(),
            answered: 0,
            busy_ns: 0,
        }
    }

    fn merge(&mut self, other: &Self) {
        self.latencies.merge(&other.latencies);
        self.parts.merge(&other.parts);
        self.hits += other.hits;
        self.misses += other.misses;
        add_counts(&mut self.errors, &other.errors);
        self.answered += other.answered;
        self.busy_ns += other.busy_ns;
    }
}

/// What was seen of reads at a hit ratio that was enforced.
#[derive(Clone, Debug)]
pub(crate) struct MixedSamples {
    pub(crate) percent: u8,
    /// Reads that answered rightly, hits and misses together.
    pub(crate) latencies: Latencies,
    /// What the cache did for them.
    pub(crate) hits: u64,
    pub(crate) misses: u64,
    /// Reads that failed or answered wrongly, by kind.
    pub(crate) errors: BTreeMap<&'static str, u64>,
}

impl MixedSamples {
    fn new(percent: u8) -> Self {
        Self { percent, latencies: Latencies::new(), hits: 0, misses: 0, errors: BTreeMap::new() }
    }

    fn merge(&mut self, other: &Self) {
        self.latencies.merge(&other.latencies);
        self.hits += other.hits;
        self.misses += other.misses;
        add_counts(&mut self.errors, &other.errors);
    }
}

fn add_counts(total: &mut BTreeMap<&'static str, u64>, part: &BTreeMap<&'static str, u64>) {
    for (kind, count) in part {
        *total.entry(kind).or_default() += count;
    }
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

/// Everything that measuring one workload gave.
#[derive(Clone, Debug)]
pub(crate) struct WorkloadSamples {
    pub(crate) paths: Vec<PathSamples>,
    /// Where a hit ratio was to be verified.
    pub(crate) mixed: Option<MixedSamples>,
    pub(crate) controls: ControlSamples,
    /// Entries written, warm-up included, and their size together.
    pub(crate) written_entries: u64,
    pub(crate) written_bytes: u64,
    /// What was asked of both servers, warm-up, preparation and controls included.
    pub(crate) issued: Issued,
    /// The rounds that counted: what each path took in each of them. Behind the paths stand two more columns where a
    /// hit ratio was to be verified: the hits and the misses of its blocks.
    pub(crate) rounds: RoundsLog,
    /// The first failure, in words, where there was one.
    pub(crate) first_error: Option<String>,
}

impl WorkloadSamples {
    fn new(kinds: &[BlockKind]) -> Self {
        let paths: Vec<PathSamples> = kinds
            .iter()
            .filter_map(|kind| match kind {
                BlockKind::Path(path) => Some(PathSamples::new(*path)),
                BlockKind::AtHitRatio { .. } => None,
            })
            .collect();
        let mixed = kinds.iter().find_map(|kind| match kind {
            BlockKind::Path(_) => None,
            BlockKind::AtHitRatio { percent } => Some(MixedSamples::new(*percent)),
        });
        let columns = paths.len() + if mixed.is_some() { 2 } else { 0 };
        Self {
            paths,
            mixed,
            controls: ControlSamples::new(),
            written_entries: 0,
            written_bytes: 0,
            issued: Issued::default(),
            rounds: RoundsLog::new(columns),
            first_error: None,
        }
    }

    /// The rounds of the hits and of the misses at the hit ratio that was to be verified.
    pub(crate) fn mixed_columns(&self) -> (&[RoundSums], &[RoundSums]) {
        (self.rounds.column(self.paths.len()), self.rounds.column(self.paths.len() + 1))
    }

    /// Reads that failed or answered wrongly, warm-up included.
    pub(crate) fn failed_reads(&self) -> u64 {
        let mixed = self.mixed.iter().flat_map(|mixed| mixed.errors.values());
        self.paths.iter().flat_map(|path| path.errors.values()).chain(mixed).sum()
    }

    fn merge(&mut self, other: &Self) {
        for (total, part) in self.paths.iter_mut().zip(&other.paths) {
            total.merge(part);
        }
        if let (Some(total), Some(part)) = (&mut self.mixed, &other.mixed) {
            total.merge(part);
        }
        self.controls.merge(&other.controls);
        self.written_entries += other.written_entries;
        self.written_bytes += other.written_bytes;
        self.issued.add(other.issued);
    }
}
