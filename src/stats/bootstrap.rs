//! Means, ratios and the break-even hit ratio of one workload, each with its interval, from one set
//! of resamples.

use super::estimate::{Estimate, Missing};
use super::interval::{Point, estimate};
use super::resample::{RESAMPLES, Replicate, observed, resample};
use super::rounds::{Column, PATHS, PathRounds, Rounds};
use super::{autocorrelation, break_even, estimate::Interval};

/// The resamples of one workload's rounds, ready for questions.
#[derive(Clone, Debug)]
pub(crate) struct Bootstrap {
    rounds: Rounds,
    observed: Replicate,
    replicates: Vec<Replicate>,
    /// The shortest and the longest read of each path, ns.
    bounds: [(f64, f64); PATHS],
}

impl Bootstrap {
    /// The same rounds and the same seed give the same answers.
    pub(crate) fn new(paths: &PathRounds<'_>, rng_seed: u64) -> Self {
        Self::with_resamples(paths, RESAMPLES, rng_seed)
    }

    /// `resamples + 1` should be a multiple of 40, so that 2.5 % of it is a whole number.
    pub(super) fn with_resamples(paths: &PathRounds<'_>, resamples: usize, rng_seed: u64) -> Self {
        let rounds = Rounds::of(paths);
        let any =
            [Column::Mysql, Column::Cold, Column::Warm].iter().any(|path| rounds.carry(&[*path]).is_ok());
        let replicates = resample(&rounds, if any { resamples } else { 0 }, rng_seed);
        Self { observed: observed(&rounds), rounds, replicates, bounds: [(0.0, f64::MAX); PATHS] }
    }

    /// With the shortest and the longest read of each path: no interval of a mean reaches beyond
    /// them.
    pub(crate) fn within(mut self, bounds: [(f64, f64); PATHS]) -> Self {
        self.bounds = bounds;
        self
    }

    /// The same rounds, if each path took so much longer, ns: the means move, what is known of them
    /// stays.
    pub(super) fn later_by(&self, extra_ns: [f64; PATHS]) -> Self {
        let shift = |means: [f64; PATHS]| std::array::from_fn(|path| means[path] + extra_ns[path]);
        let moved = |replicate: &Replicate| Replicate { means: shift(replicate.means), ..*replicate };
        let bounds = std::array::from_fn(|path| {
            let (shortest, longest) = self.bounds[path];
            (shortest + extra_ns[path], longest + extra_ns[path])
        });
        let rounds = Rounds { means: shift(self.rounds.means), ..self.rounds.clone() };
        let replicates = self.replicates.iter().map(moved).collect();
        Self { rounds, observed: moved(&self.observed), replicates, bounds }
    }

    /// Mean latency of a path in ns: all its reads, as a ratio of sums over the rounds.
    pub(crate) fn mean_ns(&self, path: Column) -> Result<Estimate, Missing> {
        self.linear(&[(path, 1.0)])
    }

    /// The ratio of reading MySQL to a hit: mysql mean / warm mean.
    pub(crate) fn speedup(&self) -> Result<Estimate, Missing> {
        self.ratio(Column::Mysql, Column::Warm)
    }

    /// The ratio of a miss to reading MySQL: cold mean / mysql mean.
    pub(crate) fn miss_penalty(&self) -> Result<Estimate, Missing> {
        self.ratio(Column::Cold, Column::Mysql)
    }

    /// `mean of one path / mean of another`, made on the logarithm so that the inverse ratio has
    /// the inverse interval.
    pub(crate) fn ratio(&self, above: Column, below: Column) -> Result<Estimate, Missing> {
        let log = self.of(&[above, below], |means| {
            let (above, below) = (above as usize, below as usize);
            let mut gradient = [0.0; PATHS];
            gradient[above] += 1.0 / means[above];
            gradient[below] -= 1.0 / means[below];
            Point { value: (means[above] / means[below]).ln(), gradient }
        })?;
        let ci95 = Interval::new(log.ci95.low.exp(), log.ci95.high.exp()).ok_or(Missing::Unstable)?;
        Ok(Estimate { value: log.value.exp(), ci95 })
    }

