//! Rounds that do not belong to the rest: outliers, and a slow beginning.

use super::typical_ratio::median;
use crate::samples::round_series::RoundSums;

/// A round is an outlier if it lies further from the median than this many median absolute
/// deviations: ten standard deviations, if the rounds were normal. The measure is Iglewicz and
/// Hoaglin's modified Z-score ("How to Detect and Handle Outliers", 1993), the threshold that of
/// hyperfine.
const OUTLIER_DEVIATIONS: f64 = 14.826;
/// An outlier in a quiet run can still be next to nothing: a round that takes less than half as
/// long again as the typical one is not worth a warning.
const OUTLIER_FACTOR: f64 = 1.5;
/// The beginning is the first tenth of the rounds, but no more than this.
const MOST_FIRST_ROUNDS: usize = 10;
/// A slow beginning is slower than the rest by at least this factor,
const SLOW_FACTOR: f64 = 1.1;
/// and by at least this many standard errors of the rank sum (Mann and Whitney 1947): by chance
/// once in 30,000 runs.
const SLOW_Z: f64 = 4.0;
/// Fewer rounds have no shape to stand out from.
const MIN_ROUNDS: usize = 10;

/// Something odd about one path's rounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Oddity {
    /// So many of the rounds took far longer than the typical one.
    Outliers {
        rounds: usize,
        of: usize,
        /// The slowest round over the typical one.
        worst_factor: f64,
        /// By what factor the mean over all rounds exceeds that without the outliers.
        mean_factor: f64,
    },
    /// The first rounds were slower than the others.
    SlowStart {
        rounds: usize,
        /// Their typical round over that of the others.
        factor: f64,
    },
}

/// The outliers among a path's rounds, in their order.
pub(crate) fn oddities(rounds: &[RoundSums]) -> Vec<Oddity> {
    let means: Vec<f64> = rounds
        .iter()
        .filter(|sums| sums.count > 0)
        .map(|sums| sums.sum_ns as f64 / sums.count as f64)
        .collect();
    if means.len() < MIN_ROUNDS {
        return Vec::new();
    }
    [slow_start(&means), outliers(&means)].into_iter().flatten().collect()
}

fn outliers(means: &[f64]) -> Option<Oddity> {
    let typical = median_of(means);
    let deviation = median_of(&means.iter().map(|mean| (mean - typical).abs()).collect::<Vec<_>>());
    let limit = (typical + OUTLIER_DEVIATIONS * deviation).max(typical * OUTLIER_FACTOR);
    let (out, rest): (Vec<f64>, Vec<f64>) = means.iter().partition(|mean| **mean > limit);
    if out.is_empty() || typical <= 0.0 {
        return None;
    }
    Some(Oddity::Outliers {
        rounds: out.len(),
        of: means.len(),
        worst_factor: out.iter().copied().fold(0.0, f64::max) / typical,
        mean_factor: average(means) / average(&rest),
    })
}

fn slow_start(means: &[f64]) -> Option<Oddity> {
    // One round is judged like an outlier: a rank sum of one says nothing.
    let rounds = (means.len() / 10).clamp(1, MOST_FIRST_ROUNDS);
    let (first, rest) = means.split_at(rounds);
    let typical = median_of(rest);
    let factor = median_of(first) / typical;
    let deviation = median_of(&rest.iter().map(|mean| (mean - typical).abs()).collect::<Vec<_>>());
    let far_out = first.iter().all(|mean| *mean > typical + OUTLIER_DEVIATIONS * deviation);
    let slow = factor.is_finite() && factor >= SLOW_FACTOR && (far_out || rank_sum_z(first, rest) > SLOW_Z);
    slow.then_some(Oddity::SlowStart { rounds, factor })
}

/// By how many standard errors the first rounds rank above the rest (Mann and Whitney's U, normal
/// approximation).
fn rank_sum_z(first: &[f64], rest: &[f64]) -> f64 {
    // A tie is half a win.
    let win = |one: f64, other: f64| {
        f64::midpoint(f64::from(i8::from(one > other)), f64::from(i8::from(one >= other)))
    };
    let wins: f64 = first.iter().map(|one| rest.iter().map(|other| win(*one, *other)).sum::<f64>()).sum();
    let (n, m) = (first.len() as f64, rest.len() as f64);
    (wins - n * m / 2.0) / (n * m * (n + m + 1.0) / 12.0).sqrt()
}

fn median_of(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    median(&sorted)
}

fn average(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::simulation::Law;

    fn rounds(times: impl IntoIterator<Item = u64>) -> Vec<RoundSums> {
        times.into_iter().map(|sum_ns| RoundSums::alike(1, sum_ns)).collect()
    }

    #[test]
    fn a_single_slow_round_is_an_outlier() {
        let mut times: Vec<u64> = (0..20).map(|round| 100 + round % 5).collect();
        times[11] = 1_000;
        let found = oddities(&rounds(times));
        let [Oddity::Outliers { rounds: 1, of: 20, worst_factor, mean_factor }] = found[..] else {
            panic!("{found:?}")
        };
        assert!((worst_factor - 9.8).abs() < 0.1 && (mean_factor - 1.44).abs() < 0.01, "{found:?}");
    }

    #[test]
    fn rounds_that_are_all_alike_but_one_give_no_division_by_zero() {
        let found = oddities(&rounds((0..20).map(|round| if round == 7 { 300 } else { 100 })));
        assert!(matches!(found[..], [Oddity::Outliers { rounds: 1, .. }]), "{found:?}");
        assert_eq!(oddities(&rounds([0; 20])), []);
        assert_eq!(oddities(&rounds([5; 9])), []);
        assert_eq!(oddities(&[RoundSums::default(); 20]), []);
    }

    #[test]
    fn a_slow_beginning_is_seen() {
        let times = (0..100u64).map(|round| if round < 10 { 130 } else { 100 } + round * 7 % 20);
        let found = oddities(&rounds(times));
        assert!(matches!(found[..], [Oddity::SlowStart { rounds: 10, .. }]), "{found:?}");
        let first_alone = (0..15u64).map(|round| if round == 0 { 140 } else { 100 + round % 3 });
        let found = oddities(&rounds(first_alone));
        assert!(matches!(found[..], [Oddity::SlowStart { rounds: 1, .. }]), "{found:?}");
    }

    #[test]
    fn usual_rounds_raise_no_false_alarm() {
        let odd = |law: Law| {
            (0..300)
                .flat_map(|seed| law.rounds(100, seed))
                .filter(|column| !oddities(column).is_empty())
                .count()
        };
        assert_eq!(odd(Law::Normal { relative: 0.1 }), 0);
        assert!(odd(Law::Lognormal { sigma: 0.3 }) <= 2);
    }
}
