//! Numbers of several runs as one number, with an interval that holds the differences between the
//! runs.

use std::collections::BTreeMap;

use crate::run_file::{HitRatio, Ratio, WorkloadRun};
use crate::stats::between_runs::{Scale, Timing, pool, pool_around};
use crate::stats::estimate::{Estimate, Interval};

/// The sum of all runs, or none at all.
pub(super) fn sum(numbers: impl Iterator<Item = Option<u64>>) -> Option<u64> {
    numbers.sum()
}

pub(super) fn errors<'a>(runs: impl Iterator<Item = &'a BTreeMap<String, u64>>) -> BTreeMap<String, u64> {
    let mut pooled = BTreeMap::new();
    for (kind, count) in runs.flatten() {
        *pooled.entry(kind.clone()).or_default() += count;
    }
    pooled
}

/// The mean of means, each by its number of reads.
pub(super) fn weighted(means: impl Iterator<Item = (Option<f64>, u64)>) -> Option<f64> {
    let (mut sum, mut reads) = (0.0, 0.0);
    for (mean, count) in means {
        if let Some(mean) = mean {
            sum += mean * count as f64;
            reads += count as f64;
        }
    }
    (reads > 0.0).then(|| sum / reads)
}

pub(super) fn quotient(above: Option<f64>, below: Option<f64>) -> Option<f64> {
    let quotient = above? / below?;
    (quotient.is_finite() && quotient > 0.0).then_some(quotient)
}

pub(super) fn ratio_around(
    value: Option<f64>,
    runs: &[&WorkloadRun],
    timing: Timing,
    of: impl Fn(&WorkloadRun) -> Option<Ratio>,
) -> Option<Ratio> {
    let of_runs = most(runs.iter().map(|run| of(run).and_then(|own| estimate(own.ratio, own.ci95))))?;
    let value = value?;
    let pooled = pool_around(value, &of_runs, Scale::Logarithm, timing)?;
    Some(Ratio { ratio: value, ci95: ends(&pooled) })
}

pub(super) fn pooled_ratio(
    runs: impl Iterator<Item = Option<Ratio>>,
    scale: Scale,
    timing: Timing,
) -> Option<Ratio> {
    let runs = most(runs.map(|own| own.and_then(|own| estimate(own.ratio, own.ci95))))?;
    let pooled = pool(&runs, scale, timing)?;
    Some(Ratio { ratio: pooled.value, ci95: ends(&pooled) })
}

pub(super) fn around(
    value: Option<f64>,
    runs: impl Iterator<Item = (Option<f64>, Option<[f64; 2]>)>,
    timing: Timing,
) -> Option<[f64; 2]> {
    pool_around(value?, &estimates(runs)?, Scale::Logarithm, timing).as_ref().map(ends)
}

/// Every run's own. A value without an interval still tells how runs differ.
pub(super) fn estimates(
    runs: impl Iterator<Item = (Option<f64>, Option<[f64; 2]>)>,
) -> Option<Vec<Estimate>> {
    most(runs.map(|(value, ci95)| {
        let value = value?;
        estimate(value, ci95.unwrap_or([value, value]))
    }))
}

/// Those of the runs that have one, if at least half of them do: rounds of one run may be too much
/// alike to say anything.
pub(super) fn most(runs: impl Iterator<Item = Option<Estimate>>) -> Option<Vec<Estimate>> {
    let all: Vec<Option<Estimate>> = runs.collect();
    let known: Vec<Estimate> = all.iter().copied().flatten().collect();
    (2 * known.len() >= all.len()).then_some(known)
}

pub(super) fn estimate(value: f64, [low, high]: [f64; 2]) -> Option<Estimate> {
    Interval::new(low, high).map(|ci95| Estimate { value, ci95 })
}

pub(super) fn ends(estimate: &Estimate) -> [f64; 2] {
    [estimate.ci95.low, estimate.ci95.high]
}

/// Every run's hit ratio, or none: that one run has none says something.
pub(super) fn all(runs: impl Iterator<Item = Option<HitRatio>>) -> Option<Vec<Estimate>> {
    runs.map(|own| own.and_then(|own| estimate(own.value, own.ci95))).collect()
}

pub(super) fn share(estimate: Estimate) -> HitRatio {
    let ci95 = estimate.ci95.clamped(0.0, 1.0);
    HitRatio { value: estimate.value, ci95: [ci95.low, ci95.high] }
}
