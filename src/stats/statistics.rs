//! All that a workload's rounds say, worked out once: what the run file saves and the report tells.

use super::bootstrap::Bootstrap;
use super::break_even::BreakEven;
use super::curve::{self, CurvePoint};
use super::distance::{self, AtDistance, Distance, per_read};
use super::estimate::{Estimate, Interval, Missing};
use super::hit_ratio_check::Verified;
use super::percentile_interval::percentile_interval;
use super::relative_cost::RelativeCost;
use super::rounds::{Column, PathRounds};
use super::typical::Typical;
use super::typical_ratio::{typical_ns, typical_ratio};
use crate::model::ReadPath;
use crate::samples::path::PathSamples;
use crate::samples::round_series::RoundSums;
use crate::samples::workload::{ControlKind, WorkloadSamples};

/// One workload's estimates, each with its interval or the reason why there is none.
pub(crate) struct Statistics {
    pub(crate) speedup: Result<Estimate, Missing>,
    pub(crate) miss_penalty: Result<Estimate, Missing>,
    pub(crate) break_even: BreakEven,
    /// The cost of a miss beside the usual one; none unless both were measured.
    pub(crate) cold_over_naive: Option<Result<Estimate, Missing>>,
    /// The ratio of a typical round.
    pub(crate) warm_over_mysql: Result<Estimate, Missing>,
    pub(crate) typical: Typical,
    /// Empty where there is not a single point.
    pub(crate) curve: Vec<CurvePoint>,
    /// Present if a hit ratio was to be verified, and something was read at it.
    pub(crate) verified: Option<Verified>,
    /// The typical times of the bare exchanges that the paths are compared with, ns.
    pub(crate) controls: Vec<(ControlKind, Result<Estimate, Missing>)>,
    /// Which of those a hit is compared with.
    pub(crate) hit_control: ControlKind,
    typical_ns: [Result<Estimate, Missing>; 3],
    typical_naive_ns: Result<Estimate, Missing>,
    relative: [RelativeCost; 3],
    bootstrap: Bootstrap,
}

impl Statistics {
    /// Deterministic from `rng_seed`, which draws the resamples.
    pub(crate) fn of(samples: &WorkloadSamples, rng_seed: u64) -> Self {
        let paths = path_rounds(samples);
        let PathRounds { mysql, cold, warm, groups } = paths;
        let bounds = [ReadPath::Mysql, ReadPath::Cold, ReadPath::Warm].map(|path| bounds(samples, path));
        let bootstrap = Bootstrap::new(&paths, rng_seed).within(bounds);
        let curve = curve::hit_ratio_curve(&bootstrap).to_vec();
        let made = |kind: &ControlKind| !is_without_reads(samples.control_rounds(*kind));
        let made: Vec<ControlKind> = samples.control_kinds.iter().copied().filter(made).collect();
        let fetch = made.iter().copied().find(|kind| matches!(kind, ControlKind::Fetch(_)));
        let hit_control = fetch.unwrap_or(ControlKind::Ping);
        let redis = samples.control_rounds(hit_control);
        Self {
            controls: made
                .iter()
                .map(|kind| (*kind, typical_ns(samples.control_rounds(*kind), groups)))
                .collect(),
            hit_control,
            typical_ns: [mysql, cold, warm].map(|rounds| typical_ns(rounds, groups)),
            typical_naive_ns: typical_ns(column(samples, ReadPath::Naive), groups),
            relative: [
                RelativeCost::new(mysql, samples.control_rounds(ControlKind::SelectOne), groups, rng_seed),
                RelativeCost::of_excess(cold, mysql, redis, groups, rng_seed),
                RelativeCost::new(warm, redis, groups, rng_seed),
            ],
            speedup: bootstrap.speedup(),
            miss_penalty: bootstrap.miss_penalty(),
            break_even: bootstrap.break_even(),
            cold_over_naive: cold_over_naive(samples, rng_seed),
            warm_over_mysql: typical_ratio(warm, mysql, groups),
            typical: Typical::new(&paths),
            verified: verified(samples, &bootstrap, rng_seed),
            curve: if curve.iter().any(|point| point.mean_ns.is_ok()) { curve } else { Vec::new() },
            bootstrap,
        }
    }

