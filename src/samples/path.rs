//! The samples of one path: its reads, where their time went, and what failed.

use std::collections::BTreeMap;

use super::latencies::Latencies;
use super::request_counts::Exchanges;
use crate::model::phase::PhaseSums;
use crate::model::series::Series;
use crate::model::{Codec, ReadPath};

/// The samples of one path.
#[derive(Clone, Debug)]
pub(crate) struct PathSamples {
    pub(crate) path: ReadPath,
    /// The codec of the entries; none if no cache is asked.
    pub(crate) codec: Option<Codec>,
    /// Reads that took this path and answered rightly, whichever block they were in.
    pub(crate) latencies: Latencies,
    /// The phases of the same reads.
    pub(crate) parts: PhaseSums,
    /// The time until their entries were stored.
    pub(crate) stored: Stored,
    /// The round trips of the same reads.
    pub(crate) exchanges: Exchanges,
    /// The hits and misses in this path's blocks.
    pub(crate) hits: u64,
    pub(crate) misses: u64,
    /// Reads of this path's blocks that failed or answered wrongly, by kind.
    pub(crate) errors: Errors,
    /// Reads that this path's blocks answered, and how long the blocks ran.
    pub(crate) answered: u64,
    pub(crate) busy_ns: u64,
    /// The time for which clients were reading in these blocks, all clients together.
    pub(crate) reading_ns: u64,
    /// Processor time that rcache itself took for them, all clients together.
    pub(crate) processor_ns: u64,
}

impl PathSamples {
    pub(crate) fn new(series: Series) -> Self {
        Self {
            path: series.path,
            codec: series.codec,
            latencies: Latencies::new(),
            parts: PhaseSums::default(),
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

    pub(crate) fn series(&self) -> Series {
        Series { path: self.path, codec: self.codec }
    }

    pub(super) fn merge(&mut self, other: &Self) {
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

    pub(super) fn merge(&mut self, other: Self) {
        self.misses += other.misses;
        self.sum_ns += other.sum_ns;
    }

    /// The mean, ns; none without misses.
    pub(crate) fn mean_ns(self) -> Option<f64> {
        (self.misses > 0).then(|| self.sum_ns as f64 / self.misses as f64)
    }
}

/// The samples of reads at a hit ratio that was enforced.
#[derive(Clone, Debug)]
pub(crate) struct MixedSamples {
    pub(crate) percent: u8,
    pub(crate) codec: Codec,
    /// Reads that answered rightly, hits and misses together.
    pub(crate) latencies: Latencies,
    /// The hits and misses among them.
    pub(crate) hits: u64,
    pub(crate) misses: u64,
    /// Reads that failed or answered wrongly, by kind.
    pub(crate) errors: Errors,
}

impl MixedSamples {
    pub(super) fn new(percent: u8, codec: Codec) -> Self {
        Self { percent, codec, latencies: Latencies::new(), hits: 0, misses: 0, errors: BTreeMap::new() }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.latencies.merge(&other.latencies);
        self.hits += other.hits;
        self.misses += other.misses;
        merge_errors(&mut self.errors, &other.errors);
    }
}

/// Reads that failed or answered wrongly, by kind.
pub(crate) type Errors = BTreeMap<&'static str, u64>;

pub(crate) fn count_error(errors: &mut Errors, kind: &'static str, count: u64) {
    *errors.entry(kind).or_default() += count;
}

pub(super) fn merge_errors(total: &mut Errors, part: &Errors) {
    part.iter().for_each(|(kind, count)| count_error(total, kind, *count));
}
