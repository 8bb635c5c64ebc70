//! All numbers of one workload with one codec, worked out once, before a document is made of them.

use super::distance::{AtDistance, Distance, per_read};
use super::estimate::{Estimate, Interval};
use super::stalls::{self, Stalls};
use super::statistics::{PathStatistics, Statistics, alone, column};
use super::summary::{PERCENTILES, Summary, clients_at_work, throughput_per_s};
use crate::model::ReadPath;
use crate::samples::path::PathSamples;
use crate::samples::workload::WorkloadSamples;

pub(crate) struct Analysis {
    pub(crate) statistics: Statistics,
    /// In the order of the samples.
    pub(crate) paths: Vec<PathAnalysis>,
    /// The reads from disk.
    pub(crate) disk: Option<PathAnalysis>,
    /// The reads at a hit ratio that was to be verified.
    pub(crate) mixed: Option<Summary>,
    /// The same numbers with the servers further away.
    pub(crate) at_distance: Option<AtDistance>,
}

/// The numbers of one path.
pub(crate) struct PathAnalysis {
    pub(crate) summary: Summary,
    /// If it has an interval.
    pub(crate) mean_ns: Option<Estimate>,
    pub(crate) typical_ns: Option<Estimate>,
    /// In the order of [`PERCENTILES`]; only for percentiles that are given at all.
    pub(crate) percentiles_ci95: [Option<Interval>; PERCENTILES.len()],
    pub(crate) throughput_per_s: Option<f64>,
    pub(crate) clients_at_work: Option<f64>,
    /// With MySQL and with Redis; none without reads.
    pub(crate) exchanges_per_read: Option<[f64; 2]>,
    pub(crate) stalls: Option<Stalls>,
}

impl Analysis {
    /// `samples` are those of one codec. Deterministic from `rng_seed`, which draws the resamples.
    pub(crate) fn new(
        samples: &WorkloadSamples,
        clients: u64,
        distance: Option<Distance>,
        rng_seed: u64,
    ) -> Self {
        let statistics = Statistics::of(samples, rng_seed);
        let naive = alone(column(samples, ReadPath::Naive), rng_seed);
        let path = |path: &PathSamples| {
            let known = match path.path {
                ReadPath::Naive => Some(PathStatistics::of_alone(&naive)),
                path => statistics.of_path(path),
            };
            PathAnalysis {
                typical_ns: statistics.typical_ns(path.path),
                ..PathAnalysis::new(path, clients, known)
            }
        };
        let disk = samples.disk.as_ref().map(|disk| {
            let rounds = alone(disk.rounds.column(0), rng_seed);
            PathAnalysis::new(&disk.path, 1, Some(PathStatistics::of_alone(&rounds)))
        });
        Self {
            paths: samples.paths.iter().map(path).collect(),
            disk,
            mixed: samples.mixed.first().map(|mixed| Summary::of(&mixed.latencies)),
            at_distance: distance.map(|distance| statistics.at(samples, distance)),
            statistics,
        }
    }
}

impl PathAnalysis {
    fn new(samples: &PathSamples, clients: u64, known: Option<PathStatistics<'_>>) -> Self {
        let summary = Summary::of(&samples.latencies);
        let mut given = PERCENTILES.iter().zip(summary.percentiles_ns);
        let percentiles_ci95 = [(); PERCENTILES.len()].map(|()| {
            let ((_, percentile), value) = given.next()?;
            value.and(known)?.percentile_ns(samples, *percentile)
        });
        Self {
            mean_ns: known.and_then(|known| known.mean_ns()),
            typical_ns: None,
            percentiles_ci95,
            throughput_per_s: throughput_per_s(samples.answered, clients, samples.reading_ns),
            clients_at_work: clients_at_work(samples.reading_ns, samples.busy_ns, clients),
            exchanges_per_read: (summary.operations > 0)
                .then(|| per_read(samples.exchanges, summary.operations)),
            stalls: stalls::stalls(samples.latencies.histogram()),
            summary,
        }
    }
}