    /// The statistics of one path of the rounds; reads from disk are none of them.
    pub(crate) fn of_path(&self, path: ReadPath) -> Option<PathStatistics<'_>> {
        Some(PathStatistics { bootstrap: &self.bootstrap, column: column_of(path)? })
    }

    /// The same numbers with the servers further away; none if a path made no round trip that was
    /// counted.
    pub(crate) fn at(&self, samples: &WorkloadSamples, distance: Distance) -> AtDistance {
        let exchanges = [ReadPath::Mysql, ReadPath::Cold, ReadPath::Warm].map(|path| {
            let found = samples.paths.iter().find(|samples| samples.path == path);
            found.map_or([0.0; 2], |path| per_read(path.exchanges, path.latencies.count()))
        });
        distance::at(&self.bootstrap, exchanges, distance)
    }

    /// The typical time of a read of a path, ns.
    pub(crate) fn typical_ns(&self, path: ReadPath) -> Option<Estimate> {
        match path {
            ReadPath::Naive => self.typical_naive_ns.ok(),
            _ => self.typical_ns.get(column_of(path)? as usize)?.ok(),
        }
    }

    /// The cost of a path in terms of its control.
    pub(crate) fn relative_cost(&self, path: ReadPath) -> Option<&RelativeCost> {
        self.relative.get(column_of(path)? as usize)
    }
}

fn column_of(path: ReadPath) -> Option<Column> {
    match path {
        ReadPath::Mysql => Some(Column::Mysql),
        ReadPath::Cold => Some(Column::Cold),
        ReadPath::Warm => Some(Column::Warm),
        ReadPath::Naive | ReadPath::Disk => None,
    }
}

fn is_without_reads(rounds: &[RoundSums]) -> bool {
    rounds.iter().all(|sums| sums.count == 0)
}

/// The rounds of a path that stands alone.
pub(crate) fn alone(rounds: &[RoundSums], rng_seed: u64) -> Bootstrap {
    Bootstrap::new(&PathRounds { mysql: rounds, ..PathRounds::default() }, rng_seed)
}

/// The uncertainty of the numbers of one path.
#[derive(Clone, Copy)]
pub(crate) struct PathStatistics<'a> {
    bootstrap: &'a Bootstrap,
    column: Column,
}

impl<'a> PathStatistics<'a> {
    /// The statistics of a path that is [`alone`].
    pub(crate) fn of_alone(bootstrap: &'a Bootstrap) -> Self {
        Self { bootstrap, column: Column::Mysql }
    }

    /// The mean, where it has an interval.
    pub(crate) fn mean_ns(&self) -> Option<Estimate> {
        self.bootstrap.mean_ns(self.column).ok()
    }

    /// The interval of a percentile; reads that share a round's luck count for less.
    pub(crate) fn percentile_ns(&self, path: &PathSamples, percentile: f64) -> Option<Interval> {
        let histogram = path.latencies.histogram();
        let (reads, deviation) = (histogram.len(), histogram.stdev());
        let effective = self.bootstrap.effective_reads(self.column, reads, deviation * deviation).ok()?;
        percentile_interval(histogram, percentile, effective)
    }
}

fn verified(samples: &WorkloadSamples, paths: &Bootstrap, rng_seed: u64) -> Option<Verified> {
    let mixed = samples.mixed.first()?;
    let reads = mixed.hits + mixed.misses;
    let hit_ratio = (reads > 0).then(|| mixed.hits as f64 / reads as f64)?;
    let (hits, misses) = samples.mixed_columns();
    Some(Verified::of(hits, misses, samples.rounds.groups(), hit_ratio, paths, rng_seed))
}

/// The shortest and the longest read of a path, ns.
fn bounds(samples: &WorkloadSamples, path: ReadPath) -> (f64, f64) {
    let found = samples.paths.iter().find(|samples| samples.path == path);
    let ends = found.and_then(|path| path.latencies.min_ns().zip(path.latencies.max_ns()));
    ends.map_or((0.0, f64::MAX), |(shortest, longest)| (shortest as f64, longest as f64))
}

/// The rounds of the three paths.
pub(super) fn path_rounds(samples: &WorkloadSamples) -> PathRounds<'_> {
    let column = |path| column(samples, path);
    let (mysql, cold, warm) = (column(ReadPath::Mysql), column(ReadPath::Cold), column(ReadPath::Warm));
    PathRounds { mysql, cold, warm, groups: samples.rounds.groups() }
}

/// The ratio of the means of the same rounds.
fn cold_over_naive(samples: &WorkloadSamples, rng_seed: u64) -> Option<Result<Estimate, Missing>> {
    let (naive, cold) = (column(samples, ReadPath::Naive), column(samples, ReadPath::Cold));
    if is_without_reads(naive) || is_without_reads(cold) {
        return None;
    }
    let rounds = PathRounds { mysql: naive, cold, warm: &[], groups: samples.rounds.groups() };
    // In the place of MySQL, the ratio of a miss to it is the one to the naive path.
    Some(Bootstrap::new(&rounds, rng_seed).miss_penalty())
}

/// The rounds of a path; none where it did not run.
pub(crate) fn column(samples: &WorkloadSamples, path: ReadPath) -> &[RoundSums] {
    let index = samples.paths.iter().position(|samples| samples.path == path);
    index.map_or(&[], |index| samples.rounds.column(index))
}
