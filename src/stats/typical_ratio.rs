//! A path, and the ratio of two, in a typical round: what a gate can trust where a few slow rounds
//! move the means.

use super::autocorrelation::inflation;
use super::estimate::{Estimate, Interval, Missing};
use super::percentile_interval::ranks;
use super::rounds::MIN_ROUNDS;
use crate::samples::round_series::RoundSums;
use crate::units::whole;

/// The median over the rounds of `typical read of one path / typical read of the other`, with its
/// 95 % interval. A round's typical read is the geometric mean of its reads.
///
/// One round of 30 that takes 20 times as long moves the mean by half and the median hardly at all;
/// one read of 50 that something else held up moves the geometric mean as little. The interval is
/// the one of order statistics, right for every distribution (Hahn and Meeker 1991, section 5.2);
/// rounds that correlate, and groups of rounds that differ, count as fewer, judged by the signs of
/// their distance from the median.
pub(crate) fn typical_ratio(
    above: &[RoundSums],
    below: &[RoundSums],
    groups: &[u32],
) -> Result<Estimate, Missing> {
    median_of_rounds(above.iter().zip(below).map(|(above, below)| ratio(above, below)), groups)
}

/// The median over the rounds of `(typical read of one path - that of another) / that of a third`,
/// with its interval.
pub(crate) fn typical_excess(
    above: &[RoundSums],
    less: &[RoundSums],
    below: &[RoundSums],
    groups: &[u32],
) -> Result<Estimate, Missing> {
    let excess = |((above, less), below): ((&RoundSums, &RoundSums), &RoundSums)| {
        let excess = (above.typical_ns() - less.typical_ns()) / below.typical_ns();
        excess.is_finite().then_some(excess)
    };
    median_of_rounds(above.iter().zip(less).zip(below).map(excess), groups)
}

/// The typical time of a read, ns: the median over the rounds of their geometric means, with its
/// interval.
pub(crate) fn typical_ns(rounds: &[RoundSums], groups: &[u32]) -> Result<Estimate, Missing> {
    let typical = |sums: &RoundSums| Some(sums.typical_ns()).filter(|ns| ns.is_finite());
    median_of_rounds(rounds.iter().map(typical), groups)
}

/// The median of the rounds that have a value.
fn median_of_rounds(rounds: impl Iterator<Item = Option<f64>>, groups: &[u32]) -> Result<Estimate, Missing> {
    let group_of = |round: usize| groups.get(round).copied();
    let with_value = rounds.enumerate().filter_map(|(round, value)| Some((value?, group_of(round))));
    let (values, groups): (Vec<f64>, Vec<Option<u32>>) = with_value.unzip();
    match values.len() {
        0 => return Err(Missing::NoReads),
        rounds if rounds < MIN_ROUNDS => return Err(Missing::TooFewRounds { rounds, needed: MIN_ROUNDS }),
        _ => {}
    }
    let mut sorted = values.clone();
    sorted.sort_by(f64::total_cmp);
    let value = median(&sorted);
    let groups: Vec<u32> = groups.into_iter().flatten().collect();
    let effective = effective_rounds(&values, value, &groups);
    let at = |rank: u64| sorted[index(rank as f64 / effective as f64, sorted.len())];
    let ends = match ranks(effective, 0.5) {
        Some((low, high)) => Interval::new(at(low), at(high)),
        // Too little independent data for ranks. The value stands, since several runs show how it
        // varies.
        None => Interval::new(sorted[0], sorted[sorted.len() - 1]),
    };
    let ci95 = ends.ok_or(Missing::Unstable)?;
    Ok(Estimate { value, ci95 })
}

/// The number of independent rounds that say as much of the median; zero if the rounds drift for as
/// long as the run lasts.
fn effective_rounds(values: &[f64], median: f64, groups: &[u32]) -> u64 {
    // Rounds that equal the median are on neither side.
    let side = |value: &f64| f64::from(i8::from(*value > median) - i8::from(*value < median));
    let signs = centred(&values.iter().map(side).collect::<Vec<_>>());
    let width = inflation(&signs, groups).map_or(f64::INFINITY, |found| found.width);
    whole((values.len() as f64 / (width * width)).floor())
}

