//! The experiment that chose the method: how often do the 95 % intervals contain the truth?
//!
//! Percent of 500 simulated runs for the mean of the cold path, speedup, miss penalty and
//! break-even, of those that were given an interval:
//!
//! | law | 30 rounds | 100 rounds | 1,000 rounds |
//! | --- | --- | --- | --- |
//! | Constant | 97.6, 97.8, 98.0, 97.8 | 98.4, 96.8, 97.6, 97.2 | 97.4, 97.8, 97.0, 97.2 |
//! | Normal { relative: 0.2 } | 97.4, 97.4, 96.2, 95.6 | 98.2, 98.0, 98.4, 98.4 | 97.6, 97.8, 98.4, 98.2 |
//! | Exponential | 97.2, 97.0, 97.8, 97.8 | 98.0, 97.8, 98.0, 97.6 | 97.6, 97.6, 96.8, 96.6 |
//! | Lognormal { sigma: 0.5 } | 96.6, 98.2, 96.6, 96.0 | 98.4, 98.4, 97.4, 97.4 | 96.4, 98.6, 97.0, 97.4 |
//! | Lognormal { sigma: 1.0 } | 95.0, 97.8, 96.6, 96.6 | 98.8, 97.6, 97.4, 97.6 | 96.6, 98.0, 97.2, 97.2 |
//! | OutliersInBlocks { share: 0.01 } | 98.8, 97.6, 97.8, 98.2 | 96.8, 98.6, 98.4, 98.8 | 96.6, 98.2, 97.8, 98.0 |
//! | CommonDrift { coefficient: 0.9, sigma: 0.4 } | 77.2, 95.8, 95.6, 95.2 (given 98 %) | 90.8, 97.4, 97.8, 97.4 (given 85 %) | 97.6, 99.2, 98.6, 98.0 |
//! | Autoregressive { coefficient: 0.5 } | 95.2, 95.5, 92.7, 91.5 (given 99 %) | 97.8, 96.8, 97.0, 97.6 | 97.4, 98.2, 97.6, 97.8 |
//! | Autoregressive { coefficient: 0.8 } | 90.3, 90.6, 88.9, 89.4 (given 66 %) | 97.5, 97.0, 95.9, 96.3 (given 92 %) | 98.4, 98.4, 97.8, 97.6 |
//! | Autoregressive { coefficient: 0.95 } | 62.6, 65.0, 61.7, 64.6 (given 33 %) | 87.8, 87.0, 84.7, 85.2 (given 26 %) | 98.0, 98.2, 98.4, 98.8 |
//! | Autoregressive { coefficient: 0.98 } | 39.6, 46.3, 38.4, 41.1 (given 27 %) | 71.8, 68.1, 59.7, 54.4 (given 14 %) | 96.1, 98.7, 97.9, 97.2 (given 86 %) |
//! | BelowNoise { coefficient: 0.8 } | 88.7, 85.8, 85.9, 84.9 (given 99 %) | 96.6, 93.5, 97.2, 96.6 (given 99 %) | 97.4, 97.6, 97.2, 97.0 |
//! | BelowNoise { coefficient: 0.95 } | 66.0, 67.0, 63.7, 65.0 (given 99 %) | 87.2, 85.7, 83.6, 84.2 (given 82 %) | 97.4, 96.8, 96.2, 96.2 |
//! | BelowNoise { coefficient: 0.98 } | 53.9, 56.0, 50.8, 51.2 | 73.9, 77.1, 72.0, 72.6 (given 86 %) | 97.4, 96.4, 94.8, 94.3 (given 93 %) |
//! | Groups { sigma: 0.05 } | 96.6, 96.8, 96.4, 95.6 | 96.2, 98.2, 97.0, 96.8 | 97.6, 98.6, 97.4, 97.0 (given 99 %) |
//! | Groups { sigma: 0.2 } | 96.0, 96.8, 96.0, 96.4 (given 99 %) | 97.1, 96.7, 97.5, 97.5 (given 96 %) | 98.7, 99.3, 99.0, 98.7 (given 58 %) |
//! | Outliers { share: 0.02 } | 42.2, 98.2, 98.4, 96.4 | 87.0, 97.0, 96.6, 96.2 | 99.0, 98.0, 98.6, 98.0 |
//!
//! Where 92 to 98 is not reached:
//! - rare outliers: 30 rounds contain none of the slow rounds in more than half of the runs, and no
//!   method can know of them; longer blocks of reads and longer runs mend it;
//! - a drift that lasts as long as the run: a run sees a part of it only, and the mean is that of
//!   this part. If the drift is larger than the noise of the rounds, the interval is withheld; if
//!   it is smaller, it does not show, and the interval is that of the part. Ratios do not mind a
//!   drift that all paths share, which is why the paths are interleaved;
//! - fewer rounds than about ten times their correlation time (39 for a coefficient of 0.95).
//!
//! The tests use fewer runs and resamples, which moves a figure by less than 1. All of it, some
//! minutes: `cargo test --release --lib stats::coverage -- --ignored --nocapture`.

