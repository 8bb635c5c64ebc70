//! The experiment that chose the method: how often do the intervals contain the truth?

use super::bootstrap::Bootstrap;
use super::estimate::{Estimate, Missing};
use super::rounds::{Column, PathRounds};
use super::simulation::{Law, MEANS_NS};

const RUNS: u64 = 2_000;

/// In how many percent of the runs the interval holds the true mean of the cold path, speedup and break-even hit ratio.
#[derive(Debug)]
struct Coverage {
    mean: f64,
    speedup: f64,
    break_even: f64,
}

fn coverage(law: Law, rounds: usize, resamples: usize) -> Coverage {
    let [mysql, cold, warm] = MEANS_NS;
    let mut hits = [0u32; 3];
    for run in 0..RUNS {
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
    let [mean, speedup, break_even] = hits.map(|hits| f64::from(hits) * 100.0 / RUNS as f64);
    Coverage { mean, speedup, break_even }
}

#[test]
#[ignore]
fn table() {
    for law in [
        Law::Normal { relative: 0.2 },
        Law::Lognormal { sigma: 0.5 },
        Law::Lognormal { sigma: 1.0 },
        Law::Outliers { share: 0.02 },
        Law::OutliersInBlocks { share: 0.01 },
        Law::CommonDrift { coefficient: 0.9, sigma: 0.4 },
        Law::Autoregressive { coefficient: 0.3 },
        Law::Autoregressive { coefficient: 0.5 },
        Law::Autoregressive { coefficient: 0.8 },
    ] {
        for rounds in [30, 100] {
            let start = std::time::Instant::now();
            println!("{law:?} {rounds} {:?} {:?}", coverage(law, rounds, 399), start.elapsed());
        }
    }
}
