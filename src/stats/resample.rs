//! The resampling itself: rounds drawn with replacement, the same rounds for all paths, kept as a
//! handful of moments from which every interval is then read.

use super::rounds::{PATHS, Rounds};
use crate::permutation::{below, mix};

/// With 2,399 resamples the 2.5 % quantile is the 60th of them and nothing is interpolated.
pub(crate) const RESAMPLES: usize = 2_399;

/// One resample: the paths' means, and the covariances of those means estimated from the same draw.
#[derive(Clone, Copy, Debug)]
pub(super) struct Replicate {
    pub(super) means: [f64; PATHS],
    pub(super) covariance: [[f64; PATHS]; PATHS],
}

/// Draws the resamples. A function of the rounds and the seed alone, in every release: SplitMix64,
/// our own, because the generators of the `rand` crate that are fast may change their values from
/// one version to the next.
pub(super) fn resample(rounds: &Rounds, resamples: usize, rng_seed: u64) -> Vec<Replicate> {
    let mut state = mix(rng_seed ^ 0x626f_6f74);
    (0..resamples).map(|_| draw(rounds, &mut state)).collect()
}

/// The measurement itself, in the form of a resample.
pub(super) fn observed(rounds: &Rounds) -> Replicate {
    let mut sums = Sums::default();
    (0..rounds.rows.len()).for_each(|index| sums.add(rounds, index));
    sums.replicate(rounds)
}

fn draw(rounds: &Rounds, state: &mut u64) -> Replicate {
    let length = u32::try_from(rounds.rows.len()).unwrap_or(u32::MAX);
    let mut sums = Sums::default();
    for _ in 0..length {
        // SplitMix64: a counter in steps of the golden ratio, through its finaliser.
        *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        sums.add(rounds, below(mix(*state), length) as usize);
    }
    sums.replicate(rounds)
}

#[derive(Default)]
struct Sums {
    residual: [f64; PATHS],
    weight: [f64; PATHS],
    product: [[f64; PATHS]; PATHS],
}

impl Sums {
    fn add(&mut self, rounds: &Rounds, index: usize) {
        let row = &rounds.rows[index];
        for path in 0..PATHS {
            self.residual[path] += row.residual[path];
            self.weight[path] += row.weight[path];
            for other in path..PATHS {
                self.product[path][other] += row.residual[path] * row.residual[other];
            }
        }
    }

    /// Means as ratios of sums; covariances of the means from the residuals (Cochran 1977, ch. 6).
    fn replicate(&self, rounds: &Rounds) -> Replicate {
        let length = rounds.rows.len() as f64;
        let covariance = |one: usize, other: usize| {
            // Only one half of the products is kept.
            let product = self.product[one.min(other)][one.max(other)];
            let centred = product - self.residual[one] * self.residual[other] / length;
            centred * length / (length - 1.0) / (self.weight[one] * self.weight[other])
        };
        let mean = |path: usize| rounds.means[path] + self.residual[path] / self.weight[path];
        let row = |one: usize| std::array::from_fn(|other| covariance(one, other));
        Replicate { means: std::array::from_fn(mean), covariance: std::array::from_fn(row) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::rounds::PathRounds;
    use super::*;
    use crate::samples::round_series::RoundSums;

    fn rounds(times: &[u64]) -> Rounds {
        let mysql: Vec<_> = times.iter().map(|&sum_ns| RoundSums::alike(1, sum_ns)).collect();
        let warm: Vec<_> = times.iter().map(|&sum_ns| RoundSums::alike(2, 6 * sum_ns)).collect();
        Rounds::of(&PathRounds { mysql: &mysql, cold: &[], warm: &warm, groups: &[] })
    }

    #[test]
    fn what_was_measured_has_the_textbook_variance() {
        let measured = observed(&rounds(&[1, 2, 3, 6]));
        assert_eq!(measured.means[0], 3.0);
        // Sample variance 14/3, of the mean of four 14/12; the warm path is three times as slow,
        // and moves with it.
        assert!((measured.covariance[0][0] - 14.0 / 12.0).abs() < 1e-12);
        assert!((measured.covariance[0][2] - 3.0 * 14.0 / 12.0).abs() < 1e-12);
        assert!((measured.covariance[2][2] - 9.0 * 14.0 / 12.0).abs() < 1e-12);
    }

    #[test]
    fn paths_are_drawn_together_and_seeds_repeat() {
        let rounds = rounds(&[1, 2, 3, 6, 5, 9, 4]);
        let replicates = resample(&rounds, 50, 7);
        assert!(
            replicates.iter().all(|replicate| (replicate.means[2] - 3.0 * replicate.means[0]).abs() < 1e-9)
        );
        let again = resample(&rounds, 50, 7);
        assert!(replicates.iter().zip(&again).all(|(one, other)| one.means[0] == other.means[0]));
        assert_ne!(replicates[0].means[0], resample(&rounds, 1, 8)[0].means[0]);
    }

    #[test]
    fn resampled_means_scatter_as_the_theory_says() {
        let rounds = rounds(&[1, 2, 3, 6]);
        let replicates = resample(&rounds, 20_000, 1);
        let mean = replicates.iter().map(|replicate| replicate.means[0]).sum::<f64>() / 20_000.0;
        let variance =
            replicates.iter().map(|replicate| (replicate.means[0] - mean).powi(2)).sum::<f64>() / 20_000.0;
        // The bootstrap's variance divides by n instead of n - 1: 14/4/4.
        assert!((mean - 3.0).abs() < 0.03 && (variance - 0.875).abs() < 0.03, "{mean} {variance}");
    }
}
