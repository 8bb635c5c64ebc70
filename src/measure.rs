//! The rounds, the workers, and the one clock around a read.

pub(crate) mod clock;
pub(crate) mod plan;
pub(crate) mod rounds;
mod start_line;
mod worker;

use std::collections::BTreeMap;

use crate::cli::ReadPath;
use crate::parts::PartSums;
use crate::rounds_log::RoundsLog;
use crate::sample::Latencies;

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
        for (kind, count) in &other.errors {
            *self.errors.entry(kind).or_default() += count;
        }
        self.answered += other.answered;
        self.busy_ns += other.busy_ns;
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
    pub(crate) controls: ControlSamples,
    /// Entries written, warm-up included, and their size together.
    pub(crate) written_entries: u64,
    pub(crate) written_bytes: u64,
    /// The rounds that counted: what each path took in each of them.
    pub(crate) rounds: RoundsLog,
    /// The first failure, in words, where there was one.
    pub(crate) first_error: Option<String>,
}