    /// Expected mean latency in ns where this share of the reads hits.
    pub(crate) fn mean_at_hit_ratio_ns(&self, hit_ratio: f64) -> Result<Estimate, Missing> {
        self.linear(&[(Column::Warm, hit_ratio), (Column::Cold, 1.0 - hit_ratio)])
    }

    /// From which hit ratio the cache pays, or why there is no such ratio.
    pub(crate) fn break_even(&self) -> break_even::BreakEven {
        break_even::decide(self.speedup(), self.miss_penalty(), || self.break_even_ratio())
    }

    /// `(cold - mysql) / (cold - warm)`, as it comes out: outside 0 to 1 it means nothing by
    /// itself.
    pub(super) fn break_even_ratio(&self) -> Result<Estimate, Missing> {
        self.of(&[Column::Mysql, Column::Cold, Column::Warm], |&[mysql, cold, warm]| {
            let gap = cold - warm;
            let value = (cold - mysql) / gap;
            Point { value, gradient: [-1.0 / gap, (1.0 - value) / gap, value / gap] }
        })
    }

    /// `(cold - mysql) / warm`: what a miss costs beside the query, in units of a third path.
    pub(crate) fn excess_ratio(&self) -> Result<Estimate, Missing> {
        self.of(&[Column::Mysql, Column::Cold, Column::Warm], |&[mysql, cold, unit]| {
            let value = (cold - mysql) / unit;
            Point { value, gradient: [-1.0 / unit, 1.0 / unit, -value / unit] }
        })
    }

    /// The number of independent reads for which the reads of a path count, given their own
    /// variance: reads of one round share its luck. The variance of independent reads' mean
    /// would be `variance / n`; n is solved for (Kish, Survey Sampling, 1965, section 8.2: the
    /// design effect).
    pub(crate) fn effective_reads(
        &self,
        path: Column,
        reads: u64,
        variance_ns2: f64,
    ) -> Result<f64, Missing> {
        self.rounds.carry(&[path])?;
        let of_mean = self.observed.covariance[path as usize][path as usize] * self.inflation(path)?;
        let effective = variance_ns2 / of_mean;
        Ok(if effective.is_finite() { effective.clamp(1.0, (reads as f64).max(1.0)) } else { reads as f64 })
    }

    /// By what factor the variance of a path's mean is larger because its rounds correlate.
    fn inflation(&self, path: Column) -> Result<f64, Missing> {
        let series: Vec<f64> = self.rounds.rows.iter().map(|row| row.residual[path as usize]).collect();
        let found = autocorrelation::inflation(&series, &self.rounds.groups).ok_or(Missing::Correlated)?;
        Ok(found.variance)
    }

    /// A weighted sum of means; a path of weight 0 need not have run.
    fn linear(&self, terms: &[(Column, f64)]) -> Result<Estimate, Missing> {
        let terms: Vec<_> = terms.iter().copied().filter(|(_, weight)| *weight != 0.0).collect();
        let paths: Vec<Column> = terms.iter().map(|(path, _)| *path).collect();
        let mut gradient = [0.0; PATHS];
        terms.iter().for_each(|&(path, weight)| gradient[path as usize] += weight);
        let mean = self.of(&paths, |means| {
            let value = terms.iter().map(|&(path, weight)| weight * means[path as usize]).sum();
            Point { value, gradient }
        })?;
        // A mean lies between the shortest and the longest read, however uncertain it is.
        let bound = |end: fn(&(f64, f64)) -> f64| -> f64 {
            terms.iter().map(|(path, weight)| weight * end(&self.bounds[*path as usize])).sum()
        };
        let (shortest, longest) = (bound(|ends| ends.0), bound(|ends| ends.1));
        Ok(Estimate { ci95: mean.ci95.clamped(shortest.min(mean.value), longest.max(mean.value)), ..mean })
    }

    fn of(&self, paths: &[Column], function: impl Fn(&[f64; PATHS]) -> Point) -> Result<Estimate, Missing> {
        self.rounds.carry(paths)?;
        estimate(&self.rounds, &self.observed, &self.replicates, function)
    }
}
