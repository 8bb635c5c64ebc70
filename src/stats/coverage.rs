//! The experiment that chose the method: how often do the 95 % intervals contain the truth?
//!
//! Percent of 10,000 simulated runs with all resamples, for mean, speedup and break-even:
//!
//! | rounds | 30 | 100 |
//! | --- | --- | --- |
//! | normal, 20 % | 96.3, 95.8, 96.0 | 95.6, 96.4, 95.9 |
//! | lognormal, sigma 0.5 | 95.9, 95.7, 95.9 | 95.6, 96.1, 96.0 |
//! | lognormal, sigma 1 | 93.9, 95.0, 94.9 | 94.9, 95.4, 95.5 |
//! | 1 % of reads 20 times as slow, 200 a round | 95.9, 96.0, 96.1 | 95.8, 95.8, 95.7 |
//! | a slow wave common to all paths | 69.2, 95.7, 95.4 | 82.5, 96.0, 96.1 |
//! | autoregressive, 0.3 | 93.8, 93.3, 93.1 | 95.1, 95.9, 95.7 |
//! | autoregressive, 0.5 | 93.2, 93.2, 92.9 | 94.8, 95.6, 95.5 |
//! | autoregressive, 0.8 | 90.3, 90.8, 90.3 | 93.5, 94.5, 94.1 |
//! | 2 % of rounds 20 times as slow | 45.3, 96.1, 93.5 | 86.1, 92.0, 90.5 |
//!
//! Where 93 to 97 is not reached:
//! - rare outliers: 30 rounds hold none of the slow rounds in more than half of the runs, and no method can know of
//!   them; blocks of many reads mend it, and so does the median of the ratios (`typical_ratio.rs`: 96 to 97
//!   everywhere);
//! - a slow wave that all paths share: a run sees a part of it only, and the mean is that of this part. Ratios do not
//!   mind, which is why the paths are interleaved;
//! - 30 strongly correlated rounds: they say as much as 3 to 10 independent ones.
//!
//! The tests use fewer runs and resamples, which moves a figure by less than 1. All of it, some minutes:
//! `cargo test --release --lib stats::coverage -- --ignored --nocapture`.

use super::bootstrap::Bootstrap;
use super::estimate::{Estimate, Missing};
use super::resample::RESAMPLES;
use super::rounds::{Column, PathRounds};
use super::simulation::{Law, MEANS_NS};

const DRIFT: Law = Law::CommonDrift { coefficient: 0.9, sigma: 0.4 };
const RARE: Law = Law::Outliers { share: 0.02 };
const INDEPENDENT: [Law; 4] = [
    Law::Normal { relative: 0.2 },
    Law::Lognormal { sigma: 0.5 },
    Law::Lognormal { sigma: 1.0 },
    Law::OutliersInBlocks { share: 0.01 },
];

/// In how many percent of the runs the intervals hold the true mean of the cold path, speedup and break-even hit ratio.
fn coverage(law: Law, rounds: usize, runs: u64, resamples: usize) -> [f64; 3] {
    let [mysql, cold, warm] = MEANS_NS;
    let mut hits = [0u32; 3];
    // Other draws for each length, so that one lucky draw does not show in every cell.
    let first = 1_000_000 * rounds as u64;
    for run in first..first + runs {
        let columns = law.rounds(rounds, run);
        let paths = PathRounds { mysql: &columns[0], cold: &columns[1], warm: &columns[2] };
        let bootstrap = Bootstrap::with_resamples(&paths, resamples, run);
        let holds = |estimate: Result<Estimate, Missing>, truth: f64| {
            u32::from(estimate.is_ok_and(|estimate| estimate.ci95.contains(truth)))
        };
        hits[0] += holds(bootstrap.mean_ns(Column::Cold), cold * law.mean_factor());
        hits[1] += holds(bootstrap.speedup(), mysql / warm);
        hits[2] += holds(bootstrap.break_even_ratio(), (cold - mysql) / (cold - warm));
    }
    hits.map(|hits| f64::from(hits) * 100.0 / runs as f64)
}

/// Holds the coverage of 2,000 runs against what is expected of mean, speedup and break-even, from and to.
fn check(law: Law, rounds: usize, expected: [(f64, f64); 3]) {
    let reached = coverage(law, rounds, 2_000, 399);
    for (reached, (from, to)) in reached.iter().zip(expected) {
        assert!(
            (from..=to).contains(reached),
            "{law:?}, {rounds} rounds: {reached} is not in {from} to {to}"
        );
    }
}

const GOAL: (f64, f64) = (93.0, 97.0);

#[test]
fn thirty_independent_rounds_are_covered_whatever_their_skew() {
    INDEPENDENT.iter().for_each(|law| check(*law, 30, [GOAL; 3]));
}

#[test]
fn a_hundred_independent_rounds_are_covered_whatever_their_skew() {
    INDEPENDENT.iter().for_each(|law| check(*law, 100, [GOAL; 3]));
}

#[test]
fn drift_that_all_paths_share_leaves_the_ratios_alone() {
    check(DRIFT, 30, [(68.0, 74.0), GOAL, GOAL]);
    check(DRIFT, 100, [(80.0, 86.0), GOAL, GOAL]);
}

#[test]
fn correlated_rounds_are_covered_if_they_are_many() {
    check(Law::Autoregressive { coefficient: 0.3 }, 30, [GOAL; 3]);
    check(Law::Autoregressive { coefficient: 0.5 }, 30, [(92.0, 97.0); 3]);
    check(Law::Autoregressive { coefficient: 0.8 }, 30, [(89.0, 93.0); 3]);
    for coefficient in [0.3, 0.5, 0.8] {
        check(Law::Autoregressive { coefficient }, 100, [GOAL; 3]);
    }
}

#[test]
fn outliers_too_rare_to_be_seen_are_not_covered() {
    check(RARE, 30, [(42.0, 48.0), GOAL, (92.0, 97.0)]);
    check(RARE, 100, [(84.0, 89.0), (91.0, 97.0), (88.0, 93.0)]);
}

#[test]
#[ignore = "takes minutes; prints the figures of the table above"]
#[expect(clippy::print_stdout, reason = "what it is for")]
fn the_whole_table() {
    let correlated = [0.3, 0.5, 0.8].map(|coefficient| Law::Autoregressive { coefficient });
    for law in INDEPENDENT.into_iter().chain([DRIFT]).chain(correlated).chain([RARE]) {
        let cell = |rounds| {
            coverage(law, rounds, 10_000, RESAMPLES).map(|percent| format!("{percent:.1}")).join(", ")
        };
        println!("//! | {law:?} | {} | {} |", cell(30), cell(100));
    }
}