use super::bootstrap::Bootstrap;
use super::estimate::{Estimate, Missing};
use super::precision;
use super::resample::RESAMPLES;
use super::rounds::{Column, PathRounds};
use super::simulation::{Law, MEANS_NS, groups};

const DRIFT: Law = Law::CommonDrift { coefficient: 0.9, sigma: 0.4 };
const RARE: Law = Law::Outliers { share: 0.02 };
const INDEPENDENT: [Law; 6] = [
    Law::Constant,
    Law::Normal { relative: 0.2 },
    Law::Exponential,
    Law::Lognormal { sigma: 0.5 },
    Law::Lognormal { sigma: 1.0 },
    Law::OutliersInBlocks { share: 0.01 },
];

/// The intervals of many runs.
#[derive(Clone, Copy, Debug, Default)]
struct Coverage {
    /// The share of the given intervals that contain the truth, %.
    percent: f64,
    /// The share of runs that gave one, %.
    given: f64,
}

/// When a simulated run ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    /// After all rounds.
    Complete,
    /// The end by `--time`: after the fifth group or a later one, if every ratio is certain to two
    /// digits.
    Precise,
}

impl End {
    /// The number of rounds that are made.
    fn rounds(self, paths: &PathRounds<'_>, rng_seed: u64) -> usize {
        let all = paths.groups.len();
        let ends = (5..10).map(|group| all * group / 10);
        let is_precise = |end: &usize| precision::of_rounds(&first_rounds(paths, *end), rng_seed);
        match self {
            Self::Complete => all,
            Self::Precise => ends.into_iter().find(is_precise).unwrap_or(all),
        }
    }
}

fn first_rounds<'a>(paths: &PathRounds<'a>, end: usize) -> PathRounds<'a> {
    let PathRounds { mysql, cold, warm, groups } = *paths;
    PathRounds { mysql: &mysql[..end], cold: &cold[..end], warm: &warm[..end], groups: &groups[..end] }
}

/// The coverage of the mean of the cold path, the speedup, the miss penalty and the break-even hit
/// ratio.
fn coverage(law: Law, rounds: usize, runs: u64, resamples: usize) -> [Coverage; 4] {
    coverage_until(End::Complete, law, rounds, runs, resamples).0
}

/// The same, and the share of the runs that ended early, %.
fn coverage_until(end: End, law: Law, rounds: usize, runs: u64, resamples: usize) -> ([Coverage; 4], f64) {
    let [mysql, cold, warm] = MEANS_NS;
    let (mut given, mut covered, mut ended_early) = ([0u32; 4], [0u32; 4], 0u32);
    let groups = groups(rounds);
    // Other draws for each length, so that one lucky draw does not show in every cell.
    let first = 1_000_000 * rounds as u64;
    for run in first..first + runs {
        let columns = law.rounds(rounds, run);
        let paths = PathRounds { mysql: &columns[0], cold: &columns[1], warm: &columns[2], groups: &groups };
        let made = end.rounds(&paths, run);
        ended_early += u32::from(made < rounds);
        let paths = first_rounds(&paths, made);
        let bootstrap = Bootstrap::with_resamples(&paths, resamples, run);
        let found: [(Result<Estimate, Missing>, f64); 4] = [
            (bootstrap.mean_ns(Column::Cold), cold * law.mean_factor()),
            (bootstrap.speedup(), mysql / warm),
            (bootstrap.miss_penalty(), cold / mysql),
            (bootstrap.break_even_ratio(), (cold - mysql) / (cold - warm)),
        ];
        for (index, (estimate, truth)) in found.into_iter().enumerate() {
            given[index] += u32::from(estimate.is_ok());
            covered[index] += u32::from(estimate.is_ok_and(|estimate| estimate.ci95.contains(truth)));
        }
    }
    let coverage = std::array::from_fn(|index| Coverage {
        percent: f64::from(covered[index]) * 100.0 / f64::from(given[index].max(1)),
        given: f64::from(given[index]) * 100.0 / runs as f64,
    });
    (coverage, f64::from(ended_early) * 100.0 / runs as f64)
}

