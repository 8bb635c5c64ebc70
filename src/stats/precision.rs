//! When more rounds would add nothing that a page shows: every ratio is certain to two digits.

use super::bootstrap::Bootstrap;
use super::estimate::Estimate;
use super::statistics::path_rounds;
use crate::model::Codec;
use crate::samples::workload::WorkloadSamples;
use crate::stats::rounds::{Column, PathRounds};

/// A coarse look is enough to decide whether to go on, and takes a millisecond.
const RESAMPLES: usize = 199;

/// Whether every ratio of the workload, or the mean of a path that is in no ratio, is certain to
/// its first two digits.
pub(crate) fn is_precise(samples: &WorkloadSamples, codecs: &[Codec], rng_seed: u64) -> bool {
    codecs.iter().all(|codec| of_codec(&samples.of_codec(*codec), rng_seed))
}

fn of_codec(samples: &WorkloadSamples, rng_seed: u64) -> bool {
    of_rounds(&path_rounds(samples), rng_seed)
}

pub(super) fn of_rounds(paths: &PathRounds<'_>, rng_seed: u64) -> bool {
    let bootstrap = Bootstrap::with_resamples(paths, RESAMPLES, rng_seed);
    let [mysql, cold, warm] = [paths.mysql, paths.cold, paths.warm].map(|rounds| !rounds.is_empty());
    let mut wanted = Vec::new();
    if mysql && warm {
        wanted.push(bootstrap.speedup());
    }
    if mysql && cold {
        wanted.push(bootstrap.miss_penalty());
    }
    if wanted.is_empty() {
        let present = [(mysql, Column::Mysql), (cold, Column::Cold), (warm, Column::Warm)];
        wanted.extend(present.iter().filter(|(is, _)| *is).map(|(_, path)| bootstrap.mean_ns(*path)));
    }
    !wanted.is_empty() && wanted.iter().all(|found| found.is_ok_and(|estimate| has_two_digits(&estimate)))
}

/// Whether the interval reaches no further than half of the second digit to either side.
fn has_two_digits(estimate: &Estimate) -> bool {
    let second_digit = 10f64.powf(estimate.value.abs().log10().floor() - 1.0);
    let furthest = (estimate.ci95.high - estimate.value).max(estimate.value - estimate.ci95.low);
    second_digit > 0.0 && furthest <= second_digit / 2.0 * (1.0 + 1e-9)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ReadPath;
    use crate::model::series::{BlockKind, Series};
    use crate::stats::estimate::Interval;
    use crate::stats::simulation::Law;

    #[test]
    fn two_digits_are_half_a_unit_of_the_second_one_to_either_side() {
        let is = |value: f64, reach: f64| {
            has_two_digits(&Estimate { value, ci95: Interval { low: value - reach, high: value + reach } })
        };
        assert!(is(2.6, 0.05) && !is(2.6, 0.06));
        assert!(is(26.0, 0.5) && !is(26.0, 0.6));
        assert!(is(0.26, 0.005) && !is(0.26, 0.006));
        assert!(!is(0.0, 0.0));
    }

    #[test]
    fn quiet_rounds_are_precise_and_noisy_ones_are_not() {
        let kinds = Series::all(&[ReadPath::Mysql, ReadPath::Cold, ReadPath::Warm], &[Codec::Json]);
        let kinds: Vec<BlockKind> = kinds.into_iter().map(BlockKind::Series).collect();
        let precise = |law: Law| {
            let mut samples = WorkloadSamples::new(&kinds);
            let [mysql, cold, warm] = law.rounds(100, 1);
            for ((mysql, cold), warm) in mysql.into_iter().zip(cold).zip(warm) {
                samples.rounds.push(&[mysql, cold, warm]);
            }
            is_precise(&samples, &[Codec::Json], 42)
        };
        assert!(precise(Law::Normal { relative: 0.02 }));
        assert!(!precise(Law::Normal { relative: 0.3 }));
        assert!(!is_precise(&WorkloadSamples::new(&kinds), &[Codec::Json], 42));
    }
}