/// The ratio of the two typical reads in one round; none if a path has no reads.
fn ratio(above: &RoundSums, below: &RoundSums) -> Option<f64> {
    let ratio = above.typical_ns() / below.typical_ns();
    (ratio.is_finite() && ratio > 0.0).then_some(ratio)
}

pub(super) fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        length if length.is_multiple_of(2) => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
    }
}

fn centred(series: &[f64]) -> Vec<f64> {
    let mean = series.iter().sum::<f64>() / series.len() as f64;
    series.iter().map(|value| value - mean).collect()
}

/// The rank of a share in a list of this length, counted from 0.
fn index(share: f64, length: usize) -> usize {
    let rank = whole((share * length as f64).ceil()).clamp(1, length as u64);
    usize::try_from(rank - 1).unwrap_or(0) // at most the length
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::simulation::{Law, groups};

    fn rounds(times: &[u64]) -> Vec<RoundSums> {
        times.iter().map(|&sum_ns| RoundSums::alike(1, sum_ns)).collect()
    }

    fn assert_near(typical: Estimate, [low, value, high]: [f64; 3]) {
        let near = |one: f64, other: f64| (one / other - 1.0).abs() < 1e-9;
        let Estimate { value: own, ci95 } = typical;
        assert!(near(own, value) && near(ci95.low, low) && near(ci95.high, high), "{typical:?}");
    }

    #[test]
    fn it_is_the_median_of_the_rounds() {
        let above = rounds(&[60, 20, 80, 1_000_000, 10, 90, 30, 70, 40, 50]);
        let typical = typical_ratio(&above, &rounds(&[10; 10]), &[]).unwrap();
        // Of ten values the second and the ninth enclose the median.
        assert_near(typical, [2.0, 5.5, 9.0]);
    }

    #[test]
    fn a_read_that_was_held_up_weighs_little() {
        let block = |slow_ns: u64| {
            let mut block = RoundSums::alike(49, 49 * 100);
            block.record(slow_ns);
            block
        };
        let held_up = typical_ratio(&[block(10_000); 12], &[block(100); 12], &[]).unwrap();
        assert!(held_up.value < 1.1, "{held_up:?}");
        let slower = typical_ratio(
            &[block(100); 12].map(|sums| RoundSums::alike(50, sums.sum_ns * 13 / 10)),
            &[block(100); 12],
            &[],
        );
        assert_near(slower.unwrap(), [1.3; 3]);
    }

    #[test]
    fn rounds_that_drift_all_along_give_their_whole_range() {
        let slope: Vec<u64> = (1..=100).collect();
        let typical = typical_ratio(&rounds(&slope), &rounds(&[1; 100]), &[]).unwrap();
        assert_near(typical, [1.0, 50.5, 100.0]);
    }

    #[test]
    fn rounds_without_reads_do_not_count() {
        let mut above = rounds(&[20; 12]);
        above[3] = RoundSums::default();
        let typical = typical_ratio(&above, &rounds(&[10; 12]), &[]).unwrap();
        assert_near(typical, [2.0; 3]);
        let few = typical_ratio(&above[..9], &rounds(&[10; 9]), &[]);
        assert_eq!(few, Err(Missing::TooFewRounds { rounds: 8, needed: 10 }));
        assert_eq!(typical_ratio(&[], &above, &[]), Err(Missing::NoReads));
    }

    #[test]
    fn outliers_and_drift_leave_the_coverage_alone() {
        for law in [
            Law::Outliers { share: 0.02 },
            Law::Lognormal { sigma: 1.0 },
            Law::CommonDrift { coefficient: 0.9, sigma: 0.4 },
            Law::Groups { sigma: 0.2 },
        ] {
            for length in [30, 100] {
                let typical = |seed: u64| {
                    let [mysql, _, warm] = law.rounds(length, seed);
                    typical_ratio(&warm, &mysql, &groups(length))
                };
                let given: Vec<Estimate> = (0..2_000).flat_map(typical).collect();
                let covered = given.iter().filter(|typical| typical.ci95.contains(0.2)).count();
                assert!((1_880..=1_970).contains(&covered), "{law:?} {length}: {covered} of 2,000");
            }
        }
    }
}