/// Compares the coverage of 1,000 runs with what is expected of mean, speedup, miss penalty and
/// break-even, from and to, and requires that this share of the intervals is given, %.
fn check(law: Law, rounds: usize, expected: [(f64, f64); 4], least_given: f64) {
    let reached = coverage(law, rounds, 1_000, 399);
    for (reached, (from, to)) in reached.iter().zip(expected) {
        let is_covered = (from..=to).contains(&reached.percent) || reached.given == 0.0;
        assert!(
            is_covered && reached.given >= least_given,
            "{law:?}, {rounds} rounds: {reached:?} is not in {from} to {to}"
        );
    }
}

/// The goal is 92 to 98. Up to 99 is accepted: the interval is the hull of two methods, each of
/// which covers where the other fails (`interval.rs`), so it is a little wider than it has to be
/// where both cover.
const GOAL: (f64, f64) = (92.0, 99.0);

#[test]
fn thirty_independent_rounds_are_covered_whatever_their_skew() {
    INDEPENDENT.iter().for_each(|law| check(*law, 30, [GOAL; 4], 99.0));
}

#[test]
fn a_hundred_independent_rounds_are_covered_whatever_their_skew() {
    INDEPENDENT.iter().for_each(|law| check(*law, 100, [GOAL; 4], 99.0));
}

#[test]
fn drift_that_all_paths_share_leaves_the_ratios_alone() {
    check(DRIFT, 30, [(68.0, 82.0), GOAL, GOAL, GOAL], 60.0);
    check(DRIFT, 300, [GOAL; 4], 99.0);
}

#[test]
fn correlated_rounds_are_covered_if_they_are_many() {
    check(Law::Autoregressive { coefficient: 0.3 }, 30, [GOAL; 4], 95.0);
    check(Law::Autoregressive { coefficient: 0.8 }, 100, [GOAL; 4], 75.0);
    for coefficient in [0.8, 0.95, 0.98] {
        check(Law::Autoregressive { coefficient }, 1_000, [GOAL; 4], 75.0);
        check(Law::BelowNoise { coefficient }, 1_000, [GOAL; 4], 75.0);
    }
}

#[test]
fn a_trend_counts_as_uncertainty() {
    check(Law::Trend { share: 0.2 }, 100, [(95.0, 100.0); 4], 95.0);
}

#[test]
fn what_varies_between_connections_is_covered() {
    for sigma in [0.05, 0.2] {
        check(Law::Groups { sigma }, 100, [GOAL; 4], 75.0);
        check(Law::Groups { sigma }, 300, [GOAL; 4], 50.0);
    }
}

#[test]
fn a_drift_as_long_as_the_run_is_withheld() {
    let found = coverage(Law::Autoregressive { coefficient: 0.9995 }, 300, 200, 199);
    assert!(found.iter().all(|found| found.given < 15.0), "{found:?}");
}

#[test]
fn outliers_too_rare_to_be_seen_are_not_covered() {
    check(RARE, 30, [(42.0, 52.0), GOAL, GOAL, GOAL], 99.0);
    check(RARE, 300, [GOAL; 4], 99.0);
}

#[test]
fn ending_when_precise_costs_no_coverage() {
    // Where the second digit is known in the middle of the run, chance decides when it ends.
    for law in [0.05, 0.07]
        .map(|relative| Law::Normal { relative })
        .into_iter()
        .chain([Law::OutliersInBlocks { share: 0.002 }])
    {
        let (reached, ended_early) = coverage_until(End::Precise, law, 600, 500, 199);
        assert!((5.0..100.0).contains(&ended_early), "{law:?}: {ended_early} % ended early");
        for reached in reached {
            assert!(
                (GOAL.0..=GOAL.1 + 0.5).contains(&reached.percent),
                "{law:?}: {reached:?}, {ended_early} %"
            );
        }
    }
}

#[test]
#[ignore = "takes minutes; prints the figures of the table above"]
#[expect(clippy::print_stdout, reason = "what it is for")]
fn the_whole_table() {
    let correlated = [0.5, 0.8, 0.95, 0.98].map(|coefficient| Law::Autoregressive { coefficient });
    let below_noise = [0.8, 0.95, 0.98].map(|coefficient| Law::BelowNoise { coefficient });
    let grouped = [0.05, 0.2].map(|sigma| Law::Groups { sigma });
    for law in INDEPENDENT
        .into_iter()
        .chain([DRIFT])
        .chain(correlated)
        .chain(below_noise)
        .chain(grouped)
        .chain([RARE])
    {
        let cell = |rounds| {
            let found = coverage(law, rounds, 500, RESAMPLES.min(399));
            let given = found.iter().map(|found| found.given).fold(100.0, f64::min);
            let percent = found.map(|found| format!("{:.1}", found.percent)).join(", ");
            if given < 99.5 { format!("{percent} (given {given:.0} %)") } else { percent }
        };
        println!("//! | {law:?} | {} | {} | {} |", cell(30), cell(100), cell(1_000));
    }
}
